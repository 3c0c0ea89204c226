"""Who called torch, and what did the call do inside? Two modes of torch that one thread wears.

A function mode sees each call at the line that made it, also uploads such as
`torch.tensor(values, device=...)`. It pushes a mark into the allocator's stream, so that every
block between the ends of a mark was taken by that call, temporaries of kernels included. Calls that
may copy or wait are looked into by a dispatch mode, which tells sizes, directions and devices.

A function of `torch.compile` is compiled once more at its first look, for the compiler asks which
modes are worn. That is on the bill, as any compiling is.

The modes lie below those of the user, so that whoever enters and leaves a mode of his own finds
his own on top.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import replace
from functools import partial
from importlib import import_module
from itertools import chain, islice
from sys import modules
from typing import TYPE_CHECKING, Any

import torch
from torch.compiler import is_dynamo_compiling
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from toolkit.profiling import sources
from toolkit.profiling.bottlenecks import BOTTLENECKS
from toolkit.profiling.call_kinds import (
    CHANGED,
    IN_PLACE,
    INDEX,
    INTO_OUT,
    OTHER,
    PLAIN,
    PROPERTY,
    TOLD,
    VIEW,
    is_view_index,
    kind_of,
    name_of,
)
from toolkit.profiling.effects import (
    COPIES,
    NOTHING,
    READS,
    Copy,
    copy_of,
    device_of,
    effect_of,
    tells_by_itself,
)
from toolkit.profiling.in_place import fills_first, fills_out, gives_view, stays_on_host
from toolkit.profiling.marks import RETURNED

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from toolkit.hooks import Event

    _Test = Callable[[tuple[type, ...], tuple[Any, ...], dict[str, Any] | None], bool]

__all__ = ["Seen", "Watch"]

_core: Any = import_module("torch._C")
_Mark: Any = _core._profiler._RecordFunctionFast
_let_operators: Callable[[bool], None] = _core._autograd._enable_record_function
_caller: Callable[[int], FrameType] = import_module("sys")._getframe
_worn_at: Callable[[int], Any] = _core._get_function_stack_at
_depth: Callable[[], int] = _core._len_torch_function_stack
_pop: Callable[[], Any] = _core._pop_torch_function_stack
_push: Callable[[Any], None] = _core._push_on_torch_function_stack
_looks: Callable[[], int] = _core._len_torch_dispatch_stack
_look_at: Callable[[int], Any] = _core._get_dispatch_stack_at
_pop_look: Callable[[], Any] = partial(_core._pop_torch_dispatch_stack, None)
_push_look: Callable[[Any], None] = _core._push_on_torch_dispatch_stack
_stays_at_the_bottom: type = import_module("torch.utils._device").DeviceContext

_COMPILER = "torch._dynamo"
_TESTS = {VIEW: gives_view, INDEX: gives_view, IN_PLACE: fills_first, INTO_OUT: fills_out}
_UPLOADS = frozenset({"tensor", "as_tensor", "asarray", "new_tensor", "scalar_tensor"})


class Seen:
    """What the modes saw in one segment.

    Attributes:
        copies: those that the stream shows too, by the number in their mark.
        reads: copies that the stream does not show: a number read from a device. With the mark of
            the call, the operator, and when it was.
        syncs: mark, operator, device, when, and how long.
        told: mark, and a copy or wait that a layer reported meanwhile: counted there, with no line.
        windows: when copies ran, where that is wanted.
        calls: when each call into torch began and ended, and its mark; likewise.
        unmarked: of calls that take no memory and have no mark, by operator: how often, and ns.
    """

    __slots__ = ("calls", "copies", "reads", "syncs", "told", "unmarked", "windows")

    def __init__(self) -> None:
        self.copies: list[Copy | None] = []
        self.reads: list[tuple[str, str, Copy, int]] = []
        self.syncs: list[tuple[str, str, str, int, int]] = []
        self.told: list[tuple[str, Event]] = []
        self.windows: list[tuple[int, int]] = []
        self.calls: list[tuple[int, int, str]] = []
        self.unmarked: dict[str, list[int]] = {}


class Watch(TorchFunctionMode):
    """The modes of one thread, worn from `begin` to `end`."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = Seen()
        self.reported = 0  # copies and waits that a layer of the toolkit told by itself
        self.mark = ""  # of the call under way
        self.is_looking = False  # into that call, so that operators are let in
        self.keeps_times = False  # of calls and copies, to be matched with what the driver did
        self._is_quiet = False
        self._is_host_only = False
        self._is_worn = False
        self._inside = _Inside(self)
        self._hidden = _HiddenInside(self)
        self._kinds: dict[Any, tuple[int, str, _Test | None]] = {}
        # Places in the code, by id of the code and offset, and what they called.
        self._take_nothing: dict[tuple[int, int], Any] = {}

    def begin(self, *, is_quiet: bool, is_host_only: bool = False) -> None:
        """Put the modes on.

        Args:
            is_quiet: the stream leaves operators out. It is told to take them in for marks, and
                for calls that are looked into or listened to.
            is_host_only: there is no other device, so that listening to a call may be enough.
        """
        self._is_quiet = is_quiet
        self._is_host_only = is_host_only
        self.seen = Seen()
        self._take_nothing.clear()
        self._is_worn = True
        if not self.mark:  # else a call is under way, which puts the mode back when it returns
            _put_at_the_bottom(self)

    def end(self) -> Seen:
        """Take the modes off, and hand out what they saw."""
        self._is_quiet = False
        if self._is_worn:
            _take_out(self)
            self._is_worn = False
        return self.seen

    def turn(self) -> Seen:
        """Hand out what they saw, and go on with the next segment. No call may be under way."""
        seen, self.seen = self.seen, Seen()
        self._take_nothing.clear()
        return seen

    def located(self, event: Event) -> Event:
        """What a layer reported, with the line that is to blame for it, where one is known."""
        if event.kind in BOTTLENECKS:
            return sources.located(event)
        return self.told(event) if event.kind in ("copy", "sync") and self.mark else event

    def told(self, event: Event) -> Event:
        """What a layer reported inside of the call under way, with the line of that call."""
        self.seen.told.append((self.mark, event))
        known = sources.call(self.mark)
        return event if known is None or event.source else replace(event, source=known.source)

    def reset(self) -> None:
        """Forget the call under way: an interrupt may have come before it was left."""
        self.mark = ""
        self.is_looking = False
        looks = [_look_at(place) for place in range(_looks())]
        others = [one for one in looks if one is not self._inside and one is not self._hidden]
        if len(others) < len(looks):
            _set(_pop_look, len(looks), _push_look, others)

    def __torch_function__(  # noqa: C901 - every call of torch comes by here, and pays for each step
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if is_dynamo_compiling():  # true where the compiler reads this, which it cannot compile
            return func(*args, **kwargs) if kwargs else func(*args)
        known = self._kinds.get(func)
        if known is None:
            kind = kind_of(func)
            known = self._kinds[func] = (kind, name_of(func), _TESTS.get(kind))
        kind, op, takes_nothing = known
        if kind == INDEX:
            kind = VIEW if is_view_index(args[1]) else OTHER
        if kind == PROPERTY or not self._is_worn or (kind == VIEW and self._is_quiet):
            return func(*args, **kwargs) if kwargs else func(*args)
        if kind < OTHER:
            if self._is_quiet and takes_nothing is not None:
                at = _caller(1)
                place = id(at.f_code), at.f_lasti
                is_known = self._take_nothing.get(place) is func
                if is_known or takes_nothing(types, args, kwargs):
                    self._take_nothing[place] = func
                    return func(*args, **kwargs) if kwargs else func(*args)
            elif takes_nothing is not None and takes_nothing(types, args, kwargs):
                return self._call_unmarked(op, func, args, kwargs)
            if kind == VIEW:
                return func(*args, **kwargs) if kwargs else func(*args)
            kind = PLAIN
        elif kind == CHANGED and device_of(args) == "cpu":
            kind = PLAIN
        elif kind == TOLD and not (
            self._is_host_only and self._is_quiet and stays_on_host(types, args, kwargs)
        ):
            kind = OTHER
        name = sources.mark(op, _caller(1), is_looked_into=kind != PLAIN)
        return self._call_marked(name, kind, func, args, kwargs)

    def _call_marked(
        self,
        name: str,
        kind: int,
        func: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any] | None,
    ) -> Any:
        outer, self.mark = self.mark, name
        seen = self.seen
        begin_ns = time.perf_counter_ns() if self.keeps_times else 0
        try:
            if kind == TOLD:
                return self._listen_to(name, func, args, kwargs or {})
            if kind != PLAIN:
                return self._look_into(name, func, args, kwargs or {})
            mark = _Mark(name)
            if self._is_quiet:
                _let_operators(True)
                mark.__enter__()
                _let_operators(False)
            else:
                mark.__enter__()
            try:
                return func(*args, **kwargs) if kwargs else func(*args)
            finally:
                mark.__exit__(None, None, None)
        finally:
            self.mark = outer
            if self.seen is not seen and self._is_worn:
                self._say_that_it_returned(outer)
            if begin_ns:
                self.seen.calls.append((begin_ns, time.perf_counter_ns(), name))

    def _say_that_it_returned(self, outer: str) -> None:
        """A call ends that began before the segment, so that its own mark is not in the stream."""
        if self._is_quiet:
            _let_operators(True)
        with _Mark(RETURNED + outer):
            pass
        if self._is_quiet:
            _let_operators(False)

    def _call_unmarked(
        self, op: str, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any] | None
    ) -> Any:
        """A call that takes nothing is counted here, and the stream is spared its operators."""
        begin = time.perf_counter_ns()
        try:
            _let_operators(False)
            result = func(*args, **kwargs) if kwargs else func(*args)
        finally:
            _let_operators(True)
        took = time.perf_counter_ns() - begin
        known = self.seen.unmarked.get(op)
        if known is None:
            self.seen.unmarked[op] = [1, took]
        else:
            known[0] += 1
            known[1] += took
        return result

    def _listen_to(
        self, name: str, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """The stream shows the operators of a call, and tells of its copies by itself."""
        _let_operators(True)
        self.is_looking = True
        try:
            with _Mark(name):
                return func(*args, **kwargs)
        finally:
            self.is_looking = False
            _let_operators(False)

    def _look_into(
        self, name: str, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if self._is_quiet:
            _let_operators(True)
        self.is_looking = True
        inside = self._hidden if _COMPILER in modules else self._inside
        depth = _looks()
        try:
            with _Mark(name):
                # Not by `with`: that runs Python of torch's, which an interrupt may stop half-way.
                _push_look(inside)
                try:
                    if getattr(func, "__name__", "") in _UPLOADS:
                        return self._upload(func, args, kwargs)
                    return func(*args, **kwargs)
                finally:
                    if _looks() > depth:
                        _pop_look()
        finally:
            self.is_looking = False
            if self._is_quiet:
                _let_operators(False)

    def _upload(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A call that makes a tensor of Python's values: dispatch modes do not see its copy."""
        told, begin = self.reported, time.perf_counter_ns()
        place = self._number()
        with _Mark(f"#{place}"):
            result = func(*args, **kwargs)
        is_copy = isinstance(result, torch.Tensor) and result.device.type not in ("cpu", "emu")
        if is_copy and self.reported == told:
            source = args[0] if args and isinstance(args[0], torch.Tensor) else None
            from_where = source.device if source is not None else torch.device("cpu")
            copy = Copy(from_where, result.device, result.numel() * result.element_size())
            self.seen.copies[place] = copy
            self._keep_window(begin)
            if copy.direction == "h2d":
                self.wait(name_of(func), copy.device, begin)
        return result

    def wait(self, op: str, device: str, begin_ns: int) -> None:
        """The host waited for a device since `begin_ns`."""
        took = time.perf_counter_ns() - begin_ns
        self.seen.syncs.append((self.mark, op, device, begin_ns, took))

    def _keep_window(self, begin_ns: int) -> None:
        if self.keeps_times:
            self.seen.windows.append((begin_ns, time.perf_counter_ns()))

    def _number(self) -> int:
        self.seen.copies.append(None)
        return len(self.seen.copies) - 1

    # -- what the dispatch mode tells -------------------------------------------------------------

    def copied(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call an operator that may copy, and note what it copied."""
        told, begin = self.reported, time.perf_counter_ns()
        seen, place = self.seen, self._number()
        with _Mark(f"#{place}"):
            result = func(*args, **kwargs)
        if self.reported == told and not tells_by_itself(result, args):
            is_blocking = not (kwargs.get("non_blocking", False) or args[2:3] == (True,))
            copy = copy_of(func, args, result, waits=is_blocking)
            seen.copies[place] = copy
            if copy is not None:
                self._keep_window(begin)
            if copy is not None and copy.waits:
                self.wait(_op(func), copy.device, begin)
        return result

    def read(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call the operator that reads one number, and note it if that lies on a device."""
        told, begin = self.reported, time.perf_counter_ns()
        result = func(*args, **kwargs)
        source = args[0]
        if source.device.type not in ("cpu", "emu") and self.reported == told:
            copy = Copy(source.device, torch.device("cpu"), source.element_size())
            self.seen.reads.append((self.mark, _op(func), copy, begin))
            self._keep_window(begin)
            self.wait(_op(func), str(source.device), begin)
        return result

    def waited(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call an operator that waits for the values, and note it if they lie on a device."""
        told, begin = self.reported, time.perf_counter_ns()
        result = func(*args, **kwargs)
        device = device_of(args)
        if device != "cpu" and self.reported == told and not tells_by_itself(args):
            self.wait(_op(func), device, begin)
        return result


class _Inside(TorchDispatchMode):
    """Sees the operators inside of one call."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """No: hiding it imports the compiler, which takes seconds and bears no interrupt."""
        return False

    def __init__(self, watch: Watch) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        self._watch = watch

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        effect = effect_of(func, args)
        values = kwargs or {}
        if effect == NOTHING:
            return func(*args, **values)
        if effect == COPIES:
            return self._watch.copied(func, args, values)
        if effect == READS:
            return self._watch.read(func, args, values)
        return self._watch.waited(func, args, values)


class _HiddenInside(_Inside):
    """The same where the compiler is in use already: it must not compile what looks at it."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return True

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        return super().__torch_dispatch__(func, types, args, kwargs)


def _op(operator: Any) -> str:
    return str(operator._schema.name)


def _put_at_the_bottom(mode: TorchFunctionMode) -> None:
    """Below all other modes but that of a default device, which torch wants at the very bottom."""
    worn = _worn()
    place = 0
    while place < len(worn) and isinstance(worn[place], _stays_at_the_bottom):
        place += 1
    _wear([*worn[:place], mode, *worn[place:]])


def _take_out(mode: TorchFunctionMode) -> None:
    worn = _worn()
    if mode in worn:
        _wear([one for one in worn if one is not mode])


def _worn() -> list[Any]:
    return [_worn_at(place) for place in range(_depth())]


def _wear(modes: list[Any]) -> None:
    _set(_pop, _depth(), _push, modes)


def _set(pop: Callable[[], Any], depth: int, push: Callable[[Any], None], modes: list[Any]) -> None:
    """Have exactly these on a stack, lowest first. One call made in C: no interrupt splits it."""
    deque(chain(islice(iter(pop, None), depth), map(push, modes)), maxlen=0)
