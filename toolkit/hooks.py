"""How does a layer say what it used? It reports here; whoever measures listens.

Every layer reports what it takes: allocations, copies, synchronisations, waits, input and output.
Nobody listens by default, and then a report costs one look-up of a context variable. Listeners
live in a context variable, so two threads or two tasks do not hear each other; a pipeline or a
reader thread carries the listeners of the place that started it with `table` and `using`.

Standard library only: this module reports, it never computes.
"""

from __future__ import annotations

import logging
import threading
import time
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

__all__ = [
    "HOOK_NAMES",
    "KINDS",
    "Event",
    "Scope",
    "Table",
    "current_scope",
    "device_memory",
    "frame_begin",
    "frame_end",
    "is_foreign_thread",
    "is_listening",
    "is_timed",
    "listen",
    "report",
    "scope",
    "table",
    "timed",
    "timing",
    "unlisten",
    "unlisten_all",
    "using",
]

KINDS = ("alloc", "free", "copy", "sync", "wait", "io", "serialize", "gc", "convert", "drop")
_NOTED = ("scope_begin", "scope_end", "frame_begin", "frame_end")
HOOK_NAMES = ("event", *_NOTED, "device_begin", "device_end")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Event:
    """One use of a resource, as plain data.

    Attributes:
        kind: one of `KINDS`.
        nbytes: bytes allocated, freed, copied, converted or read; 0 where a count is all there is.
        device: where it happened, such as `"cpu"` or `"cuda:0"`.
        direction: of a copy: `"h2d"`, `"d2h"`, `"d2d"` or `"h2h"`; else empty.
        stage: the scope that was open, or empty outside of any.
        op: the operator or boundary, such as `"aten::clone"` or `"decode"`.
        source: user source line, where the level of profiling gives one.
        t_ns: when it began, on the `time.perf_counter_ns` clock.
        duration_ns: how long it took; 0 where it was not timed.
        frame: index of the frame it was spent on, or -1 outside of any.
        off_cpu_ns: of `duration_ns`, how long the thread did not run; 0 where it was not measured.
    """

    kind: str
    nbytes: int = 0
    device: str = "cpu"
    direction: str = ""
    stage: str = ""
    op: str = ""
    source: str = ""
    t_ns: int = 0
    duration_ns: int = 0
    frame: int = -1
    off_cpu_ns: int = 0


class Scope(NamedTuple):
    """Whom a resource is charged to: one stage, on one frame, of one pipeline."""

    stage: str
    frame: int = -1
    pipeline: str = ""


_make: Callable[[type[Scope], tuple[str, int, str]], Scope] = tuple.__new__
_never: Callable[[object], bool] = ().__contains__  # a call that runs no Python


class _Hook:
    """A listener with its switch, and with the functions that take note of scopes and frames.

    A broken one is logged and switched off in every table at once.
    """

    __slots__ = ("frame_begin", "frame_end", "is_on", "listener", "scope_begin", "scope_end")

    def __init__(self, listener: object) -> None:
        self.listener = listener
        self.is_on = True
        for name in _NOTED:
            setattr(self, name, getattr(listener, f"note_{name}", _never))

    def broke(self, name: str) -> None:
        """Switch it off, and log what it raised."""
        self.is_on = False
        for one in _NOTED:
            setattr(self, one, _never)
        _log.exception(
            "%r raised in its hook %r and is switched off; what it measured stops here",
            self.listener,
            name,
        )


class Table:
    """An immutable set of listeners, one row of bound methods for each hook name.

    A listener is an object with any of the methods named in `HOOK_NAMES`:
    `event(event)`, `scope_begin(scope)`, `scope_end(scope)`, `frame_begin(index)`,
    `frame_end(index)`, `device_begin(device)`, `device_end(device)`. A hook that nobody asked for
    costs one look-up.

    Scopes and frames begin and end where the caches are full of pixels, and each step is dear. So a
    listener may have `note_scope_begin(scope)`, `note_scope_end(scope)`, `note_frame_begin(index)`
    and `note_frame_end(index)`, too. Where no other listener hears of these, they are called first;
    whoever answers True has taken note, and its hook is not called.
    """

    __slots__ = ("_hooks", "_rows", "frames", "scopes")

    def __init__(self, hooks: tuple[_Hook, ...] = ()) -> None:
        self._hooks = hooks
        self._rows: dict[str, tuple[tuple[_Hook, Callable[..., object]], ...]] = {}
        for name in HOOK_NAMES:
            row = tuple(
                (hook, getattr(hook.listener, name))
                for hook in hooks
                if hasattr(hook.listener, name)
            )
            if row:
                self._rows[name] = row
        self.scopes = self._only("scope_begin", "scope_end")
        self.frames = self._only("frame_begin", "frame_end")

    def _only(self, *names: str) -> _Hook:
        """Who alone hears of these; else somebody who takes no note."""
        heard = {hook for name in names for hook, _ in self._rows.get(name, ())}
        return heard.pop() if len(heard) == 1 else _nobody_notes

    def __contains__(self, name: str) -> bool:
        return name in self._rows

    def __bool__(self) -> bool:
        return bool(self._hooks)

    def __repr__(self) -> str:
        names = ", ".join(type(hook.listener).__name__ for hook in self._hooks)
        return f"Table({names or 'nobody listens'})"

    def __or__(self, other: Table) -> Table:
        """Both sets of listeners, each once. Gives back `self` or `other` where one holds all."""
        added = tuple(hook for hook in other._hooks if hook not in self._hooks)
        if not added:
            return self
        return Table(self._hooks + added) if self._hooks else other

    def has(self, listener: object) -> bool:
        """Whether `listener` is among them."""
        return any(hook.listener is listener for hook in self._hooks)

    def plus(self, listener: object) -> Table:
        """The same table with `listener` too: an object with any method of `HOOK_NAMES`.

        Raises:
            TypeError: it has none of them, so that it would never hear anything.
        """
        if not any(hasattr(listener, name) for name in HOOK_NAMES):
            raise TypeError(
                f"{type(listener).__name__} has none of the hooks {', '.join(HOOK_NAMES)}: "
                "give it a method of one of these names."
            )
        return self if self.has(listener) else Table((*self._hooks, _Hook(listener)))

    def less(self, other: Table) -> Table:
        """The same table without the listeners of `other`."""
        return Table(tuple(hook for hook in self._hooks if hook not in other._hooks))

    def without(self, listener: object) -> Table:
        """The same table with `listener` taken out."""
        return Table(tuple(hook for hook in self._hooks if hook.listener is not listener))

    def call(self, name: str, *values: object) -> None:
        """Call hook `name` of every listener that has it.

        A broken listener is logged and dropped.
        """
        for hook, method in self._rows.get(name, ()):
            if hook.is_on:
                try:
                    method(*values)
                except Exception:  # noqa: BLE001 - whatever a listener raises must not stop a frame
                    hook.broke(name)


_nobody_notes = _Hook(None)
_nobody = Table()
_table: ContextVar[Table] = ContextVar("toolkit.hooks.table", default=_nobody)
_scope: ContextVar[Scope | None] = ContextVar("toolkit.hooks.scope", default=None)
_timing: ContextVar[timed | None] = ContextVar("toolkit.hooks.timing", default=None)


def table() -> Table:
    """The listeners of this context, to carry to another thread with `using`."""
    return _table.get()


def is_listening() -> bool:
    """Whether anybody listens in this context."""
    return bool(_table.get())


def current_scope() -> Scope | None:
    """The scope that is open in this context, or None. Kept only while somebody listens."""
    return _scope.get()


def listen(listener: object) -> None:
    """Let `listener` hear this context from now on: an object with any method of `HOOK_NAMES`.

    Raises:
        TypeError: it has none of them, so that it would never hear anything.
    """
    _table.set(_table.get().plus(listener))


def unlisten(listener: object) -> None:
    """Take `listener` out of this context. Nothing happens where it did not listen."""
    device_memory._last = None
    left = _table.get().without(listener)
    _table.set(left)
    if not left:  # an interrupt may have kept a block from closing its own
        _scope.set(None)
        _timing.set(None)


def unlisten_all() -> None:
    """Let nobody hear this context: for a thread of its own that must stand on no bill."""
    _table.set(_nobody)


class using:  # noqa: N801 - reads as a statement: `with hooks.using(table):`
    """Context manager: the listeners of `table` hear this context too, beside those it has.

    Who begins to listen inside of it, and goes on after it, stays.
    """

    __slots__ = ("_before", "_joined", "_table")

    def __init__(self, table: Table) -> None:
        self._table = table

    def __enter__(self) -> Table:
        self._before = _table.get()
        self._joined = joined = self._before | self._table
        if joined is not self._before:
            _table.set(joined)
        return joined

    def __exit__(self, *_: object) -> None:
        if self._joined is self._before:
            return
        now = _table.get()
        if now is self._joined:
            _table.set(self._before)
        else:
            _table.set(now.less(self._joined.less(self._before)))


def report(
    kind: str,
    nbytes: int = 0,
    *,
    device: str = "cpu",
    direction: str = "",
    op: str = "",
    source: str = "",
    t_ns: int = 0,
    duration_ns: int = 0,
    off_cpu_ns: int = 0,
) -> None:
    """Report one use of a resource; stage and frame are those of the open scope.

    Args:
        kind: one of `KINDS`.
        nbytes: how many bytes, 0 where only the count matters.
        device: where, such as `"cpu"`.
        direction: of a copy, `"h2d"`, `"d2h"`, `"d2d"` or `"h2h"`.
        op: the boundary or operator.
        source: source line, where known.
        t_ns: when it began; now, where it is left out.
        duration_ns: how long it took.
        off_cpu_ns: of that, how long the thread did not run, where it was measured.
    """
    listeners = _table.get()
    if "event" not in listeners:
        return
    where = _scope.get()
    event = Event(
        kind,
        nbytes,
        device,
        direction,
        where.stage if where else "",
        op,
        source,
        t_ns or time.perf_counter_ns() - duration_ns,
        duration_ns,
        where.frame if where else -1,
        off_cpu_ns,
    )
    listeners.call("event", event)


class timed:  # noqa: N801 - reads as a statement: `with hooks.timed("wait", op="ring"):`
    """Context manager: `report` with the measured duration. Measures nothing when nobody listens.

    The event is reported when the block raises, too: the time was spent.

    Attributes:
        kind: of the event.
        nbytes: of the event; the block may set it.
        is_told: whether the event is reported at the end; the block may set it.
        outer: the one that was open around this one, of any kind.
    """

    __slots__ = ("_cpu_ns", "_start_ns", "_values", "is_told", "kind", "nbytes", "outer")

    def __init__(
        self, kind: str, nbytes: int = 0, *, device: str = "cpu", direction: str = "", op: str = ""
    ) -> None:
        self.kind = kind
        self.nbytes = nbytes
        self.is_told = True
        self.outer: timed | None = None
        self._values = (device, direction, op)

    def __enter__(self) -> Self:
        self._start_ns = 0
        if "event" in _table.get():
            self.outer = _timing.get()
            try:
                _timing.set(self)
                self._cpu_ns = time.thread_time_ns()
                self._start_ns = time.perf_counter_ns()
            except BaseException:  # an interrupt: the block is not entered, nor left
                _timing.set(self.outer)
                raise
        return self

    def __exit__(self, *_: object) -> None:
        if not self._start_ns:
            return
        took_ns = time.perf_counter_ns() - self._start_ns
        ran_ns = time.thread_time_ns() - self._cpu_ns
        _timing.set(self.outer)
        if self.is_told:
            device, direction, op = self._values
            report(
                self.kind,
                self.nbytes,
                device=device,
                direction=direction,
                op=op,
                t_ns=self._start_ns,
                duration_ns=took_ns,
                off_cpu_ns=max(took_ns - ran_ns, 0),
            )


def is_timed(*kinds: str) -> bool:
    """Whether a block of `timed` of one of these kinds is open around: its event tells it all."""
    return any(timing(kind) is not None for kind in kinds)


def timing(kind: str) -> timed | None:
    """The innermost `timed` of this kind that is open and measures in this context, or None."""
    at = _timing.get()
    while at is not None and at.kind != kind:
        at = at.outer
    return at


class scope:  # noqa: N801 - reads as a statement: `with hooks.scope("blur", 12):`
    """Context manager: what is used inside is charged to `stage`, on frame `frame`.

    Scopes nest; the inner one is charged. When nobody listens it does nothing at all.
    """

    __slots__ = ("_here", "_listeners", "_outer", "frame", "pipeline", "stage")

    def __init__(self, stage: str, frame: int = -1, pipeline: str = "") -> None:
        self.stage = stage
        self.frame = frame
        self.pipeline = pipeline

    def __enter__(self) -> None:
        listeners = self._listeners = _table.get()
        if listeners._hooks:
            self._outer = _scope.get()
            here = self._here = _make(Scope, (self.stage, self.frame, self.pipeline))
            _scope.set(here)
            try:
                if not listeners.scopes.scope_begin(here):
                    listeners.call("scope_begin", here)
            except Exception:  # noqa: BLE001 - as in `Table.call`
                listeners.scopes.broke("note_scope_begin")
            except BaseException:  # an interrupt: the block is not entered, nor left
                _scope.set(self._outer)
                raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        listeners = self._listeners
        if listeners._hooks:
            here = self._here
            _scope.set(self._outer)
            try:
                if not listeners.scopes.scope_end(here):
                    listeners.call("scope_end", here)
            except Exception:  # noqa: BLE001 - as in `Table.call`
                listeners.scopes.broke("note_scope_end")


def frame_begin(index: int) -> None:
    """Say that work on frame `index` begins in this context."""
    _tell_of_frame("frame_begin", index)


def frame_end(index: int) -> None:
    """Say that work on frame `index` is done."""
    _tell_of_frame("frame_end", index)


def _tell_of_frame(name: str, index: int) -> None:
    listeners = _table.get()
    try:
        if not getattr(listeners.frames, name)(index):
            listeners.call(name, index)
    except Exception:  # noqa: BLE001 - as in `Table.call`
        listeners.frames.broke(f"note_{name}")


def is_foreign_thread() -> bool:
    """Whether the calling thread was not started by Python, such as torch's own for gradients."""
    me = threading.get_ident()
    return all(thread.ident != me for thread in threading.enumerate())


class device_memory:  # noqa: N801 - reads as a statement: `with hooks.device_memory("emu:0"):`
    """Context manager: what torch's host allocator gives and takes inside is a device's memory.

    A device that is emulated keeps its memory there. When nobody listens it does nothing at all.
    Threads of torch's own, which compute gradients, are heard by who heard a device last.
    """

    __slots__ = ("_heard", "device")
    _last: ClassVar[Table | None] = None

    def __init__(self, device: str) -> None:
        self.device = device

    def __enter__(self) -> None:
        heard = _table.get()
        if "device_begin" in heard:
            device_memory._last = self._heard = heard
        else:
            is_ours = device_memory._last is None or not is_foreign_thread()
            self._heard = None if is_ours else device_memory._last
        if self._heard is not None:
            self._heard.call("device_begin", self.device)

    def __exit__(self, *_: object) -> None:
        if self._heard is not None:
            self._heard.call("device_end", self.device)
