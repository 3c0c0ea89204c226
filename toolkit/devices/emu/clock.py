"""When would it be done? A virtual clock: one host that launches, and streams that run behind it.

The clock moves only by what the cost model charges, never by real time, so that the same program
takes the same virtual time on every machine. What the host computes by itself is therefore not on
it. There is one host, as under the interpreter lock, however many threads launch.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import NamedTuple

from toolkit.devices.emu.cost import LAPTOP, CostModel

__all__ = ["Clock", "Counters", "Queue"]


class Counters(NamedTuple):
    """What the clock has charged so far, or between two readings.

    Attributes:
        now_ns: when host and device are both done.
        host_ns: how far the host is; less than `now_ns` while kernels are queued.
        wait_ns: what the host waited for the device.
        copy_wait_ns: of that, while a copy was on the link.
        kernel_ns: what the device computed.
        copy_ns: what the link was busy for.
        launches: kernels launched.
    """

    now_ns: int = 0
    host_ns: int = 0
    wait_ns: int = 0
    copy_wait_ns: int = 0
    kernel_ns: int = 0
    copy_ns: int = 0
    launches: int = 0

    def since(self, before: Counters | None) -> Counters:
        """What was charged since `before`; all of it, where there was no clock then."""
        if before is None:
            return self
        return Counters(*(new - old for new, old in zip(self, before, strict=True)))


@dataclass(slots=True)
class Queue:
    """What one stream has to do: when it is done, and when it is busy with copies until then."""

    ready_ns: int = 0
    copies: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])


class Clock:
    """Host and streams of one emulated device. Times are in virtual nanoseconds."""

    def __init__(self, cost: CostModel = LAPTOP) -> None:
        self.cost = cost
        self._lock = threading.RLock()  # a finaliser may come in on the thread that is inside
        self._host_ns = 0
        self._last_ns = 0
        self._wait_ns = self._copy_wait_ns = self._kernel_ns = self._copy_ns = self._launches = 0

    def counters(self) -> Counters:
        """What has been charged so far."""
        with self._lock:
            return Counters(
                max(self._host_ns, self._last_ns),
                self._host_ns,
                self._wait_ns,
                self._copy_wait_ns,
                self._kernel_ns,
                self._copy_ns,
                self._launches,
            )

    def launch(self, queue: Queue, nbytes: int) -> None:
        """The host launches a kernel that reads and writes `nbytes`, and goes on."""
        with self._lock:
            self._launches += 1
            took = self.cost.kernel_ns(nbytes)
            self._kernel_ns += took
            self._append(queue, took)

    def copy(self, queue: Queue, nbytes: int, *, is_pinned: bool, waits: bool) -> int:
        """A copy over the link is queued; gives the virtual ns that the host waited for its end."""
        with self._lock:
            took = self.cost.copy_ns(nbytes, is_pinned=is_pinned)
            self._copy_ns += took
            begin = self._append(queue, took)
            queue.copies.append((begin, queue.ready_ns))
            return self.wait(queue) if waits else 0

    def wait(self, queue: Queue, until_ns: int | None = None) -> int:
        """The host waits for a stream, or for a point on it; gives how many virtual ns."""
        with self._lock:
            until = queue.ready_ns if until_ns is None else min(until_ns, queue.ready_ns)
            begin = self._host_ns
            if until <= begin:
                return 0
            self._host_ns = until
            self._wait_ns += until - begin
            for start, end in queue.copies:
                self._copy_wait_ns += max(min(end, until) - max(start, begin), 0)
            queue.copies = [one for one in queue.copies if one[1] > until]
            return until - begin

    def is_done(self, until_ns: int) -> bool:
        """Whether the host has come to a point in time by itself. It does not wait."""
        return self._host_ns >= until_ns

    def hold(self, queue: Queue, until_ns: int) -> None:
        """Work queued from now on starts after a point in time. The host does not wait."""
        with self._lock:
            queue.ready_ns = max(queue.ready_ns, until_ns)

    def _append(self, queue: Queue, took_ns: int) -> int:
        self._host_ns += self.cost.launch_ns()
        begin = max(queue.ready_ns, self._host_ns)
        queue.ready_ns = begin + took_ns
        self._last_ns = max(self._last_ns, queue.ready_ns)
        return begin
