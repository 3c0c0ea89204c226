"""How does raw data become a bill? By pure functions, from a session's data to rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from toolkit.profiling.bottlenecks import BottleneckRow
from toolkit.profiling.key_averages import KeyAverages, OperatorRow
from toolkit.profiling.levels import LEVELS
from toolkit.profiling.lines import LineRow, Lines
from toolkit.profiling.looks import GUESSED, LOOKED, RECALLED
from toolkit.profiling.tally import Tally
from toolkit.profiling.units import format_bytes, format_ms

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from toolkit.hooks import Event
    from toolkit.profiling.frames import FrameRecord, StageKey, StageRecord
    from toolkit.profiling.session import Session

__all__ = [
    "DIRECTIONS",
    "OUTSIDE",
    "Bill",
    "StageBill",
    "bill",
    "key_averages",
    "lines",
    "stage_names",
    "tally_events",
    "timeline",
]

OUTSIDE = "(outside stages)"
DIRECTIONS = ("h2d", "d2h", "d2d", "h2h")
UNKNOWN_DIRECTION = "?"

NOT_COVERED = (
    "Counted are torch's own allocators on recorded threads, what the toolkit reports, and calls "
    "of Python's own libraries that wait, read, write or serialise. Scratch memory and files of "
    "native libraries, and threads that no session was carried to, are not; locks, and other waits "
    "inside C, show as time off the CPU."
)


@dataclass(frozen=True, slots=True)
class StageBill:
    """What one stage cost; per frame means over all frames of the session.

    Attributes:
        name: of the stage.
        calls: how often it was entered.
        frames: on how many frames it ran.
        ms_median: wall time on a frame on which it ran.
        ms_p95: the same, which 95 % of the frames do not exceed.
        share: of the time of all stages together, from 0 to 1.
        allocations_per_frame: total over frames.
        allocations_median: on a frame on which it ran: without what only the first frames need.
        allocated_bytes_per_frame: total over frames.
        page_faults_median: of the whole process, on a frame on which it ran.
        copied_bytes_per_frame: in all directions, total over frames.
        copies: count and bytes over the run, by direction.
        total: every sum over the run.
    """

    name: str
    calls: int
    frames: int
    ms_median: float
    ms_p95: float
    share: float
    allocations_per_frame: float
    allocations_median: float
    allocated_bytes_per_frame: float
    page_faults_median: float
    copied_bytes_per_frame: float
    copies: dict[str, dict[str, int]]
    total: Tally

    @property
    def waits_ms(self) -> float:
        """Time spent waiting, over the run."""
        return self.total.wait_ns / 1e6

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        total = self.total
        return {
            "name": self.name,
            "calls": self.calls,
            "frames": self.frames,
            "ms_median": self.ms_median,
            "ms_p95": self.ms_p95,
            "share": self.share,
            "allocations_per_frame": self.allocations_per_frame,
            "allocations_median": self.allocations_median,
            "allocated_bytes_per_frame": self.allocated_bytes_per_frame,
            "copied_bytes_per_frame": self.copied_bytes_per_frame,
            "peak_bytes": total.peak_bytes,
            "device_peak_bytes": total.device_peak_bytes,
            "frees": total.frees,
            "copies": self.copies,
            "unsized_copies": total.unsized_copies,
            "converts": total.converts,
            "syncs": total.syncs,
            "waits": total.waits,
            "waits_ms": self.waits_ms,
            "copying_ms": total.copying_ns / 1e6,
            "pageable_copies": total.pageable_copies,
            "pageable_bytes": total.pageable_bytes,
            "device_allocations": total.device_allocations,
            "launches": total.launches,
            "virtual_ms": total.virtual_ns / 1e6,
            "virtual_wait_ms": total.virtual_wait_ns / 1e6,
            "io": total.io,
            "io_bytes": total.io_bytes,
            "io_ms": total.io_ns / 1e6,
            "serialized": total.serialized,
            "serialized_bytes": total.serialized_bytes,
            "serialize_ms": total.serialize_ns / 1e6,
            "gc_pauses": total.gc_pauses,
            "gc_ms": total.gc_ns / 1e6,
            "off_cpu_ms": total.off_cpu_ns / 1e6,
            "unnamed_off_cpu_ms": total.unnamed_off_cpu_ns / 1e6,
            "page_faults": total.page_faults,
            "page_faults_median": self.page_faults_median,
        }


@dataclass(frozen=True, slots=True)
class Bill:
    """What a session cost, stage by stage and in all.

    Attributes:
        frames: how many were finished.
        stages: in the order in which they first ran; what lies outside of stages comes last.
        whole: all of it, as if it were one stage.
        bottlenecks: where it waited, read or wrote, serialised, or was paused by the garbage
            collector, with lines where they are known; what took longest comes first.
        own_ms_per_frame: what the profiler took for itself; in no stage's time.
        notes: what a reader must know, with how often it came up.
        machine: where it ran.
    """

    level: str
    frames: int
    stages: tuple[StageBill, ...]
    whole: StageBill
    own_ms_per_frame: float = 0.0
    notes: tuple[str, ...] = ()
    machine: dict[str, Any] = field(default_factory=dict[str, Any])
    bottlenecks: tuple[BottleneckRow, ...] = ()

    @property
    def dropped(self) -> int:
        """Frames dropped."""
        return self.whole.total.drops

    def stage(self, name: str) -> StageBill:
        """The bill of one stage.

        Raises:
            KeyError: no such stage ran; the text lists those that did.
        """
        for one in self.stages:
            if one.name == name:
                return one
        known = ", ".join(one.name for one in self.stages) or "none at all"
        raise KeyError(f"no stage {name!r} on this bill; there are {known}")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, with sums over the run for copies, syncs and waits."""
        copies = self.whole.copies
        return {
            "level": self.level,
            "frames": self.frames,
            "dropped": self.dropped,
            "stages": [one.to_dict() for one in self.stages],
            "whole": self.whole.to_dict(),
            "copies": {side: entry["count"] for side, entry in copies.items()},
            "copied_bytes": {side: entry["bytes"] for side, entry in copies.items()},
            "syncs": self.whole.total.syncs,
            "waits_ms": self.whole.waits_ms,
            "bottlenecks": [row.to_dict(self.frames) for row in self.bottlenecks],
            "own_ms_per_frame": self.own_ms_per_frame,
            "notes": list(self.notes),
            "machine": self.machine,
        }

    def __str__(self) -> str:
        from toolkit.profiling.reporters import text

        return text.plain(self)

    def __rich__(self) -> Any:
        from toolkit.profiling.reporters import text

        return text.render(self)

    def _repr_html_(self) -> str:
        from toolkit.profiling.reporters import html

        return html.table(self)


def bill(session: Session) -> Bill:
    """The bill of a session, as far as its frames are finished."""
    names = stage_names(session.stages)
    time_ns = sum(record.total.time_ns for record in session.stages.values())
    frames = session.frame_count
    ordered = sorted(session.stages, key=lambda key: not key[1])
    return Bill(
        session.level,
        frames,
        tuple(_stage_bill(names[key], session.stages[key], frames, time_ns) for key in ordered),
        _stage_bill("whole frame", session.whole, frames, time_ns),
        session.own_ns / 1e6 / max(frames, 1),
        _notes(session),
        session.machine,
        _bottlenecks(session),
    )


def stage_names(keys: Iterable[StageKey]) -> dict[StageKey, str]:
    """What to call each stage: its pipeline's name goes before it where two have the same stage."""
    stages = Counter(stage for _, stage in keys)
    names: dict[StageKey, str] = {}
    for pipeline, stage in keys:
        is_alone = stages[stage] == 1 or not pipeline
        names[pipeline, stage] = (stage or OUTSIDE) if is_alone else f"{pipeline}/{stage}"
    return names


def tally_events(events: Iterable[Event]) -> dict[int, dict[str, Tally]]:
    """Events, as `keep="all"` holds them, counted by frame and stage. Times are not in them."""
    frames: dict[int, dict[str, Tally]] = {}
    for event in events:
        frames.setdefault(event.frame, {}).setdefault(event.stage, Tally()).add_event(event)
    return frames


def timeline(frames: Iterable[FrameRecord], names: Mapping[StageKey, str]) -> list[dict[str, Any]]:
    """One row for each frame: index, and by stage its milliseconds, allocations and bytes."""
    return [
        {
            "index": frame.index,
            "ms": {names[key]: tally.ms for key, tally in frame.stages.items()},
            "allocations": {names[key]: one.allocations for key, one in frame.stages.items()},
            "bytes": {names[key]: one.allocated_bytes for key, one in frame.stages.items()},
        }
        for frame in frames
    ]


def key_averages(session: Session) -> KeyAverages:
    """Operators by stage."""
    names = stage_names(session.operators)
    rows = [
        OperatorRow(names[key], name or "(no operator)", counts)
        for key, known in session.operators.items()
        for name, counts in known.items()
    ]
    return KeyAverages(rows, session.looks.get(LOOKED, 0), sum(session.looks.values()))


def lines(session: Session) -> Lines:
    """Source lines by stage."""
    names = stage_names(session.line_counts)
    rows = [
        LineRow(names[key], op, source, counts)
        for key, known in session.line_counts.items()
        for (op, source), counts in known.items()
    ]
    frames = sum(number for level, number in session.levels.items() if level != LEVELS[0])
    return Lines(rows, frames)


def _bottlenecks(session: Session) -> tuple[BottleneckRow, ...]:
    names = stage_names(session.stages)
    rows = [
        BottleneckRow(names.get(key, key[1] or OUTSIDE), *name, counts)
        for key, known in session.bottleneck_counts.items()
        for name, counts in known.items()
    ]
    return tuple(sorted(rows, key=lambda row: -row.counts.duration_ns))


def _stage_bill(name: str, record: StageRecord, frames: int, time_ns: int) -> StageBill:
    total = record.total
    sides = [*DIRECTIONS, *(side for side in total.copies if side not in DIRECTIONS)]
    copies = {side: total.copies.get(side, (0, 0)) for side in sides}
    return StageBill(
        name=name,
        calls=total.calls,
        frames=record.frames,
        ms_median=record.ms.median(),
        ms_p95=record.ms.quantile(0.95),
        share=total.time_ns / time_ns if time_ns else 0.0,
        allocations_per_frame=total.allocations / max(frames, 1),
        allocations_median=record.allocations.median(),
        allocated_bytes_per_frame=total.allocated_bytes / max(frames, 1),
        page_faults_median=record.page_faults.median(),
        copied_bytes_per_frame=sum(entry[1] for entry in copies.values()) / max(frames, 1),
        copies={side: {"count": entry[0], "bytes": entry[1]} for side, entry in copies.items()},
        total=total,
    )


def _attribution(found: Lines) -> str:
    which = "1 frame" if found.frames == 1 else f"{found.frames} frames"
    return (
        f"Of {format_bytes(found.allocated_bytes)} allocated on the {which} looked at line by line,"
        f" {found.attributed_share:.2%} carry operator and source line; unattributed: "
        f"{found.unattributed_bytes} B."
    )


def _device_notes(session: Session) -> list[str]:
    total = session.whole.total
    notes: list[str] = []
    if total.copying_ns:
        notes.append(
            f"Where the driver was asked, the host was held up {format_ms(total.copying_ns / 1e6)} "
            "ms while copies ran, which is not in the waits: those are for work queued before."
        )
    if total.pageable_copies:
        notes.append(
            f"{total.pageable_copies} copies ({format_bytes(total.pageable_bytes)}) went from or "
            "to pageable memory, for which the host waits even with non_blocking=True: use "
            "tensor.pin_memory(), or a buffer made with pin_memory=True."
        )
    allocator = session.machine.get("cuda_allocator", "")
    if allocator not in ("", "native"):
        notes.append(
            f"CUDA memory comes from the allocator {allocator!r}, which does not report its blocks "
            "as torch's own does: allocations on the device may be missing."
        )
    if "mps_driver_bytes" in session.machine:
        notes.append(
            "On MPS torch tells only how much memory is in use: allocations there are not counted, "
            "and peaks are those at the ends of stages."
        )
    return notes


def _notes(session: Session) -> tuple[str, ...]:
    notes = [
        text if count == 1 else f"{text} ({count} times)" for text, count in session.notes.items()
    ]
    total = session.whole.total
    if session.line_counts:
        notes.append(_attribution(lines(session)))
    looked, recalled, guessed = (session.looks.get(name, 0) for name in (LOOKED, RECALLED, GUESSED))
    if recalled + guessed:
        notes.append(
            f"Operators were looked at on {looked} of {looked + recalled + guessed} stretches. On "
            "the others allocations were counted all the same; copies inside torch are taken to be "
            "those of a stretch that allocated the same"
            + (f", and were guessed on {guessed} that had none like them." if guessed else ".")
        )
    if total.unsized_copies:
        notes.append(
            f"{total.unsized_copies} copies wrote into memory that was there already; torch does "
            "not tell their size, so they are counted with 0 bytes."
        )
    notes += _device_notes(session)
    if UNKNOWN_DIRECTION in total.copies:
        count = total.copies[UNKNOWN_DIRECTION][0]
        notes.append(f"Of {count} copies it is not known on which side they began.")
    return (*notes, NOT_COVERED)
