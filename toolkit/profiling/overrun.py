"""What is said when a budget is exceeded? What, by how much, on which frames, and by whom."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

from toolkit.profiling.reporters import offenders as offenders_table
from toolkit.profiling.usage import Excess, Offender

__all__ = ["OverBudget", "OverBudgetWarning", "Overrun", "UnmeasuredWarning", "tell"]

_NAMED_FRAMES = 5


class OverBudgetWarning(UserWarning):
    """A budget with `action="warn"` was exceeded. It is told each time, not once for each line."""


class UnmeasuredWarning(UserWarning):
    """A budget could not be held against all that was done; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Overrun:
    """How a budget was exceeded, as plain data.

    Attributes:
        exceeded: each limit that was, with the most that was used on one frame, or by the block.
        offenders: who used it up, on all frames that were over; the largest first.
        frames: indices of the first frames that were over; empty where it was a block.
        frames_over: how many frames were over; 0 where it was a block.
        frames_judged: how many frames were held against the budget.
        where: the user's line that set the budget.
    """

    exceeded: tuple[Excess, ...]
    offenders: tuple[Offender, ...]
    frames: tuple[int, ...] = ()
    frames_over: int = 0
    frames_judged: int = 0
    where: str = ""

    def __str__(self) -> str:
        lines = [f"over budget{self._frames()}: {'; '.join(map(str, self.exceeded))}"]
        if self.where:
            lines.append(f"The budget is set at {self.where}.")
        if self.offenders:
            lines += ["", offenders_table.table(self.offenders), ""]
        name = self.exceeded[0].name
        lines.append(f'Permit what is meant to be: `with allowed("{name}"):` around it.')
        return "\n".join(lines)

    def _frames(self) -> str:
        if not self.frames_over:
            return ""
        if self.frames_judged == 1:
            return f" on frame {self.frames[0]}"
        named = ", ".join(map(str, self.frames[:_NAMED_FRAMES]))
        more = ", ..." if self.frames_over > _NAMED_FRAMES else ""
        return f" on {self.frames_over} of {self.frames_judged} frames ({named}{more})"


class OverBudget(RuntimeError):
    """A budget was exceeded.

    Attributes:
        overrun: what was exceeded, and by whom.
    """

    def __init__(self, overrun: Overrun) -> None:
        super().__init__(str(overrun))
        self.overrun = overrun

    def __reduce__(self) -> tuple[type[OverBudget], tuple[Overrun]]:
        return (type(self), (self.overrun,))

    @property
    def exceeded(self) -> tuple[Excess, ...]:
        """The limits that were exceeded, each with what was granted and what was used."""
        return self.overrun.exceeded

    @property
    def offenders(self) -> tuple[Offender, ...]:
        """Who used it up, the largest first."""
        return self.overrun.offenders


def tell(text: str, category: type[Warning], where: str) -> None:
    """Warn at the line `where`, each time anew: no registry remembers that it was told before."""
    path, _, line = where.rpartition(":")
    warnings.warn_explicit(
        text, category, path or "<budget>", int(line) if line.isdigit() else 1, registry={}
    )
