"""What did CUDA's allocator hand out that no stream shows? Its own counters tell.

torch's CUDA allocator reports every block to the thread that takes it, cuBLAS work spaces and the
private pools of CUDA graphs included, so that the stream has them: as the size of the block, which
is what was asked for, rounded up to 512 bytes and more. What the stream does not have are blocks
of threads that no session was carried to, of threads whose stream a torch.profiler has, and of
allocators that do not report. The counters are those of the whole process, so they show these, too;
they are read where a segment begins and ends. To read them does not wait for the device.

Segments of several threads overlap, and a counter does not say whose block it was. So nothing is
called unseen before every segment that overlaps is done: what the streams of all of them showed is
taken off first, and the rest is charged to the last one, as `(not attributed)`.

Not counted are memory that libraries take from the driver past torch (NCCL, cuDNN's own, other
frameworks), and CUDA's contexts. Allocators other than torch's own, chosen with
`PYTORCH_CUDA_ALLOC_CONF=backend:cudaMallocAsync` or plugged in, report no blocks and count none; a
bill says so.

Source: pytorch, `c10/cuda/CUDACachingAllocator.cpp`, `alloc_found_block` and `free`; and
`c10/cuda/CUDAMallocAsyncAllocator.cpp`, `getDeviceStats`.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolkit.profiling.counting import DeviceCounters

__all__ = ["Unseen", "grown"]

_NOTHING: DeviceCounters = (0, 0, 0, 0)


class Unseen:
    """What counters show beyond the streams of all threads. One for the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: WeakSet[object] = WeakSet()
        self._before: Mapping[str, DeviceCounters] = {}
        self._seen = _NOTHING

    def begin(self, recorder: object, counters: Mapping[str, DeviceCounters]) -> None:
        """A segment of `recorder` begins, at these readings."""
        with self._lock:
            if not self._open:
                self._before, self._seen = counters, _NOTHING
            self._open.add(recorder)

    def end(
        self, recorder: object, counters: Mapping[str, DeviceCounters], seen: DeviceCounters
    ) -> DeviceCounters:
        """It is done, and its stream showed `seen`. Answers what is unseen, by now or not yet."""
        with self._lock:
            self._open.discard(recorder)
            self._seen = _sum(self._seen, seen)
            if self._open:
                return _NOTHING
            return _positive(grown(self._before, counters), self._seen)


def grown(
    before: Mapping[str, DeviceCounters], after: Mapping[str, DeviceCounters]
) -> DeviceCounters:
    """How far the counters of all devices rose; one that is new has risen from 0."""
    total = _NOTHING
    for device, reading in after.items():
        total = _sum(total, _difference(reading, before.get(device, _NOTHING)))
    return total


def _sum(one: DeviceCounters, other: DeviceCounters) -> DeviceCounters:
    return (one[0] + other[0], one[1] + other[1], one[2] + other[2], one[3] + other[3])


def _difference(one: DeviceCounters, other: DeviceCounters) -> DeviceCounters:
    return (one[0] - other[0], one[1] - other[1], one[2] - other[2], one[3] - other[3])


def _positive(one: DeviceCounters, other: DeviceCounters) -> DeviceCounters:
    first, second, third, fourth = _difference(one, other)
    return (max(first, 0), max(second, 0), max(third, 0), max(fourth, 0))
