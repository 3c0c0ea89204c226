"""How is a bill drawn in a notebook? As matplotlib figures, in the colours of the page."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Any, cast

import matplotlib.pyplot as plt
from matplotlib.ticker import MaxNLocator

from toolkit.profiling.processors import OUTSIDE, stage_names
from toolkit.profiling.processors import timeline as timeline_of
from toolkit.profiling.units import format_bytes, format_count, format_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from matplotlib.figure import Figure

    from toolkit.profiling.comparison import Comparison, ComparisonRow
    from toolkit.profiling.processors import Bill, StageBill
    from toolkit.profiling.session import Session

__all__ = ["bill_by_stage", "colours_of", "compare", "stacked", "timeline"]

# The page's colours, so that a stage looks the same in both.
COLOURS = (
    *("#2f6db5", "#d1661f", "#2a8f6a", "#b0488f", "#8a6d00"),
    *("#6a55c2", "#b33a3a", "#27808e", "#647d1f", "#7b5a43"),
)
GREY = "#8d97a5"

_Amount = tuple[str, str, "Callable[[float], str]"]
_AMOUNTS: tuple[_Amount, ...] = (
    ("ms_median", "ms per frame", format_ms),
    ("allocations_per_frame", "allocations per frame", format_count),
    ("allocated_bytes_per_frame", "allocated per frame", format_bytes),
)


def bill_by_stage(bill: Bill) -> Figure:
    """Three rows of bars by stage: milliseconds, allocations, bytes. Each bar has its number."""
    stages = bill.stages
    height = 0.9 + 0.32 * len(stages)
    figure, axes = _subplots(1, 3, figsize=(11, height), sharey=True)
    colours = colours_of([one.name for one in stages])
    for axis, (field, title, write) in zip(axes, _AMOUNTS, strict=True):
        values = [getattr(one, field) for one in stages]
        drawn = axis.barh(
            [one.name for one in stages], values, color=[colours[one.name] for one in stages]
        )
        axis.bar_label(drawn, [write(value) for value in values], padding=3, fontsize=9)
        _plain(axis, title)
        axis.set_xlim(0, (max(values, default=0) or 1) * 1.35)
    axes[0].invert_yaxis()
    return figure


def colours_of(names: Sequence[str]) -> dict[str, str]:
    """Colour of each stage by name, as on the page; what lies outside of stages is grey."""
    left = cycle(COLOURS)
    return {name: GREY if name == OUTSIDE else next(left) for name in names}


def timeline(session: Session, quantity: str = "ms") -> Figure:
    """Stacked areas over the newest frames: what each stage took.

    Args:
        session: whose frames.
        quantity: `"ms"`, `"allocations"` or `"bytes"`.

    Raises:
        ValueError: another quantity.
    """
    titles = {"ms": "ms", "allocations": "allocations", "bytes": "allocated MB"}
    if quantity not in titles:
        raise ValueError(f"cannot draw {quantity!r}; there is {', '.join(titles)}.")
    names = stage_names(session.stages)
    ordered = sorted(names.values(), key=lambda name: name == OUTSIDE)
    rows = timeline_of(session.frames, names)
    scale = 1e-6 if quantity == "bytes" else 1.0
    amounts = [{name: one * scale for name, one in row[quantity].items()} for row in rows]
    is_all = len(rows) == session.frame_count
    return stacked(amounts, ordered, titles[quantity], is_all=is_all)


def stacked(
    rows: Sequence[Mapping[str, float]], names: Sequence[str], label: str, *, is_all: bool
) -> Figure:
    """Stacked areas, one step for each frame.

    Args:
        rows: of each frame the amounts by stage; those that are missing are 0.
        names: of the stages, from below.
        label: what the amounts are.
        is_all: whether there were no frames before them.
    """
    figure, axis = _subplots(figsize=(11, 3.2))
    colours = colours_of(names)
    values = [[row.get(name, 0) for row in rows] for name in names]
    if rows:
        axis.stackplot(
            range(len(rows)),
            values,
            labels=names,
            colors=[colours[name] for name in names],
            step="mid",
        )
        _cut_off(axis, [sum(column) for column in zip(*values, strict=True)])
        axis.set_xlim(-0.5, len(rows) - 0.5)
        axis.legend(loc="upper left", bbox_to_anchor=(1, 1), reverse=True, frameon=False)
    axis.set_xlabel("frame" if is_all else f"newest {len(rows)} frames")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set_ylabel(label)
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def compare(comparison: Comparison, names: tuple[str, str] = ("before", "after")) -> Figure:
    """Two bills side by side, stage by stage, with the ratio after each pair."""
    rows = comparison.rows
    height = 1.2 + 0.5 * len(rows)
    figure, axes = _subplots(1, 3, figsize=(11, height), sharey=True)
    places = range(len(rows))
    for axis, (field, title, write) in zip(axes, _AMOUNTS, strict=True):
        old = [_value(row.before, field) for row in rows]
        new = [_value(row.after, field) for row in rows]
        said_old = [_said(row.before, field, write) for row in rows]
        said_new = [_said(row.after, field, write) + _ratio(row, field) for row in rows]
        for values, said, shift, colour, name in (
            (old, said_old, -0.2, GREY, names[0]),
            (new, said_new, 0.2, COLOURS[0], names[1]),
        ):
            drawn = axis.barh(
                [place + shift for place in places], values, 0.38, color=colour, label=name
            )
            axis.bar_label(drawn, said, padding=3, fontsize=8)
        _plain(axis, title)
        axis.set_xlim(0, (max([*old, *new], default=0) or 1) * 1.5)
    axes[0].set_yticks(list(places), [row.name for row in rows])
    axes[0].invert_yaxis()
    cast("Any", figure).legend(
        *axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2
    )
    return figure


def _subplots(*counts: int, **options: Any) -> tuple[Figure, Any]:
    figure, axes = plt.subplots(*counts, layout="constrained", **options)
    return figure, axes


def _value(stage: StageBill | None, field: str) -> float:
    return 0.0 if stage is None else float(getattr(stage, field))


def _said(stage: StageBill | None, field: str, write: Callable[[float], str]) -> str:
    return "did not run" if stage is None else write(_value(stage, field))


def _ratio(row: ComparisonRow, field: str) -> str:
    ratio = row.ratio(field)
    return "" if ratio is None else f" ({ratio:.2f})"


def _cut_off(axis: Any, totals: list[float]) -> None:
    """Keep a slow first frame from flattening all the others; say so where one is cut."""
    middle = sorted(totals)[len(totals) // 2]
    top = min(max(totals), 2.5 * middle) if middle else max(totals)
    cut = sum(total > top for total in totals)
    axis.set_ylim(0, top * 1.02 or 1)
    if cut:
        axis.set_title(f"{cut} higher than the scale", fontsize=9, loc="left", color=GREY)


def _plain(axis: Any, title: str) -> None:
    axis.set_title(title, fontsize=10, loc="left")
    axis.spines[["top", "right", "bottom"]].set_visible(False)
    axis.tick_params(left=False, bottom=False, labelbottom=False)
