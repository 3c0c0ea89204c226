"""What does one plane tell? A homography, found robustly; and the two poses that can be behind it.

Points are columns (3, N), homogeneous, of about unit size, as K^-1 (x, y, 1) is. No decomposition
of a matrix is called that would make the host wait: four points give a homography through two
adjugates, and a pose follows from the homography's columns.
"""

from __future__ import annotations

import torch
from torch import Tensor

from toolkit.stages.linear import adjugate, determinant, solve_positive
from toolkit.stages.resection import View
from toolkit.stages.robust import (
    best_of,
    draw_places,
    measured_noise,
    msac_score,
    soft_weights,
)
from toolkit.stages.rotations import unit

__all__ = [
    "explains_as_well",
    "fit_homography",
    "homography_by_four",
    "mirrored_view",
    "refine_homography",
    "transfer_error",
    "view_of_plane",
]

REFINED = 4
REFINING_STEPS = 4
FINAL_STEPS = 3
SOFT = 36.0
LIMIT = 2.0
"""A plane leaves a pair two ways to be wrong, a motion one: a mean excess of 1, and ln 4 by GRIC.

More than that is what a few wrong pairs add that happen to lie on their epipolar lines.
"""
CAP = 16.0
"""The most that one pair may speak against a plane: four standard deviations."""


def homography_by_four(before: Tensor, after: Tensor) -> Tensor:
    """The maps of four points onto four others, (M, 3, 3), from columns (M, 3, 4)."""
    return _normalised(_projective_base(after) @ adjugate(_projective_base(before)))


def _projective_base(points: Tensor) -> Tensor:
    """The map of the unit vectors and of their sum onto four points, (M, 3, 3)."""
    three = points[..., :3]
    return three * (adjugate(three) @ points[..., 3:]).mT


def _normalised(homography: Tensor) -> Tensor:
    """The same map with its last entry 1, or near it."""
    last = homography[..., 2:, 2:]
    norm = homography.norm(dim=(-2, -1), keepdim=True)
    floor = norm * 1e-6 + 1e-30
    return homography / torch.where(last.abs() < floor, floor, last)


def transfer_error(homography: Tensor, before: Tensor, after: Tensor) -> Tensor:
    """Squared distance of each pair from agreeing, (..., N), shared between the two pictures.

    The distance in the second picture is divided by how much the map magnifies there, so that it
    compares with `sampson_error`: a pair with noise in both pictures has one unit of noise in it.
    """
    mapped = homography @ before  # (..., 3, N)
    depth = _away_from_zero(mapped[..., 2, :])
    error = (mapped[..., :2, :] / depth[..., None, :] - after[:2]).square().sum(-2)
    volume = determinant(homography)[..., None]
    magnified = (volume / (depth * depth * depth)).abs().clamp(max=1e6)
    return error / (1 + magnified)


def _away_from_zero(depth: Tensor) -> Tensor:
    return torch.where(depth.abs() < 1e-6, 1e-6, depth)


def fit_homography(
    before: Tensor, after: Tensor, is_valid: Tensor, *, threshold: float, draws: Tensor
) -> Tensor:
    """The map (3, 3) that most points agree with. Always the same number of steps.

    Args:
        before: (3, N), homogeneous with last row 1, of about unit size.
        after: (3, N).
        is_valid: (N,) bool.
        threshold: distance at which a point no longer agrees, in units of `after`.
        draws: (M, 4) in [0, 1) from `stratified_draws`.
    """
    places = draw_places(is_valid, draws)
    square = threshold * threshold
    found = homography_by_four(before[:, places].transpose(0, 1), after[:, places].transpose(0, 1))
    found = torch.nan_to_num(found, 0.0, 0.0, 0.0).clamp(-1e6, 1e6)
    found = _best(found, before, after, is_valid, square, REFINED)
    for _ in range(REFINING_STEPS):
        found = _step(found, before, after, is_valid, square)
    found = _best(found, before, after, is_valid, square, 1)[0]
    for _ in range(FINAL_STEPS):
        found = refine_homography(found, before, after, is_valid, square)
    return found


def refine_homography(
    homography: Tensor, before: Tensor, after: Tensor, is_valid: Tensor, square: float
) -> Tensor:
    """One robust step for one map (3, 3), weighted by the noise of the pairs within `square`."""
    error = transfer_error(homography, before, after)
    noise = measured_noise(error, is_valid & (error < square), median=1.386)
    return _step(homography, before, after, is_valid, noise * SOFT)


def explains_as_well(
    off_plane: Tensor, off_motion: Tensor, is_valid: Tensor, square: float
) -> Tensor:
    """Whether a homography explains what a motion explains, (), given the noise there is.

    Args:
        off_plane: (N,) `transfer_error` of the pairs.
        off_motion: (N,) `sampson_error` of them.
        is_valid: (N,) bool.
        square: the squared distance up to which a pair agrees with either.

    Source: P. H. S. Torr, Geometric motion segmentation and model selection, 1998 (GRIC).
    """
    is_inlier = is_valid & (off_motion < square)
    noise = measured_noise(off_motion, is_inlier, median=0.455)
    either = is_inlier | (is_valid & (off_plane < square))
    excess = (off_plane / noise).clamp(max=CAP) - (off_motion / noise).clamp(max=CAP)
    return (excess * either).sum() < LIMIT * either.sum()


def _best(
    homography: Tensor, before: Tensor, after: Tensor, is_valid: Tensor, square: float, count: int
) -> Tensor:
    score = msac_score(transfer_error(homography, before, after), is_valid, square)
    return best_of(homography, score, count)


def _step(
    homography: Tensor, before: Tensor, after: Tensor, is_valid: Tensor, square: Tensor | float
) -> Tensor:
    """Gauss-Newton on the distance in the second picture, eight unknowns, robust weights."""
    mapped = homography @ before
    depth = _away_from_zero(mapped[..., 2:, :])
    place = mapped[..., :2, :] / depth  # (..., 2, N)
    residual = after[:2] - place
    error = transfer_error(homography, before, after)
    weights = soft_weights(error, is_valid, square)[..., None, :]
    base = before / depth  # (..., 3, N)
    zero = torch.zeros_like(base)
    jacobian = torch.stack(
        (
            torch.cat((base, zero, -place[..., :1, :] * base[..., :2, :]), -2),
            torch.cat((zero, base, -place[..., 1:, :] * base[..., :2, :]), -2),
        ),
        -2,
    )  # (..., 8, 2, N)
    weighted = (jacobian * weights[..., None, :, :]).flatten(-2)
    matrix = weighted @ jacobian.flatten(-2).mT
    right = (weighted @ residual.flatten(-2)[..., None])[..., 0]
    matrix.diagonal(dim1=-2, dim2=-1).mul_(1 + 1e-5).add_(1e-9)
    step = solve_positive(matrix, right).clamp(-1, 1)
    step = torch.cat((step, torch.zeros_like(step[..., :1])), -1)
    return homography + step.view(homography.shape)


def view_of_plane(homography: Tensor) -> View:
    """The pose, (3, 3) and (3,), behind the map (3, 3) from a plane at Z = 0 to K^-1 (x, y, 1).

    Where noise has bent the map so that its first two columns are not at right angles, the error is
    shared between them.
    """
    columns = homography / (homography[:, :2].norm(dim=0).prod().sqrt() + 1e-12)
    columns = torch.where(columns[2, 2] < 0, -columns, columns)  # the plane is in front
    along, across, translation = columns.unbind(-1)
    along, across = unit(along), unit(across)
    half, other = unit(along + across), unit(along - across)
    along, across = (half + other) * 0.5**0.5, (half - other) * 0.5**0.5
    return View(torch.stack((along, across, torch.linalg.cross(along, across)), -1), translation)


def mirrored_view(view: View) -> View:
    """The other pose in which a plane at Z = 0 looks the same from afar, (3, 3) and (3,).

    Its normal is mirrored about the line of sight to the plane's origin, which stays in place.
    """
    sight = unit(view.translation)
    mirrored = view.rotation - 2 * sight[:, None] * (sight @ view.rotation)
    signs = torch.ones_like(sight)
    signs[2].neg_()
    return View(mirrored * signs, view.translation)
