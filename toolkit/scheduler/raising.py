"""How does one task get a level of its own? Somebody more urgent awaits it, or it waited longest.

What was lent is given back: when a waiter is cancelled or a thread outside stops waiting, the task
keeps what those that still wait for it lend, and no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.scheduler.levels import NEVER
from toolkit.scheduler.reasons import Happening, Reason
from toolkit.scheduler.task import State, Task
from toolkit.scheduler.trace import NO_WORKER

if TYPE_CHECKING:
    from toolkit.scheduler.kinds import KindState
    from toolkit.scheduler.queues import Queues
    from toolkit.scheduler.trace import Trace
    from toolkit.scheduler.workers import Workers

__all__ = ["Raising"]


class Raising:
    """Raises single tasks and lets them return."""

    __slots__ = ("_kinds", "_queues", "_trace", "_workers")

    def __init__(
        self, kinds: dict[str, KindState], queues: Queues, workers: Workers, trace: Trace
    ) -> None:
        self._kinds = kinds
        self._queues = queues
        self._workers = workers
        self._trace = trace

    def inherit(self, task: Task | None, level: int, deadline_ns: int, now_ns: int) -> None:
        """Lend level and deadline to `task`, and to the whole chain of what it awaits."""
        while task is not None:
            self.level(task, self._kinds[task.kind])
            if level >= task.level and deadline_ns >= task.order_ns:
                return
            own, reason = task.raised, task.raised_by
            if level < task.level:
                own, reason = level, Reason.INHERITANCE
            self.lift(task, own, min(deadline_ns, task.order_ns), now_ns, reason)
            task = task.awaits

    def age(self, task: Task, level: int, order_ns: int, now_ns: int) -> None:
        """Raise a task that waited longest, where that makes it more urgent."""
        self.level(task, self._kinds[task.kind])
        if level < task.level or order_ns < task.order_ns:
            self.lift(task, level, order_ns, now_ns, Reason.AGING)

    def settle(self, task: Task, now_ns: int) -> None:
        """Give a task what those who still wait for it lend, and no more."""
        waiters = task.waiters or []
        for one in (task, *waiters):
            self.level(one, self._kinds[one.kind])
        lent = [(waiter.level, waiter.order_ns) for waiter in waiters]
        lent += task.claims or ()
        own = min((one for one, _ in lent), default=None)
        order_ns = min((one for _, one in lent), default=NEVER)
        order_ns = min(order_ns, task.deadline_ns)
        before = task.level
        self.lift(task, own, order_ns, now_ns, Reason.INHERITANCE)
        if task.awaits is not None and task.level > before:
            self.settle(task.awaits, now_ns)

    def lift(
        self, task: Task, level: int | None, order_ns: int, now_ns: int, reason: Reason
    ) -> None:
        """Give a task a level of its own, or None: that of its kind again."""
        kind = self._kinds[task.kind]
        self.level(task, kind)
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
        if task.waiters or task.claims:
            self.settle(task, now_ns)
        else:
            task.raised = None
            task.raised_by = Reason.NONE
            task.order_ns = task.deadline_ns
