"""What is known of a segment when it ends? All that it takes to count it, now or later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.profiling.counting import Counts, add_seen, count
from toolkit.profiling.levels import LEVELS
from toolkit.profiling.looks import LOOKED
from toolkit.profiling.segments import Segment
from toolkit.profiling.watch import Seen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.profiling.counting import RawEvents
    from toolkit.profiling.entries import Entry
    from toolkit.profiling.looks import Looks
    from toolkit.profiling.reported_waits import ReportedWaits
    from toolkit.profiling.segments import Sink
    from toolkit.profiling.sums import Sums
    from toolkit.profiling.virtual import VirtualTime

__all__ = ["Ended"]


@dataclass(slots=True)
class Ended:
    """One segment, not counted yet.

    Attributes:
        entry: whose it is, and `place` which of its segments.
        is_looked_at: whether it was looked at operator by operator.
        frame: of the scope, or else of the thread.
        sinks: who recorded when it ended.
        raw: what the allocator did.
        seen: what the modes saw, where they were worn.
        within: the mark of the call that was under way when it began.
        level: how closely it was looked at.
        missing: why there is nothing in `raw`; else empty.
        waits: what layers told, and explicit waits.
        start_ns: when it began, and `stop_ns` when it ended.
        ran_ns: of that time, how long the thread ran.
        page_faults: minor faults of the process meanwhile; -1 where the system does not say.
    """

    entry: Entry
    place: int
    is_looked_at: bool
    frame: int
    sinks: list[Sink]
    raw: Sequence[RawEvents | Sums]
    seen: Seen | None
    within: str
    level: str
    missing: str
    waits: ReportedWaits
    start_ns: int
    stop_ns: int
    ran_ns: int
    page_faults: int

    def count(
        self, looks: Looks, *, keep: bool = False, is_held: bool = False
    ) -> tuple[Counts, str]:
        """Count it, and say how its copies are known.

        Args:
            looks: to learn copies from it, or to recall them.
            keep: keep every event.
            is_held: what the modes saw is added later.
        """
        entry, seen, syncs = self.entry, self.seen, self.waits.syncs
        counts = count(
            self.raw, windows=self.waits.copies, keep=keep, seen=seen, within=self.within
        )
        copies_are = LOOKED
        if not self.missing:
            copies_are = looks.remember(
                entry.key,
                self.place,
                counts,
                is_looked_at=self.is_looked_at or self.level == LEVELS[-1],
                has_seen=seen is not None,
            )
        if seen is not None or syncs:
            all_seen = seen or Seen()
            all_seen.syncs += syncs
            if not is_held:
                add_seen(counts, all_seen, self.start_ns, keep=keep, has_lines=seen is not None)
        return counts, copies_are

    def bill(
        self,
        counts: Counts,
        copies_are: str,
        stopped_ns: int,
        thread: int,
        virtual: VirtualTime | None = None,
    ) -> Segment:
        """What sessions are handed.

        Args:
            counts: of it.
            copies_are: how its copies are known.
            stopped_ns: when the segment before it ended; 0 where there was none.
            thread: that it ran on.
            virtual: what the clock of an emulated device charged.
        """
        entry = self.entry
        entry.grow(counts)
        pipeline, stage = entry.key
        return Segment(
            stage=stage,
            pipeline=pipeline,
            frame=self.frame,
            thread=thread,
            start_ns=self.start_ns,
            duration_ns=self.stop_ns - self.start_ns,
            own_ns=self.start_ns - stopped_ns if stopped_ns else 0,
            is_entry=not self.place,
            counts=counts,
            peak_bytes=entry.peak_bytes,
            page_faults=self.page_faults,
            copies_are=copies_are,
            missing=self.missing,
            level=self.level,
            virtual=virtual,
            device_peak_bytes=entry.device_peak_bytes,
            off_cpu_ns=max(self.stop_ns - self.start_ns - self.ran_ns, 0),
        )
