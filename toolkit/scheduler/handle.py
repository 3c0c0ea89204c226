"""How do I get the result? A future, for threads, for asyncio and for other tasks."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import CancelledError, Future
from typing import TYPE_CHECKING, Any

from toolkit.scheduler.levels import Level
from toolkit.scheduler.task import State

if TYPE_CHECKING:
    from collections.abc import Generator

    from toolkit.scheduler.reasons import Reason
    from toolkit.scheduler.scheduler import Scheduler
    from toolkit.scheduler.task import Task

__all__ = ["Handle", "TaskShed", "checkpoint", "current"]

_here = threading.local()


class TaskShed(CancelledError):
    """The task was dropped before it began. Carries `reason`."""

    def __init__(self, kind: str, number: int, reason: Reason) -> None:
        super().__init__(
            f"task {number} of kind {kind!r} was dropped before it began: {reason.name.lower()}."
        )
        self.reason = reason


class _Condition:
    """A future's condition, made when somebody needs it: most results nobody waits for."""

    def __get__(self, handle: Any, owner: Any = None) -> Any:
        return handle.__dict__.setdefault("_condition", threading.Condition())


class Handle(Future[Any]):
    """The result of a task, as `concurrent.futures.Future`, and as something to await.

    `handle.result()` on a thread outside lends the task HIGH while it waits. A task does not block
    its worker: it says `value = yield handle`, or `await handle` in a coroutine, and lends its own
    level.

    Attributes:
        task: the record that the policy has of it: level, times, state.
        progress: what the task reported last with `current().report(...)`, or None.
    """

    _condition = _Condition()  # pyright: ignore[reportAssignmentType]

    def __init__(self, scheduler: Scheduler, task: Task) -> None:
        # As Future does, but for the condition.
        self._state = "PENDING"
        self._result = None
        self._exception = None
        self._waiters: list[Any] = []
        self._done_callbacks: list[Any] = []
        self._scheduler = scheduler
        self.task = task
        self.progress: Any = None

    def __repr__(self) -> str:
        return f"Handle({self.task.kind} {self.task.number}, {self.task.state.name})"

    @property
    def number(self) -> int:
        """The number of the task in the trace."""
        return self.task.number

    @property
    def kind(self) -> str:
        """The kind of the task."""
        return self.task.kind

    def is_of(self, threads: object) -> bool:
        """Whether these threads run the task."""
        return self._scheduler.threads is threads

    def running(self) -> bool:
        """Whether a quantum of it runs at the moment."""
        return self.task.state is State.RUNNING

    def report(self, progress: Any) -> None:
        """Say how far the task is; whoever holds the handle reads `progress`."""
        self.progress = progress

    def cancel(self) -> bool:
        """End the task: at once while it does not run, else at the end of its quantum.

        A plain call has one quantum, and ends as it would have.

        Returns:
            False where it has ended already.
        """
        return self._scheduler.cancel(self)

    def result(self, timeout: float | None = None) -> Any:
        """The result; blocks until it is there, and lends HIGH to the task meanwhile.

        Raises:
            TimeoutError: it was not there within `timeout` seconds.
            CancelledError: it was cancelled; `TaskShed` where it was dropped.
            RuntimeError: called by a task, whose worker would be blocked.
            Exception: what the task raised.
        """
        if self.done():
            return super().result()
        with self._scheduler.waiting(self, Level.HIGH):
            return super().result(timeout)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """What the task raised, or None; blocks as `result` does."""
        if self.done():
            return super().exception()
        with self._scheduler.waiting(self, Level.HIGH):
            return super().exception(timeout)

    def __await__(self) -> Generator[Any, Any, Any]:
        """Await it in a coroutine: one of the scheduler's own, or one of asyncio."""
        if current() is not None:
            return (yield self)
        return (yield from asyncio.wrap_future(self).__await__())

    def finish(self, value: Any, error: BaseException | None) -> None:
        """Set the outcome and wake who waits. For the executor."""
        if self._state == "PENDING":
            self._state = "RUNNING"
        if error is None:
            self.set_result(value)
        else:
            self.set_exception(error)

    def end_cancelled(self) -> None:
        """Wake who waits: there will be no result. For the executor."""
        super().cancel()
        self.set_running_or_notify_cancel()


def current() -> Handle | None:
    """The handle of the task that the calling thread runs, or None outside of any."""
    return getattr(_here, "handle", None)


def set_current(handle: Handle | None) -> None:
    """Say which task the calling thread runs. For the executor."""
    _here.handle = handle


class _Checkpoint:
    __slots__ = ()

    def __await__(self) -> Generator[None, None, None]:
        yield


def checkpoint() -> _Checkpoint:
    """End a quantum of a coroutine by awaiting this, as `yield` does in a generator."""
    return _Checkpoint()
