"""How does it look on a time line? A trace for Perfetto and chrome://tracing.

Each worker has a track of what it ran, with quanta nested inside; waits are drawn beside each other
for each level and kind, since they overlap; depths are counters; an arrow leads from a stretch of a
task to its next one. Perfetto's importer drops slices that cross, and those of small process and
thread numbers: numbers start at 1001 and 101.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from toolkit.scheduler.levels import Level
from toolkit.scheduler.reasons import Happening, Reason
from toolkit.scheduler.recording import Recording
from toolkit.scheduler.shifts import WHY
from toolkit.scheduler.stretches import Doing, Stretch, depths, slices, stretches
from toolkit.scheduler.trace import NO_WORKER, Record

__all__ = ["export_chrome_trace"]

WORKERS, QUEUES, DECISIONS = 1001, 1002, 1003  # numbers of what Perfetto calls processes
FIRST_TRACK = 101
CONTEXTS, PRIORITIES = FIRST_TRACK, FIRST_TRACK + 1
_PROCESSES = {WORKERS: "workers", QUEUES: "queues", DECISIONS: "decisions"}

Event = dict[str, Any]


def export_chrome_trace(recording: Recording, path: str | Path) -> None:
    """Write a recording as a JSON file that Perfetto and chrome://tracing open."""
    found = stretches(recording)
    line = _Line(recording)
    events = [
        *line.names(found),
        *line.runs(found),
        *line.arrows(found),
        *line.waits(found),
        *line.counters(found),
        *line.instants(),
    ]
    document = {
        "displayTimeUnit": "ms",
        "traceEvents": events,
        "otherData": {"mode": recording.mode, "events lost": str(recording.lost)},
    }
    Path(path).write_text(json.dumps(document), encoding="utf-8")


class _Line:
    """Makes events of one recording, whose times count from its first event."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._stolen = {
            (one.task, one.t_ns) for one in recording.events if one.happening == Happening.STEAL
        }

    def names(self, found: list[Stretch]) -> Iterator[Event]:
        """What processes and tracks are called."""
        for process, name in _PROCESSES.items():
            yield _metadata("process_name", process, 0, name)
        yield _metadata("thread_name", DECISIONS, CONTEXTS, "contexts")
        yield _metadata("thread_name", DECISIONS, PRIORITIES, "priorities")
        lanes = self._recording.lanes
        seen = max((worker for worker in slices(found)), default=-1) + 1
        for worker in range(max(self._recording.workers, len(lanes), seen)):
            first, last = lanes[worker] if worker < len(lanes) else (Level.CRITICAL, Level.IDLE)
            name = f"worker {worker}: {Level(first).name} to {Level(last).name}"
            yield _metadata("thread_name", WORKERS, FIRST_TRACK + worker, name)
            yield _metadata("thread_sort_index", WORKERS, FIRST_TRACK + worker, worker)

    def runs(self, found: list[Stretch]) -> Iterator[Event]:
        """A slice for each stretch that a worker ran, and in it one for each of its quanta."""
        for ran in slices(found).values():
            for one in ran:
                yield self._slice(one, self._kind(one), one.begin_ns, one.end_ns, self._told(one))
                ends = (one.begin_ns, *one.marks_ns, one.end_ns)
                if one.marks_ns:
                    for begin_ns, end_ns in pairwise(ends):
                        yield self._slice(one, "quantum", begin_ns, end_ns, {})

    def arrows(self, found: list[Stretch]) -> Iterator[Event]:
        """From each slice of a task to its next one; an empty slice has no room for an end."""
        last: dict[int, Stretch] = {}
        number = 0
        for one in found:
            if one.worker == NO_WORKER or one.begin_ns == one.end_ns:
                continue
            before = last.get(one.task)
            last[one.task] = one
            if before is not None:
                number += 1
                is_stolen = (one.task, one.begin_ns) in self._stolen
                name = "stolen" if is_stolen else "resumed"
                common = {"cat": "task", "id": number, "name": name}
                yield {
                    "ph": "s",
                    **self._on(before),
                    "ts": self._us(_last_piece_ns(before)),
                    **common,
                }
                yield {
                    "ph": "f",
                    "bp": "e",
                    **self._on(one),
                    "ts": self._us(one.begin_ns),
                    **common,
                }

    def waits(self, found: list[Stretch]) -> Iterator[Event]:
        """What was queued or blocked, as pairs of a begin and an end."""
        waiting = (one for one in found if one.doing is not Doing.RUNNING)
        for number, one in enumerate(waiting, 1):
            where = _sorted_name(one.level) if one.doing is Doing.QUEUED else "blocked"
            common = {
                "cat": where,
                "id2": {"local": hex(number)},  # beside the counters of its process
                "pid": QUEUES,
                "tid": FIRST_TRACK,
                "name": f"{where}: {self._kind(one)}",
            }
            yield {"ph": "b", "ts": self._us(one.begin_ns), "args": self._told(one), **common}
            yield {"ph": "e", "ts": self._us(one.end_ns), **common}

    def counters(self, found: Iterable[Stretch]) -> Iterator[Event]:
        """How many were queued at each level."""
        for at in depths(found):
            yield {
                "ph": "C",
                "pid": QUEUES,
                "tid": FIRST_TRACK,
                "ts": self._us(at.t_ns),
                "name": "queued",
                "args": {_sorted_name(level): at.queued[level] for level in Level},
            }

    def instants(self) -> Iterator[Event]:
        """Decisions and misses, each with its reason."""
        for one in self._recording.events:
            name = self._name_of(one)
            if name is None:
                continue
            args: dict[str, Any] = {}
            if one.task:
                args |= {"task": one.task, "kind": self._recording.kind_name(one.kind)}
            if one.reason:
                args["reason"] = WHY[Reason(one.reason)]
            yield {
                "ph": "i",
                "s": "t",
                "ts": self._us(one.t_ns),
                "name": name,
                "args": args,
                **_place_of(one),
            }

    def _name_of(self, event: Record) -> str | None:
        """What an event is called that is drawn by itself; None for the others."""
        if event.happening == Happening.LEVEL:
            kind = self._recording.kind_name(event.kind)
            whom = f"{kind} {event.task}" if event.task else f"all {kind}"
            return f"{whom}: {_level(event.value)} to {_level(event.level)}"
        if event.happening == Happening.CONTEXT:
            return f"context {self._recording.context_name(event.value)}"
        if event.happening == Happening.MISS:
            return f"missed by {event.value / 1e6:.1f} ms: {Reason(event.reason).name}"
        if event.happening == Happening.STEAL:
            return f"stolen from worker {event.value}"
        return {Happening.GUARD: "guard", Happening.SHED: "shed"}.get(Happening(event.happening))

    def _slice(
        self, one: Stretch, name: str, begin_ns: int, end_ns: int, args: dict[str, Any]
    ) -> Event:
        return {
            "ph": "X",
            **self._on(one),
            "ts": self._us(begin_ns),
            "dur": round((end_ns - begin_ns) / 1e3, 3),
            "name": name,
            "args": args,
        }

    def _told(self, one: Stretch) -> dict[str, Any]:
        """What a click shows."""
        told: dict[str, Any] = {"task": one.task, "level": _level(one.level)}
        if one.doing is Doing.BLOCKED and one.awaits > 0:
            told["awaits"] = one.awaits
        told["ended"] = one.ended.name if one.ended else "not in the trace"
        if one.reason:
            told["reason"] = WHY[one.reason]
        if one.begin_is_lost:
            told["begin"] = "not in the trace"
        return told

    def _kind(self, one: Stretch) -> str:
        return self._recording.kind_name(one.kind)

    def _on(self, one: Stretch) -> Event:
        return {"pid": WORKERS, "tid": FIRST_TRACK + one.worker}

    def _us(self, at_ns: int) -> float:
        return round((at_ns - self._recording.start_ns) / 1e3, 3)


def _last_piece_ns(one: Stretch) -> int:
    """When the last quantum of a slice began: an arrow leaves at the end of what it begins in."""
    return max((mark for mark in one.marks_ns if mark < one.end_ns), default=one.begin_ns)


def _place_of(event: Record) -> Event:
    on_worker = event.happening in (Happening.MISS, Happening.STEAL, Happening.GUARD)
    if on_worker and event.worker != NO_WORKER:
        return {"pid": WORKERS, "tid": FIRST_TRACK + event.worker}
    track = CONTEXTS if event.happening == Happening.CONTEXT else PRIORITIES
    return {"pid": DECISIONS, "tid": track}


def _level(level: int) -> str:
    return Level(level).name


def _sorted_name(level: int) -> str:
    """Perfetto sorts by name."""
    return f"{level} {_level(level)}"


def _metadata(kind: str, process: int, track: int, value: str | int) -> Event:
    key = "sort_index" if kind.endswith("index") else "name"
    return {"ph": "M", "pid": process, "tid": track, "name": kind, "args": {key: value}}
