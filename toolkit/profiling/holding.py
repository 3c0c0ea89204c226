"""How does a block under a budget end? With its own error, or with what was over, or in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.profiling.meter import Meter
from toolkit.profiling.overrun import Overrun, UnmeasuredWarning, tell

if TYPE_CHECKING:
    from types import TracebackType

    from toolkit.profiling.terms import Terms

__all__ = ["Holding"]


class Holding:
    """Context manager: one block under a budget. It raises nothing: `overrun` says what was over.

    Attributes:
        meter: what measures.
        overrun: what is to be raised, when the block is done; None if nothing is.
    """

    def __init__(self, terms: Terms, where: str, *, stage: str = "") -> None:
        self.meter = Meter(terms, where, stage=stage)
        self.overrun: Overrun | None = None

    def __enter__(self) -> Holding:
        self.meter.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        meter = self.meter
        overrun = meter.close(is_failing=value is not None)
        if value is not None:
            if overrun is not None:
                value.add_note(f"Besides, up to there it was {overrun}")
        elif meter.terms.action == "error" and overrun is not None:
            self.overrun = overrun
        elif meter.terms.action != "off":
            for gap in meter.gaps():
                tell(f"the budget does not hold everything: {gap}", UnmeasuredWarning, meter.where)
