"""What is open on a thread, and which of its segments wait to be counted? Scopes, and plain ones.

Code that runs between two stages finds the caches full of their pixels, and is several times slower
there than when it runs fourteen times in a row. So a segment of which nothing is asked but sums and
times is only noted when it ends, and the stream of the allocator keeps those; those of a
frame, or of several frames that follow each other fast, are counted together.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from toolkit.profiling.ended import Ended
from toolkit.profiling.levels import LEVELS
from toolkit.profiling.reported_waits import ReportedWaits
from toolkit.profiling.rise import Rise
from toolkit.profiling.segments import Sink, is_recording
from toolkit.profiling.turns import Marked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from toolkit.hooks import Scope
    from toolkit.profiling.counting import Counts
    from toolkit.profiling.frames import StageKey
    from toolkit.profiling.looks import Looks
    from toolkit.profiling.segments import PlainSegment
    from toolkit.profiling.sums import SumsBetween

__all__ = ["Entry", "Waiting"]


class Entry:
    """A scope that is open on this thread, or the thread itself at the bottom.

    Attributes:
        scope: the scope; None at the bottom.
        key: pipeline and stage.
        sinks: who records it.
        is_looked_at: operator by operator.
        segments: how many of it ended.
        live_bytes: allocated less freed since it began, and `peak_bytes` their highest.
        on_device: the same in the memory of devices; None where nothing was.
    """

    __slots__ = (
        "is_looked_at",
        "key",
        "live_bytes",
        "on_device",
        "peak_bytes",
        "scope",
        "segments",
        "sinks",
    )

    def __init__(
        self, scope: Scope | None, sinks: list[Sink] | None = None, *, is_looked_at: bool = True
    ) -> None:
        self.scope = scope
        self.key: StageKey = (scope.pipeline, scope.stage) if scope is not None else ("", "")
        self.sinks: list[Sink] = [] if sinks is None else sinks
        self.is_looked_at = is_looked_at
        self.segments = self.live_bytes = self.peak_bytes = 0
        self.on_device: Rise | None = None

    @property
    def device_peak_bytes(self) -> int:
        """The highest live bytes in the memory of devices."""
        return self.on_device.peak_bytes if self.on_device is not None else 0

    def frame_or(self, other: int) -> int:
        """The frame that the scope names, or else `other`."""
        scope = self.scope
        return scope.frame if scope is not None and scope.frame >= 0 else other

    def grow(self, counts: Counts) -> None:
        """A segment of it ended."""
        if counts.device_net_bytes or counts.device_peak_bytes:
            self.on_device = self.on_device or Rise()
            self.on_device.add(counts.device_net_bytes, counts.device_peak_bytes)
        self.peak_bytes = max(self.peak_bytes, self.live_bytes + counts.peak_bytes)
        self.live_bytes += counts.net_bytes

    def begin_frame(self, waiting: Waiting) -> None:
        """A frame or step begins after those that wait; nothing of it is looked at."""
        self.segments = 0
        self.is_looked_at = False
        waiting.call(self.begin_anew)

    def begin_anew(self) -> None:
        """What was allocated before is none of its own."""
        self.live_bytes = self.peak_bytes = 0
        self.on_device = None

    def enclose(self, inner: Entry) -> None:
        """A scope that began inside of this one was left."""
        self.peak_bytes = max(self.peak_bytes, self.live_bytes + inner.peak_bytes)
        self.live_bytes += inner.live_bytes
        if inner.on_device is not None:
            self.on_device = self.on_device or Rise()
            self.on_device.enclose(inner.on_device)


# A segment: where, which of its entry, of which frame, and for whom.
_Plain = tuple[Entry, int, int, list[Sink]]


class Waiting:
    """The plain segments of one thread that are not counted yet, and the scopes left meanwhile.

    Plain is one that ended in a scope whose operators were not looked at, with no device in use.

    Args:
        take: hands out the stretches of the stream, one for each segment, and one more where a
            segment ended that shall not wait.

    Attributes:
        frame: of those that come.
        sinks: for whom they are.
        stopped_ns: when the newest segment that was counted ended; 0 where nothing was recorded
            since.
    """

    MOST = 256

    def __init__(self, take: Callable[[], list[SumsBetween | Marked]]) -> None:
        self._take = take
        self._kept: deque[_Plain | tuple[Entry, Entry] | Ended | Callable[[], object]] = deque()
        self.frame = -1
        self.sinks: list[Sink] = []
        self.stopped_ns = 0
        self._is_settling = False

    def begin(self, frame: int, sinks: Iterable[Sink]) -> None:
        """Those that come are of `frame`, and for those of `sinks` that record."""
        self.frame = frame
        self.sinks = list(filter(is_recording, sinks))

    def add(self, entry: Entry, looks: Looks) -> None:
        """Have the segment wait that ended in `entry`; too many of them are counted now."""
        self.append(entry)
        if len(self._kept) >= self.MOST:
            self.settle(looks)

    def append(self, entry: Entry) -> None:
        """Have the segment wait that ended in `entry`, however many there are."""
        self._kept.append((entry, entry.segments, self.frame, self.sinks))
        entry.segments += 1

    def add_ended(self, ended: Ended, looks: Looks) -> None:
        """Have a segment wait that has more than sums and times."""
        self._kept.append(ended)
        if len(self._kept) >= self.MOST:
            self.settle(looks)

    def call(self, told: Callable[[], object]) -> None:
        """Tell a session something after those that wait; now, if none does."""
        if self._kept:
            self._kept.append(told)
        else:
            told()

    def clear(self) -> None:
        """Forget the segments that wait; what was to be told is told."""
        self._take()
        kept, self._kept = self._kept, deque()
        for one in kept:
            if callable(one):
                one()

    def leave(self, inner: Entry, outer: Entry) -> None:
        """The scope `inner` was left for `outer`, which takes over its bytes when known."""
        if self._kept:
            self._kept.append((outer, inner))
        else:
            outer.enclose(inner)

    def leave_all(self, scope: Scope, entries: list[Entry]) -> None:
        """The scope was left, and whatever was open inside of it."""
        while True:
            inner = entries.pop()
            self.leave(inner, entries[-1])
            if inner.scope is scope:
                break

    def settle(self, looks: Looks) -> SumsBetween | Marked | None:
        """Count those that wait, in order, and hand them out. Answers the stretch of none."""
        if self._is_settling:  # whoever is told something looks into the session
            return None
        self._is_settling = True
        try:
            return self._settle(looks)
        except BaseException:  # an interrupt: the stretches of those that wait still are lost
            self.clear()
            raise
        finally:
            self._is_settling = False

    def _settle(self, looks: Looks) -> SumsBetween | Marked | None:
        stretches = iter(self._take())
        thread = threading.get_ident()
        kept = self._kept
        plain: list[PlainSegment] = []
        whose: list[Sink] = []
        while kept:
            one = kept.popleft()
            if isinstance(one, Ended):
                _hand_out(plain, whose, thread)
                self._bill(one, looks, thread)
            elif callable(one):
                _hand_out(plain, whose, thread)
                one()
            elif len(one) == 2:
                one[0].enclose(one[1])
            else:
                stretch = next(stretches)
                if isinstance(stretch, Marked):
                    _hand_out(plain, whose, thread)
                    self._bill(_ended(one, stretch), looks, thread)
                    continue
                if one[3] is not whose:
                    _hand_out(plain, whose, thread)
                    whose = one[3]
                plain.append(self._counted(one, stretch, looks))
        _hand_out(plain, whose, thread)
        return next(stretches, None)

    def _bill(self, ended: Ended, looks: Looks, thread: int) -> None:
        segment = ended.bill(*ended.count(looks), self.stopped_ns, thread)
        self.stopped_ns = ended.stop_ns
        for sink in ended.sinks:
            sink.add_segment(segment)

    def _counted(self, one: _Plain, stretch: SumsBetween, looks: Looks) -> PlainSegment:
        entry, place, frame, _ = one
        own_ns = stretch[0] - self.stopped_ns if self.stopped_ns else 0
        self.stopped_ns = stretch[1]
        key = entry.key
        copies, copies_are = looks.known(key, place, stretch[10])
        if stretch[4] or stretch[6]:
            peak_bytes = entry.live_bytes + stretch[9]
            if peak_bytes > entry.peak_bytes:
                entry.peak_bytes = peak_bytes
            entry.live_bytes += stretch[8]
        peaks = (entry.peak_bytes, entry.device_peak_bytes)
        return (key, frame, not place, stretch, own_ns, copies, copies_are, peaks)


def _ended(one: _Plain, stretch: Marked) -> Ended:
    entry, place, frame, sinks = one
    turn, raw, seen = stretch
    waits = ReportedWaits()
    return Ended(entry, place, False, frame, sinks, raw, seen, "", LEVELS[1], "", waits, *turn)


def _hand_out(plain: list[PlainSegment], sinks: list[Sink], thread: int) -> None:
    if plain:
        for sink in sinks:
            sink.add_plain(plain, thread)
        plain.clear()
