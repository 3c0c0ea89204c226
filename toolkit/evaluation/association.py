"""Which pose of one trajectory belongs to which of another? Those nearest in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from toolkit.evaluation.errors import BadData

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from toolkit.evaluation.trajectory import Trajectory

__all__ = ["MAX_DIFFERENCE_SECONDS", "associate"]

MAX_DIFFERENCE_SECONDS = 0.01


def associate(
    truth: Trajectory,
    estimate: Trajectory,
    *,
    max_difference_seconds: float = MAX_DIFFERENCE_SECONDS,
) -> tuple[Trajectory, Trajectory]:
    """Both trajectories, reduced to poses that are at most so far apart in time.

    Every pose of the shorter one takes the nearest of the longer one, as evo and the tools of the
    TUM benchmark do it; so one of the longer may serve twice.

    Raises:
        BadData: no two poses are that close.
    """
    is_shorter = len(truth) < len(estimate)
    short, long = (truth, estimate) if is_shorter else (estimate, truth)
    nearest = _nearest(short.pts_seconds, long.pts_seconds)
    difference = np.abs(long.pts_seconds[nearest] - short.pts_seconds)
    kept = np.flatnonzero(difference <= max_difference_seconds)
    if not kept.size:
        raise BadData(
            f"none of {len(short)} poses has one within {max_difference_seconds} s in the other "
            f"trajectory: the truth is {truth!r}, the estimate {estimate!r}. Are both in seconds "
            "of the same clock?"
        )
    short, long = short[kept], long[nearest[kept]]
    return (short, long) if is_shorter else (long, short)


def _nearest(times: NDArray[np.float64], among: NDArray[np.float64]) -> NDArray[np.intp]:
    """For each time the place of the nearest among others; of two as near, the earlier."""
    right = np.searchsorted(among, times, side="right").clip(0, len(among) - 1)
    left = (right - 1).clip(0)
    is_right = np.abs(among[right] - times) < np.abs(among[left] - times)
    return np.where(is_right, right, left)
