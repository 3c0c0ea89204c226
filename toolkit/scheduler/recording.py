"""What happened in one stretch of scheduling? Plain data, that can be kept, shown and replayed.

A recording is the events of a trace, and the names that their numbers stand for. It holds no task
and no clock, so that it can be read anywhere: beside a live session, or a year later.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast

from toolkit.scheduler.levels import Level
from toolkit.scheduler.reasons import Happening, Reason
from toolkit.scheduler.trace import NBYTES, NO_LEVEL, Record, records

__all__ = ["KindName", "Recording"]

FORMAT = "downhill-recording"
VERSION = 1


class KindName(NamedTuple):
    """A kind of work.

    Attributes:
        name: what it is called.
        level: 0 to 4, where nothing shifts it.
        period_ns: how often it is released, where that was declared; else 0.
    """

    name: str
    level: int
    period_ns: int = 0


@dataclass(frozen=True, slots=True)
class Recording:
    """The newest events of a scheduler, oldest first.

    Attributes:
        workers: how many there were.
        cores: how many of them can run at once.
        lanes: for each worker the first and the last level that it takes.
        kinds: the kinds of work; an event's `kind` counts from 0 in them.
        contexts: the names of the contexts; the value of a `CONTEXT` event counts from 0 in them.
        mode: how the scheduler chose: `"lanes"`, `"guard"`, `"both"` or `"levels"`.
        start_ns: of the first event on the scheduler's clock; 0 without events.
        end_ns: of the last event.
        lost: events that were overwritten before they could be taken.
        events: what happened.
    """

    workers: int
    cores: int
    lanes: tuple[tuple[int, int], ...]
    kinds: tuple[KindName, ...]
    contexts: tuple[str, ...]
    mode: str
    start_ns: int
    end_ns: int
    lost: int
    events: tuple[Record, ...]

    @classmethod
    def of(cls, snapshot: Mapping[str, Any], data: bytes, lost: int = 0) -> Recording:
        """What a scheduler says of itself, with the events of its trace.

        Args:
            snapshot: what `Scheduler.snapshot` gave.
            data: the events, 24 bytes each, as `Trace.since` gives them.
            lost: how many were overwritten, as `Trace.since` says.

        Raises:
            ValueError: `data` is not made of whole events, or the snapshot lacks a part.
        """
        if len(data) % NBYTES:
            raise ValueError(
                f"{len(data)} bytes are not whole events of {NBYTES}; "
                "give the data of trace.since(cursor) as it is."
            )
        return _recording({**snapshot, "lost": lost}, records(data))

    def kind_name(self, kind: int) -> str:
        """The name of a kind, or its number where the recording does not know it."""
        return self.kinds[kind].name if 0 <= kind < len(self.kinds) else f"kind {kind}"

    def context_name(self, context: int) -> str:
        """The name of a context, or its number where the recording does not know it."""
        known = 0 <= context < len(self.contexts)
        return self.contexts[context] if known else f"context {context}"

    def to_dict(self) -> dict[str, Any]:
        """Everything, as JSON can hold it; an event is a row, and `columns` names its numbers."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "workers": self.workers,
            "cores": self.cores,
            "lanes": [list(lane) for lane in self.lanes],
            "kinds": [
                {"name": kind.name, "base": kind.level, "period_ns": kind.period_ns}
                for kind in self.kinds
            ],
            "contexts": list(self.contexts),
            "mode": self.mode,
            "lost": self.lost,
            "columns": list(Record._fields),
            "events": [list(event) for event in self.events],
        }

    def save(self, path: str | Path) -> None:
        """Write everything to a JSON file, which `Recording.load` reads."""
        Path(path).write_text(json.dumps(self.to_dict()), encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> Recording:
        """Read a recording that `save` wrote.

        Raises:
            ValueError: not such a file, or of a newer version; the text says which.
        """
        try:
            return cls.from_dict(json.loads(Path(path).read_text(encoding="utf-8")))
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"{path} is not JSON: {error}.") from error
        except ValueError as error:
            raise ValueError(f"{path} cannot be read: {error}") from error

    @classmethod
    def from_dict(cls, document: Any) -> Recording:
        """The recording that `to_dict` gave.

        Raises:
            ValueError: something else; the text says what was wrong.
        """
        said = _checked(document)
        return _recording(said, [_event(place, row) for place, row in enumerate(said["events"])])


def _recording(said: Mapping[str, Any], events: list[Record]) -> Recording:
    times = [event.t_ns for event in events]
    try:
        return Recording(
            workers=int(said["workers"]),
            cores=int(said.get("cores", said["workers"])),
            lanes=tuple((int(first), int(last)) for first, last in said["lanes"]),
            kinds=tuple(_kind(kind) for kind in said["kinds"]),
            contexts=tuple(str(name) for name in said["contexts"]),
            mode=str(said["mode"]),
            start_ns=min(times, default=0),
            end_ns=max(times, default=0),
            lost=int(said["lost"]),
            events=tuple(events),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"what is said of the scheduler is not whole ({error!r}); "
            "take it from scheduler.snapshot()."
        ) from error


def _kind(said: Mapping[str, Any]) -> KindName:
    return KindName(str(said["name"]), int(said["base"]), int(said.get("period_ns", 0)))


def _checked(document: Any) -> dict[str, Any]:
    """The parts of a file, which are those of this format and version."""
    said = cast("dict[str, Any]", document if isinstance(document, dict) else {})
    if said.get("format") != FORMAT:
        raise ValueError(
            f'it is no recording, since its "format" is not "{FORMAT}"; '
            "write one with recording.save(path)."
        )
    if said.get("version") != VERSION:
        raise ValueError(
            f"it has version {said.get('version')!r}, and this toolkit reads version {VERSION}."
        )
    if not isinstance(said.get("events"), list):
        raise ValueError('it has no list of "events".')
    return said


def _event(place: int, row: Any) -> Record:
    """An event of a file: as many whole numbers as an event has, and known words."""
    try:
        event = Record(*map(operator.index, row))
        _ = Happening(event.happening), Reason(event.reason)
        if event.level != NO_LEVEL:
            _ = Level(event.level)
        if event.happening == Happening.LEVEL:
            _ = Level(event.level), Level(event.value)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"its event {place} is {row!r}, which is not the whole numbers "
            f"{', '.join(Record._fields)}: {error}."
        ) from error
    return event
