"""Annotators: a thought lands on the frame it is about, or on none; no frame waits for it."""

import gc
import logging

import pytest

from toolkit.frame import FrameRecycled
from toolkit.profiling import profile
from toolkit.thoughts import Annotator


def total(luma):
    """What a model might make of a picture of 2x2 px."""
    return float(luma.sum())


def slowly(luma):
    """The same, in three quanta."""
    yield
    yield
    return total(luma)


@pytest.fixture
def annotator_of(by_hand):
    """Annotators of the scheduler that runs by hand."""

    def build(think, name="sum", **options):
        options = {"kind": "think", "needs": ["luma"], **options}
        return Annotator(name, think, scheduler=by_hand, **options)

    return build


def test_a_thought_lands_on_its_own_frame_with_its_age(annotator_of, by_hand, play):
    annotator = annotator_of(slowly)
    kept = []
    for frame in play(2):
        kept.append(frame.keep())
        annotator.offer(frame)
        by_hand.step()
    assert [frame.get("sum") for frame in kept] == [None, None]
    by_hand.run()
    assert [frame.get("sum") for frame in kept] == [0.0, 4.0]
    counts = annotator.counts
    assert (counts.offered, counts.thought, counts.attached) == (2, 2, 2)
    assert 0 < kept[1].age_seconds("sum") <= counts.last_age_seconds
    assert counts.mean_age_seconds == counts.total_age_seconds / 2
    assert annotator.handle.result() == 4.0


def test_a_recycled_frame_drops_the_thought(annotator_of, by_hand, play, ring):
    annotator = annotator_of(slowly)
    for frame in play(1, first=1):
        annotator.offer(frame)
    by_hand.step()
    later = [frame.keep() for frame in play(4, first=2)]
    by_hand.run()
    assert annotator.handle.result() == 4.0, "it was thought to the end, with its own pixels"
    counts = annotator.counts
    assert (counts.thought, counts.attached, counts.dropped) == (1, 0, 1)
    assert [frame.get("sum") for frame in later] == [None] * 4
    with pytest.raises(FrameRecycled):
        frame.get("sum")


def test_a_frame_that_goes_before_it_is_thought_about_is_not_thought_about(
    annotator_of, by_hand, play
):
    calls = []
    annotator = annotator_of(calls.append)
    for frame in play(1):
        annotator.offer(frame)
    for _ in play(4, first=1):
        pass
    by_hand.run()
    assert calls == []
    assert (annotator.counts.thought, annotator.counts.dropped) == (0, 1)


def test_a_slow_annotator_delays_no_frame_and_occupies_no_slot(annotator_of, by_hand, play, ring):
    annotator = annotator_of(slowly)
    seen = []
    for frame in play(30):
        annotator.offer(frame)
        seen.append(frame.index)
        by_hand.step() if frame.index == 0 else None
    assert seen == list(range(30))
    assert (ring.stats.leased, ring.stats.dropped, ring.stats.waits) == (0, 0, 0)
    assert len(by_hand.submitted) == 1


def test_the_newest_frame_wins_while_it_is_busy(annotator_of, by_hand, play):
    annotator = annotator_of(slowly)
    for frame in play(3):
        annotator.offer(frame)
        by_hand.step() if frame.index == 0 else None
    by_hand.run()
    assert annotator.handle.result() == 8.0
    counts = annotator.counts
    assert (counts.offered, counts.skipped, counts.thought) == (3, 1, 2)


def test_the_newest_frame_wins_while_its_task_is_queued(annotator_of, by_hand, play):
    annotator = annotator_of(total)
    for frame in play(3):
        annotator.offer(frame)
    by_hand.run()
    assert len(by_hand.submitted) == 1
    assert annotator.handle.result() == 8.0
    assert (annotator.counts.skipped, annotator.counts.thought) == (2, 1)


def test_a_thought_is_optional_and_has_its_deadline(annotator_of, by_hand, play):
    annotator = annotator_of(total, deadline_seconds=0.2)
    for frame in play(1):
        annotator.offer(frame)
    wanted = {"kind": "think", "deadline_seconds": 0.2, "optional": True}
    assert by_hand.submitted[0].options == wanted


def test_a_thought_that_the_scheduler_sheds_is_skipped(annotator_of, by_hand, play):
    annotator = annotator_of(total)
    for frame in play(2):
        annotator.offer(frame)
        by_hand.submitted[0].cancel()
        by_hand.run()
    assert (annotator.counts.skipped, annotator.counts.thought) == (1, 1)


def test_a_thought_is_a_call_a_generator_or_a_coroutine(annotator_of, by_hand, play):
    async def calmly(luma):
        return total(luma)

    kinds = {"call": total, "generator": slowly, "coroutine": calmly}
    annotators = [annotator_of(think, name) for name, think in kinds.items()]
    for frame in play(1, first=1):
        for one in annotators:
            one.offer(frame)
        by_hand.run()
        assert [frame.get(name) for name in kinds] == [4.0] * 3


def test_two_annotators_think_about_one_frame(annotator_of, by_hand, play):
    fast, slow = annotator_of(total, "fast"), annotator_of(slowly, "slow")
    for frame in play(1, first=3):
        fast.offer(frame)
        slow.offer(frame)
        by_hand.step()
        assert (frame.get("fast"), frame.get("slow")) == (12.0, None)
        by_hand.run()
        assert frame["slow"] == 12.0


def test_each_third_frame_is_thought_about(annotator_of, by_hand, play):
    seen = []
    annotator = annotator_of(lambda luma: seen.append(luma[0, 0, 0, 0].item()), every=3)
    for frame in play(7):
        annotator.offer(frame)
        by_hand.run()
    assert seen == [0.0, 3.0, 6.0]
    assert annotator.counts.offered == 3


def test_a_frame_that_is_offered_twice_is_thought_about_once(annotator_of, by_hand, play):
    annotator = annotator_of(total)
    for frame in play(1):
        annotator.offer(frame)
        by_hand.run()
        annotator.offer(frame)
    assert (annotator.counts.attached, annotator.counts.skipped) == (1, 1)


# -- what it holds meanwhile ----------------------------------------------------------------


def test_what_lies_in_the_slot_is_not_taken_by_reference(annotator_of, by_hand, play):
    for needs in ("pixels", "bare"):
        annotator = annotator_of(print, needs=[needs])
        for frame in play(1):
            annotator.offer(frame)
        assert "lies in the slot of frame 0" in annotator.fault
        assert annotator.counts.failed == 1
    assert by_hand.submitted == []


def test_copies_are_made_when_it_begins_and_outlive_the_frame(annotator_of, by_hand, play, ring):
    seen = []

    def look(pixels, bare):
        assert ring.stats.leased == 0
        yield
        for _ in play(4, first=5):
            pass
        seen.extend([pixels.sum().item(), bare["top"][0].sum().item()])

    annotator = annotator_of(look, needs=["pixels", "bare"], takes="copies")
    for frame in play(1, first=1):
        annotator.offer(frame)
    assert ring.stats.leased == 1
    by_hand.run()
    assert seen == [4, 2]
    assert annotator.counts.dropped == 1


def test_a_frame_that_is_taken_stays_until_the_thought_is_attached(
    annotator_of, by_hand, play, ring
):
    annotator = annotator_of(slowly, needs=["pixels"], takes="frame")
    held = []
    for frame in play(3, first=1):
        annotator.offer(frame)
        by_hand.step() if frame.index == 1 else None
        held.append(ring.stats.leased)
    assert held == [1, 2, 2], "the one it thinks about, and the next; the pipeline's is given back"
    by_hand.run()
    assert ring.stats.leased == 0
    assert (annotator.counts.attached, annotator.counts.skipped) == (2, 1)


def test_nothing_is_left_of_a_frame_when_its_thought_is_over(annotator_of, by_hand, play, ring):
    def wrongly(pixels):
        raise ValueError("no")

    for think in (total, slowly, wrongly):
        annotator = annotator_of(think, name=think.__name__, needs=["pixels"], takes="frame")
        for frame in play(2):
            annotator.offer(frame)
        by_hand.run()
    assert ring.stats.leased == 0


# -- what goes wrong ----------------------------------------------------------------


def test_an_error_goes_to_the_counts_and_the_handle_and_the_next_frame_is_thought_about(
    annotator_of, by_hand, play, caplog
):
    def wrongly(luma):
        if total(luma) < 8:
            raise ValueError("too dark")
        return "bright"

    annotator = annotator_of(wrongly)
    errors = []
    with caplog.at_level(logging.WARNING):
        for frame in play(3):
            annotator.offer(frame)
            by_hand.run()
            errors.append(annotator.handle.exception())
    assert [str(error) for error in errors] == ["too dark", "too dark", "None"]
    assert annotator.fault == "ValueError: too dark"
    assert (annotator.counts.failed, annotator.counts.attached) == (2, 1)
    assert len(caplog.records) == 1, "an annotator that always fails fills no log"


def test_a_result_that_is_not_there_is_said_and_not_computed(
    annotator_of, by_hand, pipeline, frames
):
    annotator = annotator_of(total)
    for frame in pipeline.run(frames(1)):
        annotator.offer(frame)
        assert "luma" not in frame
    assert "add 'luma' to `want`" in annotator.fault
    assert annotator.counts.failed == 1


def test_a_name_that_the_pipeline_provides_is_no_name_for_a_thought(annotator_of, by_hand, play):
    annotator = annotator_of(total, "luma")
    for frame in play(1):
        annotator.offer(frame)
    assert "'luma' is provided by the frame's pipeline" in annotator.fault


def test_a_scheduler_that_takes_nothing_fails_no_frame(annotator_of, by_hand, play, ring):
    annotator = annotator_of(total, needs=["pixels"], takes="frame")
    by_hand.is_shut = True
    for frame in play(2):
        annotator.offer(frame)
    assert annotator.fault == "RuntimeError: the scheduler is shut down"
    assert (annotator.counts.offered, annotator.counts.skipped) == (2, 2)
    assert annotator.wait(0)
    assert ring.stats.leased == 0


def test_a_scheduler_that_is_shut_down_meanwhile_gets_the_next_frame_skipped(
    annotator_of, by_hand, play
):
    annotator = annotator_of(slowly)
    for frame in play(2):
        annotator.offer(frame)
        by_hand.step() if frame.index == 0 else None
    by_hand.is_shut = True
    by_hand.run()
    assert (annotator.counts.attached, annotator.counts.skipped) == (1, 1)
    assert annotator.wait(0)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"takes": "all"}, "'results', 'copies', 'frame'"), ({"every": 0}, "every=0")],
)
def test_options_that_there_are_not_are_refused(annotator_of, options, message):
    with pytest.raises(ValueError, match=message):
        annotator_of(total, **options)


# -- the end ----------------------------------------------------------------


def test_closing_cancels_what_is_under_way_and_says_so(annotator_of, by_hand, play, ring):
    annotator = annotator_of(slowly, needs=["pixels"], takes="frame")
    for frame in play(2):
        annotator.offer(frame)
        by_hand.step() if frame.index == 0 else None
    left = annotator.close()
    assert left is annotator.handle
    assert not annotator.wait(0)
    by_hand.run()
    assert left.cancelled()
    assert annotator.wait(0)
    assert (annotator.counts.skipped, annotator.counts.thought) == (2, 0)
    assert ring.stats.leased == 0


def test_a_closed_annotator_takes_nothing(annotator_of, by_hand, play):
    annotator = annotator_of(total)
    assert annotator.close() is None
    for frame in play(1):
        annotator.offer(frame)
    assert by_hand.submitted == []
    assert annotator.counts.skipped == 1


def test_closing_before_it_began_leaves_nothing(annotator_of, by_hand, play):
    annotator = annotator_of(total)
    for frame in play(1):
        annotator.offer(frame)
    assert annotator.close() is None
    by_hand.run()
    assert (annotator.counts.skipped, annotator.counts.thought) == (1, 0)


def test_a_thought_holds_neither_its_ring_nor_its_results_once_it_is_over(
    annotator_of, by_hand, play
):
    kept = []
    annotator = annotator_of(lambda luma: kept.append(luma.untyped_storage().data_ptr()))
    for frame in play(1):
        annotator.offer(frame)
        by_hand.run()
        results = [one for one in gc.get_referrers(frame["luma"]) if isinstance(one, tuple)]
    assert len(kept) == 1
    assert results == []


def test_an_annotator_says_what_it_is(annotator_of):
    assert repr(annotator_of(total)).startswith("Annotator('sum' from luma, AnnotatorCounts(")


# -- the bill ----------------------------------------------------------------


def test_a_thought_is_charged_to_its_annotator_and_copies_nothing(annotator_of, by_hand, play):
    def think(luma):
        doubled = luma + luma
        yield
        return doubled + doubled

    annotator = annotator_of(think)
    with profile(keep="all") as session:
        for frame in play(3):
            annotator.offer(frame)
            by_hand.run()
    bill = session.bill()
    assert bill.stage("sum").frames == 3
    assert bill.stage("sum").total.allocations == 6
    assert [one.stage for one in session.events if one.kind == "copy"] == ["luma"] * 3
    assert [one.op for one in session.events if one.kind == "wait"] == []


def test_copies_stand_on_the_bill_of_the_annotator(annotator_of, by_hand, play):
    annotator = annotator_of(lambda pixels: pixels.max(), needs=["pixels"], takes="copies")
    with profile(keep="all") as session:
        for frame in play(3):
            annotator.offer(frame)
            by_hand.run()
    assert session.bill().stage("sum").copies["h2h"] == {"count": 3, "bytes": 12}
    assert [one.stage for one in session.events if one.op == "thought"] == ["sum"] * 3
