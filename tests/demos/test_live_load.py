"""A load on real threads: what is noted, and what it adds up to. The clock is told the time."""

import threading
from dataclasses import replace

import pytest

from toolkit.demos.live_load import Log, play, quantile_ms
from toolkit.demos.scheduled_load import ScheduledLoad
from toolkit.scheduler import Arrival, Scheduler

MS = 1_000_000
FRAMES = tuple(
    Arrival(at * 10 * MS, "frame", (5 * MS,), (at + 1) * 10 * MS, key="frame") for at in range(3)
)
CHAT = Arrival(0, "chat", (2 * MS, 3 * MS))
TRAINING = Arrival(0, "train", (4 * MS,), repeats=True)


class Clock:
    """Stands still but for sleep and work."""

    def __init__(self):
        self.now_ns = 0

    def __call__(self):
        return self.now_ns

    def sleep(self, seconds):
        self.now_ns += round(seconds * 1e9)

    def work(self, kind, cost_ns):
        self.now_ns += cost_ns


class AtOnce:
    """Does each arrival when it comes, on the thread that brings it."""

    def __init__(self, log):
        self.log, self.is_stopped = log, False

    def release(self, index):
        number = 0
        while not self.log.quantum(index, number):
            number += 1

    def stop(self):
        self.is_stopped = True


def played(arrivals, *, seconds, make=AtOnce):
    clock = Clock()
    log = Log(arrivals, clock.work, clock)
    play(log, make, seconds=seconds, sleep=clock.sleep)
    return log


def test_frames_that_are_done_at_once_are_in_time():
    outcome = played(FRAMES, seconds=0.03).outcome("at once", cores=1)
    frames = outcome.kinds["frame"]
    assert (frames.released, frames.due, frames.missed, frames.done) == (3, 3, 0, 3)
    assert frames.p50_ms == 5.0
    assert outcome.seconds == pytest.approx(0.03)
    assert frames.share == pytest.approx(0.5)  # 15 ms of 30


def test_a_job_of_two_quanta_has_a_first_one_and_an_end():
    log = played((CHAT,), seconds=0.01)
    assert log.first_ns("chat") == [2 * MS]
    assert log.latencies_ns(["chat"]) == [5 * MS]


def test_work_that_ends_after_the_end_does_not_count():
    log = played((Arrival(0, "frame", (50 * MS,), 10 * MS),), seconds=0.02)
    log.end_ns = log.begin_ns + 20 * MS
    frames = log.outcome("slow", cores=1).kinds["frame"]
    assert (frames.due, frames.missed, frames.done, frames.share) == (1, 1, 0, 0.0)


def test_one_that_had_no_first_quantum_counts_with_how_long_it_had_waited():
    class Never(AtOnce):
        def release(self, index):
            pass

    assert played((CHAT,), seconds=0.02, make=Never).first_ns("chat") == [20 * MS]


def test_what_was_shed_is_counted_and_missed():
    class Sheds(AtOnce):
        def release(self, index):
            self.log.shed(index)

    frames = played(FRAMES, seconds=0.03, make=Sheds).outcome("sheds", cores=1).kinds["frame"]
    assert (frames.shed, frames.missed, frames.done) == (3, 3, 0)


def test_an_interrupt_stops_who_runs_it_and_what_came_until_then_counts():
    clock, made = Clock(), []

    def sleep(seconds):
        clock.sleep(seconds)
        if clock.now_ns >= log.begin_ns + 20 * MS:
            raise KeyboardInterrupt

    def make(log):
        made.append(AtOnce(log))
        return made[0]

    log = Log(FRAMES, clock.work, clock)
    with pytest.raises(KeyboardInterrupt):
        play(log, make, seconds=1, sleep=sleep)
    assert made[0].is_stopped
    assert log.is_over
    assert log.outcome("interrupted", cores=1).kinds["frame"].done == 2


def scheduled(arrivals, rates, *, quanta):
    """Play it on a scheduler, and let the end come after so many quanta; log and scheduler."""
    clock, ran = Clock(), threading.Semaphore(0)
    scheduler = Scheduler({"frame": "CRITICAL", "chat": "HIGH", "train": "LOW"}, workers=2)

    def sleep(seconds):
        if clock.now_ns >= log.begin_ns:  # the last sleep: all has come
            for _ in range(quanta):
                assert ran.acquire(timeout=60)
        clock.sleep(seconds)

    log = Log(arrivals, lambda kind, cost_ns: ran.release(), clock)
    play(log, lambda log: ScheduledLoad(log, scheduler, rates), seconds=0.01, sleep=sleep)
    return log, scheduler


def test_the_scheduler_runs_every_quantum_of_a_load_on_its_threads():
    frames = [Arrival(0, kind, (5 * MS,), 10 * MS) for kind in ("frame", "frame")]
    arrivals = (CHAT, *frames, replace(CHAT, quanta_ns=(MS, MS, MS)))
    log, scheduler = scheduled(arrivals, {"frame": 100}, quanta=7)
    assert scheduler.is_closed
    assert {kind: of.released for kind, of in scheduler.statistics().items()} == {
        "frame": 2,
        "chat": 2,
        "train": 0,
    }
    assert len(log.first_ns("chat")) == 2


def test_training_ends_when_the_load_is_over():
    _, scheduler = scheduled((TRAINING,), {}, quanta=1)
    statistics = scheduler.statistics()["train"]
    assert (statistics.queued, statistics.done + statistics.cancelled) == (0, 1)


def test_quantiles_are_of_those_that_there_are():
    assert quantile_ms([], 0.5) == 0.0
    assert quantile_ms([1 * MS, 2 * MS, 3 * MS], 0.5) == 2.0
    assert quantile_ms([1 * MS, 2 * MS, 3 * MS], 0.99) == 3.0
