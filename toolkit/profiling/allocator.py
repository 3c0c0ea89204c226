"""Where do the numbers come from? From torch's own allocator, by its legacy profiler.

A dispatch mode sees about two thirds of the bytes that torch allocates: kernels take temporaries
that are no operator's result. The allocator reports every block, on the thread that took it, and
the legacy profiler hands these reports out together with the operators around them. It starts and
stops in 3 us and works in several threads at once, where Kineto takes 281 us and crashes.

What native libraries take past torch's allocators is not in the stream. Of the 199 operations in
`tests/native` it is (CPU build, more than 2 kB a call): the pairs that `topk` sorts, 16 B for each
element; oneDNN's scratch in LSTM (1.7 MB of 10x2x32 values) and its descriptors in convolutions,
`gelu` and products of half precision (2 kB each); MKL's plans and work space in FFT, `svd`, matrix
norms and `pinv`; what `torch.save` writes. Matrix products, GRU and attention take 4 to 5 MB from
MKL once, which are kept. Python's own objects are no tensors, and are not in it either.

Levels `lines` and `exact` listen to Python's calls, and a module that asks whether somebody does
takes another way: the fast path of `TransformerEncoderLayer` is off, which allocates once more.

CUDA's blocks are in the stream of the thread that takes them; `cuda_memory.py` tells what is not.
Blocks on MPS are not in it, see `mps_memory.py`.

Where the compiled hook of `hook.py` is built, it takes the place of the legacy profiler, while no
other device is in use.

Here, in `hook.py`, `watch.py`, `driver.py`, `listener.py`, `memory_history.py` and
`explicit_syncs.py` the package touches private names of torch (2.6 to 2.13).
"""

from __future__ import annotations

import os
import threading
import time
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from toolkit.profiling.counting import DEVICE_MARK, RawEvents
from toolkit.profiling.hook import loaded_hook
from toolkit.profiling.turns import BORDER, Began, Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from toolkit.profiling.counting import DeviceCounters
    from toolkit.profiling.hook import Hook
    from toolkit.profiling.sums import Sums, SumsBetween
    from toolkit.profiling.turns import Marked
    from toolkit.profiling.watch import Watch

__all__ = ["AllocatorStream", "StreamMissingError", "device_counters", "has_accelerator"]

MOST_SLACK_NS = 50_000  # where it took longer, the thread did not run
MOST_MARKS = 16  # to tell when events were
NEAR_NS = 1000  # so exactly is good enough: between two stretches there is more Python than that
START = "__start_profile"  # what the list of the thread that started begins with

_core: Any = import_module("torch._C")
_Mark: Any = _core._profiler._RecordFunctionFast
_torch: Mapping[str, Any] = vars(torch)
_cuda: Mapping[str, Any] = vars(torch.cuda)


class StreamMissingError(RuntimeError):
    """This build of torch does not offer the allocator's events."""


class AllocatorStream:
    """The allocator's events of the calling thread, from `start` to `stop`. About 3 us for both."""

    __slots__ = (
        "_devices",
        "_disable",
        "_enable",
        "_has_marks",
        "_has_operators",
        "_hook",
        "_is_enabled",
        "_is_hooked",
        "_kept",
        "_let_operators",
        "_slack_ns",
        "_started_ns",
        "_turns",
        "is_running",
    )

    def __init__(self) -> None:
        try:
            autograd, profiler = _core._autograd, _core._profiler
            config = profiler.ProfilerConfig(
                profiler.ProfilerState.CPU,
                False,  # input shapes
                True,  # memory
                False,  # stacks
                False,  # flops
                False,  # modules
                profiler._ExperimentalConfig(),
            )
            enable: Callable[[Any], None] = autograd._enable_profiler_legacy
            self._disable: Callable[[], list[list[Any]]] = autograd._disable_profiler_legacy
            self._is_enabled: Callable[[], bool] = autograd._profiler_enabled
            self._let_operators: Callable[[bool], None] = autograd._enable_record_function
        except (AttributeError, TypeError) as error:
            raise StreamMissingError(
                f"torch {torch.__version__} has no allocator events as this level needs them "
                f"({error}); tested are torch 2.6 to 2.13. Install one of these."
            ) from error
        self._enable = lambda: enable(config)
        self._has_operators = True
        self._has_marks = False
        self._devices: dict[int, list[Any]] = {}  # thread -> how deep, and the mark
        self._hook: Hook | None = None
        self._is_hooked = False
        self._kept: list[SumsBetween | Marked] = []
        self._turns: Turns | None = None  # of stretches for `take`, unless the hook keeps them
        self.is_running = False
        self._started_ns = self._slack_ns = 0
        _say_it_now(self)

    def start(self, *, operators: bool = True, marks: bool = False) -> bool:
        """Begin. False where another profiler of torch is on in this thread: it keeps its place.

        Args:
            operators: hand out operators, too, and with them the copies. Without them the stream
                costs next to nothing, with them up to 4 us for each.
            marks: somebody lets marks in, and operators now and then, while they are left out.
        """
        self._end_turns()
        hook = self._find_hook()
        has_device = "emu" in _torch or _cuda["_initialized"]
        if hook is not None and not has_device:
            return self._start_hook(hook, operators=operators, marks=marks)
        if self._is_enabled() or (hook is not None and not hook.is_free()):
            return False
        self.is_running = True
        self._has_operators = operators
        self._has_marks = marks
        if not operators:
            self._let_operators(False)
        before_ns = time.perf_counter_ns()
        self._enable()
        self._started_ns = time.perf_counter_ns()
        self._slack_ns = min(self._started_ns - before_ns, MOST_SLACK_NS)
        return True

    @property
    def started_ns(self) -> tuple[int, int]:
        """When its own clock began, on that of `time.perf_counter_ns`; sums have none.

        And how much earlier it may have been: torch does not say, and takes 10 us where it is cold.
        """
        began_ns = self._started_ns if self._turns is None else self._turns.began_ns
        return began_ns, self._slack_ns

    def begin_device(self, device: str, *, lets_operators: bool) -> None:
        """Until `end_device`, the host's allocator reports memory of an emulated device.

        Both are called on the thread that works, which may be one of torch's that works for ours.

        Args:
            device: its name.
            lets_operators: operators are let in at the moment.
        """
        if not self.is_running:
            return
        open_here = self._devices.setdefault(
            threading.get_ident(), [0, _Mark(DEVICE_MARK + device)]
        )
        open_here[0] += 1
        if open_here[0] == 1:
            self._has_marks = True
            self._let_operators(True)
            open_here[1].__enter__()
            self._let_operators(lets_operators or self._has_operators)

    def end_device(self) -> None:
        """What comes now is memory of the host again, once as many ended as began."""
        open_here = self._devices.get(threading.get_ident())
        if open_here is not None:
            open_here[0] -= 1
            if not open_here[0]:
                self._devices.pop(threading.get_ident())[1].__exit__(None, None, None)

    def stop(self) -> Sequence[RawEvents | Sums]:
        """End, and hand out the events of each thread that worked for this one, or their sums."""
        if not self.is_running:
            return []
        if self._turns is not None:
            self._end_turns()
            return []
        return self._end()

    def resume(self, *, marks: bool = False) -> int:
        """Begin a stretch that is handed out by `take`, and say when it began.

        0 where another profiler of torch is on in this thread: it keeps its place.

        Args:
            marks: somebody lets marks of calls in. Else only sums and times are asked.
        """
        if self._turns is not None and self._has_marks == marks:
            return self._turns.begin()
        hook = self._hook if self._is_hooked else self._find_hook()
        if hook is not None and not marks:
            self._end_turns()
            self.is_running = self._is_hooked = True
            self._has_operators = self._has_marks = False
            began_ns: int = hook.resume()
            if not began_ns:
                self.is_running = self._is_hooked = False
            return began_ns
        if hook is not None:
            self._kept += hook.take()
        if not self.start(operators=False, marks=marks):
            return 0
        self._turns = Turns(*self._tell_apart())
        return self._turns.begin()

    def pause(self, watch: Watch | None = None) -> None:
        """End it, with its times, and keep what it took for `take`. `stop` ends for good.

        Args:
            watch: says what the modes saw, with marks.
        """
        if self._turns is not None:
            self._turns.end(watch)
        elif self._is_hooked and self._hook is not None:
            self._hook.pause()

    def turning(self, watch: Watch | None) -> tuple[Callable[[], object], Callable[[], object]]:
        """What ends it and begins the next at once: inside of a frame, and at its borders.

        They are good until the next `pause`. Inside of a frame most of the times are told of all of
        them together, see `clocks.py`. The hook knows its own, see `hook_in_turn`.

        Args:
            watch: as for `pause`.
        """
        if self._turns is None:
            return int, int
        return partial(self._turns.turn, watch), partial(self._turns.part, watch)

    @property
    def hook_in_turn(self) -> Hook | None:
        """The compiled hook, where it keeps the stretches."""
        return self._hook if self._is_hooked and self._turns is None else None

    def _tell_apart(self) -> tuple[Callable[[], object] | None, Began]:
        """How stretches are told apart in the events that begin: by marks, or by the clock.

        A mark costs 20 us between two stages, where it runs cold. So where calls are not marked
        there are some at the start, of which it is known when they were, and no others.
        """
        let, mark = self._let_operators, _Mark(BORDER)
        enter, leave = mark.__enter__, partial(mark.__exit__, None, None, None)

        def put() -> None:
            let(True)
            enter()
            let(False)
            leave()

        if self._has_marks:
            return put, Began(self._started_ns)
        clock = time.perf_counter_ns
        known: list[tuple[int, int]] = []  # within how many ns, and when
        let(True)
        try:
            while not known or (min(known)[0] > NEAR_NS and len(known) < MOST_MARKS):
                before_ns = clock()
                enter()
                took_ns = clock() - before_ns
                leave()
                known.append((took_ns, before_ns + took_ns // 2))
        finally:
            let(False)
        nearest = min(known)
        return None, Began(nearest[1], 2 * known.index(nearest))

    def is_host_only(self) -> bool:
        """Whether no device but the host is in use, so that sums are all there is."""
        return "emu" not in _torch and not _cuda["_initialized"]

    def take(self) -> list[SumsBetween | Marked]:
        """The stretches since it was last asked, each from a `resume` to a `pause`, in order."""
        turns, has_marks = self._turns, self._has_marks
        if turns is not None and turns.has_ended:
            self._end_turns()
            if self.start(operators=False, marks=has_marks):
                self._turns = turns
                turns.events_begin(None, Began(self._started_ns))  # if an interrupt comes now
                turns.events_begin(*self._tell_apart())
        found, self._kept = self._kept, []
        return found + self._hook.take() if self._hook is not None else found

    def _end_turns(self) -> None:
        turns, self._turns = self._turns, None
        if turns is not None:
            turns.events_end()
            has_marks = self._has_marks
            found: Any = self._end()
            self._kept += turns.marked(found) if has_marks else turns.sums(found)

    def _end(self) -> Sequence[RawEvents | Sums]:
        if self._is_hooked and self._hook is not None:
            return self._stop_hook(self._hook)
        for _, mark in self._devices.values():
            mark.__exit__(None, None, None)
        self._devices.clear()
        lists = self._disable() if self._is_enabled() else []
        self._let_operators(True)
        self.is_running = False
        return _read(lists, has_operators=self._has_operators, has_marks=self._has_marks)

    def _start_hook(self, hook: Hook, *, operators: bool, marks: bool) -> bool:
        self.is_running = self._is_hooked = True  # an interrupt finds that it has to be ended
        self._has_operators, self._has_marks = operators, marks
        self._started_ns, self._slack_ns = hook.start(operators=operators or marks), 0
        if not self._started_ns:
            self.is_running = self._is_hooked = False
        elif marks and not operators:
            self._let_operators(False)
        return self.is_running

    def _stop_hook(self, hook: Hook) -> list[RawEvents | Sums]:
        if not self._has_operators and not self._has_marks:
            sums = hook.stop()
            if sums is None:
                hook.is_free()  # it was paused, and kept its place
            self.is_running = self._is_hooked = False
            return [] if sums is None else [sums]
        found = hook.stop_events()
        self._let_operators(True)
        self.is_running = self._is_hooked = False
        is_host_only = not has_accelerator()
        return [
            RawEvents(
                names,
                sizes,
                {},
                lambda place, at_ns=at_ns: at_ns[place] / 1000,
                is_host_only=is_host_only,
                is_quiet=not self._has_operators,
            )
            for names, sizes, at_ns in found
        ]

    def _find_hook(self) -> Hook | None:
        hook = loaded_hook()
        self._hook = hook or self._hook
        return hook


_is_said = False


def _say_it_now(stream: AllocatorStream) -> None:
    """Have torch warn where nobody reads it that blocks from before the start have no free event.

    It does so at the first such block and at every thousandth; the bill says it better.
    """
    global _is_said
    if _is_said:
        return
    _is_said = True
    block = torch.empty(1)
    try:
        kept = os.dup(2)
    except OSError:  # a process without standard error
        return
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        if stream.start():
            del block
            stream.stop()
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _read(
    lists: list[list[Any]], *, has_operators: bool = False, has_marks: bool = False
) -> list[RawEvents]:
    lists = [one for one in lists if one]
    own = next((one for one in lists if one[0].name() == START), None)
    origin = own[0] if own else None
    found = (
        _columns(one, origin, has_operators=has_operators, has_marks=has_marks) for one in lists
    )
    return [one for one in found if one.sizes]


def _columns(events: list[Any], origin: Any, *, has_operators: bool, has_marks: bool) -> RawEvents:
    """Read every event once, by maps that run in C: they are 2000 a frame.

    Args:
        events: of one thread.
        origin: the event from which times count; None where torch lost it.
        has_operators: their names are asked for.
        has_marks: those of marks are.
    """
    kind_of: Any = events[0].__class__
    is_own = origin is events[0]
    origin = events[0] if origin is None else origin
    if is_own:
        events = events[1:-1]  # it has marks at both ends
    names: list[str] = [""] * len(events)
    if has_operators or has_marks:
        names = list(map(kind_of.name, events))
    sizes: list[int] = list(map(kind_of.cpu_memory_usage, events))
    devices: dict[int, str] = {}
    if torch.cuda.is_initialized():
        on_device: list[int] = list(map(kind_of.cuda_memory_usage, events))
        for place, nbytes in enumerate(on_device):
            if nbytes:
                sizes[place] = nbytes
                devices[place] = "cuda"
    return RawEvents(
        names,
        sizes,
        devices,
        lambda place: origin.cpu_elapsed_us(events[place]),
        is_host_only=not (has_operators or has_marks) or not has_accelerator(),
        is_quiet=not has_operators,
        is_unnamed=not has_operators and not has_marks,
        is_own=is_own,
        all_at_us=lambda: list(map(origin.cpu_elapsed_us, events)),
    )


def device_counters() -> dict[str, DeviceCounters]:
    """CUDA's own allocation counters by device; empty where CUDA is not in use. No sync."""
    if not torch.cuda.is_initialized():
        return {}
    read: Callable[[int], Any] = _core._cuda_memoryStats
    counters: dict[str, DeviceCounters] = {}
    for index in range(torch.cuda.device_count()):
        try:
            statistics = read(index)
        except RuntimeError:  # an allocator that was plugged in keeps no such counters
            return {}
        blocks = statistics["allocation"]["all"]
        nbytes = statistics["allocated_bytes"]["all"]
        counters[f"cuda:{index}"] = (
            int(blocks["allocated"]),
            int(nbytes["allocated"]),
            int(blocks["freed"]),
            int(nbytes["freed"]),
        )
    return counters


def has_accelerator() -> bool:
    """Whether CUDA is in use or MPS is there, so that a copy may go to another side."""
    return torch.cuda.is_initialized() or torch.backends.mps.is_available()
