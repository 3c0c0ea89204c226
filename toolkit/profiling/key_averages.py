"""Which operators took it? A table of the shape that users of torch.profiler know."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from toolkit.profiling.counting import OperatorCounts

__all__ = ["KeyAverages", "OperatorRow"]

# Column by every name that it goes by, torch's own among them.
_COLUMNS = {
    "calls": "calls",
    "count": "calls",
    "time": "time_ns",
    "cpu_time_total": "time_ns",
    "cpu_time": "time_ns",
    "allocations": "allocations",
    "bytes": "allocated_bytes",
    "allocated_bytes": "allocated_bytes",
    "cpu_memory_usage": "allocated_bytes",
    "self_cpu_memory_usage": "allocated_bytes",
    "copies": "copies",
    "copied_bytes": "copied_bytes",
}


@dataclass(frozen=True, slots=True)
class OperatorRow:
    """One operator inside one stage, over the whole session."""

    stage: str
    name: str
    counts: OperatorCounts


class KeyAverages:
    """Operators with their sums. A sequence of `OperatorRow`; printing it prints `table()`.

    `pandas.DataFrame(averages.records())` has them as a table.

    At levels `lines` and `exact` a view of host memory is one call of what Python called, such as
    `torch.Tensor.__getitem__`, and not of the operators that it is made of.
    """

    def __init__(self, rows: Sequence[OperatorRow], looked: int, stretches: int) -> None:
        self.rows = tuple(rows)
        self.looked = looked
        self.stretches = stretches

    def __iter__(self) -> Iterator[OperatorRow]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __str__(self) -> str:
        return self.table()

    def records(self) -> list[dict[str, Any]]:
        """One flat dict for each row."""
        return [
            {"stage": row.stage, "operator": row.name, **asdict(row.counts)} for row in self.rows
        ]

    def table(self, sort_by: str = "bytes", row_limit: int = 20) -> str:
        """The rows as text, largest first.

        Args:
            sort_by: calls, time, allocations, bytes, copies or copied_bytes; torch's `count`,
                `cpu_time_total` and `self_cpu_memory_usage` mean the same.
            row_limit: how many rows; -1 for all of them.

        Raises:
            ValueError: no such column, with those that there are.
        """
        if sort_by not in _COLUMNS:
            raise ValueError(f"cannot sort by {sort_by!r}; there is {', '.join(_COLUMNS)}.")
        column = _COLUMNS[sort_by]
        ordered = sorted(self.rows, key=lambda row: -getattr(row.counts, column))
        shown = ordered if row_limit < 0 else ordered[:row_limit]
        lines = [
            ("operator", "stage", "calls", "ms", "allocations", "MB", "copies", "copied MB"),
            *(_cells(row) for row in shown),
        ]
        text = _aligned(lines)
        if len(shown) < len(ordered):
            text += f"\n… and {len(ordered) - len(shown)} more; table(row_limit=-1) shows all"
        where = f"the {self.looked} of {self.stretches} stretches that were looked at closely"
        return (
            f'{text}\nSums over {where}, by the operator that was called. keep="all" looks at all.'
        )


def _cells(row: OperatorRow) -> tuple[str, ...]:
    counts = row.counts
    return (
        row.name,
        row.stage,
        str(counts.calls),
        f"{counts.time_ns / 1e6:.2f}",
        str(counts.allocations),
        f"{counts.allocated_bytes / 1e6:.3f}",
        str(counts.copies),
        f"{counts.copied_bytes / 1e6:.3f}",
    )


def _aligned(lines: list[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    texts = 2  # columns of text stand left, numbers right
    rows = [
        "  ".join(
            cell.ljust(width) if place < texts else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ).rstrip()
        for cells in lines
    ]
    rule = "-" * max(map(len, rows))
    return "\n".join([rule, rows[0], rule, *rows[1:], rule])
