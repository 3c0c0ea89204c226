"""Which stretch of a thread do the allocator's events belong to, where several are read at once?

torch's own profiler takes longer to start and to stop than a mark in its events does. So it goes on
from one stage to the next, with a mark in between: an event that begins and one that ends, neither
of any bytes. While operators are left out, nothing else looks like that.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from itertools import chain
from typing import TYPE_CHECKING

from toolkit.profiling.clocks import Clocks
from toolkit.profiling.sums import joined, sums_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.profiling.clocks import Turn
    from toolkit.profiling.counting import RawEvents
    from toolkit.profiling.sums import Sums, SumsBetween

__all__ = ["Turns", "parts_by_turn"]


class Turns:
    """The clocks of stretches that follow one another, until their events are read.

    Attributes:
        enter: begin one right after another that was left, see `Clocks.enter`.
    """

    __slots__ = ("_clocks", "_ended", "_left", "_left_sums", "_origin_ns", "enter")

    def __init__(self) -> None:
        self._ended: list[Turn] = []
        self._left: list[int] = []  # what was read already of the stretch that is open
        self._left_sums: list[Sums] = []  # the same of other threads
        self._clocks = Clocks()
        self.enter = self._clocks.enter
        self._origin_ns = time.perf_counter_ns()  # when the events began that come next

    def begin(self) -> int:
        """A stretch begins: when, on the clock of `time.perf_counter_ns`."""
        return self._clocks.begin()

    def end(self) -> None:
        """It is over."""
        self._ended.append(self._clocks.end())

    def leave(self) -> None:
        """It is over, and the next one begins at once, with `enter`."""
        self._ended.append(self._clocks.leave())

    @property
    def has_ended(self) -> bool:
        """Whether there is a stretch that is over, and was not handed out."""
        return bool(self._ended)

    def sums(self, events: Sequence[RawEvents]) -> list[SumsBetween]:
        """Hand out the stretches that are over; of one that is open the events are kept.

        Args:
            events: of each thread since this was last asked; others begin now.
        """
        ended, self._ended = self._ended, []
        own, others = parts_by_turn(events, ended, self._origin_ns)
        self._origin_ns = time.perf_counter_ns()
        own[0] = self._left + own[0]
        others[0] = self._left_sums + others[0]
        self._left, self._left_sums = own.pop(), others.pop()
        return [
            (*turn, *joined(([sums_of(sizes)] if sizes else []) + sums))
            for turn, sizes, sums in zip(ended, own, others, strict=True)
        ]


def parts_by_turn(
    events: Sequence[RawEvents], ended: Sequence[Turn], origin_ns: int
) -> tuple[list[list[int]], list[list[Sums]]]:
    """Sizes of the thread itself, between marks; and the sums of others, by the clock.

    Args:
        events: of each thread, without operators, and with a mark after each turn.
        ended: turns of the thread itself, in order.
        origin_ns: when the events began, on the clock of the turns.

    Returns:
        One of each for every turn, and one more for what came after the last.
    """
    own: list[list[int]] = [[] for _ in range(len(ended) + 1)]
    others: list[list[Sums]] = [[] for _ in own]
    for one in events:
        if one.sizes.count(0) == 2 * len(ended) > 0:
            own = _between_marks(one.sizes)
        else:
            for sums, part in zip(others, _by_clock(one, ended, origin_ns), strict=True):
                if part:
                    sums.append(sums_of(part))
    return own, others


def _between_marks(sizes: list[int]) -> list[list[int]]:
    zeros = [place for place, nbytes in enumerate(sizes) if not nbytes]
    begins = chain([0], (place + 1 for place in zeros[1::2]))
    ends = chain(zeros[::2], [len(sizes)])
    return [sizes[begin:end] for begin, end in zip(begins, ends, strict=True)]


def _by_clock(one: RawEvents, ended: Sequence[Turn], origin_ns: int) -> list[list[int]]:
    parts: list[list[int]] = [[] for _ in range(len(ended) + 1)]
    ends_ns = [turn[1] for turn in ended]
    for place, nbytes in enumerate(one.sizes):
        if nbytes:
            at_ns = origin_ns + one.at_us(place) * 1000
            parts[bisect_left(ends_ns, at_ns)].append(nbytes)
    return parts
