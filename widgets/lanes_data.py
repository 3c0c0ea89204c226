"""What does the page get of a recording, and a file of a trace? Bytes, and what they are of."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.scheduler.perfetto import export_chrome_trace
from toolkit.scheduler.recording import Recording
from toolkit.scheduler.trace import Trace

if TYPE_CHECKING:
    from widgets.lanes import Watched

__all__ = ["about", "export", "pack", "recorded"]


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
