"""How is a task run, one quantum at a time? Calls, generators and coroutines, all alike."""

from __future__ import annotations

import asyncio
import inspect
import logging
import types
from concurrent.futures import CancelledError, Future
from contextvars import Context, copy_context
from threading import get_ident
from typing import TYPE_CHECKING, Any, Protocol, cast

from toolkit import hooks
from toolkit.scheduler.ambient import Modes
from toolkit.scheduler.handle import Handle, TaskShed, set_current
from toolkit.scheduler.task import State

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

__all__ = ["Job", "Spent", "Surroundings", "check_work"]

_log = logging.getLogger(__name__)
_STEPPED = (types.GeneratorType, types.CoroutineType)


class Spent:
    """Hears what a quantum copied and waited for; a listener of `toolkit.hooks`.

    Of the thread that made it only: what a task submits inherits its listeners, and runs elsewhere.
    """

    __slots__ = ("_thread", "copied_ns", "waited_ns")

    def __init__(self) -> None:
        self._thread = get_ident()
        self.copied_ns = self.waited_ns = 0

    def event(self, event: hooks.Event) -> None:
        """Add up copies between host and device, and waits."""
        if get_ident() != self._thread:
            return
        if event.kind == "copy" and event.direction in ("h2d", "d2h"):
            self.copied_ns += event.duration_ns
        elif event.kind in ("wait", "sync"):
            self.waited_ns += event.duration_ns


class Surroundings(Protocol):
    """What a device, or whatever else, wants to be told about each quantum."""

    def submitted(self, task: Handle) -> None:
        """`task` is being submitted by the calling thread."""
        ...

    def quantum(self, task: Handle, level: int) -> AbstractContextManager[None]:
        """A context manager around a quantum of `task` at `level`, on its worker."""
        ...


class Job:
    """The work of a task, with the context variables and modes of who submitted it.

    Attributes:
        handle: where the outcome goes.
        is_over: whether it has ended, with `value` or `error`.
    """

    __slots__ = (
        "_args",
        "_around",
        "_awaited",
        "_context",
        "_modes",
        "_steps",
        "_work",
        "error",
        "handle",
        "is_over",
        "value",
    )

    def __init__(
        self, work: Any, args: tuple[Any, ...], handle: Handle, around: Surroundings | None = None
    ) -> None:
        self._work = work
        self._around = around
        self._args = args
        self._steps: Any = work if isinstance(work, _STEPPED) else None
        self._context: Context = copy_context()
        self._modes = Modes()
        self._awaited: Any = None
        self.handle = handle
        self.is_over = False
        self.value: Any = None
        self.error: BaseException | None = None
        if around is not None:
            around.submitted(handle)

    def quantum(self, listeners: hooks.Table) -> Any:
        """Run until the next yield, or to the end; then `is_over`.

        Returns:
            What the task awaits: anything with `add_done_callback`; None: it only yielded.
        """
        set_current(self.handle)
        self._modes.enter()
        try:
            if self._around is None:
                return self._context.run(self._advance, listeners)
            with self._around.quantum(self.handle, self.handle.task.level):
                return self._context.run(self._advance, listeners)
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is the task's, not ours
            self._ended(None, error)
        finally:
            self._modes.leave()
            set_current(None)
        return None

    def refuse(self, error: Exception) -> None:
        """Raise `error` in the task where it awaits, instead of a result."""
        self._awaited = refused = Future[Any]()
        refused.set_exception(error)

    def outcome(self) -> tuple[Any, BaseException | None]:
        """Value and error of a task that has ended, also before its handle was told."""
        task = self.handle.task
        if task.state is State.SHED:
            return None, TaskShed(task.kind, task.number, task.dropped_by)
        return (self.value, self.error) if self.is_over else (None, CancelledError(f"{task!r}"))

    def close(self) -> None:
        """Let a generator or coroutine that was cancelled run its `finally` blocks."""
        steps, self._steps = self._steps, None
        if steps is None:
            return
        self._modes.enter()
        try:
            self._context.run(steps.close)
        except BaseException:  # noqa: BLE001 - nobody waits for it any more
            _log.exception("%r raised while it was cancelled", self.handle)
        finally:
            self._modes.leave()

    def _advance(self, listeners: hooks.Table) -> Any:
        with hooks.using(listeners):
            if self._steps is None:
                value = self._work(*self._args)
                if not isinstance(value, _STEPPED):
                    self._ended(value, None)
                    return None
                self._steps = value
            awaited, self._awaited = self._awaited, None
            try:
                asked = self._resume(awaited)
            except StopIteration as stop:
                self._ended(stop.value, None)
                return None
        if asked is not None and not hasattr(asked, "add_done_callback"):
            self._steps.close()
            raise TypeError(
                "a task yields None at the end of a quantum, or something to await: a handle, a "
                f"future, a frame's request; {self.handle!r} yielded {type(asked).__name__}."
            )
        self._awaited = asked
        return asked

    def _resume(self, awaited: Any) -> Any:
        if not isinstance(awaited, (Future, asyncio.Future)):
            return self._steps.send(None)
        value, error = outcome_of(cast("Future[Any]", awaited))
        return self._steps.send(value) if error is None else self._steps.throw(error)

    def _ended(self, value: Any, error: BaseException | None) -> None:
        self.is_over = True
        self.value = value
        self.error = error
        self._steps = None


def outcome_of(awaited: Future[Any]) -> tuple[Any, BaseException | None]:
    """Value and error of a future that is over, also where its waiters were not told yet."""
    if isinstance(awaited, Handle):
        job: Job | None = awaited.task.work
        if job is not None:  # else it was told
            return job.outcome()
    if awaited.cancelled():
        return None, CancelledError(f"{awaited!r}")
    error = awaited.exception()
    return (awaited.result(), None) if error is None else (None, error)


def check_work(work: Callable[..., Any] | Any) -> None:
    """See whether `work` can be run.

    Raises:
        TypeError: it is no callable, generator or coroutine.
    """
    if inspect.isasyncgenfunction(work):
        raise TypeError(
            f"{work.__name__} is an asynchronous generator, which no task can be: write a "
            "generator, or a coroutine that awaits checkpoint()."
        )
    if not callable(work) and not isinstance(work, _STEPPED):
        hint = " an awaitable of asyncio is none" if inspect.isawaitable(work) else ""
        raise TypeError(
            f"a task is a call, a generator or a coroutine; {type(work).__name__} is none.{hint}"
        )
