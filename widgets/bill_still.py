"""What stands for a bill where no kernel runs? A picture, and a table without times."""

from __future__ import annotations

import io
import statistics
from typing import TYPE_CHECKING

from toolkit.profiling.processors import OUTSIDE, stage_names
from toolkit.profiling.units import format_bytes, format_count
from widgets.bill_rows import MEASURES, values_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.profiling.frames import FrameRecord, StageKey

__all__ = ["poster", "table"]

# Waits are left out: how often a thread waits differs from run to run.
_COLUMNS = ("allocations", "bytes", "copies", "h2d_bytes", "d2h_bytes", "d2d_bytes", "h2h_bytes")
_LABELS = {"ms": "ms", "wait_ms": "ms waited", "bytes": "allocated MB"}


def table(title: str, frames: Sequence[FrameRecord]) -> str:
    """Median of each stage over the frames on which it ran; columns that are 0 are left out."""
    if not frames:
        return f"Bill of {title}: no frame yet"
    names = _names(frames)
    rows = {name: _medians(key, frames) for key, name in names.items()}
    shown = [
        column
        for column in (*_COLUMNS, "syncs")
        if any(row[MEASURES.index(column)] for row in rows.values())
    ]
    lines = [["stage", *(column.replace("_bytes", "") for column in shown)]]
    lines += [
        [name, *(_written(column, row[MEASURES.index(column)]) for column in shown)]
        for name, row in rows.items()
    ]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    written = [
        "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]).rstrip()
        for line in lines
    ]
    return "\n".join([f"Bill of {title}, a frame in the median", *written])


def poster(frames: Sequence[FrameRecord], measure: str, *, is_all: bool) -> bytes | None:
    """The chart as PNG, or None where there is no frame.

    Args:
        frames: in order.
        measure: one of `MEASURES`.
        is_all: whether there were no frames before them.
    """
    if not frames:
        return None
    import matplotlib.pyplot as plt

    from toolkit.profiling.reporters import figures

    names = _names(frames)
    place = MEASURES.index(measure)
    scale = 1e-6 if measure.endswith("bytes") else 1.0
    rows = [
        {names[key]: values_of(tally)[place] * scale for key, tally in frame.stages.items()}
        for frame in frames
    ]
    label = _LABELS.get(measure, measure.replace("_bytes", " MB"))
    figure = figures.stacked(rows, list(names.values()), label, is_all=is_all)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=100)
    plt.close(figure)
    return picture.getvalue()


def _names(frames: Sequence[FrameRecord]) -> dict[StageKey, str]:
    """Name of each stage, in the order in which they first ran; what lies outside comes last."""
    found = stage_names(dict.fromkeys(key for frame in frames for key in frame.stages))
    return dict(sorted(found.items(), key=lambda item: item[1] == OUTSIDE))


def _medians(key: StageKey, frames: Sequence[FrameRecord]) -> list[float]:
    taken = [values_of(frame.stages[key]) for frame in frames if key in frame.stages]
    return [statistics.median(column) for column in zip(*taken, strict=True)]


def _written(column: str, value: float) -> str:
    return format_bytes(value) if column.endswith("bytes") else format_count(value)
