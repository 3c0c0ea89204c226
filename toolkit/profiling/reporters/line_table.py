"""What do source lines look like as a table? In a terminal, and on a page."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

from toolkit.profiling.reporters.paper import printed
from toolkit.profiling.units import format_bytes, format_count

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from toolkit.profiling.lines import LineRow, Lines

__all__ = ["html", "plain", "render"]

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
    for name in ("stage", "operator"):
        table.add_column(name, no_wrap=True)
    places = _places(rows)
    for name in places:
        table.add_column(name, overflow="fold")
    numbers = _used(rows)
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        amounts = (shown for _, shown in _amounts(row, numbers, lines.frames))
        table.add_row(*_texts(row)[: 2 + len(places)], *amounts)
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
    numbers = _used(rows)
    places = _places(rows)
    names = ("stage", "operator", *places, *numbers)
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    body = "".join(f"<tr>{_cells(row, numbers, lines.frames, len(places))}</tr>" for row in rows)
    return (
        '<div class="scroll"><table class="sortable lines" aria-label="source lines">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cells(row: LineRow, numbers: list[str], frames: int, places: int) -> str:
    stage, op, *lines = _texts(row)[: 2 + places]
    chain = escape("\n".join(row.chain))
    texts = "".join(f"<td>{escape(text)}</td>" for text in (stage, op))
    texts += "".join(f'<td title="{chain}">{escape(text)}</td>' for text in lines)
    amounts = (
        f'<td data-value="{value:.6g}">{escape(shown)}</td>'
        for value, shown in _amounts(row, numbers, frames)
    )
    return texts + "".join(amounts)


def _texts(row: LineRow) -> tuple[str, str, str, str]:
    user = row.user_line if len(row.chain) > 1 else ""
    return (row.stage, row.op or "(no operator)", row.line or "(unattributed)", user)


def _places(rows: Sequence[LineRow]) -> tuple[str, ...]:
    """Columns that say where: the user's own line only where some row has another one, too."""
    has_own = any(len(row.chain) > 1 for row in rows)
    return ("line", "user's line") if has_own else ("line",)


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
