"""How long did a stretch take, did the thread run, and how many pages did it touch first?

The first is read from a clock in 0.1 us. The others are asked of the system, which takes ten times
as long, and thirty times between two stages, where the caches are full of their pixels. So stages
that follow one another are not asked about one by one, but all together at the end. What comes
up there is told of the last stretch, and for a while every one is asked about: a thread that waits,
or a pool that grows, does so again. A wait between two frames is a stretch by itself, and known.
"""

from __future__ import annotations

import time

from toolkit.profiling.faults import page_faults

__all__ = ["ASKED", "FEW", "SHORT_NS", "Clocks", "Turn"]

Turn = tuple[int, int, int, int]
"""Begin and end of a stretch on the clock of `time.perf_counter_ns`, how many ns of that the thread
ran, and minor page faults of the process, -1 where the system does not say.

Where stretches were not asked about one by one, the last one's count for all: the time that it ran
is then shorter by all that the thread did not run, even below 0."""

SHORT_NS = 200_000  # not to run for so long is nothing that came up
FEW = 32  # so many pages are nothing either: Python's own lists grow by them
ASKED = 120  # borders that are asked about after something came up


class Clocks:
    """The clocks of one thread, read where a stretch begins and where it ends.

    Attributes:
        began_ns: when the one began that is open, or was last.
    """

    __slots__ = ("_asked", "_cpu_ns", "_faults", "_is_one", "_since_ns", "began_ns")

    def __init__(self) -> None:
        self.began_ns = self._since_ns = self._cpu_ns = 0
        self._faults = page_faults()
        self._asked = 0  # borders for which the system is asked still
        self._is_one = True  # since then there is one stretch, of which it tells

    def begin(self) -> int:
        """A stretch begins: when. Pages that were touched since the last one ended count to it."""
        self._is_one = True
        self._cpu_ns = time.thread_time_ns()
        self.began_ns = self._since_ns = time.perf_counter_ns()
        return self.began_ns

    def end(self) -> Turn:
        """It is over."""
        now, ran_ns = time.perf_counter_ns(), time.thread_time_ns()
        off_ns = now - self._since_ns - (ran_ns - self._cpu_ns)
        self._since_ns, self._cpu_ns = now, ran_ns
        before, self._faults = self._faults, page_faults()
        faults = self._faults - before if before >= 0 else -1
        if (off_ns > SHORT_NS or faults > FEW) and (self._asked or not self._is_one):
            self._asked = ASKED
        self._is_one = True
        return (self.began_ns, now, now - self.began_ns - off_ns, faults)

    def leave(self) -> Turn:
        """It is over, and the next one begins at once, with `enter`."""
        if self._asked:
            self._asked -= 1
            return self.end()
        self._is_one = False
        now = time.perf_counter_ns()
        return (self.began_ns, now, now - self.began_ns, 0 if self._faults >= 0 else -1)

    def enter(self) -> int:
        """The next one begins, right after one that was left: when."""
        self.began_ns = time.perf_counter_ns()
        return self.began_ns
