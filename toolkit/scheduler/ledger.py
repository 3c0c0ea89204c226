"""What became of a task? Its end in the trace, and in the counts of its kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.scheduler.reasons import Happening
from toolkit.scheduler.task import State

if TYPE_CHECKING:
    from toolkit.scheduler.kinds import KindState
    from toolkit.scheduler.task import Task
    from toolkit.scheduler.trace import Trace

__all__ = ["note_end"]

_DONE, _CANCELLED = State.DONE, State.CANCELLED  # looked up once: this is the hot path
_ENDS = (Happening.DONE, Happening.FAIL, Happening.CANCEL)  # in the order of states, from DONE on


def note_end(trace: Trace, task: Task, kind: KindState, now_ns: int, worker: int) -> None:
    """A task is done, failed or cancelled, and may have missed its deadline."""
    is_cancelled = task.state is _CANCELLED
    late_ns = 0 if is_cancelled else task.lateness_ns
    happening = _ENDS[task.state - _DONE]
    trace.note(now_ns, happening, worker, task.level, kind.number, 0, task.number, late_ns)
    if is_cancelled:
        kind.cancelled += 1
        return
    kind.ended(task)
    if task.state is _DONE:
        kind.done += 1
    else:
        kind.failed += 1
    if late_ns > 0:
        cause = task.cause()
        kind.missed += 1
        kind.causes[cause] += 1
        miss = Happening.MISS
        trace.note(now_ns, miss, worker, task.level, kind.number, cause, task.number, late_ns)
