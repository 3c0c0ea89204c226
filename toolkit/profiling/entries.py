"""What is open on a thread, and which of its segments wait to be counted? Scopes, and plain ones.

Code that runs between two stages finds the caches full of their pixels, and is several times slower
there than when it runs fourteen times in a row. So a segment of which nothing is asked but sums and
times is only written down when it ends; those of a frame are counted together when the frame does.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from toolkit.profiling.counting import count
from toolkit.profiling.rise import Rise
from toolkit.profiling.segments import Segment, Sink

if TYPE_CHECKING:
    from toolkit.hooks import Scope
    from toolkit.profiling.counting import RawEvents
    from toolkit.profiling.frames import StageKey
    from toolkit.profiling.looks import Looks
    from toolkit.profiling.sums import Sums

__all__ = ["Entry", "PlainSegment", "Waiting"]


@dataclass(slots=True)
class Entry:
    """A scope that is open on this thread, or the thread itself at the bottom."""

    scope: Scope | None
    sinks: list[Sink] = field(default_factory=list[Sink])
    is_looked_at: bool = True
    segments: int = 0
    live_bytes: int = 0
    peak_bytes: int = 0
    on_device: Rise = field(default_factory=Rise)

    @property
    def key(self) -> StageKey:
        """Pipeline and stage."""
        return (self.scope.pipeline, self.scope.stage) if self.scope else ("", "")

    def enclose(self, inner: Entry) -> None:
        """A scope that began inside of this one was left."""
        self.peak_bytes = max(self.peak_bytes, self.live_bytes + inner.peak_bytes)
        self.live_bytes += inner.live_bytes
        if inner.on_device.is_used:
            self.on_device.enclose(inner.on_device)


@dataclass(slots=True)
class PlainSegment:
    """One that ended, in a scope whose operators were not looked at, with no device in use."""

    entry: Entry
    place: int
    sinks: list[Sink]
    frame: int
    raw: list[RawEvents | Sums]
    start_ns: int
    duration_ns: int
    own_ns: int
    off_cpu_ns: int
    page_faults: int


class Waiting:
    """The plain segments of one thread that are not counted yet, and the scopes left meanwhile."""

    MOST = 256

    def __init__(self) -> None:
        self._kept: deque[PlainSegment | tuple[Entry, Entry]] = deque()

    def add(self, segment: PlainSegment, looks: Looks) -> None:
        """Have `segment` wait; too many of them are counted now."""
        self._kept.append(segment)
        if len(self._kept) >= self.MOST:
            self.settle(looks)

    def clear(self) -> None:
        """Forget those that wait, whose sessions are over."""
        self._kept.clear()

    def leave(self, inner: Entry, outer: Entry) -> None:
        """The scope `inner` was left for `outer`, which takes over its bytes when known."""
        if self._kept:
            self._kept.append((outer, inner))
        else:
            outer.enclose(inner)

    def settle(self, looks: Looks) -> None:
        """Count those that wait, in order, and hand them out."""
        thread = threading.get_ident()
        while self._kept:
            one = self._kept.popleft()
            if isinstance(one, PlainSegment):
                segment = _counted(one, thread, looks)
                for sink in one.sinks:
                    sink.add_segment(segment)
            else:
                outer, inner = one
                outer.enclose(inner)


def _counted(plain: PlainSegment, thread: int, looks: Looks) -> Segment:
    entry = plain.entry
    scope = entry.scope
    counts = count(plain.raw)
    copies_are = looks.recall(entry.key, plain.place, counts)
    entry.peak_bytes = max(entry.peak_bytes, entry.live_bytes + counts.peak_bytes)
    entry.live_bytes += counts.net_bytes
    return Segment(
        stage=scope.stage if scope else "",
        pipeline=scope.pipeline if scope else "",
        frame=plain.frame,
        thread=thread,
        start_ns=plain.start_ns,
        duration_ns=plain.duration_ns,
        own_ns=plain.own_ns,
        is_entry=not plain.place,
        counts=counts,
        peak_bytes=entry.peak_bytes,
        page_faults=plain.page_faults,
        copies_are=copies_are,
        off_cpu_ns=plain.off_cpu_ns,
        device_peak_bytes=entry.on_device.peak_bytes,
    )
