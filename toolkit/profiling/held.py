"""Why does level `exact` wait for the end of a frame on CUDA? The driver speaks when it is stopped.

While the driver is recorded, the segments of a thread are held; when the frame, the step or the
session ends, the recording is stopped, and each is completed with what the driver says of it (see
`told_apart.py`) and with the lines of memory that no stream showed (see `memory_history.py`). Where
CUDA is not in use nothing is held. One thread at a time can have the driver and the ring; the
others are counted as at any other device, and the session notes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from toolkit.profiling.counting import NOT_ATTRIBUTED, add_seen
from toolkit.profiling.driver import cuda_driver
from toolkit.profiling.driver_trace import DriverTrace, names_of_thread
from toolkit.profiling.effects import Copy
from toolkit.profiling.lines import LineCounts
from toolkit.profiling.memory_history import cuda_history, unexplained
from toolkit.profiling.told_apart import tell_apart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from toolkit.profiling.counting import Counts
    from toolkit.profiling.driver import Driver
    from toolkit.profiling.driver_trace import Transfer
    from toolkit.profiling.memory_history import History, Taken
    from toolkit.profiling.segments import Segment, Sink
    from toolkit.profiling.told_apart import Apart, Window
    from toolkit.profiling.watch import Seen

__all__ = ["NO_DRIVER", "NO_LINES", "SILENT", "Held", "HeldSegment", "attribute", "complete"]

NO_DRIVER = "on some frames waiting is not told apart from copying: {}"
NO_LINES = "CUDA memory that no stream showed has no lines on some frames: {}"
SILENT = (
    "the driver told nothing on some frames, so waiting is not told apart from copying there: "
    "CUPTI may not be permitted here; see the words of Kineto on standard error"
)
MOST = 2000  # segments that are held, where nobody says that a step is done


@dataclass(slots=True)
class HeldSegment:
    """A segment that waits for the driver.

    Attributes:
        segment: as it was cut, without what the modes saw.
        seen: by the modes.
        told: when layers of the toolkit copied or waited, and reported it.
        sinks: whom to hand it to.
        keeps: whether one of them keeps single events.
    """

    segment: Segment
    seen: Seen
    told: list[Window]
    sinks: list[Sink]
    keeps: bool


class Held:
    """The segments of one thread that wait for the driver.

    Attributes:
        is_open: the driver, the ring or both are recorded for this thread.
    """

    def __init__(
        self,
        ident: int,
        native_id: int,
        *,
        driver: Driver = cuda_driver,
        history: History = cuda_history,
        is_in_use: Callable[[], bool] = torch.cuda.is_initialized,
    ) -> None:
        self._names = names_of_thread(ident, native_id)
        self._driver = driver
        self._history = history
        self._is_in_use = is_in_use
        self._segments: list[HeldSegment] = []
        self._remarks: tuple[str, ...] = ()
        self._has_driver = False
        self.is_open = False

    def begin(self) -> None:
        """Record the driver and the ring from now on, if CUDA is in use and nobody else does."""
        if self.is_open or not self._is_in_use():
            return
        no_driver, no_lines = self._driver.begin(self), self._history.begin(self)
        reasons = ((NO_DRIVER, no_driver), (NO_LINES, no_lines))
        self._remarks = tuple(text.format(why) for text, why in reasons if why)
        self._has_driver = not no_driver
        self.is_open = True

    def add(self, one: HeldSegment) -> None:
        """Hold a segment; where nobody says that a step is done, hand out what there is."""
        self._segments.append(one)
        if len(self._segments) >= MOST:
            self.release()

    def belong_to(self, frame: int) -> None:
        """A frame begins: what is held and has none led up to it."""
        for one in self._segments:
            if one.segment.frame < 0:
                one.segment.frame = frame

    def release(self) -> None:
        """Stop recording, complete what is held and hand it out. Does not wait for the device."""
        if not self.is_open:
            return
        self.is_open = False
        segments, self._segments = self._segments, []
        trace = self._driver.end(self).of_thread(self._names)
        has_unseen = any(_remainder(one.segment.counts) for one in segments)
        taken = self._history.end(self, is_wanted=has_unseen)
        remarks = self._remarks
        if self._has_driver and not trace.calls and any(map(_touches_device, segments)):
            remarks = (*remarks, SILENT)
        for one in segments:
            complete(one, trace)
        attribute(segments, taken)
        for one in segments:
            one.segment.remarks = remarks
            for sink in one.sinks:
                sink.add_segment(one.segment)


def complete(one: HeldSegment, trace: DriverTrace) -> None:
    """Add to a segment what the modes and the driver saw.

    Args:
        one: the segment.
        trace: of its thread.
    """
    segment, seen = one.segment, one.seen
    counts = segment.counts
    stretch = (segment.start_ns, segment.start_ns + segment.duration_ns)
    apart = tell_apart(
        trace, stretch, seen.syncs, copies=seen.windows, told=one.told, calls=seen.calls
    )
    seen.syncs = apart.syncs
    seen.reads += [
        (mark, transfer.name, _copy(transfer), transfer.begin_ns) for mark, transfer in apart.unseen
    ]
    add_seen(counts, seen, segment.start_ns, keep=one.keeps)
    _add_apart(counts, apart)


def attribute(segments: Iterable[HeldSegment], taken: Iterable[Taken]) -> None:
    """Give lines to memory that only the counters showed, as far as the ring has it."""
    waiting = [one.segment for one in segments if _remainder(one.segment.counts)]
    blocks = [size for one in segments for size in one.segment.counts.device_blocks]
    for one in unexplained(taken, blocks):
        open_now = [segment for segment in waiting if _remainder(segment.counts)]
        if not open_now or not one.source:
            continue
        after = [each for each in open_now if one.at_ns < each.start_ns + each.duration_ns]
        lines = (after or open_now[-1:])[0].counts.lines
        rest = lines[NOT_ATTRIBUTED, ""]
        nbytes = min(one.nbytes, rest.allocated_bytes)
        if rest.allocations == 1:
            nbytes = rest.allocated_bytes  # of the block, which is larger than what was asked for
        rest.allocations -= 1
        rest.allocated_bytes -= nbytes
        row = lines.setdefault((NOT_ATTRIBUTED, one.source), LineCounts())
        row.allocations += 1
        row.allocated_bytes += nbytes


def _remainder(counts: Counts) -> int:
    rest = counts.lines.get((NOT_ATTRIBUTED, ""))
    return rest.allocations if rest else 0


def _touches_device(one: HeldSegment) -> bool:
    sides = one.segment.counts.copies
    return bool(one.seen.syncs or one.seen.reads or "h2d" in sides or "d2h" in sides)


def _copy(transfer: Transfer) -> Copy:
    host, device = torch.device("cpu"), torch.device(transfer.device)
    source, target = (host, device) if transfer.direction == "h2d" else (device, host)
    return Copy(source, target, transfer.nbytes)


def _add_apart(counts: Counts, apart: Apart) -> None:
    counts.copying_ns += apart.copying_ns
    counts.pageable_copies += apart.pageable_copies
    counts.pageable_bytes += apart.pageable_bytes
    known = [*apart.copies, *(one for _, one in apart.unseen)]
    for place, event in enumerate(counts.events):
        kind, nbytes, _, direction, *_, took_ns = event
        if kind != "copy" or took_ns:
            continue
        for transfer in known:
            if (transfer.direction, transfer.nbytes) == (direction, nbytes):
                known.remove(transfer)
                duration_ns = transfer.end_ns - transfer.begin_ns
                counts.events[place] = (*event[:-1], duration_ns)
                break
