"""How good is a trajectory? ATE: how far it is off. RPE: how fast it drifts.

truth, estimate = associate(read_tum(a), read_tum(b))
absolute_errors(truth, estimate, alignment="sim3").translation.rmse     # metres
relative_errors(truth, estimate, delta=1).rotation.mean                 # degrees per frame
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from toolkit.evaluation.alignment import align
from toolkit.evaluation.errors import BadData
from toolkit.evaluation.rotations import rotation_angles
from toolkit.evaluation.summary import ErrorSummary, summarise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from toolkit.evaluation.trajectory import Trajectory

__all__ = ["Alignment", "TrajectoryErrors", "absolute_errors", "relative_errors"]

Alignment = Literal["none", "se3", "sim3"]


@dataclass(frozen=True, slots=True)
class TrajectoryErrors:
    """Errors of a trajectory, one kind of them.

    Attributes:
        translation: of the positions, metres.
        rotation: of the orientations, degrees.
        scale: by what the estimate was multiplied before; 1 where it was not.
        pairs: how many errors that is.
    """

    translation: ErrorSummary
    rotation: ErrorSummary
    scale: float
    pairs: int

    def to_dict(self) -> dict[str, object]:
        """The fields as plain values."""
        return {
            "translation_m": self.translation.to_dict(),
            "rotation_degrees": self.rotation.to_dict(),
            "scale": self.scale,
            "pairs": self.pairs,
        }


def absolute_errors(
    truth: Trajectory, estimate: Trajectory, *, alignment: Alignment = "se3"
) -> TrajectoryErrors:
    """Absolute trajectory error (ATE): pose by pose, after the whole was laid onto the truth.

    Source: Sturm et al., "A benchmark for the evaluation of RGB-D SLAM systems", IROS 2012.

    Args:
        truth: N poses.
        estimate: N poses, associated with those of the truth.
        alignment: `"none"`, `"se3"` (turn and shift) or `"sim3"` (and scale).

    Raises:
        BadData: the numbers of poses differ, or the positions do not determine the alignment.
    """
    aligned, scale = _aligned(truth, estimate, alignment)
    difference = np.swapaxes(truth.rotations, 1, 2) @ aligned.rotations
    distance = np.linalg.norm(truth.positions - aligned.positions, axis=1)
    return TrajectoryErrors(
        translation=summarise(distance),
        rotation=summarise(rotation_angles(difference)),
        scale=scale,
        pairs=len(truth),
    )


def relative_errors(
    truth: Trajectory,
    estimate: Trajectory,
    *,
    delta: int = 1,
    alignment: Alignment = "none",
    all_pairs: bool = False,
) -> TrajectoryErrors:
    """Relative pose error (RPE): of the motion over `delta` frames, as seen from its beginning.

    A rigid alignment changes nothing here; `"sim3"` corrects the scale.

    Args:
        truth: N poses.
        estimate: N poses, associated with those of the truth.
        delta: over how many frames, at least 1.
        alignment: as for `absolute_errors`.
        all_pairs: begin at every frame, instead of where the last motion ended.

    Raises:
        BadData: the numbers of poses differ, or there are no two poses so far apart.
    """
    aligned, scale = _aligned(truth, estimate, alignment)
    if not 1 <= delta < len(truth):
        raise BadData(f"{delta = } with {len(truth)} poses; it must be 1 to {len(truth) - 1}.")
    begin = np.arange(0, len(truth) - delta, 1 if all_pairs else delta)
    true_turn, true_shift = _motions(truth, begin, delta)
    turn, shift = _motions(aligned, begin, delta)
    back = np.swapaxes(true_turn, 1, 2)
    # Error = inverse(true motion) after the estimated one; its length does not depend on `back`.
    return TrajectoryErrors(
        translation=summarise(np.linalg.norm(shift - true_shift, axis=1)),
        rotation=summarise(rotation_angles(back @ turn)),
        scale=scale,
        pairs=len(begin),
    )


def _aligned(
    truth: Trajectory, estimate: Trajectory, alignment: Alignment
) -> tuple[Trajectory, float]:
    if alignment not in ("none", "se3", "sim3"):
        raise ValueError(f"{alignment = }; choose none, se3 or sim3.")
    if len(truth) != len(estimate):
        raise BadData(f"{len(truth)} true poses, {len(estimate)} estimated; associate them first.")
    if alignment == "none":
        return estimate, 1.0
    aligned, found = align(truth, estimate, with_scale=alignment == "sim3")
    return aligned, found.scale


def _motions(
    trajectory: Trajectory, begin: NDArray[np.intp], delta: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """From each pose to the one `delta` later, in the axes of the first: (M, 3, 3) and (M, 3)."""
    back = np.swapaxes(trajectory.rotations[begin], 1, 2)
    shift = trajectory.positions[begin + delta] - trajectory.positions[begin]
    return back @ trajectory.rotations[begin + delta], (back @ shift[..., None])[..., 0]
