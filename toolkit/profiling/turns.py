"""Which stretch of a thread do the allocator's events belong to, where several are read at once?

torch's own profiler takes longer to start and to stop than a mark in its events does. So it goes on
from one stage to the next, with a mark in between.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from toolkit.profiling.sums import joined, sums_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.profiling.counting import RawEvents
    from toolkit.profiling.sums import Sums, SumsBetween

__all__ = ["BETWEEN", "Turn", "told_by_turn", "told_in_one"]

BETWEEN = "downhill: between two stages"
"""The mark between two stretches."""

Turn = tuple[int, int, int, int]
"""Begin and end of a stretch, how long the thread ran, and page faults, as in `SumsBetween`."""


def told_in_one(events: Sequence[RawEvents], turns: Sequence[Turn]) -> list[SumsBetween]:
    """The sums of one stretch, which all events belong to."""
    return [(*turns[0], *joined([sums_of(one.sizes) for one in events]))]


def told_by_turn(events: Sequence[RawEvents], turns: Sequence[Turn]) -> list[SumsBetween]:
    """The sums of each stretch: between marks on the thread itself, by the clock on others."""
    by_turn: list[list[Sums]] = [[] for _ in turns]
    for one in events:
        own = BETWEEN in one.names
        parts = _between_marks(one) if own else _by_clock(one, turns)
        for sums, part in zip(by_turn, parts, strict=False):
            if part:
                sums.insert(0 if own else len(sums), sums_of(part))
    return [(*turn, *joined(sums)) for turn, sums in zip(turns, by_turn, strict=True)]


def _between_marks(one: RawEvents) -> list[list[int]]:
    places = [place for place, name in enumerate(one.names) if name == BETWEEN]
    return [
        one.sizes[begin:end]
        for begin, end in zip([0, *places], [*places, len(one.sizes)], strict=True)
    ]


def _by_clock(one: RawEvents, turns: Sequence[Turn]) -> list[list[int]]:
    parts: list[list[int]] = [[] for _ in turns]
    ends_ns = [turn[1] for turn in turns]
    for place, nbytes in enumerate(one.sizes):
        at_ns = turns[0][0] + one.at_us(place) * 1000
        parts[min(bisect_left(ends_ns, at_ns), len(turns) - 1)].append(nbytes)
    return parts
