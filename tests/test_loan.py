"""What a pipeline lends: one computation for all who read, whatever happens to them meanwhile."""

import gc
import linecache
import sys
import threading
from typing import Annotated

import pytest
import torch

from toolkit import Frame, FrameRing, Pipeline, hooks
from toolkit.pipeline import StageError
from toolkit.stages.declare import Pointwise, Range, stage


def ring_of(slots, **options):
    return FrameRing(slots, width=2, height=2, pixel_format="gray", **options)


def frames(count, ring):
    """Frames 0, 1, 2, ... of a ring, filled with their number."""
    for number in range(count):
        slot = ring.acquire()
        slot.pixels.fill_(number)
        frame = ring.publish(slot, pts_seconds=number / 10)
        del slot
        yield frame
        del frame


def picture():
    return Frame.from_image(torch.zeros(1, 2, 2, dtype=torch.uint8))


def on_a_thread(read):
    """What `read` answers on another thread; fails where it hangs."""
    answers = []

    def answer():
        try:
            answers.append(read())
        except Exception as error:  # noqa: BLE001 - the test looks at it
            answers.append(error)

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    thread.join(10)
    assert answers, "the read does not come back"
    return answers[0]


class Slow:
    """A stage that waits in the middle of its first call until the test lets it go on."""

    def __init__(self, compute=lambda pixels: int(pixels.sum())):
        self.inside, self.go_on = threading.Event(), threading.Event()

        @stage("slow", footprint=Pointwise())
        def slow(pixels):
            result = compute(pixels)
            self.inside.set()
            assert self.go_on.wait(10)
            return result

        self.stage = slow

    def start(self, read):
        """Begin `read` on a thread; comes back when the stage is inside."""
        thread = threading.Thread(target=lambda: on_a_thread(read))
        thread.start()
        assert self.inside.wait(10)
        return thread

    def finish(self, thread):
        self.go_on.set()
        thread.join(10)


@stage("count", footprint=Pointwise(), first=lambda pixels: 0)
def count(pixels, prev_count, *, limit):
    if prev_count >= limit:
        raise ZeroDivisionError("too many")
    return prev_count + 1


@count.prepare
def _(spec, *, limit: Annotated[float, Range(0.0, 99.0)] = 99.0):
    return {"limit": limit}


@stage("bad", footprint=Pointwise())
def bad(pixels):
    raise ZeroDivisionError("no light")


# -- readers that go away, and errors -----------------------------------------------------------


def test_a_reader_whose_loan_ends_meanwhile_leaves_the_result_to_all_others():
    slow = Slow()
    after = stage("after", footprint=Pointwise())(lambda slow: slow + 1)
    pipeline = Pipeline([slow.stage, after])
    run = pipeline.run(frames(2, ring_of(4)))
    frame = next(run)
    other = frame.lease()
    thread = slow.start(lambda: frame["after"])
    next(run)  # the loan of the first frame ends while it is being computed
    slow.finish(thread)
    assert on_a_thread(lambda: other["after"]) == 1
    assert on_a_thread(lambda: Pipeline([slow.stage, after]).bind(other)["after"]) == 1


def test_an_error_that_is_remembered_occupies_no_slot():
    ring = ring_of(4, drop="error")
    pipeline = Pipeline([bad])

    def show():
        frame = pipeline.bind(ring.latest())
        with pytest.raises(StageError):
            frame["bad"]

    gc.disable()
    try:
        for _ in frames(10, ring):
            show()
        assert ring.stats.leased == 1, "no cycle of references holds a frame, either"
    finally:
        gc.enable()


def test_the_reader_that_computed_gets_the_traceback_and_the_others_get_its_text():
    frame = Pipeline([bad]).bind(picture())
    with pytest.raises(StageError) as first:
        frame["bad"]
    assert first.value.__cause__.__traceback__ is not None
    with pytest.raises(StageError, match="stage 'bad' failed on frame 0: ZeroDivisionError") as two:
        frame["bad"]
    assert isinstance(two.value.__cause__, ZeroDivisionError)
    assert "raised first here" in two.value.__notes__[0]
    assert "no light" in two.value.__notes__[0]
    assert two.value is not first.value


def test_the_first_traceback_is_told_once_however_many_read_it_and_need_it():
    @stage("user", footprint=Pointwise())
    def user(bad):
        return bad

    frame = Pipeline([bad, user]).bind(picture())
    for _ in range(3):
        for name in ("bad", "user"):
            with pytest.raises(StageError) as caught:
                frame[name]
    (note,) = caught.value.__notes__
    assert note.count("raised first here") == 1


def test_an_error_whose_text_cannot_be_made_is_an_error_all_the_same():
    class Odd(Exception):
        def __init__(self, one, two):
            super().__init__()

        def __str__(self):
            raise TypeError("no text")

    @stage("odd", footprint=Pointwise())
    def odd(pixels):
        raise Odd(1, 2)

    frame = Pipeline([odd]).bind(picture())
    for _ in range(2):
        with pytest.raises(StageError, match="Odd: its text cannot be made"):
            frame["odd"]


def test_a_stage_that_looks_back_starts_anew_after_it_failed():
    pipeline = Pipeline([count])
    pipeline.params["count"].limit = 2
    answers = []
    for frame in pipeline.run(frames(6, ring_of(6))):
        try:
            answers.append(frame["count"])
        except StageError:
            answers.append("failed")
    assert answers == [0, 1, 2, "failed", 0, 1]


# -- pixels that are overwritten ----------------------------------------------------------------


def test_what_was_computed_from_pixels_overwritten_meanwhile_is_computed_again():
    slow = Slow()
    frame = Pipeline([slow.stage]).bind(picture())
    thread = slow.start(lambda: frame["slow"])
    with frame.exclusive() as pixels:
        pixels.fill_(9)
    slow.finish(thread)
    assert frame["slow"] == 36


def test_results_of_one_stage_appear_together_or_not_at_all():
    @stage("halves", footprint=Pointwise(), provides=("left", "right"))
    def halves(pixels):
        return int(pixels.sum()), -int(pixels.sum())

    frame = Pipeline([halves]).bind(picture())

    def overwrite(_):
        with frame.exclusive() as pixels:
            pixels.add_(1)

    frame.request("right").add_done_callback(overwrite)
    assert on_a_thread(lambda: (frame["left"], frame["right"])) in [(0, -4), (4, -4)]
    assert (frame["left"], frame["right"]) == (4, -4)


def test_overwriting_a_frame_does_not_make_stages_forget_the_frames_before():
    answers = []
    for frame in Pipeline([count]).run(frames(5, ring_of(6))):
        if frame.index == 3:
            with frame.exclusive() as pixels:
                pixels.add_(1)
        answers.append(frame["count"])
    assert answers == [0, 1, 2, 3, 4]


# -- tasks ----------------------------------------------------------------


def test_tasks_that_are_dropped_hold_no_frames():
    ring = ring_of(8, drop="error")
    for task in Pipeline([count]).tasks(frames(40, ring), want=["count"]):
        task.close()
        del task
    assert ring.stats.leased == 0


def test_tasks_that_fail_hold_no_frames():
    ring = ring_of(8, drop="error")
    failed = []
    for task in Pipeline([count, bad]).tasks(frames(40, ring), want=["bad"]):
        try:
            list(task)
        except StageError as error:
            failed.append(error)
        del task
    assert len(failed) == 40
    assert ring.stats.leased == 0, "not even while somebody keeps the errors"


def test_a_task_whose_pipeline_is_busy_yields_a_request_that_ends_with_the_stage():
    slow = Slow()
    tasks = Pipeline([slow.stage]).tasks(frames(2, ring_of(4)), want=["slow"])
    first, second = next(tasks), next(tasks)
    thread = slow.start(lambda: next(first))
    waiting = on_a_thread(lambda: next(second))
    assert not waiting.is_done
    slow.finish(thread)
    assert waiting.wait(10)
    assert next(second) is None
    with pytest.raises(StopIteration) as done:
        next(second)
    assert done.value.value["slow"] == 4


def test_the_error_of_a_stage_that_nobody_asked_for_fails_no_task():
    pipeline = Pipeline([count])
    pipeline.params["count"].limit = 0
    for task in pipeline.tasks(frames(3, ring_of(4)), want=[]):
        assert list(task) == [None]


# -- interrupts ----------------------------------------------------------------


def test_an_interrupt_while_a_wait_is_reported_leaves_the_pipeline_to_others():
    slow = Slow()
    pipeline = Pipeline([slow.stage])
    mine, theirs = pipeline.bind(picture()), pipeline.bind(picture())
    thread = slow.start(lambda: pipeline.bind(picture())["slow"])

    class Interrupt:
        def event(self, event):
            if event.op.startswith("owner of"):
                raise KeyboardInterrupt

    ear = Interrupt()
    hooks.listen(ear)
    threading.Timer(0.05, slow.go_on.set).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            mine["slow"]
    finally:
        hooks.unlisten(ear)
    thread.join(10)
    assert on_a_thread(lambda: theirs["slow"]) == 0
    assert mine["slow"] == 0, "an interrupt is never remembered"


def test_an_interrupt_anywhere_in_a_read_leaves_nothing_behind():
    """It comes at each line of the pipeline's own code in turn; then the read is done again."""
    ring = ring_of(2)
    ring.copy_in(torch.ones(1, 2, 2, dtype=torch.uint8), pts_seconds=0.0)
    pipeline = Pipeline([stage("total", footprint=Pointwise())(lambda pixels: int(pixels.sum()))])
    line = 0
    while interrupted_at_line(line, lambda: pipeline.bind(ring.latest())["total"]):
        assert on_a_thread(lambda: pipeline.bind(ring.latest())["total"]) == 4
        ring.latest()._attachments.drop_provided()
        line += 1
    assert line > 20, "there is more code than that"
    assert ring.stats.leased == 0


FILES = ("loan.py", "attachments.py", "pipeline.py", "node.py")


def interrupted_at_line(number, read):
    """Raise KeyboardInterrupt at the so-manieth line of these files; False where there is none.

    Python lets no interrupt in at a `try:` or at the exit of a `with`, where tracing would: so
    these lines are left out, and with them the generator that holds nothing but such blocks.
    """
    left = [number]

    def trace(frame, event, _):
        if not frame.f_code.co_filename.endswith(FILES) or "held" in frame.f_code.co_name:
            return None
        text = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
        is_exempt = text.startswith(("with ", "try:")) or "abandon" in frame.f_code.co_name
        if event == "line" and not is_exempt:
            left[0] -= 1
            if left[0] == -1:
                raise KeyboardInterrupt
        return trace

    sys.settrace(trace)
    try:
        read()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(None)
    return False
