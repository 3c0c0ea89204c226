"""What did each source line take? Plain rows: stage, operator, line, allocations, copies, syncs.

Only frames that were recorded at `lines` or `exact` have rows. What no line could be found for has
a row with an empty source: the unattributed remainder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolkit.profiling.sources import SEPARATOR

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from toolkit.profiling.frames import StageKey

__all__ = ["LineCounts", "LineKey", "LineRow", "Lines", "add_lines"]

# operator, source
LineKey = tuple[str, str]


@dataclass(slots=True)
class LineCounts:
    """What one operator took, called from one line."""

    allocations: int = 0
    allocated_bytes: int = 0
    copies: int = 0
    copied_bytes: int = 0
    syncs: int = 0

    def add(self, other: LineCounts) -> None:
        """Add what `other` took."""
        self.allocations += other.allocations
        self.allocated_bytes += other.allocated_bytes
        self.copies += other.copies
        self.copied_bytes += other.copied_bytes
        self.syncs += other.syncs


@dataclass(frozen=True, slots=True)
class LineRow:
    """One operator, called from one line, inside one stage.

    Attributes:
        stage: its name on the bill.
        op: the operator that was called.
        source: the chain of lines as one text, innermost first; empty where none was found.
        counts: sums over the frames with lines.
    """

    stage: str
    op: str
    source: str
    counts: LineCounts

    @property
    def chain(self) -> tuple[str, ...]:
        """The lines, from the call into torch down to the user's own."""
        return tuple(self.source.split(SEPARATOR)) if self.source else ()

    @property
    def line(self) -> str:
        """The line that called torch."""
        return self.source.partition(SEPARATOR)[0]

    @property
    def user_line(self) -> str:
        """The outermost line of the chain: the user's own, where the work is on a user's thread."""
        return self.source.rpartition(SEPARATOR)[2]


# What a table can be sorted by; names of torch's `key_averages().table` beside our own.
_COLUMNS = {
    "bytes": "allocated_bytes",
    "allocations": "allocations",
    "copies": "copies",
    "copied_bytes": "copied_bytes",
    "syncs": "syncs",
    "self_cpu_memory_usage": "allocated_bytes",
}


class Lines:
    """Rows, the largest first. A sequence of `LineRow`; `pandas.DataFrame(lines.records())`.

    Printing it prints `table()`.

    Attributes:
        rows: all of them.
        frames: how many frames they are the sums of.
    """

    def __init__(self, rows: Sequence[LineRow], frames: int) -> None:
        self.rows = tuple(sorted(rows, key=_by_bytes, reverse=True))
        self.frames = frames

    def __iter__(self) -> Iterator[LineRow]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return f"Lines({len(self.rows)} rows of {self.frames} frames)"

    def __str__(self) -> str:
        return self.table()

    def __rich__(self) -> Any:
        from toolkit.profiling.reporters import line_table

        return line_table.render(self, self.rows)

    def _repr_html_(self) -> str:
        from toolkit.profiling.reporters import line_table

        return line_table.html(self, self.rows)

    def table(self, sort_by: str = "bytes", row_limit: int = 20) -> str:
        """The rows as text, the largest first, amounts per frame.

        Args:
            sort_by: bytes, allocations, copies, copied_bytes or syncs.
            row_limit: how many rows; -1 for all of them.

        Raises:
            ValueError: no such column, with those that there are.
        """
        from toolkit.profiling.reporters import line_table

        if sort_by not in _COLUMNS:
            raise ValueError(f"cannot sort by {sort_by!r}; there is {', '.join(_COLUMNS)}.")
        column = _COLUMNS[sort_by]
        ordered = sorted(self.rows, key=lambda row: -getattr(row.counts, column))
        return line_table.plain(self, ordered if row_limit < 0 else ordered[:row_limit])

    @property
    def allocated_bytes(self) -> int:
        """Bytes of all rows."""
        return sum(row.counts.allocated_bytes for row in self.rows)

    @property
    def unattributed_bytes(self) -> int:
        """Bytes that no line was found for."""
        return sum(row.counts.allocated_bytes for row in self.rows if not row.source)

    @property
    def attributed_share(self) -> float:
        """Share of the bytes that carry an operator and a line; 1 where there are none."""
        total = self.allocated_bytes
        return 1 - self.unattributed_bytes / total if total else 1.0

    def records(self) -> list[dict[str, Any]]:
        """One dictionary for each row, of texts and numbers."""
        return [
            {
                "stage": row.stage,
                "operator": row.op,
                "line": row.line,
                "user_line": row.user_line,
                "source": row.source,
                "allocations": row.counts.allocations,
                "allocated_bytes": row.counts.allocated_bytes,
                "copies": row.counts.copies,
                "copied_bytes": row.counts.copied_bytes,
                "syncs": row.counts.syncs,
            }
            for row in self.rows
        ]

    def stacks(self) -> dict[tuple[str, ...], int]:
        """Bytes by stack, outermost first: stage, the user's line, …, operator; for flame views."""
        stacks: dict[tuple[str, ...], int] = {}
        for row in self.rows:
            if row.counts.allocated_bytes:
                lines = tuple(reversed(row.chain)) or ("(unattributed)",)
                stack = (row.stage, *lines, row.op or "(no operator)")
                stacks[stack] = stacks.get(stack, 0) + row.counts.allocated_bytes
        return stacks


def add_lines(
    known: dict[StageKey, dict[LineKey, LineCounts]],
    key: StageKey,
    lines: Mapping[LineKey, LineCounts],
) -> None:
    """Add rows to those of a stage."""
    mine = known.setdefault(key, {})
    for name, counts in lines.items():
        mine.setdefault(name, LineCounts()).add(counts)


def _by_bytes(row: LineRow) -> tuple[int, int, int]:
    counts = row.counts
    return (counts.allocated_bytes, counts.copied_bytes, counts.syncs)
