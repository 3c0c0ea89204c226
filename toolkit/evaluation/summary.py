"""Many errors, or six numbers? The six that trajectory benchmarks print."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from toolkit.evaluation.errors import BadData

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["ErrorSummary", "summarise"]


@dataclass(frozen=True, slots=True)
class ErrorSummary:
    """Statistics of errors, in the unit of the errors.

    Attributes:
        rmse: root of the mean square.
        mean: arithmetic mean.
        median: the middle one; of an even number, half-way between the two in the middle.
        std: standard deviation of the population (divided by n).
        min: the smallest.
        max: the largest.
    """

    rmse: float
    mean: float
    median: float
    std: float
    min: float
    max: float

    def to_dict(self) -> dict[str, float]:
        """The six as plain values."""
        return asdict(self)


def summarise(errors: ArrayLike) -> ErrorSummary:
    """The statistics of errors of any shape, computed in float64.

    Raises:
        BadData: there is no error, or one is not finite.
    """
    values = np.asarray(errors, dtype=np.float64).ravel()
    if not values.size or not np.isfinite(values).all():
        bad = int(values.size - np.isfinite(values).sum())
        raise BadData(f"{values.size} errors, {bad} of them not finite: there is no mean of them.")
    return ErrorSummary(
        rmse=float(np.sqrt(np.mean(values**2))),
        mean=float(values.mean()),
        median=float(np.median(values)),
        std=float(values.std()),
        min=float(values.min()),
        max=float(values.max()),
    )
