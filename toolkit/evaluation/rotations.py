"""How far apart are two orientations? Angles between them; quaternions to matrices and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = ["direction_errors", "matrices_of", "quaternions_of", "rotation_angles"]


def matrices_of(quaternions: ArrayLike) -> Floats:
    """Rotation matrices (N, 3, 3) of quaternions (N, 4) in the order x, y, z, w, of any length."""
    q = np.asarray(quaternions, dtype=np.float64)
    x, y, z, w = np.moveaxis(q / np.linalg.norm(q, axis=-1, keepdims=True), -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, -1) for row in rows], -2)


def quaternions_of(rotations: ArrayLike) -> Floats:
    """Unit quaternions (N, 4), x, y, z, w with w >= 0, of rotation matrices (N, 3, 3).

    Source: Bar-Itzhack, "New method for extracting the quaternion from a rotation matrix",
    Journal of Guidance, Control and Dynamics, 2000: the eigenvector of the largest eigenvalue.
    """
    r = np.asarray(rotations, dtype=np.float64)
    k = np.empty((*r.shape[:-2], 4, 4))
    for axis in range(3):
        after, last = (axis + 1) % 3, (axis + 2) % 3
        k[..., axis, axis] = r[..., axis, axis] - r[..., after, after] - r[..., last, last]
        k[..., axis, after] = k[..., after, axis] = r[..., axis, after] + r[..., after, axis]
        k[..., axis, 3] = k[..., 3, axis] = r[..., last, after] - r[..., after, last]
    k[..., 3, 3] = np.trace(r, axis1=-2, axis2=-1)
    best = np.linalg.eigh(k)[1][..., -1]
    return np.where(best[..., 3:] < 0, -best, best)


def rotation_angles(rotations: ArrayLike) -> Floats:
    """By how much each of (..., 3, 3) turns, degrees in [0, 180].

    From sine and cosine together: the cosine alone loses half of the digits of small angles.
    """
    r = np.asarray(rotations, dtype=np.float64)
    axis = np.stack(
        [r[..., 2, 1] - r[..., 1, 2], r[..., 0, 2] - r[..., 2, 0], r[..., 1, 0] - r[..., 0, 1]], -1
    )
    cosine = (np.trace(r, axis1=-2, axis2=-1) - 1) / 2
    return np.degrees(np.arctan2(np.linalg.norm(axis, axis=-1) / 2, cosine))


def direction_errors(estimate: ArrayLike, truth: ArrayLike) -> Floats:
    """Angle between vectors (..., 3), degrees in [0, 180]; 90 where one of them has no length.

    The directions of two translations, of which a picture pair does not tell the length.
    """
    a, b = np.asarray(estimate, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    sine = np.linalg.norm(np.cross(a, b), axis=-1)
    cosine = (a * b).sum(-1)
    is_known = (np.linalg.norm(a, axis=-1) > 0) & (np.linalg.norm(b, axis=-1) > 0)
    return np.where(is_known, np.degrees(np.arctan2(sine, cosine)), 90.0)
