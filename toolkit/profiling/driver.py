"""How is the driver asked? By Kineto, on a thread of its own, for one recording at a time.

torch allows a thread one profiler, and the allocator's stream is one. CUPTI, however, records the
calls of every thread of the process, whoever started it. So a thread that does nothing else starts
and stops Kineto, with the device's activities alone, and the recorded thread keeps its stream.

Kineto crashes where several threads start it at once, and knows one recording at a time. The first
to come has it; whoever comes meanwhile is told so, and so is a session beside a torch.profiler,
be it on or in its warm-up. A torch.profiler that is made ready meanwhile goes first, and ours ends.
Starting and stopping take 0.2 to 0.5 ms on the host alone, and more with CUPTI behind it, which is
why only level `exact` asks. Neither waits for the device.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import queue
import tempfile
import threading
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch.autograd import profiler as autograd_profiler

from toolkit.profiling.driver_trace import DriverTrace, read_trace

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["BUSY", "FAILED", "NOT_BUILT", "Driver", "cuda_driver"]

BUSY = "another thread, or a torch.profiler, had Kineto"
NOT_BUILT = "this build of torch cannot ask CUPTI"
FAILED = "Kineto failed, which the log says more about"

_core: Any = import_module("torch._C")
_log = logging.getLogger(__name__)


class Driver:
    """The one recording of the driver that the process can have.

    Args:
        activity: which of Kineto's activities to record, by the name that torch has for it.
    """

    def __init__(self, activity: str = "CUDA") -> None:
        self._activity = activity
        self._lock = threading.Lock()
        self._owner: object = None
        self._ended: DriverTrace | None = None  # by a torch.profiler, before its owner asked
        self._work: queue.SimpleQueue[Callable[[], Any]] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._process = os.getpid()
        self._clock_offset_ns = 0
        self._is_broken = False
        self._may_be_theirs = True

    def begin(self, owner: object) -> str:
        """Start for `owner`. Answers why not, or an empty text. Does not wait for the device."""
        if self._is_broken:
            return FAILED
        with self._lock:
            if self._owner is not None or self._is_theirs():
                return BUSY
            if not self._is_built():
                return NOT_BUILT
            try:
                self._prepare()
                self._on_its_thread(self._start)
            except RuntimeError:
                _log.exception("the driver's view is off: Kineto did not start")
                self._is_broken = True
                return FAILED
            self._owner = owner
            self._ended = None
            return ""

    def end(self, owner: object) -> DriverTrace:
        """Stop, and hand out what there is. Does not wait for the device."""
        with self._lock:
            if self._owner is not owner:
                return DriverTrace()
            self._owner = None
            trace, self._ended = self._ended, None
            return trace if trace is not None else self._stopped()

    def give_way(self) -> None:
        """Stop, for a torch.profiler is made ready; what there is until here is kept for `end`."""
        with self._lock:
            self._may_be_theirs = True
            if self._owner is not None and self._ended is None:
                self._ended = self._stopped()

    @property
    def is_on(self) -> bool:
        """Whether somebody is recording."""
        return self._owner is not None and self._ended is None

    # -- inside -----------------------------------------------------------------------------------

    def _is_theirs(self) -> bool:
        """Whether a torch.profiler is on or in its warm-up; to start beside one crashes."""
        if getattr(autograd_profiler, "_is_profiler_enabled", False):
            self._may_be_theirs = True
        elif self._may_be_theirs:  # looking takes 10 ms, and is done anew after each of theirs
            self._may_be_theirs = any(map(_is_ready, gc.get_objects()))
        return self._may_be_theirs

    def _is_built(self) -> bool:
        autograd = _core._autograd
        if not all(hasattr(autograd, name) for name in _NEEDED):
            return False
        wanted = getattr(_core._profiler.ProfilerActivity, self._activity, None)
        return wanted is not None and wanted in autograd._supported_activities()

    def _prepare(self) -> None:
        """On the calling thread: Kineto complains where a thread that it does not know is first."""
        core = _core._profiler
        self._config = core.ProfilerConfig(
            core.ProfilerState.KINETO, *[False] * 5, core._ExperimentalConfig()
        )
        self._activities = {getattr(core.ProfilerActivity, self._activity)}
        _core._autograd._prepare_profiler(self._config, self._activities)

    def _start(self) -> None:
        _core._autograd._enable_profiler(self._config, self._activities)
        self._clock_offset_ns = _clock_offset_ns()

    def _stopped(self) -> DriverTrace:
        try:
            document = self._on_its_thread(_stop)
        except (RuntimeError, OSError, ValueError):
            _log.exception("the driver's view is off: Kineto's trace could not be read")
            self._is_broken = True
            return DriverTrace()
        return read_trace(document, self._clock_offset_ns)

    def _on_its_thread(self, work: Callable[[], Any]) -> Any:
        if self._thread is None or self._process != os.getpid():  # threads do not survive a fork
            self._process = os.getpid()
            self._thread = threading.Thread(
                target=_serve, args=(self._work, self._done), name="toolkit-driver", daemon=True
            )
            self._thread.start()
        self._work.put(work)
        answer = self._done.get()
        if isinstance(answer, Exception):
            raise answer
        return answer


_NEEDED = ("_prepare_profiler", "_enable_profiler", "_disable_profiler", "_supported_activities")


def _serve(work: queue.SimpleQueue[Callable[[], Any]], done: queue.SimpleQueue[Any]) -> None:
    while True:
        try:
            done.put(work.get()())
        except Exception as error:  # noqa: BLE001 - it is raised where it was asked for
            done.put(error)


def _stop() -> Any:
    result = _core._autograd._disable_profiler()
    handle, path = tempfile.mkstemp(prefix="toolkit-driver-", suffix=".json")
    os.close(handle)
    try:
        result.save(path)
        # A name of a kernel may hold bytes that are no UTF-8.
        return json.loads(Path(path).read_text(encoding="utf-8", errors="replace"))
    finally:
        Path(path).unlink()


def _clock_offset_ns() -> int:
    """From the clock of the trace to that of events: the closest pair of three readings."""
    pairs: list[tuple[int, int]] = []
    for _ in range(3):
        before = time.perf_counter_ns()
        wall = time.time_ns()
        after = time.perf_counter_ns()
        pairs.append((after - before, (before + after) // 2 - wall))
    return min(pairs)[1]


def _is_ready(thing: object) -> bool:
    """Whether it is a torch.profiler that was made ready and has not ended. torch keeps no list."""
    return (
        type(thing) is autograd_profiler.profile
        and getattr(thing, "entered", False)
        and getattr(thing, "kineto_results", None) is None
    )


cuda_driver = Driver()
