"""Which stretch of a thread do the allocator's events belong to, where several are read at once?

torch's own profiler takes longer to start and to stop than a mark in its events does. So it goes on
from one stage to the next, with a mark in between: an event that begins and one that ends, neither
of any bytes. While nobody marks calls, nothing else looks like that; else it is told by its name.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from toolkit.profiling.clocks import Clocks
from toolkit.profiling.counting import RawEvents
from toolkit.profiling.sums import joined, sums_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from toolkit.profiling.clocks import Turn
    from toolkit.profiling.sums import Sums, SumsBetween
    from toolkit.profiling.watch import Seen, Watch

__all__ = ["BORDER", "Marked", "Turns", "parts_by_turn", "raw_by_turn"]

BORDER = "between two stages"


class Marked(NamedTuple):
    """A stretch in whose events calls are marked.

    Attributes:
        turn: its clocks.
        raw: events of each thread, with times since it began.
        seen: what the modes saw meanwhile.
    """

    turn: Turn
    raw: list[RawEvents]
    seen: Seen


def _no_mark() -> None:
    """Where no events are read."""


class Turns:
    """The clocks of stretches that follow one another, until their events are read.

    Args:
        mark: puts a mark into the events, after each stretch.
        origin_ns: when the events began, on the clock of `time.perf_counter_ns`.
    """

    __slots__ = (
        "_clocks",
        "_ended",
        "_left",
        "_left_raw",
        "_left_sums",
        "_mark",
        "_origin_ns",
        "_seen",
    )

    def __init__(self, mark: Callable[[], object], origin_ns: int) -> None:
        self._ended: list[Turn] = []
        self._seen: list[Seen] = []  # of each of these, where calls are marked
        self._left: list[int] = []  # what was read already of the stretch that is open
        self._left_sums: list[Sums] = []  # the same of other threads
        self._left_raw: list[RawEvents] = []  # the same of all, where calls are marked
        self._clocks = Clocks()
        self.events_begin(mark, origin_ns)

    def events_begin(self, mark: Callable[[], object], origin_ns: int) -> None:
        """Those that come next began then, with marks of their own."""
        self._mark = mark
        self._origin_ns = origin_ns

    def events_end(self) -> None:
        """They are over. Lets go of the mark, which closes it if an interrupt left it open."""
        self._mark = _no_mark

    def begin(self) -> int:
        """A stretch begins: when, on the clock of `time.perf_counter_ns`."""
        return self._clocks.begin()

    def end(self, watch: Watch | None = None) -> None:
        """It is over; the modes say what they saw of it, if they are worn."""
        self._ended.append(self._clocks.end())
        if watch is not None:
            self._seen.append(watch.turn())
        self._mark()

    def turn(self, watch: Watch | None = None) -> None:
        """It is over, and the next one begins at once, inside of one frame."""
        clocks = self._clocks
        self._ended.append(clocks.leave())
        if watch is not None:
            self._seen.append(watch.turn())
        self._mark()
        clocks.enter()

    def part(self, watch: Watch | None = None) -> None:
        """The same at the border of a frame, where the system is asked."""
        self.end(watch)
        self._clocks.enter()

    @property
    def began_ns(self) -> int:
        """When the one began that is open, or was last."""
        return self._clocks.began_ns

    @property
    def has_ended(self) -> bool:
        """Whether there is a stretch that is over, and was not handed out."""
        return bool(self._ended)

    def sums(self, events: Sequence[RawEvents]) -> list[SumsBetween]:
        """Hand out the stretches that are over; of one that is open the events are kept.

        Args:
            events: of each thread since they began.
        """
        ended, self._ended = self._ended, []
        own, others = parts_by_turn(events, ended, self._origin_ns)
        own[0] = self._left + own[0]
        others[0] = self._left_sums + others[0]
        self._left, self._left_sums = own.pop(), others.pop()
        return [
            (*turn, *joined(([sums_of(sizes)] if sizes else []) + sums))
            for turn, sizes, sums in zip(ended, own, others, strict=True)
        ]

    def marked(self, events: Sequence[RawEvents]) -> list[Marked]:
        """The same where calls are marked."""
        ended, self._ended = self._ended, []
        seen, self._seen = self._seen, []
        begins_ns = [*(turn[0] for turn in ended), self._clocks.began_ns]
        parts = raw_by_turn(events, ended, begins_ns, self._origin_ns)
        parts[0] = self._left_raw + parts[0]
        self._left_raw = parts.pop()
        return list(map(Marked, ended, parts, seen))


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


def raw_by_turn(
    events: Sequence[RawEvents], ended: Sequence[Turn], begins_ns: Sequence[int], origin_ns: int
) -> list[list[RawEvents]]:
    """Events of all threads, between marks that have a name; and those of others by the clock.

    Args:
        events: of each thread, with the name of each mark, `BORDER` after each turn.
        ended: turns of the thread itself, in order.
        begins_ns: when each of them began, and the one that is open.
        origin_ns: when the events began.

    Returns:
        One list for each turn, and one more for what came after the last.
    """
    parts: list[list[RawEvents]] = [[] for _ in begins_ns]
    for one in events:
        edges = _edges(one, ended, origin_ns)
        pairs = zip(edges[::2], edges[1::2], strict=True)
        for part, begin_ns, (begin, end) in zip(parts, begins_ns, pairs, strict=True):
            if begin < end:
                part.append(_slice(one, begin, end, (begin_ns - origin_ns) / 1000))
    return parts


def _edges(one: RawEvents, ended: Sequence[Turn], origin_ns: int) -> list[int]:
    """Where each part begins and ends in the columns."""
    length = len(one.sizes)
    borders = [place for place, name in enumerate(one.names) if name == BORDER]
    if borders and len(borders) == len(ended):
        return [0, *chain.from_iterable((place, place + 2) for place in borders), length]
    places = range(length)
    ends_us = [(turn[1] - origin_ns) / 1000 for turn in ended]
    cuts = [bisect_left(places, end_us, key=one.at_us) for end_us in ends_us]
    return [0, *chain.from_iterable((place, place) for place in cuts), length]


def _slice(one: RawEvents, begin: int, end: int, later_us: float) -> RawEvents:
    return RawEvents(
        one.names[begin:end],
        one.sizes[begin:end],
        {},
        lambda place: one.at_us(place + begin) - later_us,
        is_host_only=one.is_host_only,
        is_quiet=one.is_quiet,
    )


def _by_clock(one: RawEvents, ended: Sequence[Turn], origin_ns: int) -> list[list[int]]:
    parts: list[list[int]] = [[] for _ in range(len(ended) + 1)]
    ends_ns = [turn[1] for turn in ended]
    for place, nbytes in enumerate(one.sizes):
        if nbytes:
            at_ns = origin_ns + one.at_us(place) * 1000
            parts[bisect_left(ends_ns, at_ns)].append(nbytes)
    return parts
