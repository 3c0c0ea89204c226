"""Where does it wait, read, write, serialise and pause? One row for each boundary and line."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from toolkit.profiling.units import format_bytes, format_count, format_ms

if TYPE_CHECKING:
    from toolkit.profiling.bottlenecks import BottleneckRow
    from toolkit.profiling.processors import Bill

__all__ = ["html"]

_MOST = 25  # rows
_HEADS = ("kind", "boundary", "stage", "line", "ms", "times", "bytes")


def html(bill: Bill) -> str:
    """A section of the page: heading and table; nothing where there are none."""
    if not bill.bottlenecks:
        return ""
    frames = max(bill.frames, 1)
    head = "".join(f'<th scope="col">{name}</th>' for name in _HEADS)
    rows = "".join(_row(row, frames) for row in bill.bottlenecks[:_MOST])
    count = len(bill.bottlenecks)
    more = f" The {_MOST} longest of {count}." if count > _MOST else ""
    return (
        "<h2>Where it waits, reads, writes and pauses</h2>"
        '<p class="soft">Per frame; lines are known of frames recorded at lines or exact.'
        f'{more}</p><div class="scroll"><table class="sortable lines" aria-label="bottlenecks">'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(row: BottleneckRow, frames: int) -> str:
    counts = row.counts
    ms, number = counts.duration_ns / 1e6 / frames, counts.count / frames
    nbytes = format_bytes(counts.nbytes / frames) if counts.nbytes else ""
    texts = "".join(f"<td>{escape(text)}</td>" for text in (row.kind, row.op, row.stage))
    line = f'<td title="{escape(row.source)}">{escape(row.line)}</td>'
    amounts = (
        (ms, format_ms(ms)),
        (number, format_count(round(number, 2))),
        (counts.nbytes, nbytes),
    )
    cells = "".join(f'<td data-value="{value:.6g}">{shown}</td>' for value, shown in amounts)
    return f"<tr>{texts}{line}{cells}</tr>"
