"""How far away is a point? Every look at it from elsewhere says more, and is added up.

A landmark is a position and its information, the inverse of its covariance. A ray adds information
across itself and none along, so a point seen from one place is known in two directions only; a weak
guess of its depth stands in for the third. Points are rows (N, 3) of the world.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from toolkit.stages.linear import adjugate, determinant
from toolkit.stages.resection import View
from toolkit.stages.rotations import unit

__all__ = [
    "Landmarks",
    "begin_landmarks",
    "center_of",
    "covariance_of",
    "look_again",
    "seen_covariance",
]

GUESS = 0.5
"""Standard deviation of a guessed depth, as a part of it."""


class Landmarks(NamedTuple):
    """Positions (N, 3), and information (N, 3, 3) were the noise 1 focal length."""

    position: Tensor
    information: Tensor


def center_of(view: View) -> Tensor:
    """Where the camera is in the world, (3,)."""
    return -(view.translation @ view.rotation)


def begin_landmarks(view: View, rays: Tensor, depth: Tensor, noise: float) -> Landmarks:
    """Landmarks at a guessed depth, known across their rays only.

    Args:
        view: the camera that sees them.
        rays: (3, N), K^-1 (x, y, 1).
        depth: () or (N,), the guess.
        noise: variance of what is seen, in focal lengths^2: how little a guess weighs against it.
    """
    along = (view.rotation.mT @ rays).mT  # (N, 3), one of depth each
    depth = depth.expand(along.shape[0])[:, None]
    position = center_of(view) + along * depth
    information = _across(along, depth[..., None])
    direction = unit(along)
    guess = noise / (GUESS * depth[..., None]).square()
    return Landmarks(position, information + guess * direction[:, :, None] * direction[:, None, :])


def look_again(landmarks: Landmarks, view: View, rays: Tensor, is_seen: Tensor) -> Landmarks:
    """Add what a view of them says, where they are seen; elsewhere they stay as they are.

    Args:
        landmarks: N of them.
        view: the camera, which is taken as exact.
        rays: (3, N).
        is_seen: (N,) bool.
    """
    along = (view.rotation.mT @ rays).mT
    offset = center_of(view) - landmarks.position  # to anywhere on the ray
    depth = (landmarks.position @ view.rotation.mT + view.translation)[:, 2]
    added = _across(along, depth.clamp(min=1e-3)[:, None, None]) * is_seen[:, None, None]
    information = landmarks.information + added
    step = _solve(information, (added @ offset[..., None])[..., 0])
    return Landmarks(landmarks.position + step, information)


def covariance_of(landmarks: Landmarks) -> Tensor:
    """Their covariance, (N, 3, 3), in variances of the noise."""
    scale = determinant(landmarks.information).clamp(min=1e-20)
    return adjugate(landmarks.information) / scale[:, None, None]


def seen_covariance(position: Tensor, covariance: Tensor, view: View) -> Tensor:
    """How uncertain it is where each landmark is seen, (N, 2, 2), in variances of the noise.

    The noise of what is seen, and what the landmark's own uncertainty makes of it in the picture.
    """
    there = position @ view.rotation.mT + view.translation  # (N, 3)
    near = 1 / there[:, 2:].clamp(min=1e-3)
    place = there[:, :2] * near
    rows = (view.rotation[:2] - place[..., None] * view.rotation[2]) * near[..., None]  # (N, 2, 3)
    seen = rows @ covariance @ rows.mT
    seen.diagonal(dim1=-2, dim2=-1).add_(1)
    return seen


def _across(along: Tensor, depth: Tensor) -> Tensor:
    """Information of a ray, (N, 3, 3): none along it, and less the farther the point."""
    direction = unit(along)
    matrix = -direction[:, :, None] * direction[:, None, :]
    matrix.diagonal(dim1=-2, dim2=-1).add_(1)
    return matrix / depth.square()


def _solve(matrix: Tensor, right: Tensor) -> Tensor:
    scale = determinant(matrix).clamp(min=1e-20)[:, None]
    return (adjugate(matrix) @ right[..., None])[..., 0] / scale
