"""How does time pass where nobody waits for it? The clock jumps from one event to the next."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

from toolkit.scheduler.levels import NEVER

__all__ = ["Then", "VirtualClock", "VirtualThread"]

Then = Callable[..., None]


class VirtualClock:
    """Events in the order of their time; those of one time in the order in which they were set.

    Attributes:
        now_ns: the time of the event that is being run.
    """

    __slots__ = ("_events", "_number", "now_ns")

    def __init__(self) -> None:
        self.now_ns = 0
        self._number = 0
        self._events: list[tuple[int, int, Then, tuple[Any, ...]]] = []

    def at(self, time_ns: int, then: Then, *args: object) -> None:
        """Call `then(*args)` when the clock shows `time_ns`, which has not passed."""
        self._number += 1
        heappush(self._events, (time_ns, self._number, then, args))

    def run(self, until_ns: int = NEVER) -> None:
        """Run all events until `until_ns`, with it, and those that they set."""
        events = self._events
        while events and events[0][0] <= until_ns:
            self.now_ns, _, then, args = heappop(events)
            then(*args)
        if until_ns != NEVER:
            self.now_ns = until_ns


class VirtualThread:
    """A thread of the virtual machine: what it has to do, and what the cores remember of it.

    Attributes:
        weight: share of a contended core, relative to 1024 of a thread with niceness 0.
        left_ns: work that is left of what it runs.
        ran_ns: time that it had a core.
    """

    __slots__ = (
        *("args", "core", "deadline", "lag", "left_ns", "protected", "ran_ns", "rate"),
        *("since_ns", "slept_ns", "then", "version", "virtual", "weight"),
    )

    def __init__(self, weight: float) -> None:
        self.weight = weight
        self.then: Then = _nothing
        self.args: tuple[Any, ...] = ()
        self.left_ns = self.ran_ns = 0.0
        self.rate = 1.0
        self.since_ns = self.slept_ns = self.version = self.core = 0
        self.virtual = self.deadline = self.protected = self.lag = 0.0  # of fair run queues


def _nothing() -> None:
    raise AssertionError("a thread ended work that it was not given")
