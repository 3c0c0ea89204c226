"""Feeds: a pipeline runs as tasks, its frames are shown in order, and it waits for no thought."""

import pytest

from toolkit import Pipeline, hooks
from toolkit.pipeline import StageError
from toolkit.profiling import profile
from toolkit.stages.declare import Pointwise, stage
from toolkit.thoughts import Annotator, Feed, FeedCounts


@stage("luma", footprint=Pointwise())
def luma(pixels):
    return pixels[None].float()


@stage("darkest", footprint=Pointwise())
def darkest(luma):
    if luma.sum() == 4:
        raise ValueError("no light")
    return luma


@pytest.fixture
def feed_of(by_hand, pipeline, frames):
    """Feeds of `count` frames whose tasks run by hand."""

    def build(count, **options):
        options = {"want": ["luma"], "fps": 30, "pipeline": pipeline, **options}
        return Feed(by_hand, options.pop("pipeline"), frames(count), **options)

    return build


@pytest.fixture
def annotator(by_hand):
    """One that takes three quanta to add up a picture."""

    def think(luma):
        yield
        yield
        return float(luma.sum())

    return Annotator("sum", think, scheduler=by_hand, kind="think", needs=["luma"])


def test_frames_are_shown_in_order_while_a_slow_annotator_thinks(feed_of, by_hand, annotator, ring):
    shown = []
    feed = feed_of(6, show=lambda frame: shown.append(frame.index), annotators=[annotator])
    while feed.step():
        by_hand.run("frame")
        by_hand.step("think")
    assert shown == list(range(6))
    assert feed.counts == FeedCounts(taken=6, shown=6)
    assert (ring.stats.leased, ring.stats.dropped) == (0, 0)
    assert annotator.counts.thought == 2
    assert feed.wait(0)


def test_a_frame_is_wanted_within_a_period_that_the_scheduler_knows(feed_of, by_hand):
    feed_of(1, fps=20).step()
    assert by_hand.periods == {"frame": 0.05}
    assert by_hand.submitted[0].options == {"kind": "frame", "deadline_seconds": 0.05}


def test_what_the_annotators_need_is_computed_for_them(feed_of, by_hand, annotator):
    feed = feed_of(1, want=[], annotators=[annotator])
    feed.step()
    by_hand.run()
    assert annotator.counts.attached == 1


def test_a_frame_that_is_kept_gets_its_thought_and_one_that_went_does_not(
    feed_of, by_hand, annotator
):
    kept = []
    show = lambda frame: kept.append(frame.keep()) if frame.index == 0 else None  # noqa: E731
    feed = feed_of(7, show=show, annotators=[annotator])
    while feed.step():
        by_hand.run("frame")
        by_hand.step("think") if feed.counts.shown <= 4 else None
    by_hand.run()
    assert kept[0]["sum"] == 0.0
    assert kept[0].age_seconds("sum") > 0
    counts = annotator.counts
    assert (counts.offered, counts.attached, counts.dropped, counts.skipped) == (7, 2, 1, 4)


def test_a_newer_frame_takes_the_place_of_one_that_waits(feed_of, by_hand, ring):
    shown, drops = [], []

    class Ear:
        def event(self, event):
            drops.append(event.op) if event.kind == "drop" else None

    feed = feed_of(4, show=lambda frame: shown.append(frame.index))
    ear = Ear()
    hooks.listen(ear)
    try:
        feed.step()
        by_hand.step()
        while feed.step():
            assert ring.stats.leased <= 2, "the one under way, and the newest"
    finally:
        hooks.unlisten(ear)
    by_hand.run()
    assert shown == [0, 3]
    assert feed.counts == FeedCounts(taken=4, shown=2, skipped=2)
    assert drops == ["feed"] * 2
    assert ring.stats.leased == 0


def test_a_stage_that_fails_fails_its_frame_alone(by_hand, frames, ring):
    shown = []
    pipeline = Pipeline([luma, darkest])
    feed = Feed(
        by_hand,
        pipeline,
        frames(3),
        want=["darkest"],
        fps=30,
        show=lambda frame: shown.append(frame.index),
    )
    errors = []
    while feed.step():
        by_hand.run()
        errors.append(feed.handle.exception())
    assert shown == [0, 2]
    assert [type(error) for error in errors] == [type(None), StageError, type(None)]
    assert feed.counts == FeedCounts(taken=3, shown=2, failed=1)
    assert ring.stats.leased == 0


def test_showing_that_fails_holds_no_frame(feed_of, by_hand, ring):
    def show(frame):
        raise RuntimeError("no screen")

    feed = feed_of(2, show=show)
    while feed.step():
        by_hand.run()
    assert feed.counts == FeedCounts(taken=2, failed=2)
    assert ring.stats.leased == 0


def test_a_scheduler_that_is_shut_down_ends_the_feed_and_no_frame_is_held(feed_of, by_hand, ring):
    feed = feed_of(2)
    by_hand.is_shut = True
    with pytest.raises(RuntimeError, match="shut down"), feed:
        feed.run()
    assert feed.counts == FeedCounts(taken=1, skipped=1)
    assert ring.stats.leased == 0


def test_a_feed_runs_to_the_end_of_its_source_at_its_pace(feed_of, by_hand, monkeypatch):
    paces = []
    feed = feed_of(3, fps=10)
    monkeypatch.setattr("toolkit.thoughts.feed.time.monotonic", lambda: 5.0)
    monkeypatch.setattr(feed._closing, "wait", lambda s: (paces.append(s), by_hand.run()))
    assert feed.run() == FeedCounts(taken=3, shown=3)
    assert paces == pytest.approx([0.1, 0.2, 0.3])


def test_closing_ends_a_run_and_lets_everything_go(feed_of, by_hand, ring):
    feed = feed_of(9)
    with feed:
        feed.step()
        by_hand.step()
        feed.step()
        assert ring.stats.leased == 2
    by_hand.run()
    assert not feed.step()
    assert feed.counts == FeedCounts(taken=2, skipped=2)
    assert ring.stats.leased == 0


def test_media_waits_for_no_thought_and_nothing_is_copied_for_one(feed_of, by_hand, annotator):
    with profile(keep="all") as session:
        feed = feed_of(6, annotators=[annotator])
        while feed.step():
            by_hand.run("frame")
            by_hand.step("think")
        by_hand.run()
    bill = session.bill()
    assert [event.op for event in session.events if event.kind == "wait"] == []
    assert {event.stage for event in session.events if event.kind == "copy"} <= {"luma", "sum"}
    assert bill.stage("luma").waits_ms == 0
    assert bill.stage("sum").frames == annotator.counts.thought
