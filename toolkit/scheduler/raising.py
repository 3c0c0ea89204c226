"""How does one task get a level of its own? Somebody more urgent awaits it, or it waited longest.

What was lent is given back: when a waiter is cancelled or a thread outside stops waiting, the task
keeps what those that still wait for it lend, and no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.scheduler.levels import Level
from toolkit.scheduler.reasons import Happening, Reason
from toolkit.scheduler.task import State, Task
from toolkit.scheduler.trace import NO_WORKER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from toolkit.scheduler.kinds import KindState
    from toolkit.scheduler.queues import Queues
    from toolkit.scheduler.trace import Trace
    from toolkit.scheduler.workers import Workers

__all__ = ["Raising"]


class Raising:
    """Raises single tasks and lets them return.

    Attributes:
        awaited: the tasks that somebody waits for, in the order in which that began.
    """

    __slots__ = ("_kinds", "_queues", "_said", "_trace", "_workers", "awaited")

    def __init__(
        self, kinds: dict[str, KindState], queues: Queues, workers: Workers, trace: Trace
    ) -> None:
        self._kinds = kinds
        self._queues = queues
        self._workers = workers
        self._trace = trace
        self.awaited: dict[Task, None] = {}
        self._said: dict[Task, None] = {}  # whose last event said that they are raised

    def inherit(self, task: Task | None, level: int, deadline_ns: int, now_ns: int) -> None:
        """Lend level and deadline to `task`, and to the whole chain of what it awaits.

        Also where its kind is as urgent now: another context may change that.
        """
        while task is not None:
            self.awaited[task] = None
            own, reason = task.raised, task.raised_by
            if own is None or level < own:
                own, reason = level, Reason.INHERITANCE
            order_ns = min(deadline_ns, task.order_ns)
            if own == task.raised and order_ns == task.order_ns:
                return
            self.lift(task, own, order_ns, now_ns, reason)
            task = task.awaits

    def age(self, task: Task, level: int, order_ns: int, now_ns: int) -> None:
        """Raise a task that waited longest, where that makes it more urgent."""
        self.level(task, self._kinds[task.kind])
        if level < task.level or order_ns < task.order_ns:
            self.lift(task, level, order_ns, now_ns, Reason.AGING)

    def settle(self, task: Task | None, now_ns: int) -> None:
        """Give a task what those who wait for it lend, and no more; and so along the chain."""
        while task is not None:
            self.level(task, self._kinds[task.kind])
            before = task.level, task.order_ns
            own, order_ns = self._lent(task)
            reason = Reason.INHERITANCE
            aged = task.raised if task.raised_by is Reason.AGING else None
            if aged is not None and (own is None or own >= aged):
                own, reason, order_ns = aged, Reason.AGING, min(order_ns, task.order_ns)
            self.lift(task, own, order_ns, now_ns, reason)
            if (task.level, task.order_ns) == before:
                return
            task = task.awaits

    def shifted(self, raised: Iterable[Task], before: Mapping[str, int], now_ns: int) -> None:
        """Kinds have moved: who waits lends another level now, and who was raised may stay behind.

        Args:
            raised: tasks with a level of their own that nobody has to await.
            before: the level that each kind had that moved.
            now_ns: now.
        """
        for task in list(self._said):
            self._sink(task, before, now_ns)
        for task in dict.fromkeys((*raised, *self.awaited)):
            self._stay(task, before, now_ns)
        for task in list(self.awaited):
            self.settle(task, now_ns)

    def _stay(self, task: Task, before: Mapping[str, int], now_ns: int) -> None:
        """Say that a task does not sink with its kind, where no event has said that it is above."""
        kind, own = self._kinds[task.kind], task.raised
        self.level(task, kind)
        if own is None or not before.get(task.kind, len(Level)) <= own < kind.level:
            return
        level, why = Happening.LEVEL, task.raised_by
        self._said[task] = None
        self._trace.note(now_ns, level, NO_WORKER, own, kind.number, why, task.number, kind.level)

    def _sink(self, task: Task, before: Mapping[str, int], now_ns: int) -> None:
        """Say that a task sinks with its kind, whose loan ended while that was as urgent."""
        kind = self._kinds[task.kind]
        was = before.get(task.kind, len(Level))
        if task.raised is not None or was >= kind.level:
            return
        del self._said[task]
        self.level(task, kind)
        level, why = Happening.LEVEL, Reason.RETURNED
        self._trace.note(now_ns, level, NO_WORKER, task.level, kind.number, why, task.number, was)

    def forget(self, task: Task) -> None:
        """A task has ended."""
        self.awaited.pop(task, None)
        self._said.pop(task, None)

    def _lent(self, task: Task) -> tuple[int | None, int]:
        """The level, if any, and the deadline that those who wait for a task lend to it."""
        waiters = task.waiters or []
        for one in waiters:
            self.level(one, self._kinds[one.kind])
        lent = [(one.level, one.order_ns) for one in waiters] + (task.claims or [])
        if not lent:
            self.awaited.pop(task, None)
            return None, task.deadline_ns
        order_ns = min(order_ns for _, order_ns in lent)
        return min(level for level, _ in lent), min(order_ns, task.deadline_ns)

    def lift(
        self, task: Task, level: int | None, order_ns: int, now_ns: int, reason: Reason
    ) -> None:
        """Give a task a level of its own, or None: that of its kind again."""
        kind = self._kinds[task.kind]
        self.level(task, kind)
        if level == task.raised and order_ns == task.order_ns:
            task.raised_by = reason if level is not None else Reason.NONE
            return
        before = task.level
        is_queued = task.state is State.READY
        if is_queued:
            self._queues.remove(task, kind)
        task.raised = level
        task.raised_by = reason if level is not None else Reason.NONE
        task.order_ns = order_ns
        if is_queued:
            self._queues.push(task, kind)
        else:
            self.level(task, kind)
        if task.level == before:
            return
        if level is not None and level < kind.level:
            self._said[task] = None
        else:
            self._said.pop(task, None)
        why = reason if task.level < before else Reason.RETURNED
        happening = Happening.LEVEL
        self._trace.note(
            now_ns, happening, NO_WORKER, task.level, kind.number, why, task.number, before
        )
        if is_queued:
            self._workers.wake(task.level)

    def level(self, task: Task, kind: KindState) -> None:
        """Let a task have the level that is due to it now: its kind may have moved meanwhile."""
        own = task.raised
        task.level = kind.level if own is None or own > kind.level else own

    def ease(self, task: Task, now_ns: int) -> None:
        """A task that had waited longest has had its quantum: what its waiters lend is left."""
        if task.raised_by is not Reason.AGING:
            return
        task.raised_by = Reason.NONE
        self.settle(task, now_ns)
