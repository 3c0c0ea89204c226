"""Can the allocator's reports be taken below Python? Yes, where a C++ compiler is at hand.

`build_hook()` compiles the C++ in `native` once, in about 5 s, into the user's cache folder. From
then on every session loads it in milliseconds and listens through it on every level, while no
device but the host is in use: sums where no operators are asked for, else every event in order. The
numbers are those of torch's own profiler; only the price is another. Nothing is compiled without
being asked for, least of all in a session.

How it works: torch's allocators report every block to what lies in one slot of the thread, the slot
of its profilers, and the hook puts an object of its own there. Operators come by callbacks of the
thread. These are the parts of torch's C++ that are private (2.6 to 2.13): `ThreadLocalDebugInfo`
with its slot `PROFILER_STATE`, `MemoryReportingInfoBase`, `RecordFunctionCallback`,
`ProfilerStateBase` from `torch/csrc/profiler/orchestration`, and the number of the backward pass
under way. A torch in which they are gone fails to compile it, and one that gives other numbers
fails the comparison made when it is loaded; in both cases a warning says so, and torch's own
profiler does the work.
"""

from __future__ import annotations

import threading
import warnings
from array import array
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_loader
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from toolkit.profiling.hook_building import CACHE, HookBuildError, built_path, compile_hook
from toolkit.profiling.pauses import PAUSES
from toolkit.profiling.sums import Sums, sums_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from toolkit.profiling.sums import SumsBetween

__all__ = ["Hook", "HookWarning", "Stretch", "build_hook", "loaded_hook", "use_built_hook"]

_NAME = "downhill_hook"  # of the module in the file
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
    """The compiled hook. It serves the thread that calls it, each with a state of its own.

    Args:
        path: of the compiled file.

    Raises:
        ImportError: it cannot be loaded.
        AttributeError: it is something else.

    Attributes:
        is_free: whether a profiler of torch can start in this thread.
        resume: begins a stretch, and answers when, or 0 where a profiler is on in this thread.
        pause: ends it, and keeps it for `take`.
        take: the stretches since it was last asked, in order.
        tape: makes a `Tape` of its own for `toolkit.profiling.tape`.
        noter: makes what notes scopes and frames for a session, of a home thread.
    """

    __slots__ = (
        "_start",
        "_stop",
        "_stop_events",
        "is_free",
        "noter",
        "pause",
        "resume",
        "take",
        "tape",
    )

    def __init__(self, path: Path) -> None:
        loader = ExtensionFileLoader(_NAME, str(path))
        spec = spec_from_loader(_NAME, loader)
        assert spec is not None
        module: Any = module_from_spec(spec)
        module.quiet_while(vars(torch), vars(torch.cuda), PAUSES.stops, PAUSES.waiting)
        self._start: Callable[[bool], int] = module.start
        self._stop: Callable[[], tuple[int, ...] | None] = module.stop
        self._stop_events: Callable[[], list[tuple[list[str], bytes, bytes]]] = module.stop_events
        self.is_free: Callable[[], bool] = module.is_free
        self.resume: Callable[[], int] = module.resume
        self.pause: Callable[[], None] = module.pause
        self.take: Callable[[], list[SumsBetween]] = module.take
        self.tape: Any = module.Tape
        self.noter: Any = module.Noter

    def start(self, *, operators: bool = False) -> int:
        """Begin: when, on the clock of `time.perf_counter_ns`, from which events count.

        0 where a profiler is on in this thread: it keeps its place.

        Args:
            operators: write down every event for `stop_events`, about 0.1 us for each.
        """
        return self._start(operators)

    def stop(self) -> Sums | None:
        """End, and hand out what came up; None where nothing was begun in this thread."""
        found = self._stop()
        return None if found is None else Sums._make(found)

    def stop_events(self) -> list[Stretch]:
        """End, and hand out the events of each thread that worked for this one, its own first."""
        return [
            Stretch(names, array("q", sizes).tolist(), array("q", at_ns))
            for names, sizes, at_ns in self._stop_events()
            if names
        ]


_lock = threading.Lock()
_hook: Hook | None = None
_is_looked_for = False


def build_hook() -> Path | None:
    """Have sessions count through a compiled hook, now and in later processes. Blocks about 5 s.

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
        except (ImportError, AttributeError):
            _hook = None  # built anew below
        try:
            if _hook is None:
                _hook = _load(compile_hook())
        except (HookBuildError, ImportError, AttributeError) as error:
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
        except (ImportError, AttributeError) as error:
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
        ImportError: it does not load, or counts something else.
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
        raise ImportError(f"it counts {found} where {expected} is right")
    hook.start(operators=True)
    torch.empty(_PROBE[0])
    events = [one[:2] for one in hook.stop_events()]
    if events != [(["aten::empty", "", "", ""], [0, nbytes * _PROBE[0], 0, -nbytes * _PROBE[0]])]:
        raise ImportError(f"it writes down {events} for one call of torch.empty")
    return hook


def _warn(text: str) -> None:
    warnings.warn(
        f"{text}\nSessions count through torch's own profiler, with the same numbers.",
        HookWarning,
        stacklevel=4,
    )
