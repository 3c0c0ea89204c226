"""Can the allocator's reports be taken below Python? Yes, where a C++ compiler is at hand.

`build_hook()` compiles `hook.cpp` once, in about 4 s, into the user's cache folder. From then on
every session loads it in milliseconds and listens through it on every level, while no device but
the host is in use: sums where no operators are asked for, else every event in order. The numbers
are those of torch's own profiler; only the price is another. Nothing is compiled without being
asked for, least of all in a session.

How it works: torch's allocators report every block to what lies in one slot of the thread, the slot
of its profilers, and the hook puts an object of its own there. Operators come by callbacks of the
thread. These are the parts of torch's C++ that are private (2.6 to 2.13): `ThreadLocalDebugInfo`
with its slot `PROFILER_STATE`, `MemoryReportingInfoBase`, `RecordFunctionCallback`, and
`ProfilerStateBase` from `torch/csrc/profiler/orchestration`. A torch in which they are gone fails
to compile it, and one that gives other numbers fails the comparison made when it is loaded; in both
cases a warning says so, and torch's own profiler does the work.
"""

from __future__ import annotations

import ctypes
import struct
import threading
import warnings
from array import array
from typing import TYPE_CHECKING, NamedTuple

import torch

from toolkit.profiling.hook_building import CACHE, HookBuildError, built_path, compile_hook
from toolkit.profiling.sums import Sums, sums_of

if TYPE_CHECKING:
    from pathlib import Path

    from toolkit.profiling.sums import SumsBetween

__all__ = ["Hook", "HookWarning", "Stretch", "build_hook", "loaded_hook", "use_built_hook"]

_SUMS = struct.Struct(f"={len(Sums._fields)}q")
_LIST = struct.Struct("=4q")  # length, and where the three columns lie
_MOST_KEPT = 64  # stretches that are read at once
_BETWEEN = struct.Struct(f"={4 + len(Sums._fields)}q")
_PROBE = (3, 5)  # floats


class HookWarning(RuntimeWarning):
    """The compiled hook cannot be had; sessions count through torch's own profiler instead."""


class Stretch(NamedTuple):
    """What one thread did, in order, as columns of equal length.

    Attributes:
        names: of the operator or mark where one begins; empty where one ends, and for memory.
        sizes: bytes allocated, negative if freed; 0 where an operator begins or ends.
        at_ns: when it was, in nanoseconds since the start.
    """

    names: list[str]
    sizes: list[int]
    at_ns: array[int]


class Hook:
    """The compiled hook, as it serves one thread. About 1 us from start to stop.

    Args:
        path: of the compiled file.

    Raises:
        OSError: it cannot be loaded.
        AttributeError: it is something else.
    """

    __slots__ = (
        "_kept",
        "_library",
        "_names",
        "_out",
        "_start",
        "_stop",
        "_take",
        "is_free",
        "path",
        "pause",
        "resume",
        "turn",
    )

    def __init__(self, path: Path) -> None:
        # PyDLL keeps the interpreter's lock: the calls are shorter than handing it over.
        self.path = path
        self._library = ctypes.PyDLL(str(path))
        self._library.downhill_hook_name.restype = ctypes.c_char_p
        self._library.downhill_hook_list.restype = None
        self._start = self._library.downhill_hook_start
        self._stop = self._library.downhill_hook_stop
        self.is_free = self._library.downhill_hook_is_free
        # One call for all that a plain stretch begins or ends with; see `AllocatorStream`.
        self.resume = self._library.downhill_hook_resume
        self.resume.restype = ctypes.c_int64
        self.pause = self._library.downhill_hook_pause
        self.turn = self._library.downhill_hook_turn
        self.turn.restype = ctypes.c_int64
        self._take = self._library.downhill_hook_take
        self._kept = ctypes.create_string_buffer(_MOST_KEPT * _BETWEEN.size)
        self._out = ctypes.create_string_buffer(_SUMS.size)
        self._names: list[str] = []  # by number, as far as they are known here

    def for_thread(self) -> Hook:
        """The same with memory of its own for what it hands out."""
        return Hook(self.path)

    def start(self, *, operators: bool = False) -> bool:
        """Begin. False where a profiler is on in this thread: it keeps its place.

        Args:
            operators: write down every event for `stop_events`, about 0.1 us for each.
        """
        return bool(self._start(operators))

    def stop(self) -> Sums | None:
        """End, and hand out what came up; None where nothing was begun in this thread."""
        return Sums._make(_SUMS.unpack_from(self._out)) if self._stop(self._out) else None

    def part(self) -> None:
        self.pause(); self.resume()

    def take(self) -> list[SumsBetween]:
        """The stretches since it was last asked, each from a `resume` to a `pause`, in order."""
        found: list[SumsBetween] = []
        while length := self._take(self._kept, _MOST_KEPT):
            found += _BETWEEN.iter_unpack(memoryview(self._kept)[: length * _BETWEEN.size])
            if length < _MOST_KEPT:
                break
        return found

    def stop_events(self) -> list[Stretch]:
        """End, and hand out the events of each thread that worked for this one, its own first."""
        found = (self._stretch(place) for place in range(self._stop(self._out)))
        return [one for one in found if one.sizes]

    def _stretch(self, place: int) -> Stretch:
        self._library.downhill_hook_list(place, self._out)
        length, sizes, times, names = _LIST.unpack_from(self._out)
        if not length:
            return Stretch([], [], array("q"))
        numbers = array("i", ctypes.string_at(names, 4 * length))
        self._learn_names(max(numbers))
        return Stretch(
            list(map(self._names.__getitem__, numbers)),
            array("q", ctypes.string_at(sizes, 8 * length)).tolist(),
            array("q", ctypes.string_at(times, 8 * length)),
        )

    def _learn_names(self, highest: int) -> None:
        for number in range(len(self._names), highest + 1):
            name: bytes = self._library.downhill_hook_name(number)
            self._names.append(name.decode(errors="replace"))


_lock = threading.Lock()
_hook: Hook | None = None
_is_looked_for = False


def build_hook() -> Path | None:
    """Have sessions count through a compiled hook, now and in later processes. Blocks about 4 s.

    Where it is built already, it is only loaded. `DOWNHILL_CACHE` names the folder to keep it in,
    by default the user's cache folder; whoever deletes it there has torch's own profiler again.

    Returns:
        The compiled file. None if it could not be had: a `HookWarning` says why, with the last
        lines of the compiler, and sessions work as before.
    """
    global _hook, _is_looked_for
    with _lock:
        path = built_path()
        _is_looked_for = True
        try:
            _hook = _load(path) if path.exists() else None
        except (OSError, AttributeError):
            _hook = None  # built anew below
        try:
            if _hook is None:
                _hook = _load(compile_hook())
        except (HookBuildError, OSError, AttributeError) as error:
            _warn(f"The allocator hook was not built: {error}")
        return path if _hook is not None else None


def use_built_hook() -> None:
    """Load the hook if it was built before. Looks once in a process, in some milliseconds."""
    global _hook, _is_looked_for
    if _is_looked_for:
        return
    with _lock:
        if _is_looked_for:
            return
        _is_looked_for = True
        path = built_path()
        if not path.exists():
            return
        try:
            _hook = _load(path)
        except (OSError, AttributeError) as error:
            _warn(
                f"The allocator hook {path} does not load: {error}. Build it anew with "
                f"toolkit.profiling.build_hook(), delete it, or name another folder with {CACHE}."
            )


def loaded_hook() -> Hook | None:
    """The hook of this process, or None."""
    return _hook


def _load(path: Path) -> Hook:
    """Load it, and try whether it counts as it should.

    Raises:
        OSError: it does not load, or counts something else.
        AttributeError: it is something else.
    """
    hook = Hook(path)
    if not hook.start():
        return hook  # inside of a torch.profiler, where it cannot be tried
    block = torch.empty(_PROBE[0])
    other = torch.empty(_PROBE[1])
    del block
    found = hook.stop()
    nbytes = other.element_size()
    expected = sums_of([_PROBE[0] * nbytes, _PROBE[1] * nbytes, -_PROBE[0] * nbytes])
    if found != expected:
        raise OSError(f"it counts {found} where {expected} is right")
    hook.start(operators=True)
    torch.empty(_PROBE[0])
    events = [one[:2] for one in hook.stop_events()]
    if events != [(["aten::empty", "", "", ""], [0, nbytes * _PROBE[0], 0, -nbytes * _PROBE[0]])]:
        raise OSError(f"it writes down {events} for one call of torch.empty")
    return hook


def _warn(text: str) -> None:
    warnings.warn(
        f"{text}\nSessions count through torch's own profiler, with the same numbers.",
        HookWarning,
        stacklevel=4,
    )
