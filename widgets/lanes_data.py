"""What does the page get of a recording, and a file of a trace? Bytes, and what they are of."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.scheduler.perfetto import export_chrome_trace
from toolkit.scheduler.recording import Recording
from toolkit.scheduler.trace import NBYTES, Delta, Trace

if TYPE_CHECKING:
    from widgets.lanes import Watched

__all__ = ["Frozen", "FrozenTrace", "about", "export", "pack", "recorded"]


class FrozenTrace(Delta):
    """All that a trace kept at one time, to be read by a cursor as the trace itself is."""

    def since(self, cursor: int = 0) -> Delta:
        """What had come after `cursor` by then. Copies it, unless that is all."""
        first = self.lost  # what `Trace.since(0)` lost is all that came before
        begin = max(cursor, first)
        return Delta(self.cursor, begin - cursor, self.data[(begin - first) * NBYTES :])


class Frozen:
    """A scheduler as it was when its picture was stopped. Copies once what its trace keeps.

    Without the copy a view that comes later could get what happened since, or nothing of then: the
    scheduler goes on and overwrites its events.
    """

    def __init__(self, scheduler: Watched) -> None:
        self.trace = FrozenTrace(*scheduler.trace.since(0))
        self.kinds = tuple(scheduler.kinds)
        self._snapshot = dict(scheduler.snapshot())

    def snapshot(self) -> dict[str, Any]:
        """What was queued and what ran."""
        return self._snapshot


def recorded(scheduler: Watched, most: int | None = None) -> Recording:
    """What the trace of `scheduler` keeps, or its newest `most` events. Copies them."""
    trace = scheduler.trace
    delta = trace.since(0 if most is None else max(0, trace.count - most))
    return Recording.of(scheduler.snapshot(), delta.data, delta.lost)


def about(recording: Recording) -> dict[str, Any]:
    """What the numbers of the events stand for, as the page takes it."""
    return {
        "workers": recording.workers,
        "lanes": recording.lanes,
        "kinds": [kind.name for kind in recording.kinds],
        "bases": [kind.level for kind in recording.kinds],
        "contexts": recording.contexts,
    }


def pack(recording: Recording) -> bytes:
    """The events as the trace had them, little endian, 24 bytes each."""
    events = recording.events
    ring = Trace(1 << max(len(events) - 1, 0).bit_length())
    for one in events:
        ring.note(*one)
    return ring.since(0).data


def export(scheduler: Watched, form: str) -> tuple[str, bytes]:
    """The name of a file, and what is in it: all that the trace keeps.

    Args:
        scheduler: whose trace.
        form: `"json"`, which `Recording.load` reads; or `"perfetto"`, for ui.perfetto.dev.
    """
    recording = recorded(scheduler)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("lanes.json" if form == "json" else "lanes.perfetto.json")
        if form == "json":
            recording.save(path)
        else:
            export_chrome_trace(recording, path)
        return path.name, path.read_bytes()
