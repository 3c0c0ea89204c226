"""What does the page get of a recording, and a file of a trace? Bytes, and what they are of."""

from __future__ import annotations

import array
import json
from typing import TYPE_CHECKING, Any

from toolkit.scheduler.recording import Recording
from toolkit.scheduler.trace import head_of

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
    words = array.array("q")
    for one in recording.events:
        head = head_of(one.happening, one.worker, one.level, one.kind, one.reason)
        words.extend((one.t_ns, head | one.task, one.value))
    return words.tobytes()


def export(scheduler: Watched, form: str) -> tuple[str, bytes]:
    """The name of a file, and what is in it: all that the trace keeps.

    Args:
        scheduler: whose trace.
        form: `"json"`, which `Recording.load` reads; or `"perfetto"`, for ui.perfetto.dev.
    """
    recording = recorded(scheduler)
    return "lanes.json", json.dumps(recording.to_dict()).encode()
