"""What does the bill look like in a terminal? A table by stage, and sentences below it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from toolkit.profiling.comparison import Comparison
from toolkit.profiling.findings import findings
from toolkit.profiling.processors import Bill
from toolkit.profiling.reporters.paper import printed
from toolkit.profiling.units import format_bytes, format_count, format_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import ConsoleOptions, RenderResult

    from toolkit.profiling.comparison import ComparisonRow
    from toolkit.profiling.processors import StageBill

__all__ = ["plain", "render", "render_comparison"]

BAR_WIDTH = 12
_WIDE = 1000

# Its head, and what it says of a stage.
_Column: TypeAlias = "tuple[str, Callable[[StageBill], str | Text]]"


class _Page:
    """A bill that fits itself to the width of whatever prints it."""

    def __init__(self, bill: Bill) -> None:
        self._bill = bill

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        bill = self._bill
        unlimited = options.update(width=_WIDE)
        tables = [_table(bill, columns) for columns in _columns(bill)]
        # Columns that say least go first; names and numbers are cut only where nothing else helps.
        fitting = (
            one
            for one in tables
            if console.measure(one, options=unlimited).maximum <= options.max_width
        )
        yield next(fitting, tables[-1])
        yield from _below(bill)


def render(bill: Bill) -> _Page:
    """The bill as something that a rich console prints, at any width from 50 on."""
    return _Page(bill)


def _columns(bill: Bill) -> Iterator[list[_Column]]:
    """The columns, and then fewer and fewer of them."""
    frames = bill.frames
    columns: list[_Column] = [
        ("ms", lambda one: format_ms(one.ms_median)),
        ("allocations", lambda one: format_count(one.allocations_per_frame)),
        ("allocated", lambda one: format_bytes(one.allocated_bytes_per_frame)),
    ]
    for side, entry in bill.whole.copies.items():
        if entry["count"]:
            name = "copies, side unknown" if side == "?" else f"copies {side}"
            columns.append((name, lambda one, side=side: _copies(one, side, frames)))
    if bill.whole.total.virtual_ns:
        columns.append(("virtual ms", lambda one: _virtual(one, frames)))
    if bill.whole.total.waits or bill.whole.total.syncs:
        columns.append(("waits", lambda one: _waits(one, frames)))
    share: _Column = ("time", lambda one: f"{one.share:.0%}")
    bar: _Column = ("of the time", lambda one: _bar(one.share))
    peak: _Column = ("peak", lambda one: _peak(one))
    peaks: list[_Column] = [peak]
    if bill.whole.total.device_peak_bytes:
        peaks.append(("peak, device", lambda one: _device_peak(one)))
    first, rest = columns[:1], columns[1:]
    yield [*first, bar, *rest[:2], *peaks, *rest[2:]]
    yield [*first, bar, *rest]
    yield [*first, share, *rest]
    yield columns
    for name in ("copies h2h", "copies d2d", "allocations"):
        columns = [one for one in columns if one[0] != name]
        yield columns
    yield [*first, *rest[:2]]


def _table(bill: Bill, columns: list[_Column]) -> Table:
    table = Table(
        title=f"Bill of {bill.frames} frames",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_footer=True,
        pad_edge=False,
    )
    table.add_column("stage", "whole frame", no_wrap=True)
    for name, write in columns:
        is_bar = name == "of the time"
        footer = "" if name in ("of the time", "time") else write(bill.whole)
        table.add_column(name, footer, justify="left" if is_bar else "right", no_wrap=True)
    for stage in bill.stages:
        style = "" if stage.calls else "dim"
        table.add_row(stage.name, *(write(stage) for _, write in columns), style=style)
    return table


def _below(bill: Bill) -> list[Text]:
    total = bill.whole.total
    frames = max(bill.frames, 1)
    also = [
        f"{what} {format_count(round(number, 2))}"
        for number, what in (
            (total.device_allocations / frames, "allocations on the device"),
            (total.converts / frames, "conversions"),
            (total.syncs / frames, "synchronisations"),
            (total.io / frames, "reads and writes"),
            (total.serialized / frames, "serialisations"),
            (total.gc_pauses / frames, "garbage collector pauses"),
            (bill.whole.page_faults_median, "page faults (median)"),
        )
        if number
    ]
    lines = [
        "ms are medians of the frames on which a stage ran; the rest is the mean of all frames, "
        "peak the top."
    ]
    if also:
        lines.append(f"Also, a frame on average: {', '.join(also)}.")
    if bill.own_ms_per_frame:
        own = format_ms(bill.own_ms_per_frame)
        lines.append(f"The profiler itself took {own} ms a frame on average, in no stage.")
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


def plain(shown: Bill | Comparison, width: int | None = None) -> str:
    """The same as text without colour, in a notebook as wide as a cell."""
    page = render(shown) if isinstance(shown, Bill) else render_comparison(shown)
    return "\n".join(printed(page, width))


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


def _peak(stage: StageBill) -> str:
    return format_bytes(stage.total.peak_bytes) if stage.total.peak_bytes else ""


def _device_peak(stage: StageBill) -> str:
    nbytes = stage.total.device_peak_bytes
    return format_bytes(nbytes) if nbytes else ""


def _copies(stage: StageBill, side: str, frames: int) -> str:
    entry = stage.copies.get(side, {"count": 0, "bytes": 0})
    if not entry["count"]:
        return ""
    number = format_count(entry["count"] / max(frames, 1))
    return f"{number} · {format_bytes(entry['bytes'] / max(frames, 1))}"


def _virtual(stage: StageBill, frames: int) -> str:
    virtual_ns = stage.total.virtual_ns
    return format_ms(virtual_ns / 1e6 / max(frames, 1)) if virtual_ns else ""


def _waits(stage: StageBill, frames: int) -> str:
    total = stage.total
    if not total.waits and not total.syncs:
        return ""
    frames = max(frames, 1)
    number = format_count((total.waits + total.syncs) / frames)
    real_ms, virtual_ms = stage.waits_ms / frames, total.virtual_wait_ns / 1e6 / frames
    took = [f"{format_ms(real_ms)} ms"] if real_ms or not virtual_ms else []
    took += [f"{format_ms(virtual_ms)} virtual ms"] if virtual_ms else []
    return f"{number} · {' + '.join(took)}"
