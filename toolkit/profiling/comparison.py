"""What is different now? Two bills side by side, and what each function took before and after."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.profiling.processors import OUTSIDE

if TYPE_CHECKING:
    from toolkit.profiling.lines import Lines
    from toolkit.profiling.processors import Bill, StageBill

__all__ = ["COMPARED", "Comparison", "ComparisonRow", "LineChange", "compare", "line_changes"]

SMALLEST = 1e-4  # change of a function that is worth a row, as a share of a frame's bytes
# What a comparison shows of each stage.
COMPARED = (
    "ms_median",
    "allocations_per_frame",
    "allocated_bytes_per_frame",
    "copied_bytes_per_frame",
)


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """One stage before and after; None where it did not run."""

    name: str
    before: StageBill | None
    after: StageBill | None

    def ratio(self, quantity: str) -> float | None:
        """After over before of `ms_median` or another number of `StageBill`, if both are there."""
        if self.before is None or self.after is None or not getattr(self.before, quantity):
            return None
        return getattr(self.after, quantity) / getattr(self.before, quantity)

    def values(self, quantity: str) -> dict[str, float | None]:
        """Before, after and their ratio; None where there is none."""
        sides = {"before": self.before, "after": self.after}
        amounts = {
            name: None if side is None else float(getattr(side, quantity))
            for name, side in sides.items()
        }
        return {**amounts, "ratio": self.ratio(quantity)}


@dataclass(frozen=True, slots=True)
class LineChange:
    """Bytes a frame that one operator took in one function, before and after.

    Attributes:
        stage: its name on the bill.
        op: the operator that was called.
        where: file and function that called it; not the line, whose number every edit changes.
    """

    stage: str
    op: str
    where: str
    before: float
    after: float

    @property
    def change(self) -> float:
        """Bytes a frame more than before; less than 0 where it is less."""
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two bills, stage by stage; the last row is the whole frame.

    Attributes:
        lines: what changed line by line, the largest change first, where both sessions have lines.
    """

    before: Bill
    after: Bill
    rows: tuple[ComparisonRow, ...]
    lines: tuple[LineChange, ...] = ()

    def export_html(self, path: str | Path, *, title: str = "Before and after") -> Path:
        """Write both side by side to a page that needs nothing else; answers where.

        Raises:
            OSError: the file cannot be written.
        """
        from toolkit.profiling.reporters import difference

        target = Path(path)
        target.write_text(difference.render(self, title=title), encoding="utf-8")
        return target

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: of each stage what was before, what is after, and the ratio."""
        return {
            "stages": [
                {"name": row.name, **{name: row.values(name) for name in COMPARED}}
                for row in self.rows
            ],
            "lines": [asdict(one) for one in self.lines],
        }

    def __str__(self) -> str:
        from toolkit.profiling.reporters import text

        return text.plain(self)

    def __rich__(self) -> Any:
        from toolkit.profiling.reporters import text

        return text.render_comparison(self)


def compare(
    before: Bill, after: Bill, old_lines: Lines | None = None, new_lines: Lines | None = None
) -> Comparison:
    """Two bills side by side, and where lines of both are given, what changed line by line."""
    old = {one.name: one for one in before.stages}
    new = {one.name: one for one in after.stages}
    names = [*old, *(name for name in new if name not in old)]
    names.sort(key=lambda name: name == OUTSIDE)
    rows = [ComparisonRow(name, old.get(name), new.get(name)) for name in names]
    rows.append(ComparisonRow("whole frame", before.whole, after.whole))
    changes = line_changes(old_lines, new_lines) if old_lines and new_lines else ()
    return Comparison(before, after, tuple(rows), changes)


def line_changes(before: Lines, after: Lines) -> tuple[LineChange, ...]:
    """Bytes a frame by stage, operator and function that changed, the largest change first.

    Left out is what changed by less than a ten-thousandth of a frame's bytes.
    """
    found: dict[tuple[str, str, str], list[float]] = {}
    for side, known in enumerate((before, after)):
        for row in known:
            where = _function_of(row.line)
            amounts = found.setdefault((row.stage, row.op, where), [0.0, 0.0])
            amounts[side] += row.counts.allocated_bytes / max(known.frames, 1)
    changes = [LineChange(*key, *amounts) for key, amounts in found.items()]
    least = max(
        SMALLEST * max(one.allocated_bytes / max(one.frames, 1) for one in (before, after)), 1
    )
    changed = [one for one in changes if abs(one.change) >= least]
    return tuple(sorted(changed, key=lambda one: -abs(one.change)))


def _function_of(line: str) -> str:
    place, blank, function = line.partition(" ")
    return f"{place.rpartition(':')[0]}{blank}{function}"
