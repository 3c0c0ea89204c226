"""Which stretch of a thread do the allocator's events belong to, where several are read at once?

torch's own profiler takes longer to start and to stop than a mark in its events does. So it goes on
from one stage to the next, with a mark in between: an event that begins and one that ends, neither
of any bytes. While operators are left out, nothing else looks like that.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import chain
from typing import TYPE_CHECKING

from toolkit.profiling.sums import joined, sums_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.profiling.counting import RawEvents
    from toolkit.profiling.sums import Sums, SumsBetween

__all__ = ["Turn", "sums_by_turn"]

Turn = tuple[int, int, int, int]
"""Begin and end of a stretch, how long the thread ran, and page faults, as in `SumsBetween`."""


def sums_by_turn(events: Sequence[RawEvents], turns: Sequence[Turn]) -> list[SumsBetween]:
    """The sums of each stretch: between marks on the thread itself, by the clock on others.

    Args:
        events: of each thread, without operators, and with a mark between two turns.
        turns: of the thread itself, in order.
    """
    by_turn: list[list[Sums]] = [[] for _ in turns]
    marks = len(turns) - 1
    for one in events:
        is_own = one.sizes.count(0) == 2 * marks
        parts = _between_marks(one.sizes) if is_own else _by_clock(one, turns)
        for sums, part in zip(by_turn, parts, strict=True):
            if part:
                sums.insert(0 if is_own and marks else len(sums), sums_of(part))
    return [(*turn, *joined(sums)) for turn, sums in zip(turns, by_turn, strict=True)]


def _between_marks(sizes: list[int]) -> list[list[int]]:
    zeros = [place for place, nbytes in enumerate(sizes) if not nbytes]
    begins = chain([0], (place + 1 for place in zeros[1::2]))
    ends = chain(zeros[::2], [len(sizes)])
    return [sizes[begin:end] for begin, end in zip(begins, ends, strict=True)]


def _by_clock(one: RawEvents, turns: Sequence[Turn]) -> list[list[int]]:
    parts: list[list[int]] = [[] for _ in turns]
    ends_ns = [turn[1] for turn in turns]
    for place, nbytes in enumerate(one.sizes):
        at_ns = turns[0][0] + one.at_us(place) * 1000
        parts[min(bisect_left(ends_ns, at_ns), len(turns) - 1)].append(nbytes)
    return parts
