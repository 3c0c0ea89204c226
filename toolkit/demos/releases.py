"""How are two ways to run work compared? The same work comes at the same moments, timed alike.

A pool tells nothing of the work that it ran. `Timed` notes for each call what a scheduler notes by
itself: when it came, when it began, when it ended, and how long it had a core.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from heapq import heapify, heapreplace
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from toolkit.scheduler import KindStatistics

__all__ = ["Fared", "Timed", "fared", "release"]


class Fared(NamedTuple):
    """How one kind of work fared.

    Attributes:
        over: how many tasks are over.
        missed: how many of them were late or dropped.
        causes: of these, how many by cause; `dropped` is one.
        p50_seconds: from release to end, of those that ran.
    """

    over: int
    missed: int
    causes: dict[str, int]
    p50_seconds: float

    @property
    def share(self) -> float:
        """Which part missed, in [0, 1]."""
        return self.missed / max(self.over, 1)


def fared(one: KindStatistics) -> Fared:
    """How a kind fared, by the scheduler's own statistics."""
    causes = {cause.name.lower(): count for cause, count in one.causes.items()}
    if one.shed:
        causes["dropped"] = one.shed
    return Fared(one.done + one.failed + one.shed, one.missed + one.shed, causes, one.p50_ms / 1e3)


class _Call(NamedTuple):
    """One call that is over, s."""

    queued: float
    ran: float
    computed: float

    @property
    def whole(self) -> float:
        """From release to end."""
        return self.queued + self.ran

    @property
    def cause(self) -> str:
        """Where most of its time went."""
        held_up = self.ran - self.computed
        parts = {"queued": self.queued, "computing": self.computed, "held_up": held_up}
        return max(parts, key=parts.__getitem__)


class Timed:
    """Times calls that somebody else runs, on threads of his own.

    Args:
        deadlines: for each kind, how many seconds after its release a call should have ended.
        clock: the time in seconds.
        cpu_clock: the time in seconds for which the calling thread had a core.
    """

    def __init__(
        self,
        deadlines: Mapping[str, float],
        *,
        clock: Callable[[], float] = time.perf_counter,
        cpu_clock: Callable[[], float] = time.thread_time,
    ) -> None:
        self._deadlines = deadlines
        self._clock, self._cpu_clock = clock, cpu_clock
        self._calls: dict[str, list[_Call]] = {kind: [] for kind in deadlines}

    def watch(self, kind: str, work: Callable[..., Any], *args: Any) -> Callable[[], Any]:
        """The same call, with its times noted. It counts as released now."""
        released = self._clock()

        def timed() -> Any:
            began, cpu = self._clock(), self._cpu_clock()
            try:
                return work(*args)
            finally:
                computed = self._cpu_clock() - cpu
                call = _Call(began - released, self._clock() - began, computed)
                self._calls[kind].append(call)

        return timed

    def fared(self, kind: str) -> Fared:
        """How the calls of a kind fared that are over."""
        calls = self._calls[kind]
        late = [call for call in calls if call.whole > self._deadlines[kind]]
        p50 = median([call.whole for call in calls]) if calls else 0.0
        return Fared(len(calls), len(late), dict(Counter(call.cause for call in late)), p50)


def release(
    submit: Callable[[str], object],
    rates: Mapping[str, float],
    seconds: float,
    *,
    clock: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], object] = time.sleep,
) -> None:
    """Call `submit(kind)` as often as `rates` say, in order of time. Blocks for `seconds`.

    Args:
        submit: gets the name of a kind.
        rates: how many a second, by kind.
        seconds: for how long.
        clock: the time in seconds.
        sleep: waits so many seconds.
    """
    begin = clock()
    due = [(0.0, number, kind) for number, kind in enumerate(rates)]
    heapify(due)
    while due and due[0][0] < seconds:
        at, number, kind = due[0]
        sleep(max(0.0, begin + at - clock()))
        submit(kind)
        heapreplace(due, (at + 1 / rates[kind], number, kind))
    sleep(max(0.0, begin + seconds - clock()))
