"""What does a budget say that was exceeded? A table of who used it up, as text for any terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.profiling.units import format_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from toolkit.profiling.usage import Offender

__all__ = ["table"]

MOST_ROWS = 12
_HEADS = ("what", "stage", "operator", "line", "inside it", "count", "bytes")
_WORDS = {"alloc": "allocation", "alloc permitted": "allocation, permitted"}
_NUMBERS = (5, 6)
_CALLED_FROM = " < "  # between the lines of a source, from the innermost to the user's own


def table(offenders: Sequence[Offender], most: int = MOST_ROWS) -> str:
    """One row for each offender, as they come; columns that say nothing are left out."""
    rows = [
        (
            _WORDS.get(one.what, one.what),
            one.stage,
            one.operator,
            *_lines(one.source),
            str(one.count),
            format_bytes(one.nbytes) if one.nbytes else "",
        )
        for one in offenders[:most]
    ]
    shown = [place for place in range(len(_HEADS)) if any(row[place] for row in rows)]
    widths = {place: max(len(_HEADS[place]), *(len(row[place]) for row in rows)) for place in shown}
    lines = ["  ".join(_cells(row, widths)).rstrip() for row in (_HEADS, *rows)]
    if len(offenders) > most:
        rest = offenders[most:]
        nbytes = format_bytes(sum(one.nbytes for one in rest))
        lines.append(f"and {len(rest)} more, with {sum(one.count for one in rest)} and {nbytes}")
    return "\n".join(lines)


def _cells(row: Sequence[str], widths: dict[int, int]) -> Iterator[str]:
    for place, width in widths.items():
        yield row[place].rjust(width) if place in _NUMBERS else row[place].ljust(width)


def _lines(source: str) -> tuple[str, str]:
    """The user's own line, and the innermost one that it led to."""
    lines = source.split(_CALLED_FROM)
    inner, own = lines[0], lines[-1]
    return own, "" if inner == own else inner
