"""What does the bill look like in a terminal? A table by stage, and sentences below it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from toolkit.profiling.findings import findings
from toolkit.profiling.processors import Bill, Comparison
from toolkit.profiling.units import format_bytes, format_count, format_ms

if TYPE_CHECKING:
    from toolkit.profiling.processors import ComparisonRow, StageBill

__all__ = ["plain", "render", "render_comparison"]

BAR_WIDTH = 12


def render(bill: Bill) -> Group:
    """The bill as something that a rich console prints."""
    table = Table(
        title=f"Bill of {bill.frames} frames",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_footer=True,
        pad_edge=False,
    )
    whole = bill.whole
    sides = [side for side, entry in whole.copies.items() if entry["count"]]
    table.add_column("stage", "whole frame", no_wrap=True)
    table.add_column("ms", format_ms(whole.ms_median), justify="right")
    table.add_column("of the time", "", no_wrap=True)
    table.add_column("allocations", format_count(whole.allocations_per_frame), justify="right")
    allocated = format_bytes(whole.allocated_bytes_per_frame)
    table.add_column("allocated", allocated, justify="right", no_wrap=True)
    peak = format_bytes(whole.total.peak_bytes)
    table.add_column("peak", peak, justify="right", no_wrap=True)
    for side in sides:
        name = "copies, side unknown" if side == "?" else f"copies {side}"
        table.add_column(name, _copies(whole, side, bill.frames), justify="right", no_wrap=True)
    table.add_column("waits", _waits(whole, bill.frames), justify="right", no_wrap=True)
    for stage in bill.stages:
        table.add_row(
            stage.name,
            format_ms(stage.ms_median),
            _bar(stage.share),
            format_count(stage.allocations_per_frame),
            format_bytes(stage.allocated_bytes_per_frame),
            format_bytes(stage.total.peak_bytes) if stage.calls else "",
            *(_copies(stage, side, bill.frames) for side in sides),
            _waits(stage, bill.frames),
            style="dim" if not stage.calls else "",
        )
    return Group(table, *_below(bill))


def _below(bill: Bill) -> list[Text]:
    total = bill.whole.total
    frames = max(bill.frames, 1)
    also = [
        f"{what} {format_count(round(number, 2))}"
        for number, what in (
            (total.converts / frames, "conversions"),
            (total.syncs / frames, "synchronisations"),
            (total.io / frames, "reads and writes"),
            (bill.whole.page_faults_median, "page faults (median)"),
        )
        if number
    ]
    lines = [
        "ms are medians of the frames on which a stage ran; the rest is per frame, peak the top."
    ]
    if also:
        lines.append(f"Also, per frame: {', '.join(also)}.")
    if bill.own_ms_per_frame:
        own = format_ms(bill.own_ms_per_frame)
        lines.append(f"The profiler itself took {own} ms a frame, which is in no stage.")
    found = [Text(f"• {line}") for line in findings(bill)]
    notes = [Text(line, style="dim") for line in (*lines, *bill.notes)]
    return [*found, *notes]


def render_comparison(comparison: Comparison) -> Table:
    """Two bills side by side as something that a rich console prints."""
    table = Table(
        title="Before and after", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False
    )
    table.add_column("stage", no_wrap=True)
    for name in ("ms", "allocations", "allocated"):
        table.add_column(name, justify="right", no_wrap=True)
        table.add_column("after", justify="right", no_wrap=True)
        table.add_column("ratio", justify="right", no_wrap=True)
    for row in comparison.rows:
        is_last = row is comparison.rows[-1]
        if is_last:
            table.add_section()
        table.add_row(row.name, *_compared(row), style="bold" if is_last else "")
    return table


def plain(shown: Bill | Comparison, width: int = 140) -> str:
    """The same as text without colour."""
    buffer = io.StringIO()
    console = Console(file=buffer, width=width, color_system=None, force_terminal=False)
    console.print(render(shown) if isinstance(shown, Bill) else render_comparison(shown))
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines())


def _compared(row: ComparisonRow) -> list[str]:
    cells: list[str] = []
    for quantity, format_value in (
        ("ms_median", format_ms),
        ("allocations_per_frame", format_count),
        ("allocated_bytes_per_frame", format_bytes),
    ):
        sides = (row.before, row.after)
        cells += ["" if one is None else format_value(getattr(one, quantity)) for one in sides]
        ratio = row.ratio(quantity)
        cells.append("" if ratio is None else f"{ratio:.2f}")
    return cells


def _bar(share: float) -> Text:
    full = max(round(share * BAR_WIDTH), int(round(share, 2) > 0))
    return Text("█" * full + "·" * (BAR_WIDTH - full) + f" {share:4.0%}")


def _copies(stage: StageBill, side: str, frames: int) -> str:
    entry = stage.copies.get(side, {"count": 0, "bytes": 0})
    if not entry["count"]:
        return ""
    number = format_count(entry["count"] / max(frames, 1))
    return f"{number} · {format_bytes(entry['bytes'] / max(frames, 1))}"


def _waits(stage: StageBill, frames: int) -> str:
    total = stage.total
    if not total.waits and not total.syncs:
        return ""
    number = format_count((total.waits + total.syncs) / max(frames, 1))
    return f"{number} · {format_ms(stage.waits_ms / max(frames, 1))} ms"
