"""What does the bill look like on a page? One file that needs nothing else, scripts included."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.profiling.findings import findings
from toolkit.profiling.processors import stage_names
from toolkit.profiling.processors import timeline as timeline_of
from toolkit.profiling.reporters import bottleneck_table, charts, flame, line_table
from toolkit.profiling.units import format_bytes, format_count, format_ms

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.profiling.processors import Bill, StageBill
    from toolkit.profiling.session import Session

__all__ = ["page", "render", "table", "write"]

_STATIC = Path(__file__).parent / "static"
_LINES = 25  # rows of the table of source lines
_SIDES = {
    "h2d": "host to device",
    "d2h": "device to host",
    "d2d": "inside the device",
    "h2h": "inside the host",
    "?": "side unknown",
}


def write(session: Session, path: str | Path, *, title: str = "Downhill report") -> Path:
    """Write the page of a session to a file; answers where."""
    target = Path(path)
    target.write_text(render(session, title=title), encoding="utf-8")
    return target


def render(session: Session, *, title: str = "Downhill report") -> str:
    """The page of a session: findings, timeline, bars, copies, table, notes. All text escaped."""
    bill = session.bill()
    names = [stage.name for stage in bill.stages]
    colour_of = charts.colours(names)
    body = "".join(
        (
            _head(bill, title),
            _findings(bill),
            _timelines(session, names, colour_of),
            _bars(bill, colour_of),
            _copies(bill),
            _lines(session, colour_of),
            bottleneck_table.html(bill),
            "<h2>The bill, stage by stage</h2>",
            _table(bill),
            _notes(bill),
        )
    )
    return page(title, body)


def page(title: str, body: str) -> str:
    """A whole page around `body`, with its style sheet and its script inside."""
    style = (_STATIC / "report.css").read_text(encoding="utf-8")
    script = (_STATIC / "report.js").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n"
        f'<body class="downhill">\n<main>{body}</main>\n'
        f'<script type="module">\n{script}</script>\n</body>\n</html>\n'
    )


def table(bill: Bill) -> str:
    """The bill's table alone, for the output of a notebook cell."""
    style = (
        "<style>.downhill-bill td,.downhill-bill th{text-align:right;padding:2px 8px}"
        ".downhill-bill td:first-child,.downhill-bill th:first-child{text-align:left}"
        ".downhill-bill tfoot td{font-weight:600}</style>"
    )
    return f'{style}<div class="downhill-bill">{_table(bill)}</div>'


def _head(bill: Bill, title: str) -> str:
    whole, frames = bill.whole, max(bill.frames, 1)
    copies = format_count(sum(entry["count"] for entry in whole.copies.values()) / frames)
    copied = format_bytes(whole.copied_bytes_per_frame)
    tiles = [
        ("time per frame, median", f"{format_ms(whole.ms_median)} ms"),
        ("allocations per frame", format_count(whole.allocations_per_frame)),
        ("allocated per frame", format_bytes(whole.allocated_bytes_per_frame)),
        ("copies per frame", f"{copies} · {copied}"),
        ("frames", f"{bill.frames}" + (f", {bill.dropped} dropped" if bill.dropped else "")),
    ]
    if whole.total.virtual_ns:
        tiles.insert(1, ("virtual time", f"{format_ms(whole.total.virtual_ns / 1e6 / frames)} ms"))
    shown = "".join(f"<div><dt>{escape(a)}</dt><dd>{escape(b)}</dd></div>" for a, b in tiles)
    machine = ", ".join(f"{name} {value}" for name, value in bill.machine.items() if value)
    return (
        f'<h1>{escape(title)}</h1><p class="soft">{escape(machine)}</p>'
        f'<dl class="tiles">{shown}</dl>'
    )


def _findings(bill: Bill) -> str:
    items = "".join(f"<li>{escape(line)}</li>" for line in findings(bill))
    return f'<h2>What it says</h2><ul class="findings">{items}</ul>'


def _timelines(session: Session, names: list[str], colour_of: dict[str, str]) -> str:
    rows = timeline_of(session.frames, stage_names(session.stages))
    plots: tuple[tuple[str, str, Callable[[float], str]], ...] = (
        ("ms", "milliseconds", lambda value: f"{format_ms(value)} ms"),
        ("allocations", "allocations", lambda value: format_count(round(value, 1))),
        ("bytes", "allocated bytes", format_bytes),
    )
    inputs = "".join(
        f'<input type="radio" name="quantity" id="show-{name}"{" checked" if not place else ""}>'
        for place, (name, _, _) in enumerate(plots)
    )
    labels = "".join(f'<label for="show-{name}">{what}</label>' for name, what, _ in plots)
    figures = "".join(
        f'<figure class="timeline" id="plot-{name}">'
        + charts.timeline(
            charts.columns(rows, name),
            names,
            colour_of,
            amount,
            label=f"The newest {len(rows)} frames, {what} by stage.",
        )
        + f"{charts.legend(names, colour_of)}</figure>"
        for name, what, amount in plots
    )
    return (
        f'<h2>Frame by frame</h2><div class="timelines">{inputs}'
        f'<div class="choice" role="group" aria-label="quantity">{labels}</div>{figures}</div>'
    )


def _bars(bill: Bill, colour_of: dict[str, str]) -> str:
    amounts: tuple[tuple[str, Callable[[StageBill], float], Callable[[float], str]], ...] = (
        ("Time, ms per frame (median)", lambda one: one.ms_median, format_ms),
        ("Allocations per frame", lambda one: one.allocations_per_frame, format_count),
        ("Allocated per frame", lambda one: one.allocated_bytes_per_frame, format_bytes),
    )
    drawn = "".join(
        charts.bars(
            title,
            [(one.name, amount(one), written(amount(one))) for one in bill.stages],
            colour_of,
        )
        for title, amount, written in amounts
    )
    return f'<h2>Where it goes</h2><div class="bars">{drawn}</div>'


def _copies(bill: Bill) -> str:
    frames = max(bill.frames, 1)
    copies = {side: entry for side, entry in bill.whole.copies.items() if side in _SIDES}
    shown = {side: one for side, one in copies.items() if one["count"] or side != "?"}
    counts = [
        (_SIDES[side], one["count"] / frames, format_count(one["count"] / frames))
        for side, one in shown.items()
    ]
    nbytes = [
        (_SIDES[side], one["bytes"] / frames, format_bytes(one["bytes"] / frames))
        for side, one in shown.items()
    ]
    drawn = charts.bars("Copies per frame", counts, {}) + charts.bars(
        "Copied per frame", nbytes, {}
    )
    return f'<h2>Copies</h2><div class="bars">{drawn}</div>'


def _lines(session: Session, colour_of: dict[str, str]) -> str:
    found = session.lines()
    if not len(found):
        return ""
    which = "1 frame was" if found.frames == 1 else f"{found.frames} frames were"
    more = f" The {_LINES} largest of {len(found)}." if len(found) > _LINES else ""
    return (
        "<h2>Where the bytes come from, line by line</h2>"
        f'<p class="soft">{which} looked at line by line; amounts are per frame.</p>'
        f"{flame.draw(found, colour_of)}"
        f'<p class="soft">Point at a line for the whole chain of calls.{more}</p>'
        f"{line_table.html(found, found.rows[:_LINES])}"
    )


def _table(bill: Bill) -> str:
    frames = max(bill.frames, 1)
    sides = [side for side, entry in bill.whole.copies.items() if entry["count"]]
    heads = ["stage", "ms", "ms, 95 %", "time", "allocations", "allocated", "peak"]
    heads += [f"copies {side}" for side in sides]
    extras = [name for name, amount in _EXTRAS.items() if round(amount(bill.whole, frames), 2)]
    heads += extras
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    rows = "".join(f"<tr>{_row(stage, sides, extras, frames)}</tr>" for stage in bill.stages)
    return (
        '<p class="soft">The mean of all frames; ms and page faults are medians of the frames on '
        "which a stage ran, peak is the highest, copies are count and bytes.</p>"
        '<div class="scroll"><table class="sortable" aria-label="the bill by stage">'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody>"
        f"<tfoot><tr>{_row(bill.whole, sides, extras, frames)}</tr></tfoot></table></div>"
    )


# Columns that are there only when something is in them.
_EXTRAS: dict[str, Callable[[StageBill, int], float]] = {
    "waits": lambda stage, frames: (stage.total.waits + stage.total.syncs) / frames,
    "wait ms": lambda stage, frames: stage.waits_ms / frames,
    "virtual wait ms": lambda stage, frames: stage.total.virtual_wait_ns / 1e6 / frames,
    "copying ms": lambda stage, frames: stage.total.copying_ns / 1e6 / frames,
    "peak on devices, MB": lambda stage, _: stage.total.device_peak_bytes / 1e6,
    "off-CPU ms": lambda stage, frames: stage.total.off_cpu_ns / 1e6 / frames,
    "reads and writes": lambda stage, frames: stage.total.io / frames,
    "read and write ms": lambda stage, frames: stage.total.io_ns / 1e6 / frames,
    "serialise ms": lambda stage, frames: stage.total.serialize_ns / 1e6 / frames,
    "collector pauses": lambda stage, frames: stage.total.gc_pauses / frames,
    "collector ms": lambda stage, frames: stage.total.gc_ns / 1e6 / frames,
    "conversions": lambda stage, frames: stage.total.converts / frames,
    "page faults": lambda stage, _: stage.page_faults_median,
}


def _row(stage: StageBill, sides: list[str], extras: list[str], frames: int) -> str:
    cells: list[tuple[float, str]] = [
        (stage.ms_median, format_ms(stage.ms_median)),
        (stage.ms_p95, format_ms(stage.ms_p95)),
        (stage.share, f"{stage.share:.0%}"),
        (stage.allocations_per_frame, format_count(stage.allocations_per_frame)),
        (stage.allocated_bytes_per_frame, format_bytes(stage.allocated_bytes_per_frame)),
        (stage.total.peak_bytes, format_bytes(stage.total.peak_bytes)),
    ]
    for side in sides:
        number, nbytes = (stage.copies.get(side, {}).get(key, 0) for key in ("count", "bytes"))
        shown = f"{format_count(number / frames)} · {format_bytes(nbytes / frames)}"
        cells.append((nbytes, shown if number else ""))
    rest = [_EXTRAS[name](stage, frames) for name in extras]
    cells += [(one, format_count(round(one, 2)) if one else "") for one in rest]
    values = "".join(f'<td data-value="{value:.6g}">{escape(shown)}</td>' for value, shown in cells)
    return f"<td>{escape(stage.name)}</td>{values}"


def _notes(bill: Bill) -> str:
    lines = list(bill.notes)
    if bill.own_ms_per_frame:
        own = format_ms(bill.own_ms_per_frame)
        lines.append(f"The profiler itself took {own} ms a frame on average, in no stage's time.")
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f'<h2>What to know</h2><ul class="notes">{items}</ul>'
