"""How long does a kernel wait for the device? Until all that were queued before it have begun."""

from __future__ import annotations

from collections import deque

from toolkit.scheduler.executors.interpreter import Wake
from toolkit.scheduler.executors.virtual import Then, VirtualClock, VirtualThread

__all__ = ["DeviceQueue"]


class DeviceQueue:
    """Units that run kernels in the order in which they came; none can be preempted.

    Args:
        clock: the virtual clock.
        units: how many kernels run at a time.
        wake: called as `wake(thread, then, *args)` when the kernel of a thread is done.
    """

    def __init__(self, clock: VirtualClock, units: int, wake: Wake) -> None:
        self._clock, self._wake = clock, wake
        self._free = units
        self._queue: deque[tuple[VirtualThread, float, Then, tuple[object, ...]]] = deque()

    def run(self, thread: VirtualThread, work_ns: float, then: Then, *args: object) -> None:
        """Queue a kernel of `work_ns`; `thread` sleeps until it is done."""
        if self._free:
            self._free -= 1
            self._begin(thread, work_ns, then, args)
        else:
            self._queue.append((thread, work_ns, then, args))

    def _begin(
        self, thread: VirtualThread, work_ns: float, then: Then, args: tuple[object, ...]
    ) -> None:
        thread.ran_ns += work_ns
        self._clock.at(self._clock.now_ns + int(work_ns), self._ended, thread, then, args)

    def _ended(self, thread: VirtualThread, then: Then, args: tuple[object, ...]) -> None:
        if self._queue:
            self._begin(*self._queue.popleft())
        else:
            self._free += 1
        self._wake(thread, then, *args)
