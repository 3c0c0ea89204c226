"""Which frame pays? Segments and events come in from any thread; here they find their frame.

A pipeline says which frame it works on. Code that is no pipeline says `step()`. What belongs to no
frame yet is pending, and the next one to begin pays for it: decoding a frame comes before the frame
is known.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from toolkit.hooks import Event
from toolkit.profiling.bottlenecks import BOTTLENECKS, add_bottleneck
from toolkit.profiling.bystanders import Bystanders
from toolkit.profiling.counting import OperatorCounts
from toolkit.profiling.findings import TUNED
from toolkit.profiling.frames import FrameRecord, Slice
from toolkit.profiling.levels import higher
from toolkit.profiling.lines import add_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from toolkit.profiling.levels import Plan
    from toolkit.profiling.segments import PlainSegment, Segment
    from toolkit.profiling.session import Session

__all__ = ["Ledger"]

SLICES_PER_FRAME = 2000
OPEN_FRAMES = 64  # of which more are open, the oldest was dropped by whoever should have taken it
_PENDING = -1
_NONE = -2  # no frame, and not the one that is pending

_log = logging.getLogger(__name__)

UNFINISHED = "frames were not finished when the session ended; their cost is in the totals only"


class Ledger:
    """Charges frames while they are open, and closes them into a session. Threads may share it."""

    def __init__(
        self,
        session: Session,
        plan: Plan,
        schedule: Callable[[int], object] | None = None,
        on_cycle: Callable[[Session], object] | None = None,
    ) -> None:
        self.session = session
        self.plan = plan
        self.keeps_events = session.keep == "all"
        self.bystanders = Bystanders()
        self._schedule = schedule
        self._on_cycle = on_cycle
        self._told_frames = 0  # that were there when a cycle was over last
        self._is_cycle_over = False
        self._steps = 0
        self._frames_at_step = 0
        self._open: dict[int, FrameRecord] = {}
        self._begun: dict[int, int] = {}
        self._is_told = False  # whether anybody says when frames begin
        self._late: set[int] = set()
        self._events: dict[int, list[Event]] = {}
        self._lock = session.lock
        self._is_finished = False
        self.is_recording = self._is_wanted()

    @property
    def is_patient(self) -> bool:
        """Whether nothing hangs on hearing of a frame at once: no schedule, no change of level."""
        is_asked = self._schedule is not None or self._on_cycle is not None
        return not (is_asked or self.keeps_events) and self.plan.is_even

    # -- filled by recorders ----------------------------------------------------------------------

    def meet(self, native_id: int) -> None:
        """A thread is recorded; of those that never are, the session makes a note."""
        self.bystanders.meet(native_id)

    def level_of(self, frame: int) -> str:
        """How closely a frame is looked at; one that is done, as what comes: it may begin anew."""
        with self._lock:
            is_known = frame in self._open or frame in self._begun
            is_done = not is_known and self.session.has_closed(frame)
            return self.plan.level_of(_PENDING if is_done else frame)

    def add_segment(self, segment: Segment) -> None:
        """Charge a segment to its stage and frame."""
        key = (segment.pipeline, segment.stage)
        with self._lock:
            if self._is_finished:
                return
            record = self._find(segment.frame)
            tally = record.tally(key)
            tally.time_ns += segment.duration_ns
            tally.off_cpu_ns += segment.off_cpu_ns
            tally.page_faults += max(segment.page_faults, 0)
            tally.add_counts(segment.counts)
            if segment.virtual is not None:
                tally.add_virtual(segment.virtual)
            if segment.stage:
                tally.calls += segment.is_entry
                tally.peak_bytes = max(tally.peak_bytes, segment.peak_bytes)
            if segment.device_peak_bytes:
                holder = tally if segment.stage else record
                holder.device_peak_bytes = max(holder.device_peak_bytes, segment.device_peak_bytes)
            record.own_ns += segment.own_ns
            if len(record.slices) < SLICES_PER_FRAME:
                span = (segment.start_ns, segment.duration_ns, segment.thread)
                record.slices.append(Slice(*key, *span))
            looks = self.session.looks
            looks[segment.copies_are] = looks.get(segment.copies_are, 0) + 1
            self.session.add_operators(key, segment.counts.operators)
            record.level = higher(record.level, segment.level)
            if segment.counts.lines:
                add_lines(self.session.line_counts, key, segment.counts.lines)
            if segment.missing:
                self.session.note(f"allocations of some work are missing: {segment.missing}")
            for remark in segment.remarks:
                self.session.note(remark)
            if self.keeps_events:
                self._keep(segment.frame, _events_of(segment))

    def add_plain(self, segments: Iterable[PlainSegment], thread: int) -> None:
        """Charge segments of which sums and times are all there is."""
        session = self.session
        named: dict[str, int] = {}
        at, record = _NONE, FrameRecord()
        with self._lock:
            if self._is_finished:
                return
            for key, frame, is_entry, stretch, own_ns, copies, copies_are, peaks in segments:
                if frame != at:
                    at, record = frame, self._find(frame)
                tally = record.stages.get(key) or record.tally(key)
                tally.add_stretch(stretch)
                if copies[0]:
                    tally.add_known_copies(copies)
                if key[1]:
                    tally.calls += is_entry
                    tally.add_peaks(*peaks)
                elif peaks[1] > record.device_peak_bytes:
                    record.device_peak_bytes = peaks[1]
                record.own_ns += own_ns
                if len(record.slices) < SLICES_PER_FRAME:
                    span = (stretch[0], stretch[1] - stretch[0], thread)
                    record.slices.append(Slice(*key, *span))
                named[copies_are] = named.get(copies_are, 0) + 1
                if stretch[4] or key not in session.operators:
                    session.add_unnamed(key, stretch[4], stretch[5])
            for how, count in named.items():
                session.looks[how] = session.looks.get(how, 0) + count

    def add_event(self, event: Event, frame: int, pipeline: str) -> None:
        """Charge an event that a layer of the toolkit reported."""
        if not self.is_recording:
            return
        if event.op == "mallopt":
            self.session.note(f"{TUNED} meanwhile: {event.source}")
            return
        key = (pipeline, event.stage)
        with self._lock:
            self._find(frame).tally(key).add_event(event)
            if event.kind in BOTTLENECKS:
                add_bottleneck(self.session.bottleneck_counts, key, event)
            if event.kind in ("alloc", "copy"):
                self.session.add_operators(key, {event.op: _operator_of(event)})
            if self.keeps_events:
                self._keep(frame, [event])

    def begin_frame(self, index: int) -> None:
        """Work on a frame begins; it pays for what led up to it."""
        with self._lock:
            self._is_told = True
            self._begun[index] = self._begun.get(index, 0) + 1
            self._late.discard(index)
            pending = self._open.pop(_PENDING, None)
            if pending:
                self._open.setdefault(index, FrameRecord(index)).merge(pending)
                self._keep(index, self._events.pop(_PENDING, []))

    def end_frame(self, index: int, peak_bytes: int) -> None:
        """Work on a frame is done, once as many ends were told as beginnings."""
        with self._lock:
            if self._is_finished:
                return
            left = self._begun.pop(index, 1) - 1
            record = self._open.get(index)
            if record:
                record.peak_bytes = max(record.peak_bytes, peak_bytes)
            if left > 0:
                self._begun[index] = left
            else:
                self._close(index, is_frame=True)
                self._advance()
        self._tell_cycle()

    # -- told by the session's owner --------------------------------------------------------------

    def step(self, peak_bytes: int) -> None:
        """A step of the schedule; what no pipeline claimed since the last one is one frame."""
        with self._lock:
            if self.session.frame_count == self._frames_at_step and not self._begun:
                self._claim_unbegun()
                self._close_step(peak_bytes)
                self.plan.end_step()
                self._advance()
            self._frames_at_step = self.session.frame_count
        self._tell_cycle()

    def finish(self, peak_bytes: int) -> None:
        """Nothing more comes: close what is open. A remainder is a frame if there was no other."""
        with self._lock:
            self._is_cycle_over = self.is_recording
            self.is_recording = False
            self._is_finished = True  # a thread that is in the middle of a frame may come yet
            if self._begun:
                self.session.note(UNFINISHED, len(self._begun))
            if not self.session.frame_count and not self._begun:
                self._close_step(peak_bytes)
            # Where a pipeline says when frames begin, what it did not begin is none: a decoder that
            # looks for one frame more at the end of a file charges that look to it.
            for index in sorted(self._open):
                self._close(index, is_frame=index >= 0 and not self._is_told)
            self._begun.clear()
        self._tell_cycle()

    # -- inside -----------------------------------------------------------------------------------

    def _find(self, index: int) -> FrameRecord:
        """The open record to charge."""
        record = self._open.get(index)
        if record is None:
            if index >= 0 and self.session.has_closed(index):
                self._late.add(index)  # a thought that came after its frame: to the sums only
            record = self._open[index] = FrameRecord(index)
            if len(self._open) > OPEN_FRAMES:
                waiting = [one for one in self._open if one >= 0 and one not in self._begun]
                if waiting and min(waiting) != index:
                    self._close(min(waiting), is_frame=True)
        return record

    def _claim_unbegun(self) -> None:
        """Decoding names its frame, but in a plain loop nobody begins it: the step pays for it."""
        for index in [one for one in self._open if one >= 0 and one not in self._begun]:
            self._open.setdefault(_PENDING, FrameRecord()).merge(self._open.pop(index))
            self._events.setdefault(_PENDING, []).extend(self._events.pop(index, []))
            self._late.discard(index)
            self.plan.end_frame(index)

    def _close_step(self, peak_bytes: int) -> None:
        """What no pipeline claimed is a frame, or as many as scopes named."""
        named = [index for index in self._open if index >= 0]
        pending = self._open.pop(_PENDING, None)
        if not named and pending is None:
            return
        last = max(named, default=self.session.frame_count)
        record = self._open.setdefault(last, FrameRecord(last))
        record.peak_bytes = max(record.peak_bytes, peak_bytes)
        if pending:
            record.merge(pending)
            self._keep(last, self._events.pop(_PENDING, []))
        for index in sorted({*named, last}):
            self._close(index, is_frame=True)

    def _close(self, index: int, *, is_frame: bool) -> None:
        record = self._open.pop(index, None)
        self.plan.end_frame(index)
        if record:
            self.session.add_frame(record, is_frame=is_frame and index not in self._late)
        self._late.discard(index)
        self.session.events += self._events.pop(index, [])

    def _keep(self, index: int, events: list[Event]) -> None:
        named = [_with_frame(event, index) for event in events]
        if index in self._open:
            self._events.setdefault(index, []).extend(named)
        else:
            self.session.events += named

    def _advance(self) -> None:
        was_recording, was_last = self.is_recording, self._is_last
        self._steps += 1
        self.is_recording = self._is_wanted()
        self._is_cycle_over = was_last or (was_recording and not self.is_recording)

    def _is_wanted(self) -> bool:
        self._is_last = False
        if self._schedule is None:
            return not self._is_finished
        action = self._schedule(self._steps)
        # torch.profiler.schedule answers with an action; a plain function with a truth value.
        name = getattr(action, "name", None)
        if not isinstance(name, str):
            return bool(action)
        self._is_last = name == "RECORD_AND_SAVE"
        return name.startswith("RECORD")

    def _tell_cycle(self) -> None:
        """Hand the session over where a cycle is over. Nobody's error may stop a frame."""
        is_over, self._is_cycle_over = self._is_cycle_over, False
        has_more = self.session.frame_count > self._told_frames
        if self._on_cycle is None or not (is_over and has_more):
            return
        self._told_frames = self.session.frame_count
        try:
            self._on_cycle(self.session)
        except Exception as error:  # noqa: BLE001 - whatever it raises must not stop a frame
            self._on_cycle = None
            self.session.note(f"on_trace_ready raised {error!r} and was not called again")
            _log.exception("on_trace_ready raised and is not called again")


def _operator_of(event: Event) -> OperatorCounts:
    if event.kind == "copy":
        return OperatorCounts(1, event.duration_ns, copies=1, copied_bytes=event.nbytes)
    return OperatorCounts(1, event.duration_ns, 1, event.nbytes)


def _events_of(segment: Segment) -> list[Event]:
    return [
        Event(
            kind,
            nbytes,
            device,
            direction,
            segment.stage,
            op,
            source,
            segment.start_ns + at_ns,
            took_ns,
            segment.frame,
        )
        for kind, nbytes, device, direction, op, source, at_ns, took_ns in segment.counts.events
    ]


def _with_frame(event: Event, index: int) -> Event:
    if event.frame == index:
        return event
    return Event(
        event.kind,
        event.nbytes,
        event.device,
        event.direction,
        event.stage,
        event.op,
        event.source,
        event.t_ns,
        event.duration_ns,
        index,
        event.off_cpu_ns,
    )
