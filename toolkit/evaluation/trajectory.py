"""Where was the camera, and when? A list of poses with their times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from toolkit.evaluation.errors import BadData

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Trajectory"]


@dataclass(frozen=True)
class Trajectory:
    """Poses of a camera in the world: X_world = rotation X_camera + position.

    Args:
        pts_seconds: (N,) float64: when; not falling.
        rotations: (N, 3, 3) float64.
        positions: (N, 3) float64, metres, or of unknown scale from one camera.

    Raises:
        BadData: the lengths differ, there is no pose, a value is not finite, or time runs back.
    """

    pts_seconds: NDArray[np.float64]
    rotations: NDArray[np.float64]
    positions: NDArray[np.float64]

    def __post_init__(self) -> None:
        for name in ("pts_seconds", "rotations", "positions"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=np.float64))
        count = self.pts_seconds.size
        shapes = (self.pts_seconds.shape, self.rotations.shape, self.positions.shape)
        if not count or shapes != ((count,), (count, 3, 3), (count, 3)):
            raise BadData(
                f"times, rotations and positions have shapes {shapes}; a trajectory of N >= 1 "
                "poses has (N,), (N, 3, 3) and (N, 3)."
            )
        values = (self.pts_seconds, self.rotations, self.positions)
        if not all(np.isfinite(one).all() for one in values):
            raise BadData(f"some of {count} poses are not finite; leave them out.")
        steps = np.diff(self.pts_seconds)
        if (steps < 0).any():
            place = int(np.argmax(steps < 0)) + 1
            raise BadData(
                f"time runs back at pose {place}, from {self.pts_seconds[place - 1]:.6f} to "
                f"{self.pts_seconds[place]:.6f} s; sort the poses by time."
            )

    def __len__(self) -> int:
        return self.pts_seconds.size

    def __getitem__(self, places: slice | Sequence[int] | NDArray[np.intp]) -> Trajectory:
        """The poses at `places`, a slice or numbers."""
        return Trajectory(self.pts_seconds[places], self.rotations[places], self.positions[places])

    @property
    def length_metres(self) -> float:
        """The way from pose to pose, in the unit of the positions."""
        return float(np.linalg.norm(np.diff(self.positions, axis=0), axis=1).sum())

    def __repr__(self) -> str:
        begin, end = self.pts_seconds[[0, -1]]
        return f"Trajectory({len(self)} poses, {begin:.3f} to {end:.3f} s)"
