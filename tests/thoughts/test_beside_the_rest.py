"""A live pipeline beside training and chat, on real threads: what must hold is counted, not timed.

Thoughts wait for gates that the test opens, so that their age is told in frames.
"""

import threading
from concurrent.futures import Future
from queue import SimpleQueue

import pytest
import torch

from toolkit import Frame, FrameRing, Pipeline, hooks
from toolkit.profiling import profile
from toolkit.scheduler import Scheduler
from toolkit.stages import blur, gray
from toolkit.stages.declare import Pointwise, stage
from toolkit.thoughts import Annotator, Feed, FeedCounts

KINDS = {"frame": "CRITICAL", "chat": "HIGH", "think": "NORMAL", "train": "LOW"}
PATIENCE_SECONDS = 60  # only a scheduler that hangs takes so long


@pytest.fixture
def scheduler():
    with Scheduler(KINDS, workers=2) as scheduler:
        yield scheduler


@pytest.fixture
def camera():
    """Frames of a small ring, filled with their number; it raises where all slots are held."""

    def play(count, slots=4):
        ring = FrameRing(slots, width=32, height=16, pixel_format="gray", drop="error")
        play.ring = ring
        for number in range(count):
            pixels = torch.full((1, 16, 32), number % 256, dtype=torch.uint8)
            frame = ring.copy_in(pixels, pts_seconds=number / 30)
            yield frame
            del frame

    return play


class Gates:
    """Thinks about a frame until the test opens its gate, and holds no worker meanwhile."""

    def __init__(self):
        self._closed = SimpleQueue()

    def think(self, gray):
        gate = Future()
        self._closed.put(gate)
        yield gate
        return round(float(gray.mean() * 255))

    def next(self):
        """The gate of the thought that is under way, or is about to begin."""
        return self._closed.get(timeout=PATIENCE_SECONDS)


class Ear:
    """Hears what workers wait for."""

    def __init__(self):
        self.waits = []

    def event(self, event):
        if event.kind == "wait" and threading.current_thread() is not threading.main_thread():
            self.waits.append((event.op, event.stage, event.frame))


def train(weights, rounds):
    """Gradient descent, a step each quantum."""
    for _ in range(rounds):
        loss = (weights * weights).sum()
        loss.backward()
        with torch.no_grad():
            weights -= 0.1 * weights.grad
            weights.grad = None
        yield
    return rounds


async def chat(scheduler, tokens):
    """A reply, each token a task of its own."""
    return [
        await scheduler.submit(lambda token=token: token * token, kind="chat")
        for token in range(tokens)
    ]


def rest(scheduler):
    """Training and two conversations, under way."""
    weights = torch.ones(64, 64, requires_grad=True)
    work = [scheduler.submit(train(weights, 100), kind="train")]
    return work + [scheduler.submit(chat(scheduler, 20), kind="chat") for _ in range(2)]


def test_frames_keep_their_rate_and_thoughts_land_on_their_own(scheduler, camera):
    gates, shown, kept = Gates(), [], {}
    annotator = Annotator("mean", gates.think, scheduler=scheduler, kind="think", needs=["gray"])

    def show(frame):
        shown.append(frame.index)
        if frame.index in (0, 21):
            kept[frame.index] = frame.keep()

    pipeline = Pipeline([gray, blur])
    options = {"want": ["blur"], "fps": 30, "show": show, "annotators": [annotator]}
    ear = Ear()
    hooks.listen(ear)
    with profile(keep="all") as session, Feed(scheduler, pipeline, camera(22), **options) as feed:
        others = rest(scheduler)
        step(feed, 1)
        first = gates.next()
        step(feed, 7)
        first.set_result(None)
        second = gates.next()  # about frame 7
        step(feed, 12)  # all slots but the one that is kept came round
        second.set_result(None)
        third = gates.next()  # about frame 19
        step(feed, 2)
        assert not feed.step()
        third.set_result(None)
        gates.next().set_result(None)  # about frame 21
        assert annotator.wait(PATIENCE_SECONDS)
        done = [one.result(PATIENCE_SECONDS) for one in others]
    hooks.unlisten(ear)

    assert shown == list(range(22)), "each of them, in order"
    assert feed.counts == FeedCounts(taken=22, shown=22)
    assert camera.ring.stats.dropped == 0
    assert done == [100, *[[token * token for token in range(20)]] * 2]

    assert (kept[0]["mean"], kept[21]["mean"]) == (0, 21)
    assert kept[0].age_seconds("mean") > kept[21].age_seconds("mean") > 0
    counts = annotator.counts
    assert (counts.thought, counts.attached, counts.dropped, counts.failed) == (4, 3, 1, 0)
    assert counts.offered == counts.skipped + counts.thought == 22

    assert ear.waits == [], "no worker waited, for a thought or for anything else"
    waits = [event for event in session.events if event.kind == "wait"]
    assert {event.stage for event in waits} == {""}, "only the test did"
    bill = session.bill()
    assert [bill.stage(name).frames for name in ("gray", "blur")] == [22, 22]
    assert [bill.stage(name).waits_ms for name in ("gray", "blur", "mean")] == [0, 0, 0]


def step(feed, count):
    """So many frames, each shown before the next one is taken."""
    for _ in range(count):
        assert feed.step()
        assert feed.wait(PATIENCE_SECONDS)


def test_nothing_is_lost_however_thoughts_end(scheduler, camera):
    def moody(value):
        """Answers, fails or thinks on, as the frames come."""
        total = float(value.sum())
        if total % 3 == 0:
            raise ValueError("not in the mood")
        if total % 3 == 1:
            yield
        return total

    annotators = [
        Annotator(name, moody, scheduler=scheduler, kind="think", needs=[need], takes=takes)
        for name, need, takes in (
            ("by reference", "gray", "results"),
            ("by copy", "pixels", "copies"),
            ("by lease", "pixels", "frame"),
        )
    ]
    frames = camera(400, slots=12)
    feed = Feed(scheduler, Pipeline([gray]), frames, want=[], fps=1000, annotators=annotators)
    while feed.step():
        if feed.counts.taken % 50 == 0 and annotators[0].handle:
            annotators[0].handle.cancel()
    assert feed.wait(PATIENCE_SECONDS)
    for one in annotators:
        one.close()
        assert one.wait(PATIENCE_SECONDS)
    counts = feed.counts
    assert counts.taken == 400 == counts.shown + counts.skipped
    for one in annotators:
        now = one.counts
        assert now.offered == counts.shown
        assert now.offered == now.skipped + now.attached + now.dropped + now.failed
    assert camera.ring.stats.leased == 0


def test_a_frame_that_waits_for_another_reader_occupies_no_worker(camera):
    is_inside, go_on = threading.Event(), threading.Event()

    @stage("slow", footprint=Pointwise())
    def slow(gray):
        if not is_inside.is_set():
            is_inside.set()
            assert go_on.wait(PATIENCE_SECONDS)
        return gray

    pipeline = Pipeline([gray, slow])
    still = Frame.from_image(torch.zeros(16, 32, dtype=torch.uint8))
    reader = threading.Thread(target=lambda: pipeline.bind(still)["slow"])
    reader.start()
    assert is_inside.wait(PATIENCE_SECONDS)
    with Scheduler(KINDS, workers=1) as scheduler:
        feed = Feed(scheduler, pipeline, camera(1), want=["slow"], fps=30)
        assert feed.step()
        answer = scheduler.submit(lambda: "hello", kind="chat")
        assert answer.result(PATIENCE_SECONDS) == "hello"
        assert feed.counts.shown == 0
        go_on.set()
        assert feed.wait(PATIENCE_SECONDS)
    reader.join(PATIENCE_SECONDS)
    assert feed.counts == FeedCounts(taken=1, shown=1)
