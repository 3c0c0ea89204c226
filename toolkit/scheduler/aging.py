"""How long may a task wait? As long as a small share of the machine needs to get to it.

Aging by a time-out collapses under overload: soon all work is old, and all levels are one. Here the
work that waited longest gets a share of the machine's time, and no more: its next quantum is raised
to HIGH, and paid from a bucket that the share fills. So a wait has a bound that can be said when it
begins: the time until the task counts as old, and the time that the share needs for all that was
queued before it. At its bound a task goes before everything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.scheduler.levels import Level
from toolkit.scheduler.task import State, Task

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from toolkit.scheduler.kinds import KindState

__all__ = ["AGE_NS", "SHARE", "Aging"]

SHARE = 0.05
AGE_NS = (500_000_000, 500_000_000, 500_000_000, 1_000_000_000, 2_000_000_000)
_LOOK_NS = 20_000_000
_RESERVE = 8  # of the stated wait, so big a part is kept for who is due at the same time
_MOST_NS = 100_000_000  # what the bucket holds, for each core


class Aging:
    """The bucket, and who is the next to have some of it.

    Attributes:
        next_ns: when it is time to look again.
        longest_ns: the longest quantum of all, for which a task at its bound may have to wait.
    """

    __slots__ = (
        "_filled_ns",
        "_most_ns",
        "_raised",
        "_rate",
        "_tokens_ns",
        "longest_ns",
        "next_ns",
    )

    def __init__(self, cores: int) -> None:
        self._rate = SHARE * cores
        self._most_ns = float(_MOST_NS * cores)
        self._tokens_ns = 0.0
        self._filled_ns = -1
        self._raised: list[tuple[int, Task]] = []  # since when it is queued, and it
        self.longest_ns = 0
        self.next_ns = 0

    def bound_ns(self, level: int, backlog_ns: int, now_ns: int) -> int:
        """By when a task that is queued now begins its next quantum, at the latest."""
        ahead_ns = int((backlog_ns + self.longest_ns) / self._rate)
        wait_ns = AGE_NS[level] + ahead_ns + 2 * self.longest_ns + _LOOK_NS
        return now_ns + wait_ns * _RESERVE // (_RESERVE - 1)

    @staticmethod
    def is_due(task: Task, now_ns: int) -> bool:
        """Whether a task has to go before everything, so that it begins before its bound.

        What the share needs for all before it is over then; the rest of its wait is there since
        several may be due at once, each of which takes a quantum of somebody.
        """
        return now_ns >= task.bound_ns - (task.bound_ns - task.since_ns) // _RESERVE

    def due(self, kinds: Iterable[KindState], now_ns: int) -> Iterator[tuple[Task, int, int]]:
        """The tasks that have waited long enough, with their new level and what they sort by."""
        self._refill(now_ns)
        yield from self._at_bound(now_ns)
        heads = [kind for kind in kinds if self._head(kind) is not None]
        heads.sort(key=lambda kind: kind.oldest[0][1].bound_ns)
        for kind in heads:
            while (task := self._head(kind)) is not None and self._may_raise(kind, task, now_ns):
                kind.oldest.popleft()
                self._tokens_ns -= kind.quantum_ns
                self._raised.append((task.since_ns, task))
                yield task, Level.HIGH, task.order_ns

    def _refill(self, now_ns: int) -> None:
        if self._filled_ns >= 0:
            flowed = (now_ns - self._filled_ns) * self._rate
            self._tokens_ns = min(self._tokens_ns + flowed, self._most_ns)
        self._filled_ns = now_ns
        self.next_ns = now_ns + _LOOK_NS

    def _at_bound(self, now_ns: int) -> Iterator[tuple[Task, int, int]]:
        """Those that were raised, and are at their bound all the same."""
        raised, self._raised = self._raised, []
        for since_ns, task in raised:
            if not _waits(task, since_ns):
                continue
            if self.is_due(task, now_ns):
                yield task, Level.CRITICAL, -1
            else:
                self._raised.append((since_ns, task))

    def _may_raise(self, kind: KindState, task: Task, now_ns: int) -> bool:
        is_old = now_ns - task.since_ns > AGE_NS[kind.level]
        return self.is_due(task, now_ns) or (is_old and self._tokens_ns > 0)

    def _head(self, kind: KindState) -> Task | None:
        """The task of a kind that has waited longest and was not raised yet."""
        oldest = kind.oldest
        while oldest and not _waits(oldest[0][1], oldest[0][0]):
            oldest.popleft()
        return oldest[0][1] if oldest else None


def _waits(task: Task, since_ns: int) -> bool:
    """Whether the task still waits for the quantum that it was queued for then."""
    return task.state is State.READY and task.since_ns == since_ns
