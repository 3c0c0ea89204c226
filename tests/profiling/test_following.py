"""Is a pipeline's session the same, whichever thread runs the pipeline?"""

import threading

import pytest
import torch

from toolkit import FrameRing, Pipeline, hooks
from toolkit.profiling import profile
from toolkit.profiling.following import Following
from toolkit.stages import blur, gray


@pytest.fixture
def pipeline():
    return Pipeline([gray, blur])


@pytest.fixture
def source():
    """Frames of a small ring, so many of them; each copy into the ring is on the bill."""
    ring = FrameRing(4, width=32, height=24, pixel_format="rgb")
    pixels = torch.zeros(3, 24, 32, dtype=torch.uint8)

    def frames(count):
        for index in range(count):
            yield ring.copy_in(pixels, pts_seconds=index / 30)

    return frames


def work(pipeline, frames):
    for frame in pipeline.run(frames):
        frame["blur"]


def in_a_thread(function, *inputs):
    thread = threading.Thread(target=function, args=inputs)
    thread.start()
    thread.join()


@pytest.fixture
def following(pipeline):
    one = Following(pipeline)
    yield one
    one.close()


def test_frames_of_any_thread_are_counted_and_each_is_there_at_its_end(following, pipeline, source):
    following.resume()
    in_a_thread(work, pipeline, source(3))
    assert following.session.newer(0)[0] == 3
    work(pipeline, source(2))
    count, frames = following.session.newer(3)
    assert (count, [frame.index for frame in frames]) == (5, [3, 4])


def test_a_frame_costs_the_same_as_in_a_session_around_it(following, pipeline, source):
    following.resume()
    with profile() as session:
        work(pipeline, source(4))
    for one, other in zip(following.session.frames, session.frames, strict=True):
        assert one.index == other.index
        for key in (("pipeline", "gray"), ("pipeline", "blur")):
            assert one.stages[key].allocations == other.stages[key].allocations
            assert one.stages[key].allocated_bytes == other.stages[key].allocated_bytes
        assert one.total().copies["h2h"] == other.total().copies["h2h"]


def test_what_the_source_and_the_body_of_the_loop_do_is_counted(following, pipeline, source):
    following.resume()
    for frame in pipeline.run(source(2)):
        torch.ones(10)
        hooks.report("wait", duration_ns=1000, op="screen")
        frame["gray"]
    for frame in following.session.frames:
        outside = frame.stages["", ""]
        assert outside.allocations == 1
        assert outside.waits == 1
        assert outside.copies["h2h"] == [1, 3 * 24 * 32]


def test_nothing_is_counted_before_it_resumes_nor_while_it_pauses(following, pipeline, source):
    work(pipeline, source(1))
    following.resume()
    work(pipeline, source(1))
    following.pause()
    work(pipeline, source(1))
    assert not following.is_recording
    following.resume()
    work(pipeline, source(1))
    assert following.session.frame_count == 2


def test_a_pause_leaves_nobody_listening(following, pipeline, source):
    following.resume()
    following.pause()
    frames = pipeline.run(source(1))
    next(frames)
    assert not hooks.is_listening()
    frames.close()


def test_a_frame_under_way_is_counted_whole_or_not_at_all(following, pipeline, source):
    frames = pipeline.run(source(3))
    next(frames)
    following.resume()  # in the middle of frame 0
    next(frames)["blur"]
    following.pause()  # in the middle of frame 1
    next(frames)
    frames.close()
    assert [frame.index for frame in following.session.frames] == [1]
    assert following.session.frames[0].stages["pipeline", "blur"].calls == 1


def test_a_session_that_is_closed_in_the_middle_of_a_frame_takes_nothing_more(
    following, pipeline, source
):
    following.resume()
    frames = pipeline.run(source(2))
    next(frames)["gray"]
    following.close()
    before = following.session.to_dict()
    next(frames)["blur"]
    frames.close()
    assert following.session.to_dict() == before
    assert any("not finished" in note for note in following.session.notes)


def test_a_closed_one_cannot_resume(following):
    following.close()
    with pytest.raises(RuntimeError, match="closed; follow the pipeline with another one"):
        following.resume()


def test_a_look_has_the_lines_of_one_frame(following, pipeline, source):
    following.session.look()
    following.resume()
    in_a_thread(work, pipeline, source(3))
    assert following.session.levels == {"exact": 1, "counts": 2}
    frame = following.session.frames[0]
    rows = following.session.lines()
    assert sum(row.counts.allocations for row in rows) == frame.total().allocations


def test_two_that_follow_one_pipeline_see_the_same(following, pipeline, source):
    following.resume()
    other = Following(pipeline)
    other.resume()
    work(pipeline, source(2))
    other.close()
    work(pipeline, source(1))
    assert (following.session.frame_count, other.session.frame_count) == (3, 2)


def test_a_loop_that_is_left_early_leaves_nobody_listening(following, pipeline, source):
    following.resume()
    for _ in pipeline.run(source(3)):
        break
    assert not hooks.is_listening()


def test_a_session_opened_in_the_middle_of_a_frame_goes_on_hearing(following, pipeline, source):
    following.resume()
    frames = pipeline.run(source(2))
    next(frames)
    with profile() as session:
        next(frames)
        torch.ones(3)
    assert session.bill().whole.total.allocations >= 1
    frames.close()


def test_newer_gives_what_is_kept_of_frames_that_are_new(following, pipeline, source):
    following.resume()
    work(pipeline, source(2))
    assert following.session.newer(2) == (2, [])
    assert following.session.newer(9) == (2, [])
    count, frames = following.session.newer(1)
    assert (count, len(frames)) == (2, 1)
