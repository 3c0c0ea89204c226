"""Where did a thread stop, or carry bytes? One row for each boundary and line of a stage.

The bottlenecks of the checklist, as plain data: waits, input and output, serialisation, and pauses
of the garbage collector. Lines are known of frames recorded at `lines` or `exact`; at `counts` a
row stands for the whole stage.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolkit.profiling.sources import SEPARATOR

if TYPE_CHECKING:
    from toolkit.hooks import Event
    from toolkit.profiling.frames import StageKey

__all__ = ["BOTTLENECKS", "BottleneckCounts", "BottleneckKey", "BottleneckRow", "add_bottleneck"]

BOTTLENECKS = ("wait", "io", "serialize", "gc")

# kind, boundary, source
BottleneckKey = tuple[str, str, str]


@dataclass(slots=True)
class BottleneckCounts:
    """How often, how many bytes, and for how long."""

    count: int = 0
    nbytes: int = 0
    duration_ns: int = 0


@dataclass(frozen=True, slots=True)
class BottleneckRow:
    """One boundary, crossed from one line, inside one stage; sums over the session.

    Attributes:
        stage: its name on the bill.
        kind: `"wait"`, `"io"`, `"serialize"` or `"gc"`.
        op: the boundary, such as `"queue.get"`.
        source: the chain of lines, innermost first; empty where none is known.
        counts: how often, how many bytes, and for how long.
    """

    stage: str
    kind: str
    op: str
    source: str
    counts: BottleneckCounts

    @property
    def line(self) -> str:
        """The line that crossed it."""
        return self.source.partition(SEPARATOR)[0]

    def to_dict(self, frames: int) -> dict[str, Any]:
        """Plain values for JSON, amounts per frame."""
        counts, many = self.counts, max(frames, 1)
        return {
            "stage": self.stage,
            "kind": self.kind,
            "op": self.op,
            "source": self.source,
            "per_frame": counts.count / many,
            "bytes_per_frame": counts.nbytes / many,
            "ms_per_frame": counts.duration_ns / 1e6 / many,
        }


def add_bottleneck(
    known: dict[StageKey, dict[BottleneckKey, BottleneckCounts]], key: StageKey, event: Event
) -> None:
    """Add an event to the row of its stage, boundary and line."""
    rows = known.setdefault(key, {})
    name = (event.kind, event.op, event.source)
    counts = rows.get(name)
    if counts is None:
        counts = rows[name] = BottleneckCounts()
    counts.count += 1
    counts.nbytes += event.nbytes
    counts.duration_ns += event.duration_ns
