"""A quantum begins where the next release finds a worker free in time, and else it waits."""

from toolkit.scheduler.guard import SLACK_SHARE, held_until
from toolkit.scheduler.kinds import Kind, KindState

MS = 1_000_000


def frames(task_ms=4):
    """Frames every 10 ms, the last one at 100 ms."""
    kind = KindState("frame", 0, Kind("CRITICAL"), workers=1)
    kind.period.declare(10 * MS)
    kind.period.released(100 * MS)
    kind.task_ns = task_ms * MS
    return kind


def ask(end_ms, *, busy_until_ms=(), cores=1, kinds=None):
    return held_until(
        end_ms * MS,
        101 * MS,
        worker=0,
        periodic=[frames()] if kinds is None else kinds,
        busy_until_ns=lambda _: [ms * MS for ms in busy_until_ms],
        cores=cores,
    )


def test_a_quantum_that_ends_before_the_release_begins():
    assert ask(109) == 0


def test_a_quantum_may_use_a_share_of_the_time_that_a_release_can_wait():
    slack_ms = 10 - 4 * 6 / 5
    assert ask(110 + slack_ms * SLACK_SHARE) == 0
    assert ask(110 + slack_ms * SLACK_SHARE + 0.1) == 110 * MS  # it is asked again at the release


def test_another_core_that_is_free_in_time_is_enough():
    assert ask(200, cores=2) == 0
    assert ask(200, cores=2, busy_until_ms=(109,)) == 0
    assert ask(200, cores=2, busy_until_ms=(150,)) == 110 * MS


def test_without_periodic_work_nothing_is_held_and_nobody_is_looked_at():
    assert ask(10_000, kinds=[]) == 0
    assert ask(10_000, kinds=[KindState("input", 0, Kind("CRITICAL"), workers=1)]) == 0
