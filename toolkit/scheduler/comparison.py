"""Which policy does best? Outcomes side by side, one line a policy, as rows and as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from toolkit.scheduler.outcome import KindOutcome, Outcome

__all__ = ["Comparison", "Row", "compare"]

COLUMNS = 90  # what a cell of a notebook has room for


@dataclass(frozen=True, slots=True)
class Row:
    """What came of one kind under one policy, over all its outcomes.

    Attributes:
        policy: what decided.
        kind: which work.
        missed: share of its deadlines that were missed, in [0, 1]; None where it had none.
        p50_ms: latency until the end, averaged over outcomes; with p95.
        first_p50_ms: latency until the end of the first quantum, averaged; with p95.
        shed: share of its tasks that were dropped, in [0, 1].
        share: what it had of all core time, in [0, 1].
    """

    policy: str
    kind: str
    missed: float | None
    p50_ms: float
    p95_ms: float
    first_p50_ms: float
    first_p95_ms: float
    shed: float
    share: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Rows of several policies; `print(comparison)` shows a table.

    Attributes:
        rows: one for each policy and kind, policies and kinds in the order in which they came.
    """

    rows: tuple[Row, ...]

    def of(self, policy: str, kind: str) -> Row:
        """One row.

        Raises:
            KeyError: there is none.
        """
        for row in self.rows:
            if (row.policy, row.kind) == (policy, kind):
                return row
        raise KeyError((policy, kind))

    def __str__(self) -> str:
        """A line for each policy: what was missed, who waited how long, and who had how much.

        Columns that find no room in `COLUMNS` characters stand in a block of their own below.
        """
        policies = dict.fromkeys(row.policy for row in self.rows)
        table = [_heads([row for row in self.rows if row.policy == next(iter(policies), "")])]
        table += [[policy, *_cells(self._rows_of(policy))] for policy in policies]
        columns = [list(column) for column in zip(*table, strict=True)]
        return "\n\n".join(_text([columns[0], *block]) for block in _blocks(columns))

    def _rows_of(self, policy: str) -> list[Row]:
        return [row for row in self.rows if row.policy == policy]


def _blocks(columns: list[list[str]]) -> list[list[list[str]]]:
    """All columns but the first, in as many blocks as they need beside it."""
    blocks: list[list[list[str]]] = []
    left = 0
    for column in columns[1:]:
        width = _width(column) + 2
        if width > left:
            blocks.append([])
            left = COLUMNS - _width(columns[0])
        blocks[-1].append(column)
        left -= width
    return blocks or [[]]


def _text(columns: list[list[str]]) -> str:
    names, *numbers = (
        [cell.ljust(_width(column)) if at == 0 else cell.rjust(_width(column)) for cell in column]
        for at, column in enumerate(columns)
    )
    return "\n".join("  ".join(line) for line in zip(names, *numbers, strict=True))


def _width(column: list[str]) -> int:
    return max(map(len, column))


def compare(outcomes: Iterable[Outcome]) -> Comparison:
    """Put outcomes beside each other; those of one policy, of other seeds, count as one.

    Raises:
        ValueError: they are not of the same kinds of work.
    """
    by_policy: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_policy.setdefault(outcome.policy, []).append(outcome)
    every = [outcome for each in by_policy.values() for outcome in each]
    kinds = {frozenset(outcome.kinds) for outcome in every}
    if len(kinds) > 1:
        raise ValueError(f"the outcomes are of different kinds: {[sorted(each) for each in kinds]}")
    return Comparison(
        tuple(
            _row(policy, kind, [outcome.kinds[kind] for outcome in each])
            for policy, each in by_policy.items()
            for kind in every[0].kinds
        )
    )


def _row(policy: str, kind: str, outcomes: Sequence[KindOutcome]) -> Row:
    due = sum(outcome.due for outcome in outcomes)
    missed = sum(outcome.missed for outcome in outcomes)
    released = sum(outcome.released for outcome in outcomes)
    return Row(
        policy=policy,
        kind=kind,
        missed=missed / due if due else None,
        p50_ms=fmean(outcome.p50_ms for outcome in outcomes),
        p95_ms=fmean(outcome.p95_ms for outcome in outcomes),
        first_p50_ms=fmean(outcome.first_p50_ms for outcome in outcomes),
        first_p95_ms=fmean(outcome.first_p95_ms for outcome in outcomes),
        shed=sum(outcome.shed for outcome in outcomes) / max(1, released),
        share=fmean(outcome.share for outcome in outcomes),
    )


def _heads(rows: Sequence[Row]) -> list[str]:
    missed = [f"{row.kind} missed %" for row in rows if row.missed is not None]
    waited = [f"{row.kind} p95 ms" for row in rows if row.missed is None]
    had = [f"{row.kind} %" for row in rows if row.missed is None]
    return ["policy", *missed, *waited, *had]


def _cells(rows: Sequence[Row]) -> list[str]:
    missed = [f"{100 * row.missed:.1f}" for row in rows if row.missed is not None]
    waited = [f"{row.first_p95_ms:.0f}" for row in rows if row.missed is None]
    had = [f"{100 * row.share:.0f}" for row in rows if row.missed is None]
    return [*missed, *waited, *had]
