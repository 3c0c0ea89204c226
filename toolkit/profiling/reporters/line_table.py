"""What do source lines look like as a table? In a terminal, and on a page."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

from toolkit.profiling.processors import OUTSIDE
from toolkit.profiling.reporters.paper import printed
from toolkit.profiling.units import format_bytes, format_count

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from toolkit.profiling.lines import LineRow, Lines

__all__ = ["html", "plain", "render"]

# Columns of text, and what they say of a row. A table leaves out those that would say nothing.
_TEXTS: dict[str, Callable[[LineRow], str]] = {
    "stage": lambda row: row.stage,
    "operator": lambda row: row.op or "(no operator)",
    "line": lambda row: row.line or "(unattributed)",
    "user's line": lambda row: row.user_line if len(row.chain) > 1 else "",
}
_LINES = ("line", "user's line")
# Columns of numbers: what of the counts, and how it is written. Those with nothing in them go.
_NUMBERS: dict[str, tuple[str, Callable[[float], str]]] = {
    "allocations": ("allocations", format_count),
    "allocated": ("allocated_bytes", format_bytes),
    "copies": ("copies", format_count),
    "copied": ("copied_bytes", format_bytes),
    "syncs": ("syncs", format_count),
}


def render(lines: Lines, rows: Sequence[LineRow]) -> Table:
    """Some rows of `lines` as something that a rich console prints; amounts are per frame."""
    table = Table(
        title=f"Source lines of {lines.frames} frame{'s' * (lines.frames != 1)}, per frame",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    texts, numbers = _texts(rows), _used(rows)
    for name in texts:
        is_line = name in _LINES
        table.add_column(name, overflow="fold" if is_line else "ellipsis", no_wrap=not is_line)
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        amounts = (shown for _, shown in _amounts(row, numbers, lines.frames))
        table.add_row(*(_TEXTS[name](row) for name in texts), *amounts)
    return table


def plain(lines: Lines, rows: Sequence[LineRow], width: int | None = None) -> str:
    """The same as text without colour, and below it what is not shown and not attributed."""
    said = printed(render(lines, rows), width)
    if len(rows) < len(lines):
        said.append(f"… and {len(lines) - len(rows)} more; table(row_limit=-1) shows all")
    said.append(
        f"{lines.attributed_share:.2%} of the bytes carry operator and source line; unattributed: "
        f"{lines.unattributed_bytes} B."
    )
    return "\n".join(said)


def html(lines: Lines, rows: Sequence[LineRow]) -> str:
    """Some rows of `lines` as a table of HTML, with the whole chain where a line is pointed at."""
    texts, numbers = _texts(rows), _used(rows)
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in (*texts, *numbers))
    body = "".join(
        f"<tr>{_text_cells(row, texts)}{_number_cells(row, numbers, lines.frames)}</tr>"
        for row in rows
    )
    return (
        '<div class="scroll"><table class="sortable lines" aria-label="source lines">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _text_cells(row: LineRow, texts: list[str]) -> str:
    chain = escape("\n".join(row.chain))
    return "".join(
        f'<td title="{chain}">{escape(_TEXTS[name](row))}</td>'
        if name in _LINES
        else f"<td>{escape(_TEXTS[name](row))}</td>"
        for name in texts
    )


def _number_cells(row: LineRow, numbers: list[str], frames: int) -> str:
    return "".join(
        f'<td data-value="{value:.6g}">{escape(shown)}</td>'
        for value, shown in _amounts(row, numbers, frames)
    )


def _texts(rows: Sequence[LineRow]) -> list[str]:
    silent = ("", OUTSIDE)
    return [
        name
        for name, write in _TEXTS.items()
        if name in ("operator", "line") or any(write(row) not in silent for row in rows)
    ]


def _used(rows: Sequence[LineRow]) -> list[str]:
    return [
        name
        for name, (field, _) in _NUMBERS.items()
        if any(getattr(row.counts, field) for row in rows)
    ]


def _amounts(row: LineRow, numbers: list[str], frames: int) -> list[tuple[float, str]]:
    found: list[tuple[float, str]] = []
    for name in numbers:
        field, write = _NUMBERS[name]
        value = getattr(row.counts, field) / max(frames, 1)
        found.append((value, write(round(value, 2)) if value else ""))
    return found
