"""Where does a pixel look? A camera matrix turns positions into directions and back."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import torch
from torch import Tensor

from toolkit.stages.declare import Matrix

__all__ = ["DEFAULT_CAMERA", "Camera", "CameraMatrix", "camera_rays", "prepare_camera"]

CameraMatrix = Annotated[
    tuple,
    Matrix(3, 3, doc="fx 0 cx, 0 fy cy, 0 0 1 in px; the default is a guess for 1280x720"),
]
DEFAULT_CAMERA = ((1000.0, 0.0, 640.0), (0.0, 1000.0, 360.0), (0.0, 0.0, 1.0))
"""Of 1280x720 px and a lens of 65 degrees. Nobody can tell from a result that another camera took
the pictures, and all directions are wrong then: set the one that did.
"""


class Camera(NamedTuple):
    """A pinhole camera, its numbers on the device.

    Attributes:
        focal: (2, 1) float32, fx and fy, px.
        center: (2, 1) float32, cx and cy, px.
        focal_px: the mean of fx and fy, a number on the host.
    """

    focal: Tensor
    center: Tensor
    focal_px: float


def prepare_camera(stage: str, matrix: tuple, device: torch.device) -> Camera:
    """A `Camera` from the rows of its matrix. Uploads.

    Raises:
        ValueError: fx or fy is not positive, there is skew, or the last row is not 0 0 1.
    """
    (fx, skew, cx), (low, fy, cy), last = matrix
    if min(fx, fy) <= 0 or skew or low or last != (0.0, 0.0, 1.0):
        raise ValueError(
            f"{stage}: {matrix} is no camera matrix; it is ((fx, 0, cx), (0, fy, cy), (0, 0, 1)) "
            "with fx and fy above 0, in px, such as Scene.intrinsics"
        )
    return Camera(
        torch.tensor([[fx], [fy]]).to(device),
        torch.tensor([[cx], [cy]]).to(device),
        (fx * fy) ** 0.5,
    )


def camera_rays(xy: Tensor, is_valid: Tensor, camera: Camera) -> Tensor:
    """K^-1 (x, y, 1) of positions (N, 2) px, as columns (3, N); (0, 0, 1) in empty places."""
    plane = (xy.mT - camera.center) / camera.focal
    plane = torch.where(is_valid, plane, 0.0)
    return torch.cat((plane, torch.ones_like(plane[:1])))
