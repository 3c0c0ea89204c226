"""How does a frame's cost get to the page? As a short row of numbers, exact ones, for each stage.

A row is `number, index, level, stages` and then for each of its stages `place` and one value for
each of `MEASURES`, all of them float64: whole numbers are exact up to 9 petabytes.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

from toolkit.profiling import LEVELS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from toolkit.profiling import Lines
    from toolkit.profiling.frames import FrameRecord, StageKey
    from toolkit.profiling.tally import Tally

__all__ = ["LIMIT_OF", "MEASURES", "limits_of", "line_rows", "pack", "values_of"]

_READ: dict[str, Callable[[Tally], float]] = {
    "allocations": lambda tally: tally.allocations,
    "bytes": lambda tally: tally.allocated_bytes,
    "copies": lambda tally: tally.copy_count(),
    "h2d_bytes": lambda tally: _copied(tally, "h2d"),
    "d2h_bytes": lambda tally: _copied(tally, "d2h"),
    "d2d_bytes": lambda tally: _copied(tally, "d2d"),
    "h2h_bytes": lambda tally: _copied(tally, "h2h"),
    "syncs": lambda tally: tally.syncs,
    "waits": lambda tally: tally.waits,
    "wait_ms": lambda tally: tally.wait_ns / 1e6,
    "ms": lambda tally: tally.ms,
}
MEASURES = tuple(_READ)
# Limits of a budget that a frame's sums can be held against, and the measure that each is of.
LIMIT_OF = {
    "allocations": "allocations",
    "allocated_bytes": "bytes",
    "copies": "copies",
    "h2d_bytes": "h2d_bytes",
    "d2h_bytes": "d2h_bytes",
    "h2h_bytes": "h2h_bytes",
    "syncs": "syncs",
    "waits": "waits",
}
MOST_LINES = 100


def values_of(tally: Tally) -> list[float]:
    """What a stage took on one frame: a value for each of `MEASURES`."""
    return [read(tally) for read in _READ.values()]


def pack(frames: Iterable[FrameRecord], first: int, places: Mapping[StageKey, int]) -> bytes:
    """The rows of `frames`, the first of which is number `first` of its session, from 0."""
    numbers = array("d")
    for number, frame in enumerate(frames, first):
        numbers.extend((number, frame.index, LEVELS.index(frame.level), len(frame.stages)))
        for key, tally in frame.stages.items():
            numbers.append(places[key])
            numbers.extend(values_of(tally))
    return numbers.tobytes()


def limits_of(limits: Mapping[str, int]) -> dict[str, int]:
    """Measure to limit, for the page.

    Raises:
        ValueError: a limit on something that is no sum over stages.
    """
    for name in limits:
        if name not in LIMIT_OF:
            raise ValueError(
                f"a bill cannot show a limit on {name}; it shows {', '.join(LIMIT_OF)}. "
                "`with budget(...)` around the loop holds all of them."
            )
    return {LIMIT_OF[name]: value for name, value in limits.items()}


def line_rows(lines: Lines) -> dict[str, Any]:
    """Operators and source lines of the frames that were looked at, as plain data for the page.

    Args:
        lines: the session's.

    Returns:
        `rows` of stage, operator, line, chain, allocations, bytes, copies, copied bytes and syncs,
        the largest first; the `rest` that no line was found for, in allocations and bytes; and how
        many rows are `left_out`. Sums over `frames`.
    """
    named = [row for row in lines if row.source]
    rest = [row.counts for row in lines if not row.source]
    return {
        "frames": lines.frames,
        "rows": [
            [
                *(row.stage, row.op, row.line, "\n".join(row.chain)),
                *(row.counts.allocations, row.counts.allocated_bytes),
                *(row.counts.copies, row.counts.copied_bytes, row.counts.syncs),
            ]
            for row in named[:MOST_LINES]
        ],
        "rest": [
            sum(one.allocations for one in rest),
            sum(one.allocated_bytes for one in rest),
        ],
        "left_out": max(len(named) - MOST_LINES, 0),
    }


def _copied(tally: Tally, side: str) -> int:
    return tally.copies.get(side, (0, 0))[1]
