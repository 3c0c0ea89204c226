"""What became of it? Events for the trace, and the counts of each kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.scheduler.reasons import Happening
from toolkit.scheduler.task import State

if TYPE_CHECKING:
    from toolkit.scheduler.kinds import KindState
    from toolkit.scheduler.task import Task
    from toolkit.scheduler.trace import Trace

__all__ = ["Ledger"]

_ENDS = {
    State.DONE: Happening.DONE,
    State.FAILED: Happening.FAIL,
    State.CANCELLED: Happening.CANCEL,
}


class Ledger:
    """Notes what happens.

    Attributes:
        trace: where events go.
    """

    __slots__ = ("trace",)

    def __init__(self, trace: Trace) -> None:
        self.trace = trace

    def note(
        self,
        now_ns: int,
        happening: int,
        worker: int,
        level: int,
        kind: KindState,
        reason: int,
        number: int,
        value: int,
    ) -> None:
        """One event. `number` is that of the task, 0 where it is about the kind."""
        self.trace.emit(
            now_ns,
            happening << 59
            | worker << 51
            | level << 48
            | kind.number << 40
            | reason << 32
            | number & 0xFFFFFFFF,
            value,
        )

    def ended(self, task: Task, kind: KindState, now_ns: int, worker: int) -> None:
        """A task came to its end: done, failed or cancelled. Its deadline may have been missed."""
        is_cancelled = task.state is State.CANCELLED
        late_ns = 0 if is_cancelled else task.lateness_ns
        happening = _ENDS[task.state]
        self.note(now_ns, happening, worker, task.level, kind, 0, task.number, late_ns)
        if is_cancelled:
            kind.cancelled += 1
            return
        kind.ended(task)
        if task.state is State.DONE:
            kind.done += 1
        else:
            kind.failed += 1
        if late_ns > 0:
            cause = task.cause()
            kind.missed += 1
            kind.causes[cause] += 1
            miss = Happening.MISS
            self.note(now_ns, miss, worker, task.level, kind, cause, task.number, late_ns)
