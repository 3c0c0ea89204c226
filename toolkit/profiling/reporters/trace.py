"""What happened when? A trace for Perfetto and chrome://tracing, with strictly nested slices.

Each thread has a track of stage stretches, which never overlap; frames have tracks of their own, as
many as overlap at once. Perfetto's importer drops slices that cross, and those of small process and
thread numbers: numbers start at 1001 and 101.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolkit.profiling.processors import OUTSIDE, stage_names

if TYPE_CHECKING:
    from toolkit.profiling.frames import FrameRecord
    from toolkit.profiling.session import Session

__all__ = ["render"]

PROCESS = 1001
FIRST_TRACK = 101
_TIMED = ("copy", "wait", "sync", "convert", "io", "serialize", "gc")

# start, end, and what to show
Span = tuple[int, int, dict[str, Any]]


def render(session: Session) -> dict[str, Any]:
    """The newest frames of a session as a document of the Chrome trace format."""
    frames = list(session.frames)
    starts = [one.start_ns for frame in frames for one in frame.slices]
    starts += [event.t_ns for event in session.events if event.t_ns]
    tracks = _Tracks(min(starts, default=0))
    for name, spans in _frame_lanes(frames):
        tracks.add(name, spans)
    for name, spans in _threads(frames, session):
        tracks.add(name, spans)
    for name, spans in _boundaries(session):
        tracks.add(name, spans)
    tracks.count("allocated bytes per frame", _bytes_per_frame(frames))
    tracks.count("live bytes since start", _live_bytes(session))
    return {
        "displayTimeUnit": "ms",
        "traceEvents": tracks.events,
        "otherData": {str(key): str(value) for key, value in session.machine.items()},
    }


class _Tracks:
    """Collects events, and gives each track its number."""

    def __init__(self, origin_ns: int) -> None:
        self._origin_ns = origin_ns
        self._next = FIRST_TRACK
        self.events: list[dict[str, Any]] = [_metadata("process_name", PROCESS, 0, "Downhill")]

    def add(self, name: str, spans: list[Span]) -> None:
        """A track of spans that do not overlap."""
        number = self._next
        self._next += 1
        self.events.append(_metadata("thread_name", PROCESS, number, name))
        self.events.append(_metadata("thread_sort_index", PROCESS, number, number))
        for start, end, shown in sorted(spans, key=lambda span: span[0]):
            self.events.append(
                {
                    "ph": "X",
                    "pid": PROCESS,
                    "tid": number,
                    "ts": self._us(start),
                    "dur": round((end - start) / 1e3, 3),
                    **shown,
                }
            )

    def count(self, name: str, values: list[tuple[int, int]]) -> None:
        """A counter track."""
        for at, value in values:
            self.events.append(
                {
                    "ph": "C",
                    "pid": PROCESS,
                    "tid": FIRST_TRACK,
                    "ts": self._us(at),
                    "name": name,
                    "args": {"bytes": value},
                }
            )

    def _us(self, at_ns: int) -> float:
        return round((at_ns - self._origin_ns) / 1e3, 3)


def _metadata(kind: str, process: int, track: int, value: str | int) -> dict[str, Any]:
    key = "sort_index" if kind.endswith("index") else "name"
    return {"ph": "M", "pid": process, "tid": track, "name": kind, "args": {key: value}}


def _frame_lanes(frames: list[FrameRecord]) -> list[tuple[str, list[Span]]]:
    spans: list[Span] = []
    for frame in frames:
        if frame.slices:
            start = min(one.start_ns for one in frame.slices)
            end = max(one.start_ns + one.duration_ns for one in frame.slices)
            total = frame.total()
            arguments = {
                "allocations": total.allocations,
                "allocated_bytes": total.allocated_bytes,
                "peak_bytes": total.peak_bytes,
                "device_peak_bytes": total.device_peak_bytes,
                "copied_bytes": total.copied_bytes(),
                "page_faults": total.page_faults,
            }
            spans.append((start, end, {"name": f"frame {frame.index}", "args": arguments}))
    return _lanes("frames", spans)


def _threads(frames: list[FrameRecord], session: Session) -> list[tuple[str, list[Span]]]:
    names = stage_names(session.stages)
    threads: dict[int, list[Span]] = {}
    for frame in frames:
        for one in frame.slices:
            name = names.get((one.pipeline, one.stage), one.stage or OUTSIDE)
            shown = {"name": name, "args": {"frame": frame.index}}
            span = (one.start_ns, one.start_ns + one.duration_ns, shown)
            threads.setdefault(one.thread, []).append(span)
    return [(f"thread {place}", threads[key]) for place, key in enumerate(threads, 1)]


def _boundaries(session: Session) -> list[tuple[str, list[Span]]]:
    tracks: list[tuple[str, list[Span]]] = []
    for kind in _TIMED:
        spans: list[Span] = [
            (
                event.t_ns,
                event.t_ns + event.duration_ns,
                {
                    "name": event.op or kind,
                    "args": {
                        "bytes": event.nbytes,
                        "stage": event.stage,
                        "frame": event.frame,
                        "line": event.source,
                    },
                },
            )
            for event in session.events
            if event.kind == kind and event.duration_ns
        ]
        tracks += _lanes(kind, spans)
    return tracks


def _lanes(name: str, spans: list[Span]) -> list[tuple[str, list[Span]]]:
    """Deal spans out to as few tracks as keep them from overlapping."""
    lanes: list[list[Span]] = []
    for span in sorted(spans, key=lambda one: one[0]):
        for lane in lanes:
            if lane[-1][1] <= span[0]:
                lane.append(span)
                break
        else:
            lanes.append([span])
    return [(name if place == 1 else f"{name} {place}", one) for place, one in enumerate(lanes, 1)]


def _bytes_per_frame(frames: list[FrameRecord]) -> list[tuple[int, int]]:
    return [
        (min(one.start_ns for one in frame.slices), frame.total().allocated_bytes)
        for frame in frames
        if frame.slices
    ]


def _live_bytes(session: Session) -> list[tuple[int, int]]:
    live = 0
    values: list[tuple[int, int]] = []
    events = (event for event in session.events if event.kind in ("alloc", "free"))
    for event in sorted(events, key=lambda one: one.t_ns):
        live += event.nbytes if event.kind == "alloc" else -event.nbytes
        values.append((event.t_ns, live))
    return values
