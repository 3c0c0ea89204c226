"""How do two trajectories lie on each other? By the best turn, shift, and perhaps scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from toolkit.evaluation.errors import BadData
from toolkit.evaluation.trajectory import Trajectory

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Similarity", "align", "fit_similarity"]


@dataclass(frozen=True)
class Similarity:
    """The map x -> scale * rotation x + translation.

    Attributes:
        rotation: (3, 3) float64.
        translation: (3,) float64.
        scale: 1 where only a rigid motion was looked for.
    """

    rotation: NDArray[np.float64]
    translation: NDArray[np.float64]
    scale: float = 1.0

    def moved(self, trajectory: Trajectory) -> Trajectory:
        """The trajectory, turned, scaled and shifted as a whole."""
        return Trajectory(
            trajectory.pts_seconds,
            self.rotation @ trajectory.rotations,
            self.scale * trajectory.positions @ self.rotation.T + self.translation,
        )


def fit_similarity(source: ArrayLike, target: ArrayLike, *, with_scale: bool) -> Similarity:
    """The similarity (or rigid motion) that maps points (N, 3) onto others with least squares.

    Source: Umeyama, "Least-squares estimation of transformation parameters between two point
    patterns", IEEE TPAMI 13(4), 1991, equations 34 to 43.

    Raises:
        BadData: the points lie on a line or in one place, so that many motions fit as well.
    """
    x, y = np.asarray(source, dtype=np.float64), np.asarray(target, dtype=np.float64)
    x_mean, y_mean = x.mean(0), y.mean(0)
    covariance = (y - y_mean).T @ (x - x_mean) / len(x)
    u, d, vt = np.linalg.svd(covariance)
    if np.count_nonzero(d > np.finfo(np.float64).eps) < 2:
        raise BadData(
            f"{len(x)} positions lie on a line or in one place (singular values {d}): how to turn "
            "one trajectory onto the other is not determined. Compare them unaligned."
        )
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    rotation = (u * signs) @ vt
    variance = ((x - x_mean) ** 2).sum() / len(x)
    scale = float((d * signs).sum() / variance) if with_scale else 1.0
    return Similarity(rotation, y_mean - scale * rotation @ x_mean, scale)


def align(
    truth: Trajectory, estimate: Trajectory, *, with_scale: bool
) -> tuple[Trajectory, Similarity]:
    """The estimate laid onto the truth, pose by pose associated, and the map that did it.

    Args:
        truth: N poses.
        estimate: N poses at the same times.
        with_scale: Sim(3), for one camera, whose scale is unknown; else SE(3).

    Raises:
        BadData: the numbers of poses differ, or the positions do not determine the motion.
    """
    if len(truth) != len(estimate):
        raise BadData(f"{len(truth)} true poses, {len(estimate)} estimated; associate them first.")
    found = fit_similarity(estimate.positions, truth.positions, with_scale=with_scale)
    return found.moved(estimate), found
