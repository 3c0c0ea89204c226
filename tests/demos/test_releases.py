"""Is work released when it is due, and are a pool's calls timed as a scheduler times its own?"""

import pytest

from toolkit.demos.releases import Fared, Timed, fared, release
from toolkit.scheduler import KindStatistics, Reason


class FakeClock:
    """Jumps when somebody sleeps, or when told."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.fixture
def clock():
    return FakeClock()


def test_each_kind_is_released_at_its_rate_in_order_of_time(clock):
    came = []
    rates = {"frame": 4, "chat": 2}
    release(lambda kind: came.append((clock.now, kind)), rates, 1.0, clock=clock, sleep=clock.sleep)
    assert came == [
        *((0.0, "frame"), (0.0, "chat"), (0.25, "frame"), (0.5, "frame")),
        *((0.5, "chat"), (0.75, "frame")),
    ]
    assert clock.now == 1.0


def test_a_release_that_took_long_delays_the_next_one_and_leaves_none_out(clock):
    came = []

    def submit(kind):
        came.append(clock.now)
        clock.now += 0.6 if len(came) == 1 else 0

    release(submit, {"frame": 4}, 1.0, clock=clock, sleep=clock.sleep)
    assert came == [0.0, 0.6, 0.6, 0.75]


def timed_call(clock, *, queued, computes, held_up):
    cpu = FakeClock()
    timed = Timed({"frame": 1.0}, clock=clock, cpu_clock=cpu)

    def work(found):
        clock.now += computes + held_up
        cpu.now += computes
        return found

    call = timed.watch("frame", work, "found")
    clock.now += queued
    assert call() == "found"
    return timed.fared("frame")


def test_a_call_in_time_has_no_cause(clock):
    found = timed_call(clock, queued=0.25, computes=0.5, held_up=0.25)
    assert found == Fared(over=1, missed=0, causes={}, p50_seconds=1.0)
    assert found.share == 0.0


@pytest.mark.parametrize(
    ("queued", "computes", "held_up", "cause"),
    [(2, 1, 1, "queued"), (1, 2, 1, "computing"), (1, 1, 2, "held_up")],
)
def test_a_late_call_says_where_most_of_its_time_went(clock, queued, computes, held_up, cause):
    found = timed_call(clock, queued=queued, computes=computes, held_up=held_up)
    assert found == Fared(over=1, missed=1, causes={cause: 1}, p50_seconds=4.0)
    assert found.share == 1.0


def test_a_call_that_fails_is_timed_and_fails(clock):
    timed = Timed({"frame": 1.0}, clock=clock)
    with pytest.raises(ZeroDivisionError):
        timed.watch("frame", lambda: 1 / 0)()
    assert timed.fared("frame").over == 1


def test_nothing_fared_where_nothing_came(clock):
    found = Timed({"frame": 1.0}, clock=clock).fared("frame")
    assert found == Fared(over=0, missed=0, causes={}, p50_seconds=0.0)
    assert found.share == 0.0


def test_a_frame_that_a_scheduler_dropped_is_missed_too():
    counts = {"released": 9, "done": 5, "missed": 2, "shed": 1, "cancelled": 3, "failed": 0}
    times = {"p50_ms": 4.0, "p95_ms": 5.0, "p99_ms": 6.0, "ran_seconds": 1.0}
    causes = {Reason.QUEUED: 2}
    one = KindStatistics(**counts, **times, stolen=0, queued=0, causes=causes, level_seconds={})
    assert fared(one) == Fared(6, 3, {"queued": 2, "dropped": 1}, 0.004)
