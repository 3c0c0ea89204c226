"""May this quantum begin now? Not if a periodic release would find no worker free in time.

A critical task that comes every 16.7 ms must not wait for a quantum of 30 ms that began a moment
before it. So before a less urgent quantum begins, its end is predicted: the mean of its kind and
twice the mean deviation. A release that is due by then needs another core that is free within a
share of its slack; without one, the quantum waits until the release is over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.scheduler.levels import NEVER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from toolkit.scheduler.kinds import KindState

__all__ = ["SLACK_SHARE", "held_until"]

SLACK_SHARE = 0.25  # of the time that a release can wait and still be in time
_JITTER_NS = 1_000_000  # at most twice so long after a release it is asked again
_PAUSE_NS = 200_000


def held_until(
    end_ns: int,
    now_ns: int,
    worker: int,
    periodic: Iterable[KindState],
    busy_until_ns: Callable[[int], Sequence[int]],
    cores: int,
) -> int:
    """0: a quantum that ends at `end_ns` may begin. Else the time at which to ask again.

    Args:
        end_ns: when the quantum will have ended.
        now_ns: now.
        worker: who would run it.
        periodic: the critical kinds.
        busy_until_ns: tells for a worker when each other one that runs something will be free; it
            is asked only where a release is endangered, since it looks at all workers.
        cores: how many run at once.
    """
    again_ns, limit_ns = NEVER, NEVER
    for kind in periodic:
        if not kind.period.is_steady or (due_ns := kind.period.next_ns(now_ns)) == NEVER:
            continue
        needs_ns = (kind.task_ns or kind.quantum_ns) * 6 // 5
        slack_ns = max(kind.period.ns - needs_ns, 0)
        latest_ns = due_ns + int(slack_ns * SLACK_SHARE)
        if end_ns > latest_ns:
            limit_ns = min(limit_ns, latest_ns)
            again_ns = min(again_ns, due_ns + 2 * min(kind.period.jitter_ns, _JITTER_NS))
    if limit_ns == NEVER:
        return 0
    is_one_free = sum(at > limit_ns for at in busy_until_ns(worker)) < cores - 1
    return 0 if is_one_free else max(again_ns, now_ns + _PAUSE_NS)
