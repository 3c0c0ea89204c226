"""What changed between two sessions? One page: sentences, bars in pairs, a table, and lines."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from toolkit.profiling.reporters import html
from toolkit.profiling.units import format_bytes, format_count, format_ms

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.profiling.comparison import Comparison, ComparisonRow, LineChange

__all__ = ["findings", "render"]

SAME = 0.02  # a ratio this near to 1 is no change
_LINES = 25
_QUANTITIES: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("ms_median", "Time, ms per frame (median)", format_ms),
    ("allocations_per_frame", "Allocations per frame", format_count),
    ("allocated_bytes_per_frame", "Allocated per frame", format_bytes),
    ("copied_bytes_per_frame", "Copied per frame", format_bytes),
)


def render(comparison: Comparison, *, title: str = "Before and after") -> str:
    """The page of a comparison. All text escaped."""
    items = "".join(f"<li>{escape(line)}</li>" for line in findings(comparison))
    body = "".join(
        (
            f'<h1>{escape(title)}</h1><p class="soft">{escape(_machines(comparison))}</p>',
            f'<h2>What changed</h2><ul class="findings">{items}</ul>',
            '<h2>Stage by stage</h2><p class="soft">The upper bar is before, the lower after.</p>',
            f'<div class="bars">{"".join(_pairs(comparison, *one) for one in _QUANTITIES)}</div>',
            f"<h2>In numbers</h2>{_table(comparison)}",
            _lines(comparison.lines),
        )
    )
    return html.page(title, body)


def findings(comparison: Comparison) -> list[str]:
    """The change in sentences. Pure: the same bills give the same sentences."""
    whole = comparison.rows[-1]
    found = [
        f"{_WHAT[name]}: {_change(whole, name, write)}."
        for name, _, write in _QUANTITIES
        if _amount(whole, name, "before") or _amount(whole, name, "after")
    ]
    gone = [row.name for row in comparison.rows if row.after is None]
    new = [row.name for row in comparison.rows if row.before is None]
    found += [f"Only before: {', '.join(gone)}."] if gone else []
    found += [f"Only after: {', '.join(new)}."] if new else []
    if comparison.before.machine != comparison.after.machine:
        found.append("They ran on different machines or versions: times do not compare.")
    return found


_HEADS = {
    "ms_median": "ms",
    "allocations_per_frame": "allocations",
    "allocated_bytes_per_frame": "allocated",
    "copied_bytes_per_frame": "copied",
}
_WHAT = {
    "ms_median": "Time of a frame",
    "allocations_per_frame": "Allocations of a frame",
    "allocated_bytes_per_frame": "Allocated by a frame",
    "copied_bytes_per_frame": "Copied by a frame",
}


def _amount(row: ComparisonRow, quantity: str, side: str) -> float:
    return row.values(quantity)[side] or 0.0


def _change(row: ComparisonRow, quantity: str, write: Callable[[float], str]) -> str:
    before, after = (_amount(row, quantity, side) for side in ("before", "after"))
    unit = " ms" if quantity == "ms_median" else ""
    amounts = f"{write(round(before, 3))}{unit} before, {write(round(after, 3))}{unit} after"
    ratio = row.ratio(quantity)
    if ratio is None:
        return amounts
    if abs(ratio - 1) < SAME:
        return f"{amounts}, the same within {SAME:.0%}"
    return f"{amounts}, {ratio:.2f} of it"


def _pairs(comparison: Comparison, quantity: str, title: str, write: Callable[[float], str]) -> str:
    rows = comparison.rows[:-1]
    sides = ("before", "after")
    largest = max((_amount(row, quantity, side) for row in rows for side in sides), default=0) or 1
    drawn = ""
    for row in rows:
        both = [_amount(row, quantity, side) for side in sides]
        bars = "".join(
            f'<rect rx="2" y="{50 * place}%" height="46%" width="{100 * amount / largest:.2f}%" '
            f'style="fill:var({colour})"/>'
            for place, (amount, colour) in enumerate(zip(both, ("--outside", "--s0"), strict=True))
        )
        values = row.values(quantity)
        shown = " → ".join(_written(values[side], write) for side in sides)
        drawn += (
            f'<div class="bar"><span title="{escape(row.name)}">{escape(row.name)}</span>'
            f'<svg aria-hidden="true">{bars}</svg><b>{escape(shown)}</b></div>'
        )
    return f"<figure><figcaption>{escape(title)}</figcaption><div>{drawn}</div></figure>"


def _written(amount: float | None, write: Callable[[float], str]) -> str:
    return "did not run" if amount is None else write(round(amount, 3))


def _table(comparison: Comparison) -> str:
    heads = ["stage"]
    for quantity, _, _ in _QUANTITIES:
        heads += [_HEADS[quantity], "after", "ratio"]
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    *stages, whole = (f"<tr>{_row(row)}</tr>" for row in comparison.rows)
    return (
        '<div class="scroll"><table class="sortable" aria-label="before and after by stage">'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(stages)}</tbody>"
        f"<tfoot>{whole}</tfoot></table></div>"
    )


def _row(row: ComparisonRow) -> str:
    cells = f"<td>{escape(row.name)}</td>"
    for quantity, _, write in _QUANTITIES:
        values = row.values(quantity)
        for side in ("before", "after"):
            amount = values[side]
            shown = "" if amount is None else _written(amount, write)
            cells += f'<td data-value="{amount or 0:.6g}">{escape(shown)}</td>'
        ratio = values["ratio"]
        shown = "" if ratio is None else f"{ratio:.2f}"
        cells += f'<td data-value="{ratio or 0:.6g}">{shown}</td>'
    return cells


def _lines(changes: tuple[LineChange, ...]) -> str:
    if not changes:
        return ""
    names = ("stage", "operator", "function", "before", "after", "change")
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    rows = ""
    for one in changes[:_LINES]:
        texts = (one.stage, one.op or "(no operator)", one.where or "(unattributed)")
        rows += "<tr>" + "".join(f"<td>{escape(text)}</td>" for text in texts)
        amounts = ((one.before, ""), (one.after, ""), (one.change, "+" if one.change > 0 else "-"))
        for amount, sign in amounts:
            shown = f"{sign}{format_bytes(abs(amount))}" if amount else ""
            rows += f'<td data-value="{amount:.6g}">{escape(shown)}</td>'
        rows += "</tr>"
    more = f" The {_LINES} largest of {len(changes)} changes." if len(changes) > _LINES else ""
    return (
        f'<h2>Line by line</h2><p class="soft">Bytes a frame, by the function that took them.{more}'
        '</p><div class="scroll"><table class="sortable changes" aria-label="changes by function">'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _machines(comparison: Comparison) -> str:
    before, after = (
        ", ".join(f"{name} {value}" for name, value in bill.machine.items() if value)
        for bill in (comparison.before, comparison.after)
    )
    return before if before == after else f"before: {before}; after: {after}"
