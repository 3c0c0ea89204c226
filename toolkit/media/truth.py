"""What is true of a synthetic frame? Flow, visibility and depth in closed form, in float64.

The next camera sees a pixel p = (x, y, 1) of inverse depth w at K (R K^-1 p + t w), up to scale:
finite at infinity, where w = 0. It is visible there if a ray through that place meets nothing
nearer.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from toolkit.media.render import Geometry, cast, coefficients

__all__ = ["Pose", "Truth", "find_truth", "relative_pose"]

Pose = tuple[Tensor, Tensor]
"""World to camera: R (3, 3) and t (3,), float64, with X_camera = R X_world + t."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true of frame `index` and of the step to frame `index + 1`; float64, exact.

    Attributes:
        index: the frame.
        flow: (2, H, W) px: where each pixel's surface point goes, (right, down). Where it falls
            behind the next camera, 0.
        visible: (H, W) bool: the point is inside the next picture and nothing hides it there.
        depth: (H, W) metres along the optical axis; infinite where the ray meets nothing.
        surface: (H, W) int32: which of `Scene.surfaces` is seen, -1 for none.
        rotation: (3, 3) R of this camera, with X_camera = R X_world + t.
        translation: (3,) t of this camera, metres.
        next_rotation: R of the camera at `index + 1`.
        next_translation: t of the camera at `index + 1`.
        intrinsics: (3, 3) K; pixel centres lie at whole numbers.
    """

    index: int
    flow: Tensor
    visible: Tensor
    depth: Tensor
    surface: Tensor
    rotation: Tensor
    translation: Tensor
    next_rotation: Tensor
    next_translation: Tensor
    intrinsics: Tensor

    @property
    def relative_pose(self) -> Pose:
        """R (3, 3) and t (3,) from this camera's axes to the next camera's."""
        return relative_pose(
            (self.rotation, self.translation), (self.next_rotation, self.next_translation)
        )

    def __repr__(self) -> str:
        height, width = self.visible.shape
        return f"Truth(frame {self.index}, {width}x{height}, {self.flow.device})"


def relative_pose(here: Pose, there: Pose) -> Pose:
    """From the axes of one camera to those of another: X_there = R X_here + t."""
    rotation = there[0] @ here[0].T
    return rotation, there[1] - rotation @ here[1]


def find_truth(
    geometry: Geometry,
    index: int,
    here: Pose,
    there: Pose,
    intrinsics: Tensor,
    *,
    height: int,
    width: int,
) -> Truth:
    """Everything `Truth` holds, for the step between two poses. Allocates; no sync on the CPU."""
    k = intrinsics
    x = torch.arange(width, dtype=torch.float64, device=k.device)[None]
    y = torch.arange(height, dtype=torch.float64, device=k.device)[:, None]
    met = cast(coefficients(geometry, *here, k), x, y)
    rotation, translation = relative_pose(here, there)
    turn, shift = k @ rotation @ torch.linalg.inv(k), k @ translation
    q = [
        turn[row, 0] * x + (turn[row, 1] * y + turn[row, 2]) + shift[row] * met.inverse_depth
        for row in range(3)
    ]
    ahead = q[2] > 1e-9
    scale = torch.where(ahead, q[2], 1.0)
    next_x = torch.where(ahead, q[0] / scale, x)
    next_y = torch.where(ahead, q[1] / scale, y)
    nearest = cast(coefficients(geometry, *there, k), next_x, next_y).inverse_depth
    is_open = nearest <= met.inverse_depth / scale * (1 + 1e-7) + 1e-12
    inside_x = (next_x >= 0) & (next_x <= width - 1)
    inside_y = (next_y >= 0) & (next_y <= height - 1)
    return Truth(
        index=index,
        flow=torch.stack([next_x - x, next_y - y]),
        visible=ahead & inside_x & inside_y & is_open,
        depth=1 / met.inverse_depth,
        surface=met.rect,
        rotation=here[0],
        translation=here[1],
        next_rotation=there[0],
        next_translation=there[1],
        intrinsics=k,
    )
