"""In which order does the device work? In that of its streams, as on CUDA, on the virtual clock.

`Stream` and `Event` have the methods of `torch.cuda.Stream` and `torch.cuda.Event`. Kernels compute
when they are launched; the clock alone runs behind, so results are right without any wait, and
what a missing wait would break on a real device is not shown here.
"""

from __future__ import annotations

import itertools
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from toolkit import hooks
from toolkit.devices.emu.clock import Clock, Queue

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["CLOCK", "DEVICE", "Event", "Stream", "current_stream", "report_sync", "stream"]

DEVICE = "emu:0"
CLOCK = Clock()

_numbers = itertools.count()


class Stream:
    """A queue of kernels and copies; those of one stream run one after another.

    Streams have a priority, as those of CUDA have, and do not compete here.
    """

    @staticmethod
    def priority_range() -> tuple[int, int]:
        """The least and the greatest priority; a smaller number is more urgent."""
        return 0, -5

    def __init__(self, device: object = None, priority: int = 0) -> None:
        del device  # there is one
        self.priority = priority
        self.stream_id = next(_numbers)
        self.queue = Queue()

    @property
    def device(self) -> torch.device:
        """The device that it belongs to."""
        return torch.device(DEVICE)

    def synchronize(self) -> None:
        """Block until all work queued here is done. A wait on the bill."""
        CLOCK.wait(self.queue)
        report_sync("Stream.synchronize")

    def query(self) -> bool:
        """Whether all work queued here is done. Does not wait."""
        return CLOCK.is_done(self.queue.ready_ns)

    def record_event(self, event: Event | None = None) -> Event:
        """Mark the point reached by the work queued so far."""
        event = event or Event()
        event.record(self)
        return event

    def wait_event(self, event: Event) -> None:
        """Let work queued from now on start after `event`. The host does not wait."""
        CLOCK.hold(self.queue, event.at_ns)

    def wait_stream(self, other: Stream) -> None:
        """Let work queued from now on start after what `other` has queued. No wait of the host."""
        CLOCK.hold(self.queue, other.queue.ready_ns)

    def __repr__(self) -> str:
        return f"toolkit.devices.emu.Stream(stream_id={self.stream_id}, device={DEVICE!r})"


class Event:
    """A point in the work of a stream."""

    def __init__(self, enable_timing: bool = False, blocking: bool = False) -> None:
        del enable_timing, blocking  # times are always known here
        self.at_ns = 0
        self._stream: Stream | None = None

    def record(self, stream: Stream | None = None) -> None:
        """Mark the point reached by `stream`, or by the current one. The host does not wait."""
        self._stream = stream or current_stream()
        self.at_ns = max(self._stream.queue.ready_ns, CLOCK.counters().host_ns)

    def wait(self, stream: Stream | None = None) -> None:
        """Let work queued from now on start after this point. The host does not wait."""
        (stream or current_stream()).wait_event(self)

    def query(self) -> bool:
        """Whether the device has come to this point. Does not wait."""
        return CLOCK.is_done(self.at_ns)

    def synchronize(self) -> None:
        """Block until the device has come to this point. A wait on the bill."""
        if self._stream is not None:
            CLOCK.wait(self._stream.queue, self.at_ns)
        report_sync("Event.synchronize")

    def elapsed_time(self, end: Event) -> float:
        """Virtual milliseconds from this point to `end`.

        Raises:
            RuntimeError: one of the two was not recorded.
        """
        if self._stream is None or end._stream is None:
            raise RuntimeError("both events must be recorded before elapsed_time: call record()")
        return (end.at_ns - self.at_ns) / 1e6

    def __repr__(self) -> str:
        return f"toolkit.devices.emu.Event(at {self.at_ns} ns, device={DEVICE!r})"


_default = Stream()
_threads = threading.local()


def default_stream(device: object = None) -> Stream:
    """The stream that work goes to where no other is chosen."""
    del device
    return _default


def current_stream(device: object = None) -> Stream:
    """The stream that work of the calling thread goes to."""
    del device
    return getattr(_threads, "stream", _default)


def set_stream(chosen: Stream) -> None:
    """Let work of the calling thread go to `chosen` from now on."""
    _threads.stream = chosen


@contextmanager
def stream(chosen: Stream | None) -> Generator[None]:
    """Let work go to `chosen` inside the block; None changes nothing."""
    before = current_stream()
    if chosen is not None:
        set_stream(chosen)
    try:
        yield
    finally:
        set_stream(before)


def report_sync(op: str) -> None:
    """Put one wait of the host for the device on the bill, unless a layer around tells of it."""
    if not hooks.is_timed("wait", "sync"):
        hooks.report("sync", device=DEVICE, op=op)
