"""How does one keep where the camera has been? As handles on the device, read when asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from toolkit.stages.declare import Odometry

__all__ = ["Journey"]


class _Stop(NamedTuple):
    """A pose and when it was, still on the device."""

    pts_seconds: float
    rotation: Tensor
    translation: Tensor
    is_valid: Tensor


class Journey:
    """The poses of a run, collected frame by frame without a wait.

        journey = Journey()
        for frame in pipeline.run(source, want=("odometry",)):
            journey.add(frame.pts_seconds, frame["odometry"])
        write_tum_trajectory("camera.txt", Trajectory(*journey.read()))

    What `read` returns are the three arguments of `toolkit.evaluation.Trajectory`, which is written
    as TUM, KITTI or EuRoC file from there.
    """

    def __init__(self) -> None:
        self._stops: list[_Stop] = []

    def add(self, pts_seconds: float, odometry: Odometry) -> None:
        """Keep a frame's pose: 52 bytes on its device. No copy to the host, no sync.

        Copied, so that neither the map nor a pooled result is held by it.
        """
        kept = (odometry.rotation, odometry.translation, odometry.is_valid)
        self._stops.append(_Stop(pts_seconds, *(one.clone() for one in kept)))

    def __len__(self) -> int:
        """How many frames were added, those without a valid pose included."""
        return len(self._stops)

    def read(
        self,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Wait for the device and download: times (N,), rotations (N, 3, 3), positions (N, 3).

        X_world = rotation X_camera + position, as files of trajectories have it. Poses that were
        not valid are left out.

        Raises:
            ValueError: no pose was valid.
        """
        if not self._stops:
            raise ValueError("no pose was added; add frame['odometry'] of each frame first")
        is_valid = torch.cat([one.is_valid for one in self._stops]).cpu().numpy()
        if not is_valid.any():
            raise ValueError(
                f"none of {len(self)} poses is valid: the camera has to move sideways, by more "
                "than odometry's parallax, before there is a map"
            )
        turns = torch.cat([one.rotation for one in self._stops]).double().cpu().numpy()
        shifts = torch.cat([one.translation for one in self._stops]).double().cpu().numpy()
        rotations = turns.transpose(0, 2, 1)
        positions = -(rotations @ shifts[..., None])[..., 0]
        seconds = np.array([one.pts_seconds for one in self._stops], dtype=np.float64)
        return seconds[is_valid], rotations[is_valid], positions[is_valid]
