"""Which queued task is the most urgent one? Heaps for each kind and worker, sorted by deadline.

Queues belong to kinds, not to levels: another context moves kinds between levels, and touches no
task. Tasks that were given a level of their own are in one heap for each level instead. An entry is
left where it is when its task is taken elsewhere, and recognised as stale by its version.
"""

from __future__ import annotations

from heapq import heappop, heappush
from random import Random
from typing import TYPE_CHECKING

from toolkit.scheduler.levels import NEVER, Level
from toolkit.scheduler.task import State, Task

if TYPE_CHECKING:
    from toolkit.scheduler.kinds import KindState

__all__ = ["Entry", "Queues"]

Entry = tuple[int, int, int, Task]  # deadline it is sorted by, turn, version, task
_LEVELS = len(Level)
_READY, _HIGH = State.READY, int(Level.HIGH)  # looked up once: this is the hot path
_LOOK_EVERYWHERE = 8  # with more workers, two queues of others are looked into, one by chance


class Queues:
    """All that is ready.

    Attributes:
        at: the kinds of each level.
        ready: how many tasks are queued at each level.
        top: the most urgent level with a task, or 5.
        backlog_ns: how long the next quanta of all queued tasks take, together.
        lifted: the queued tasks that were given a level of their own.
    """

    __slots__ = (
        "_raised",
        "_random",
        "_turn",
        "at",
        "backlog_ns",
        "lifted",
        "ready",
        "top",
        "workers",
    )

    def __init__(self, workers: int, *, seed: int) -> None:
        self.workers = workers
        self.at: list[list[KindState]] = [[] for _ in range(_LEVELS)]
        self.ready = [0] * _LEVELS
        self.top = _LEVELS
        self.backlog_ns = 0
        self.lifted: set[Task] = set()
        self._raised: list[list[Entry]] = [[] for _ in range(_LEVELS)]
        self._random = Random(seed)
        self._turn = 0

    def place(self, kinds: list[KindState]) -> None:
        """Sort the kinds by the level that each has now. Looks at no queued task of theirs.

        Tasks with a level of their own are taken out before, and queued again after it.
        """
        self.at = [[] for _ in range(_LEVELS)]
        self.ready = [0] * _LEVELS
        for kind in kinds:
            self.at[kind.level].append(kind)
            self.ready[kind.level] += kind.queued
        self._find_top()

    def push(self, task: Task, kind: KindState) -> None:
        """Queue a task at its level; its home and its order are set."""
        task.state = _READY
        self._turn += 1
        task.version += 1
        own = task.raised
        order_ns = task.order_ns
        if order_ns == NEVER and kind.level <= _HIGH:
            order_ns += task.ran_ns  # somebody waits: who has had least goes first
        entry = (order_ns, self._turn, task.version, task)
        task.is_apart = own is not None and own < kind.level
        if own is not None:
            self.lifted.add(task)
        if own is not None and task.is_apart:
            task.level = own
            heappush(self._raised[own], entry)
        else:
            task.level = kind.level
            heappush(kind.heaps[task.home], entry)
            kind.mask |= 1 << task.home
            kind.queued += 1
        kind.waiting += 1
        task.cost_ns = kind.quantum_ns
        self.backlog_ns += task.cost_ns
        level = task.level
        self.ready[level] += 1
        if level < self.top:
            self.top = level

    def remove(self, task: Task, kind: KindState) -> None:
        """Take a queued task out, wherever it is; its entry goes stale."""
        if not task.is_apart:
            kind.queued -= 1
        self._left(task, kind)

    def take(self, entry: Entry, kind: KindState, home: int) -> None:
        """Take the entry that `best` gave."""
        task = entry[3]
        if home < 0:
            heappop(self._raised[task.level])
            self._left(task, kind)
            return
        heap = kind.heaps[home]
        heappop(heap)
        kind.queued -= 1
        if not heap:
            kind.mask &= ~(1 << home)
        self._left(task, kind)

    def best(self, level: int, worker: int) -> tuple[Entry, KindState | None, int] | None:
        """The most urgent entry of `level` for `worker`, with its kind and its home.

        Its own queues first; those of others where it has none, and always where somebody waits:
        at CRITICAL and HIGH. A task with a level of its own has no kind and no home here: None
        and -1.
        """
        found = _live(self._raised[level]) if self._raised[level] else None
        kind_of: KindState | None = None
        home = -1
        me = 1 << worker
        for kind in self.at[level]:
            if kind.queued <= 0:
                continue
            if kind.mask & me:
                entry = _live(kind.heaps[worker])
                if entry is None:
                    kind.mask &= ~me
                elif found is None or entry < found:
                    found, kind_of, home = entry, kind, worker
            if kind.mask & ~me and (level <= _HIGH or found is None):
                stolen = self._stolen(kind, me, found)
                if stolen is not None:
                    (found, home), kind_of = stolen, kind
        return None if found is None else (found, kind_of, home)

    def _stolen(self, kind: KindState, me: int, found: Entry | None) -> tuple[Entry, int] | None:
        """The most urgent entry of others that comes before `found`, and whose it is."""
        best: tuple[Entry, int] | None = None
        for other in self._others(kind.mask & ~me):
            entry = _live(kind.heaps[other])
            if entry is None:
                kind.mask &= ~(1 << other)
            elif (found is None or entry < found) and (best is None or entry < best[0]):
                best = entry, other
        return best if best is not None or found is not None else self._anywhere(kind, me)

    def _anywhere(self, kind: KindState, me: int) -> tuple[Entry, int] | None:
        """The first live entry of others: where those that were looked at were stale."""
        while others := kind.mask & ~me:
            other = (others & -others).bit_length() - 1
            entry = _live(kind.heaps[other])
            if entry is not None:
                return entry, other
            kind.mask &= ~(1 << other)
        return None

    def _others(self, mask: int) -> list[int]:
        """Whose queues to look into: all of few workers, the first and one by chance of many."""
        if self.workers <= _LOOK_EVERYWHERE:
            return [other for other in range(self.workers) if mask >> other & 1]
        first = (mask & -mask).bit_length() - 1
        start = self._random.randrange(self.workers)
        after = mask >> start
        if not after:
            return [first]
        return [first, start + (after & -after).bit_length() - 1]

    def _left(self, task: Task, kind: KindState) -> None:
        level = task.level if task.is_apart else kind.level
        task.level = level  # its kind may have moved while it was queued
        task.version += 1
        if self.lifted:
            self.lifted.discard(task)
        kind.waiting -= 1
        self.backlog_ns -= task.cost_ns
        self.ready[level] -= 1
        if level == self.top and not self.ready[level]:
            self._find_top()

    def _find_top(self) -> None:
        self.top = next((level for level in range(_LEVELS) if self.ready[level] > 0), _LEVELS)


def _live(heap: list[Entry]) -> Entry | None:
    """The first entry that is not stale; those before it are dropped."""
    while heap and heap[0][2] != heap[0][3].version:
        heappop(heap)
    return heap[0] if heap else None
