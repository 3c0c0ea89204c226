"""May this quantum begin now? Not if a periodic release would find no worker free in time.

A critical task that comes every 16.7 ms must not wait for a quantum of 30 ms that began a moment
before it. So before a less urgent quantum begins, its end is predicted: the mean of its kind and
twice the mean deviation. Each release that is due by then needs a worker that is free within a
share of its slack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.scheduler.levels import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from toolkit.scheduler.kinds import KindState

__all__ = ["SLACK_SHARE", "held_until"]

SLACK_SHARE = 0.5  # of the time that a release can wait and still be in time
_LOOK_AGAIN_NS = 2_000_000


def held_until(
    end_ns: int,
    now_ns: int,
    *,
    periodic: Iterable[KindState],
    busy_until_ns: Sequence[int],
    cores: int,
) -> int:
    """0: a quantum that ends at `end_ns` may begin. Else the time at which to ask again.

    Args:
        end_ns: when the quantum will have ended.
        now_ns: now.
        periodic: the critical kinds.
        busy_until_ns: when each other worker that runs something will be free.
        cores: how many run at once.
    """
    endangered = 0
    first_ns, limit_ns = NEVER, NEVER
    for kind in periodic:
        due_ns = kind.period.next_ns(now_ns)
        if due_ns == NEVER:
            continue
        needs_ns = (kind.task_ns or kind.quantum_ns) * 6 // 5
        slack_ns = max(kind.period.ns - needs_ns, 0)
        latest_ns = due_ns + int(slack_ns * SLACK_SHARE)
        if end_ns <= latest_ns:
            continue
        endangered += 1
        if due_ns < first_ns:
            first_ns = due_ns + 2 * min(kind.period.jitter_ns, _LOOK_AGAIN_NS // 2)
        limit_ns = min(limit_ns, latest_ns)
    if not endangered or cores - 1 - sum(at > limit_ns for at in busy_until_ns) >= endangered:
        return 0
    return max(first_ns, now_ns + _LOOK_AGAIN_NS // 10)
