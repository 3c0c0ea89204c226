"""What comes of a load on real threads? Its work is done, and each quantum and end is noted.

The same load that the simulator is fed with, told with the same words: `Outcome` and `KindOutcome`.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from toolkit.scheduler.arrivals import Arrival
from toolkit.scheduler.levels import NEVER
from toolkit.scheduler.outcome import Outcome, Tally

__all__ = ["Contender", "Log", "play", "quantile_ms"]

_SETTLE_NS = 150_000_000  # for threads to start before the first release


class Contender(Protocol):
    """Who runs the load; it tells a `Log` what happened."""

    def release(self, index: int) -> None:
        """Take the arrival with this index, now."""
        ...

    def stop(self) -> None:
        """Run nothing more, and end the threads."""
        ...


class Log:
    """What happened to each arrival of a load.

    Threads append to lists and hold no lock for it: a thread that is nice would keep it for long.

    Args:
        arrivals: the load.
        work: what is done for a quantum: called with its kind and its cost in ns of a core.
        clock: the time in ns.

    Attributes:
        arrivals: the same.
        begin_ns: when the load began, on the clock.
        end_ns: since when nothing counts any more, on the clock; NEVER while it goes on.
    """

    def __init__(
        self,
        arrivals: Sequence[Arrival],
        work: Callable[[str, int], object],
        clock: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self.arrivals = arrivals
        self.clock = clock
        self.begin_ns = 0
        self.end_ns = NEVER
        self._work = work
        self._quanta: list[tuple[int, int, int]] = []
        self._shed: list[int] = []

    @property
    def is_over(self) -> bool:
        """Whether nothing counts any more."""
        return self.end_ns != NEVER

    def quantum(self, index: int, number: int) -> bool:
        """Do quantum `number` of an arrival; says whether the arrival has ended with it."""
        arrival = self.arrivals[index]
        number %= len(arrival.quanta_ns)
        self._work(arrival.kind, arrival.quanta_ns[number])
        self._quanta.append((index, number, self.clock()))
        return self.is_over or self.is_last(index, number)

    def is_last(self, index: int, number: int) -> bool:
        """Whether an arrival ends with this quantum."""
        arrival = self.arrivals[index]
        return not arrival.repeats and number + 1 == len(arrival.quanta_ns)

    def shed(self, index: int) -> None:
        """Note that an arrival was dropped."""
        self._shed.append(index)

    def outcome(self, policy: str, *, cores: int) -> Outcome:
        """What came of it, once it is over; `share` is the work that was done, over all cores."""
        tally = Tally(self.arrivals)
        for index, number, at_ns in self._counted():
            tally.ran(index, at_ns, self.arrivals[index].quanta_ns[number])
            if self.is_last(index, number):
                tally.ended(index, at_ns)
        for index in self._shed:
            tally.shed(index)
        length_ns = self.end_ns - self.begin_ns
        return Outcome(policy, length_ns / 1e9, tally.kinds(end_ns=length_ns, cores=cores), "")

    def latencies_ns(self, kinds: Iterable[str]) -> list[int]:
        """From release to end, of those of these kinds that ended; sorted."""
        kinds = set(kinds)
        return sorted(
            at_ns - self.arrivals[index].release_ns
            for index, number, at_ns in self._counted()
            if self.arrivals[index].kind in kinds and self.is_last(index, number)
        )

    def first_ns(self, kind: str) -> list[int]:
        """From release to the end of the first quantum, of all of a kind; sorted.

        One that never got so far counts with how long it had waited.
        """
        length_ns = self.end_ns - self.begin_ns
        first_ns: dict[int, int] = {}
        for index, _, at_ns in self._counted():
            first_ns.setdefault(index, at_ns)
        return sorted(
            first_ns.get(index, length_ns) - arrival.release_ns
            for index, arrival in enumerate(self.arrivals)
            if arrival.kind == kind
        )

    def _counted(self) -> list[tuple[int, int, int]]:
        """Index, number and end of each quantum that ended in time, in ns from the begin."""
        return [
            (index, number, at_ns - self.begin_ns)
            for index, number, at_ns in list(self._quanta)
            if at_ns <= self.end_ns
        ]


def play(
    log: Log,
    make: Callable[[Log], Contender],
    *,
    seconds: float,
    sleep: Callable[[float], object] = time.sleep,
) -> None:
    """Release the load as it comes; blocks. Where it is interrupted, what came until then counts.

    Args:
        log: notes what happens.
        make: makes who runs it, with threads that wait.
        seconds: for how long.
        sleep: waits so many seconds.
    """
    gc.collect()
    log.begin_ns = log.clock() + _SETTLE_NS
    contender = make(log)
    try:
        for index, arrival in enumerate(log.arrivals):
            _sleep_until(log, arrival.release_ns, sleep)
            contender.release(index)
        _sleep_until(log, int(seconds * 1e9), sleep)
    finally:
        log.end_ns = max(log.clock(), log.begin_ns + 1)
        contender.stop()


def quantile_ms(sorted_ns: Sequence[int], share: float) -> float:
    """The value below which `share` of sorted times lie, in ms; 0 where there are none."""
    if not sorted_ns:
        return 0.0
    return sorted_ns[min(len(sorted_ns) - 1, int(share * len(sorted_ns)))] / 1e6


def _sleep_until(log: Log, at_ns: int, sleep: Callable[[float], object]) -> None:
    left_ns = log.begin_ns + at_ns - log.clock()
    if left_ns > 0:
        sleep(left_ns / 1e9)
