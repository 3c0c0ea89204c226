"""How long did a stretch take, did the thread run, and how many pages did it touch first?"""

from __future__ import annotations

import time

from toolkit.profiling.faults import page_faults

__all__ = ["Clocks", "Turn"]

Turn = tuple[int, int, int, int]
"""Begin and end of a stretch on the clock of `time.perf_counter_ns`, how many ns of that the thread
ran, and minor page faults of the process, -1 where the system does not say."""


class Clocks:
    """The clocks of one thread, read where a stretch begins and where it ends."""

    __slots__ = ("_begin_ns", "_cpu_ns", "_faults")

    def __init__(self) -> None:
        self._begin_ns = self._cpu_ns = 0
        self._faults = page_faults()

    def begin(self) -> int:
        """A stretch begins: when. Pages that were touched since the last one ended count to it."""
        self._cpu_ns = time.thread_time_ns()
        self._begin_ns = time.perf_counter_ns()
        return self._begin_ns

    def end(self) -> Turn:
        """It is over."""
        now = time.perf_counter_ns()
        ran_ns = time.thread_time_ns() - self._cpu_ns
        before, self._faults = self._faults, page_faults()
        return (self._begin_ns, now, ran_ns, self._faults - before if before >= 0 else -1)
