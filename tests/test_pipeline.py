"""Pipelines: computed on demand and once, with the parameters that the frame entered with."""

import threading
from typing import Annotated

import pytest
import torch

from toolkit import Frame, FrameRing, Pipeline, hooks
from toolkit.frame import AlreadyAttached, FrameReleased, MissingAttachment
from toolkit.graph import GraphError
from toolkit.parameters import ParameterError
from toolkit.pipeline import StageError
from toolkit.stages.declare import Pointwise, Range, stage

CALLS = []


@stage("luma", footprint=Pointwise())
def luma(pixels):
    CALLS.append("luma")
    return pixels[None].float()


@stage("scaled", footprint=Pointwise())
def scaled(luma, *, gain):
    CALLS.append("scaled")
    return luma * gain


@scaled.prepare
def _(spec, *, gain: Annotated[float, Range(0.0, 9.0, 1.0)] = 2.0):
    CALLS.append("prepare")
    return {"gain": gain}


@stage("change", footprint=Pointwise(), first=lambda luma: torch.full_like(luma, -1.0))
def change(luma, prev_luma, *, gap_seconds):
    return (luma - prev_luma) / gap_seconds


@stage("broken", footprint=Pointwise())
def broken(luma, *, limit):
    CALLS.append("broken")
    if limit > 5:
        return luma
    raise ZeroDivisionError("no light")


@broken.prepare
def _(spec, *, limit: Annotated[float, Range(0.0, 9.0)] = 1.0):
    return {"limit": limit}


@stage("halves", footprint=Pointwise(), provides=("left", "right"))
def halves(luma):
    CALLS.append("halves")
    return luma[..., :1], luma[..., 1:]


@pytest.fixture(autouse=True)
def _no_calls():
    CALLS.clear()


def frames(count=3, ring=None):
    """Frames whose pixels are all equal to their number, a tenth of a second apart."""
    ring = ring or FrameRing(4, width=2, height=2, pixel_format="gray")
    for number in range(count):
        slot = ring.acquire()
        slot.pixels.fill_(number)
        yield ring.publish(slot, pts_seconds=number / 10, index=number)


def value(tensor):
    (one,) = tensor.unique().tolist()
    return one


def test_a_frame_is_read_through_the_pipeline_and_only_what_is_read_is_computed():
    pipeline = Pipeline([scaled, luma, broken])
    assert [value(frame["scaled"]) for frame in pipeline.run(frames())] == [0.0, 2.0, 4.0]
    assert "broken" not in CALLS
    assert pipeline.order(["scaled"]) == ("luma", "scaled")


def test_a_result_is_computed_once_and_constants_are_made_once():
    for frame in Pipeline([scaled, luma]).run(frames()):
        assert frame["scaled"] is frame["scaled"]
    assert CALLS.count("scaled") == CALLS.count("luma") == 3
    assert CALLS.count("prepare") == 1


def test_what_nobody_reads_costs_nothing():
    for _ in Pipeline([scaled, luma]).run(frames()):
        pass
    assert CALLS == []


def test_want_computes_before_the_frame_is_lent():
    for frame in Pipeline([scaled, luma]).run(frames(), want=["scaled"]):
        assert "scaled" in frame
    with pytest.raises(GraphError, match=r"no stage provides 'pose'"):
        next(Pipeline([luma]).run(frames(), want=["pose"]))


def test_get_and_in_never_compute():
    for frame in Pipeline([luma]).run(frames(1)):
        assert frame.get("luma") is None
        assert "luma" not in frame
    assert CALLS == []


def test_a_parameter_takes_effect_at_the_next_frame_everywhere_at_once():
    pipeline = Pipeline([luma, scaled])
    seen = []
    for frame in pipeline.run(frames()):
        if frame.index == 1:
            pipeline.params["scaled"].gain = 5.0
        seen.append(value(frame["scaled"]))
    assert seen == [0.0, 2.0, 10.0]
    assert CALLS.count("prepare") == 2


def test_a_loan_ends_with_the_next_iteration_unless_kept():
    loans = []
    for frame in Pipeline([luma]).run(frames()):
        if frame.index == 1:
            frame.keep()
        loans.append(frame)
    with pytest.raises(FrameReleased, match=r"ends with the next iteration"):
        loans[0]["luma"]
    assert value(loans[1]["luma"]) == 1.0


def test_running_leaves_no_slot_held():
    ring = FrameRing(4, width=2, height=2, pixel_format="gray")
    for frame in Pipeline([luma, change]).run(frames(10, ring)):
        _ = frame["change"]
    del frame
    assert ring.stats.leased == 0


def test_leaving_the_loop_early_leaves_no_slot_held():
    ring = FrameRing(4, width=2, height=2, pixel_format="gray")
    running = Pipeline([luma, change]).run(frames(10, ring))
    next(running)
    next(running)
    running.close()
    del running
    assert ring.stats.leased == 0


def test_a_stage_with_history_sees_the_frame_before_and_the_gap():
    pipeline = Pipeline([luma, change])
    seen = [value(frame["change"]) for frame in pipeline.run(frames())]
    assert seen == pytest.approx([-1.0, 10.0, 10.0])


def test_a_stage_with_history_runs_on_every_frame_even_when_read_only_sometimes():
    pipeline = Pipeline([luma, change])
    seen = [value(frame["change"]) for frame in pipeline.run(frames(4)) if frame.index == 3]
    assert seen == pytest.approx([10.0])
    assert pipeline.timings["change"].calls == 4


def test_two_stages_with_history_see_the_same_frame_before():
    pipeline = Pipeline([luma, change, change.using("again")])
    for frame in pipeline.run(frames()):
        assert torch.equal(frame["change"], frame["again"])


def test_a_jump_back_in_time_starts_history_anew():
    ring = FrameRing(4, width=2, height=2, pixel_format="gray")

    def looped():
        yield from frames(2, ring)
        yield from frames(2, ring)

    seen = [value(frame["change"]) for frame in Pipeline([luma, change]).run(looped())]
    assert seen == pytest.approx([-1.0, 10.0, -1.0, 10.0])


def test_a_seek_that_the_source_tells_starts_history_anew():
    class Source:
        discontinuities = 0

        def __iter__(self):
            for frame in frames(3):
                self.discontinuities = int(frame.index >= 2)
                yield frame

    seen = [value(frame["change"]) for frame in Pipeline([luma, change]).run(Source())]
    assert seen == pytest.approx([-1.0, 10.0, -1.0])


def test_several_results_of_one_stage_are_computed_together():
    for frame in Pipeline([luma, halves]).run(frames(1)):
        assert frame["right"].shape == frame["left"].shape == (1, 1, 2, 1)
    assert CALLS.count("halves") == 1


def test_an_error_reaches_every_reader_and_the_stage_does_not_run_again():
    for frame in Pipeline([luma, broken]).run(frames(1)):
        for _ in range(2):
            with pytest.raises(StageError, match=r"stage 'broken' failed on frame 0: ZeroDiv") as e:
                frame["broken"]
            assert isinstance(e.value.__cause__, ZeroDivisionError)
            assert (e.value.stage, e.value.frame_index) == ("broken", 0)
        assert frame.get("broken") is None
        assert "broken" not in frame.names()
    assert CALLS.count("broken") == 1


def test_an_error_names_the_stage_where_it_happened_not_the_one_that_asked():
    pipeline = Pipeline([luma, broken, scaled.using(luma="broken")])
    for frame in pipeline.run(frames(1)):
        with pytest.raises(StageError, match=r"stage 'broken' failed"):
            frame["scaled"]


def test_an_error_goes_when_the_parameters_change():
    pipeline = Pipeline([luma, broken])
    for frame in pipeline.run(frames(2)):
        if frame.index == 0:
            with pytest.raises(StageError):
                frame["broken"]
            pipeline.params["broken"].limit = 6
            assert value(pipeline.bind(frame)["broken"]) == 0.0
        else:
            assert value(frame["broken"]) == 1.0


def test_an_interrupt_is_never_remembered():
    interrupts = [KeyboardInterrupt()]

    @stage("slow", footprint=Pointwise())
    def slow(luma):
        if interrupts:
            raise interrupts.pop()
        return luma

    for frame in Pipeline([luma, slow]).run(frames(1)):
        with pytest.raises(KeyboardInterrupt):
            frame["slow"]
        assert value(frame["slow"]) == 0.0


def test_two_pipelines_on_one_frame_share_what_agrees_and_do_not_collide():
    one, other = Pipeline([luma, scaled]), Pipeline([luma, scaled])
    other.params["scaled"].gain = 3.0
    (frame,) = frames(1)
    with frame.exclusive() as pixels:
        pixels.fill_(1)
    mine, theirs = one.bind(frame), other.bind(frame)
    assert (value(mine["scaled"]), value(theirs["scaled"])) == (2.0, 3.0)
    assert mine["luma"] is theirs["luma"]
    assert CALLS.count("luma") == 1
    with pytest.raises(MissingAttachment, match=r"several pipelines that disagree"):
        frame["scaled"]
    assert frame["luma"] is mine["luma"]


def test_two_pipelines_on_one_ring_in_two_threads_share_and_never_collide():
    ring = FrameRing(8, width=2, height=2, pixel_format="gray", drop="block")
    pipelines = [Pipeline([luma, scaled]) for _ in range(2)]
    pipelines[1].params["scaled"].gain = 3.0
    faults = []

    def consume(pipeline, gain, reader):
        for _ in range(300):
            with reader.next(timeout_seconds=10) as frame, pipeline.bind(frame) as bound:
                if value(bound["scaled"]) != frame.index % 200 * gain:
                    faults.append(frame.index)

    threads = [
        threading.Thread(target=consume, args=(pipeline, gain, ring.reader()))
        for pipeline, gain in zip(pipelines, (2.0, 3.0), strict=True)
    ]
    for thread in threads:
        thread.start()
    for number in range(300):
        slot = ring.acquire(timeout_seconds=10)
        slot.pixels.fill_(number % 200)
        ring.publish(slot, pts_seconds=0.0).release()
    for thread in threads:
        thread.join(30)
    assert faults == []
    assert CALLS.count("luma") == 300
    assert CALLS.count("scaled") == 600


def test_a_read_on_another_thread_waits_for_the_owners_one_result():
    started, go_on = threading.Event(), threading.Event()

    @stage("slow", footprint=Pointwise())
    def slow(luma):
        CALLS.append("slow")
        started.set()
        assert go_on.wait(10)
        return luma

    results = []
    for frame in Pipeline([luma, slow]).run(frames(1)):
        readers = [
            threading.Thread(target=lambda frame=frame: results.append(frame["slow"]))
            for _ in range(3)
        ]
        for reader in readers:
            reader.start()
        assert started.wait(10)
        go_on.set()
        for reader in readers:
            reader.join(10)
    assert CALLS.count("slow") == 1
    assert results[0] is results[1] is results[2]


def test_the_bill_of_a_read_on_another_thread_goes_to_who_runs_the_pipeline():
    scopes = []

    class Ear:
        def scope_begin(self, scope):
            scopes.append((scope.stage, scope.frame, threading.current_thread().name))

    ear = Ear()
    hooks.listen(ear)
    try:
        for frame in Pipeline([luma]).run(frames(1)):
            reader = threading.Thread(target=lambda frame=frame: frame["luma"], name="reader")
            reader.start()
            reader.join()
    finally:
        hooks.unlisten(ear)
    assert scopes == [("luma", 0, "reader")]


def test_tasks_give_the_same_work_one_stage_at_a_time():
    pipeline = Pipeline([luma, scaled, change])
    results = []
    for task in pipeline.tasks(frames(), want=["scaled"]):
        steps = 0
        while True:
            try:
                assert next(task) is None
                steps += 1
            except StopIteration as end:
                frame = end.value
                break
        assert steps == 3
        results.append((value(frame["scaled"]), value(frame["change"])))
        frame.release()
    assert results == [(0.0, -1.0), (2.0, pytest.approx(10.0)), (4.0, pytest.approx(10.0))]


def test_a_task_yields_a_request_while_another_thread_computes():
    started, go_on = threading.Event(), threading.Event()

    @stage("slow", footprint=Pointwise())
    def slow(luma):
        started.set()
        assert go_on.wait(10)
        return luma

    pipeline = Pipeline([luma, slow])
    (frame,) = frames(1)
    (task,) = pipeline.tasks([frame], want=["slow"])
    reader = threading.Thread(target=lambda: pipeline.bind(frame)["slow"])
    reader.start()
    assert started.wait(10)
    assert next(task) is None
    waiting = next(task)
    assert not waiting.is_done
    go_on.set()
    assert value(waiting.result(timeout_seconds=10)) == 0.0
    assert next(task) is None
    reader.join(10)


def test_a_still_picture_is_read_through_bind():
    frame = Frame.from_image(torch.full((2, 2), 3, dtype=torch.uint8))
    bound = Pipeline([luma, scaled, change]).bind(frame)
    assert value(bound["scaled"]) == 6.0
    assert value(bound["change"]) == -1.0


def test_overwriting_the_pixels_forgets_what_was_computed_from_them():
    bound = Pipeline([luma]).bind(Frame.from_image(torch.zeros(2, 2, dtype=torch.uint8)))
    bound.attach("note", 1)
    assert value(bound["luma"]) == 0.0
    with bound.exclusive() as pixels:
        pixels.fill_(7)
    assert value(bound["luma"]) == 7.0
    assert bound["note"] == 1


def test_a_provided_name_is_not_attached_by_hand():
    for frame in Pipeline([luma]).run(frames(1)):
        with pytest.raises(AlreadyAttached, match=r"'luma' is provided by the frame's pipeline"):
            frame.attach("luma", 1)


def test_a_source_may_attach_what_stages_require():
    frame = Frame.from_image(torch.zeros(2, 2, dtype=torch.uint8))
    frame.attach("luma", torch.full((1, 1, 2, 2), 4.0))
    (seen,) = [value(one["scaled"]) for one in Pipeline([scaled], given=["luma"]).run([frame])]
    assert seen == 8.0
    assert not frame.is_released


def test_results_carry_no_gradient():
    for frame in Pipeline([luma, scaled]).run(frames(1)):
        with torch.enable_grad():
            assert not frame["scaled"].requires_grad
            assert torch.is_grad_enabled()


def test_presets_are_written_and_read_whole_or_not_at_all(tmp_path):
    pipeline, path = Pipeline([luma, scaled]), tmp_path / "preset.json"
    pipeline.params["scaled"].gain = 7.0
    pipeline.save_preset(path)
    other = Pipeline([luma, scaled])
    other.load_preset(path)
    assert other.params["scaled"].gain == 7.0
    path.write_text(path.read_text().replace("7.0", "70"))
    with pytest.raises(ParameterError, match=r"scaled\.gain: 70 is outside"):
        other.load_preset(path)
    wrong = ("{", '{"format": 1, "stages": [1]}', '{"format": 1, "stages": null}')
    for text in (*wrong, "[" * 100_000, "1" * 5000):
        path.write_text(text)
        with pytest.raises(ValueError, match=r"preset\.json is not a preset"):
            other.load_preset(path)


def test_the_picture_shows_each_stage_and_its_cost_once_measured():
    pipeline = Pipeline([luma, scaled, change], name="demo")
    assert "ms" not in pipeline.svg()
    for frame in pipeline.run(frames()):
        _ = frame["scaled"]
    picture = pipeline._repr_svg_()
    for word in ("pixels", "luma", "scaled", "change", " ms</text>", 'role="img"'):
        assert word in picture
    assert pipeline.svg({"luma": "<9 MB>"}).count("&lt;9 MB&gt;") == 1


def test_timings_count_calls():
    pipeline = Pipeline([luma, scaled])
    for frame in pipeline.run(frames()):
        _ = frame["luma"]
    assert pipeline.timings["luma"].calls == 3
    assert pipeline.timings["luma"].median_ns > 0
    assert pipeline.timings["scaled"].calls == 0
