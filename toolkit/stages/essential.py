"""How did the camera move between two pictures? Robustly, from points, with no decomposition.

A motion is a rotation and a direction. Each hypothesis fits five points by Gauss-Newton from a
common rotation and its own random direction; the best are refined together on all points.
Points are columns (3, N) of camera coordinates, K^-1 (x, y, 1). Always the same number of steps.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from toolkit.stages.linear import solve_positive
from toolkit.stages.robust import (
    best_of,
    draw_places,
    masked_median,
    measured_noise,
    msac_score,
    soft_weights,
    stratified_draws,
)
from toolkit.stages.rotations import hat, rotation_of, unit

__all__ = [
    "Motion",
    "fit_motion",
    "make_draws",
    "sampson_error",
    "triangulated_depths",
]

SAMPLE = 5
REFINED = 6
MINIMAL_STEPS = 5
REFINING_STEPS = 4
FINAL_STEPS = 4
SOFT = 36.0
"""Weights that fall off at three standard deviations: almost all that correct pairs can tell."""
DAMPING = 1e-6
"""More would not converge: turning and going sideways look almost the same."""
FAR = 3.0
"""Beyond this many times the common shift, a pair counts for less."""


class Motion(NamedTuple):
    """Rotations (..., 3, 3) and directions (..., 3) of length 1: X_after = R X_before + s t."""

    rotation: Tensor
    direction: Tensor


def make_draws(hypotheses: int, device: torch.device) -> dict[str, Tensor]:
    """The random numbers of all frames, drawn once: the same points give the same motion."""
    generator = torch.Generator().manual_seed(5)
    directions = unit(torch.randn(hypotheses, 3, generator=generator))
    return {
        "draws": stratified_draws(hypotheses, SAMPLE, seed=6).to(device),
        "directions": directions.to(device),
    }


def fit_motion(
    before: Tensor,
    after: Tensor,
    is_valid: Tensor,
    rotation: Tensor,
    *,
    threshold: float,
    draws: Tensor,
    directions: Tensor,
) -> Motion:
    """The motion (3, 3), (3,) that most points agree with; which side is ahead is settled.

    Args:
        before: (3, N) camera coordinates.
        after: (3, N).
        is_valid: (N,) bool.
        rotation: (3, 3), a first guess.
        threshold: distance from the epipolar line at which a point no longer agrees, in units of
            the focal length.
        draws: (M, 5) from `make_draws`.
        directions: (M, 3).
    """
    places = draw_places(is_valid, draws)  # (M, 5)
    motion = Motion(rotation.expand(draws.shape[0], 3, 3), directions)
    sample = before[:, places].transpose(0, 1), after[:, places].transpose(0, 1)  # (M, 3, 5)
    ones = torch.ones_like(draws)
    for index in range(MINIMAL_STEPS):
        motion = _step(motion, *sample, ones, damping=1e-2 if index < 2 else 1e-4)
    square = threshold * threshold
    trust = _trust(rotation, before, after, is_valid, threshold)
    motion = _best(motion, before, after, is_valid, square, REFINED)
    for _ in range(REFINING_STEPS):
        weights = soft_weights(sampson_error(motion, before, after), is_valid, square)
        motion = _step(motion, before, after, weights * trust, damping=DAMPING)
    motion = Motion(*(one[0] for one in _best(motion, before, after, is_valid, square, 1)))
    for _ in range(FINAL_STEPS):
        error = sampson_error(motion, before, after)
        noise = measured_noise(error, is_valid & (error < square), median=0.455)
        weights = soft_weights(error, is_valid, noise * SOFT)
        motion = _step(motion, before, after, weights * trust, damping=DAMPING)
    return _ahead(motion, before, after, is_valid, square)


def _trust(
    rotation: Tensor, before: Tensor, after: Tensor, is_valid: Tensor, threshold: float
) -> Tensor:
    """What each pair may count for, (N,), by how far it moved beside what turning explains.

    A pair that moved ten times as far as the others pulls at the direction a hundred times as hard.
    If it is wrong and on its epipolar line by chance, no weight by its error tells: it makes the
    motion agree with itself. So what it can say is held to what `FAR` times the median would say.
    """
    turned = rotation @ before
    shift = (turned[:2] / turned[2:].clamp(min=1e-3) - after[:2]).norm(dim=0)
    common = masked_median(shift, is_valid).clamp(threshold, 1.0)
    return (FAR * common / shift.clamp(min=threshold)).clamp_(max=1).square_()


def _step(
    motion: Motion, before: Tensor, after: Tensor, weights: Tensor, *, damping: float
) -> Motion:
    """Gauss-Newton on epipolar distances: three unknowns of the turn, three of the direction."""
    rotation, direction = motion
    turned = rotation @ before  # (..., 3, N)
    column = direction[..., None].expand_as(turned)
    there = after.expand_as(turned)
    side = torch.linalg.cross(there, column, dim=-2)
    residual = (side * turned).sum(-2)
    lines = torch.linalg.cross(column, turned, dim=-2), rotation.mT @ side
    scale = _line_square(*lines)
    jacobian = torch.cat(
        (
            torch.linalg.cross(turned, side, dim=-2),
            torch.linalg.cross(turned, there, dim=-2),
        ),
        -2,
    )  # (..., 6, N)
    weighted = jacobian * (weights / scale)[..., None, :]
    matrix = weighted @ jacobian.mT
    right = -(weighted @ residual[..., None])[..., 0]
    # Its length cannot be seen: hold it, as firmly as all else together.
    diagonal = matrix.diagonal(dim1=-2, dim2=-1)
    held = direction[..., None] * direction[..., None, :]
    matrix[..., 3:, 3:] += held * diagonal.sum(-1)[..., None, None]
    diagonal.mul_(1 + damping).add_(1e-9)
    step = solve_positive(matrix, right)
    turn = rotation_of(step[..., :3].clamp(-0.3, 0.3))
    return Motion(turn @ rotation, unit(direction + step[..., 3:].clamp(-1, 1)))


def _line_square(one: Tensor, other: Tensor) -> Tensor:
    squares = one[..., :2, :].square() + other[..., :2, :].square()
    return squares.sum(-2).clamp(min=1e-12)


def sampson_error(motion: Motion, before: Tensor, after: Tensor) -> Tensor:
    """Squared distance of each pair from agreeing, (..., N), first order, in focal lengths^2."""
    essential = hat(motion.direction) @ motion.rotation
    line = essential @ before  # (..., 3, N)
    back = essential[..., :2].mT @ after
    residual = (line * after).sum(-2)
    return residual.square_() / _line_square(line, back)


def _best(
    motion: Motion, before: Tensor, after: Tensor, is_valid: Tensor, square: float, count: int
) -> Motion:
    score = msac_score(sampson_error(motion, before, after), is_valid, square)
    return Motion(*(best_of(one, score, count) for one in motion))


def triangulated_depths(motion: Motion, before: Tensor, after: Tensor) -> tuple[Tensor, Tensor]:
    """Depth before and after of each point, (..., N), in units of the baseline; the midpoint's."""
    turned = motion.rotation @ before
    direction = motion.direction[..., None]
    aa, bb = turned.square().sum(-2), after.square().sum(-2)
    ab = (turned * after).sum(-2)
    da, db = (turned * direction).sum(-2), (after * direction).sum(-2)
    scale = (aa * bb - ab * ab).clamp(min=1e-12)
    return (ab * db - bb * da) / scale, (aa * db - ab * da) / scale


def _ahead(
    motion: Motion, before: Tensor, after: Tensor, is_valid: Tensor, square: float
) -> Motion:
    """Of the four motions with the same epipolar lines, the one with most points before both."""
    rotation, direction = motion
    twist = 2 * direction[:, None] * direction
    twist.diagonal().sub_(1)
    other = twist @ rotation
    four = Motion(
        torch.stack((rotation, rotation, other, other)),
        torch.stack((direction, -direction, direction, -direction)),
    )
    here, there = triangulated_depths(four, before, after)
    agrees = is_valid & (sampson_error(motion, before, after) < square)
    votes = ((here > 0) & (there > 0) & agrees).sum(-1)
    best = votes.argmax(keepdim=True)
    return Motion(four.rotation[best][0], four.direction[best][0])
