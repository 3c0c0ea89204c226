"""What passes from a recorder to a session? Segments and reported events."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Protocol

from toolkit.profiling.levels import LEVELS, higher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from toolkit.hooks import Event
    from toolkit.profiling.counting import Counts
    from toolkit.profiling.frames import StageKey
    from toolkit.profiling.levels import Plan
    from toolkit.profiling.looks import Copies
    from toolkit.profiling.sums import SumsBetween
    from toolkit.profiling.virtual import VirtualTime

__all__ = ["PlainSegment", "Segment", "Sink", "is_even", "is_recording", "level_for"]


@dataclass(slots=True)
class Segment:
    """One uninterrupted stretch of one scope on one thread: raw material of every bill.

    Attributes:
        stage: the scope, or empty outside of any.
        pipeline: whose stage it is.
        frame: index of the frame; -1 if that is not known yet.
        thread: identifier of the thread.
        start_ns: on the clock of `time.perf_counter_ns`.
        duration_ns: without the recorder's own time.
        own_ns: what the recorder itself took before this segment.
        is_entry: whether the scope was entered here, and not resumed.
        counts: what the allocator's stream gave.
        peak_bytes: the highest live bytes since the scope was entered.
        page_faults: minor faults of the process meanwhile; -1 where the system does not say.
        level: how closely it was looked at.
        off_cpu_ns: of `duration_ns`, how long the thread did not run.
        copies_are: `LOOKED`, `RECALLED` or `GUESSED`, see `toolkit.profiling.looks`.
        virtual: what the clock of an emulated device charged meanwhile, where there is one.
        missing: why `counts` is empty though work may have been done; else empty.
        device_peak_bytes: of the highest live bytes, those in the memory of devices, by themselves.
        remarks: what a reader of the bill must know of it, in sentences.
    """

    stage: str
    pipeline: str
    frame: int
    thread: int
    start_ns: int
    duration_ns: int
    own_ns: int
    is_entry: bool
    counts: Counts
    peak_bytes: int
    page_faults: int
    copies_are: str
    missing: str = ""
    level: str = "counts"
    virtual: VirtualTime | None = None
    device_peak_bytes: int = 0
    remarks: tuple[str, ...] = ()
    off_cpu_ns: int = 0


# A segment of which sums and times are all there is: stage, frame, whether the scope was entered
# here, the stretch, what the recorder took before, the copies as they are remembered and how, the
# highest live bytes since the scope was entered, and those on devices.
PlainSegment = tuple["StageKey", int, bool, "SumsBetween", int, "Copies", str, tuple[int, int]]


class Sink(Protocol):
    """Whoever is handed the segments: a session."""

    @property
    def is_recording(self) -> bool:
        """Whether it wants them at the moment."""
        ...

    @property
    def keeps_events(self) -> bool:
        """Whether it wants single events besides the counts."""
        ...

    @property
    def is_patient(self) -> bool:
        """Whether the next frames are like the last, so that it may hear of them a little later."""
        ...

    @property
    def plan(self) -> Plan:
        """How closely it wants frames looked at."""
        ...

    def meet(self, native_id: int) -> None:
        """A thread is recorded for it from now on; told once for each thread."""
        ...

    def level_of(self, frame: int) -> str:
        """How closely it wants a frame looked at; -1 is work that has no frame yet."""
        ...

    def add_segment(self, segment: Segment) -> None:
        """Take a segment."""
        ...

    def add_plain(self, segments: Iterable[PlainSegment], thread: int) -> None:
        """Take those of one thread, in order."""
        ...

    def add_event(self, event: Event, frame: int, pipeline: str) -> None:
        """Take an event that a layer of the toolkit reported."""
        ...

    def begin_frame(self, index: int) -> None:
        """Work on a frame begins."""
        ...

    def end_frame(self, index: int, peak_bytes: int) -> None:
        """Work on a frame is done."""
        ...

    def step(self, peak_bytes: int) -> None:
        """The user says that a step is done."""
        ...


is_recording: Callable[[Sink], bool] = attrgetter("is_recording")


def is_even(sinks: Iterable[Sink], level: str) -> bool:
    """Whether all want the next frames at one level, and that is the highest of them."""
    highest = LEVELS[0]
    for sink in sinks:
        if not sink.is_patient:
            return False
        highest = higher(highest, sink.plan.base)
    return highest == level


def level_for(sinks: Iterable[Sink], frame: int) -> str:
    """The highest level that those who record want for a frame."""
    level = LEVELS[0]
    for sink in filter(is_recording, sinks):
        level = higher(level, sink.level_of(frame))
    return level
