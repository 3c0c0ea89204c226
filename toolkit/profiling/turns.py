"""Which stretch of a thread do the allocator's events belong to, where several are read at once?

torch's own profiler takes longer to start and to stop than a clock. So it goes on from one stage to
the next, and events are told apart by when they were: between two stretches there is Python, and it
is known to less than that when the events began. Torch takes its times from the clock of the
system; whoever sets that moves what is allocated within a quarter of a second to a neighbour, and
nothing is lost.

Where calls are marked, there is one more mark in between, an event that begins and one that ends.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import chain, pairwise
from typing import TYPE_CHECKING, NamedTuple

from toolkit.profiling.clocks import Clocks
from toolkit.profiling.counting import RawEvents
from toolkit.profiling.sums import joined, sums_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from toolkit.profiling.clocks import Turn
    from toolkit.profiling.sums import Sums, SumsBetween
    from toolkit.profiling.watch import Seen, Watch

__all__ = ["BORDER", "Began", "Marked", "Turns", "parts_by_turn", "raw_by_turn"]

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


class Began(NamedTuple):
    """When events began, on the clock of `time.perf_counter_ns`.

    Attributes:
        at_ns: when they did, or when the one at `place` was.
        place: among the thread's own events of no bytes, which are marks; -1: of none.
    """

    at_ns: int
    place: int = -1

    def origin_ns(self, events: Sequence[RawEvents]) -> int:
        """When the times of these events begin."""
        for one in events:
            if one.is_own and self.place >= 0:
                marks = [place for place, nbytes in enumerate(one.sizes) if not nbytes]
                return self.at_ns - round(one.at_us(marks[self.place]) * 1000)
        return self.at_ns


class Turns:
    """The clocks of stretches that follow one another, until their events are read.

    Args:
        mark: puts a mark into the events, after each stretch; None where the clock is enough.
        began: when they began.
    """

    __slots__ = (
        "_began",
        "_clocks",
        "_ended",
        "_left",
        "_left_raw",
        "_left_sums",
        "_mark",
        "_seen",
    )

    def __init__(self, mark: Callable[[], object] | None, began: Began) -> None:
        self._ended: list[Turn] = []
        self._seen: list[Seen] = []  # of each of these, where calls are marked
        self._left: list[int] = []  # what was read already of the stretch that is open
        self._left_sums: list[Sums] = []  # the same of other threads
        self._left_raw: list[RawEvents] = []  # the same of all, where calls are marked
        self._clocks = Clocks()
        self.events_begin(mark, began)

    def events_begin(self, mark: Callable[[], object] | None, began: Began) -> None:
        """Those that come next began then, with marks of their own."""
        self._mark = mark
        self._began = began

    def events_end(self) -> None:
        """They are over. Lets go of the mark, which closes it if an interrupt left it open."""
        self._mark = None

    def begin(self) -> int:
        """A stretch begins: when, on the clock of `time.perf_counter_ns`."""
        return self._clocks.begin()

    def end(self, watch: Watch | None = None) -> None:
        """It is over; the modes say what they saw of it, if they are worn."""
        self._ended.append(self._clocks.end())
        if watch is not None:
            self._seen.append(watch.turn())
        if self._mark is not None:
            self._mark()

    def turn(self, watch: Watch | None = None) -> None:
        """It is over, and the next one begins at once, inside of one frame."""
        clocks = self._clocks
        self._ended.append(clocks.leave())
        if watch is not None:
            self._seen.append(watch.turn())
        if self._mark is not None:
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
        cuts_us = self._cuts_us(ended, self._began.origin_ns(events))
        own, others = parts_by_turn(events, cuts_us)
        own[0] = self._left + own[0]
        others[0] = self._left_sums + others[0]
        self._left, self._left_sums = own.pop(), others.pop()
        return [
            (*turn, *joined(([sums_of(sizes)] if sizes else []) + sums))
            for turn, sizes, sums in zip(ended, own, others, strict=True)
        ]

    def _cuts_us(self, ended: Sequence[Turn], origin_ns: int) -> list[float]:
        """Half-way between a stretch and the next."""
        begins_ns = [*(turn[0] for turn in ended[1:]), self._clocks.began_ns]
        return [
            ((turn[1] + max(turn[1], next_ns)) / 2 - origin_ns) / 1000
            for turn, next_ns in zip(ended, begins_ns, strict=False)
        ]

    def marked(self, events: Sequence[RawEvents]) -> list[Marked]:
        """The same where calls are marked."""
        ended, self._ended = self._ended, []
        seen, self._seen = self._seen, []
        begins_ns = [*(turn[0] for turn in ended), self._clocks.began_ns]
        parts = raw_by_turn(events, ended, begins_ns, self._began.origin_ns(events))
        parts[0] = self._left_raw + parts[0]
        self._left_raw = parts.pop()
        return list(map(Marked, ended, parts, seen))


def parts_by_turn(
    events: Sequence[RawEvents], cuts_us: Sequence[float]
) -> tuple[list[list[int]], list[list[Sums]]]:
    """Sizes of the thread itself, and the sums of others, by the clock.

    Args:
        events: of each thread, without operators.
        cuts_us: between the stretches, and after the last, on the clock of the events.

    Returns:
        One of each for every stretch, and one more for what came after the last.
    """
    own: list[list[int]] = [[] for _ in range(len(cuts_us) + 1)]
    others: list[list[Sums]] = [[] for _ in own]
    for one in events:
        at_us = one.all_at_us() if one.all_at_us else list(map(one.at_us, range(len(one.sizes))))
        places = [0, *(bisect_left(at_us, cut_us) for cut_us in cuts_us), len(at_us)]
        parts = [one.sizes[begin:end] for begin, end in pairwise(places)]
        if one.is_own:
            own = parts
        else:
            for sums, part in zip(others, parts, strict=True):
                if part:
                    sums.append(sums_of(part))
    return own, others


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
