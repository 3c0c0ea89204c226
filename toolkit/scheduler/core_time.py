"""How much of a core did each quantum have, of the time that it took?

With lanes there are more workers than cores, and the operating system shares the cores among those
that run: nearly all for the more important lane, and the rest, equally, for the next one. Where
there are as many cores as workers, a quantum had a core for itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from itertools import groupby

from toolkit.scheduler.recording import Recording
from toolkit.scheduler.stretches import Doing, Stretch

__all__ = ["core_times"]


class _Moment(IntEnum):
    BEGIN = 0
    MARK = 1  # a quantum ended, and the next one followed
    END = 2


def core_times(recording: Recording, found: Sequence[Stretch]) -> list[list[int]]:
    """For each stretch the core time of each of its quanta, in ns; none where it did not run.

    The last quantum of a stretch whose end is not in the trace is left out.

    Args:
        recording: whose workers and lanes they are.
        found: all of its stretches, in the order of their begin.
    """
    moments: list[tuple[int, _Moment, int]] = []
    for place, one in enumerate(found):
        if one.doing is Doing.RUNNING:
            moments.append((one.begin_ns, _Moment.BEGIN, place))
            moments += [(mark, _Moment.MARK, place) for mark in one.marks_ns]
            moments.append((one.end_ns, _Moment.END, place))
    cores, quanta = _Cores(recording), [list[int]() for _ in found]
    for t_ns, moment, place in sorted(moments, key=lambda one: one[0]):
        cores.go_on(t_ns)
        if moment is _Moment.BEGIN:
            cores.enter(place, found[place].worker)
            continue
        if moment is _Moment.MARK or found[place].ended is not None:
            quanta[place].append(cores.take(place))
        if moment is _Moment.END:
            cores.leave(place)
    return quanta


class _Cores:
    """Shares the cores among what runs, as time goes on."""

    def __init__(self, recording: Recording) -> None:
        self._count = recording.cores
        self._first = dict(enumerate(first for first, _ in recording.lanes))
        self._now_ns = recording.start_ns
        self._lane: dict[int, int] = {}  # of each that runs
        self._had_ns: dict[int, float] = {}
        self._share: dict[int, float] = {}

    def go_on(self, t_ns: int) -> None:
        passed_ns, self._now_ns = t_ns - self._now_ns, t_ns
        for place, share in self._share.items():
            self._had_ns[place] += passed_ns * share

    def enter(self, place: int, worker: int) -> None:
        self._had_ns[place] = 0.0
        self._lane[place] = self._first.get(worker, 0)
        self._divide()

    def leave(self, place: int) -> None:
        del self._had_ns[place], self._lane[place]
        self._divide()

    def take(self, place: int) -> int:
        had_ns, self._had_ns[place] = self._had_ns[place], 0.0
        return round(had_ns)

    def _divide(self) -> None:
        self._share = {}
        left = float(self._count)
        by_lane = sorted(self._lane, key=self._lane.__getitem__)
        for _, together in groupby(by_lane, key=self._lane.__getitem__):
            lane = list(together)
            share = min(1.0, left / len(lane))
            left -= share * len(lane)
            self._share |= dict.fromkeys(lane, share)
