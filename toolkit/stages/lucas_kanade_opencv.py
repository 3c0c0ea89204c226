"""The same search by OpenCV, on the CPU, for those who have it installed and choose it by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["check_opencv", "follow_by_opencv"]

SLOPE_TO_EIGENVALUE = (32 * 255) ** 2 / 2**20
"""OpenCV's eigenvalue for a root mean square slope of 1: of 8-bit pixels, by Scharr's filter."""


def check_opencv(stage: str, device: torch.device) -> None:
    """Check that OpenCV can be used.

    Raises:
        ValueError: the pictures are not on the CPU, or OpenCV is not installed.
    """
    if device.type != "cpu":
        raise ValueError(
            f'{stage}: backend="opencv" works on the CPU and the pictures are on {device}; '
            'use backend="torch"'
        )
    try:
        import cv2  # noqa: F401 - only whether it is there
    except ImportError:
        raise ValueError(
            f'{stage}: backend="opencv" needs OpenCV, which is not installed; '
            'install downhill-toolkit[opencv], or use backend="torch"'
        ) from None


def follow_by_opencv(
    before: Tensor, after: Tensor, xy: Tensor, *, window: int, levels: int, slope: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Follow points there and back by `cv2.calcOpticalFlowPyrLK`, with its own pyramids.

    Args:
        before: (1, 1, H, W) float32 in [0, 1] on the CPU: where the points are known.
        after: the same, where they are sought.
        xy: (K, 2) float32, px.
        window: side of the window, px.
        levels: of OpenCV's pyramids.
        slope: root mean square change a px that a window must have along each direction.

    Returns:
        (K, 2) float32, px: where they are; (K,) float32, px: how far they come back from where they
        began; (K,) bool: whether OpenCV found them. Two 8-bit copies of the pictures: OpenCV tracks
        in nothing else; points are handed over and taken back without one.
    """
    import cv2

    then, now = [one[0, 0].mul(255).round_().to(torch.uint8).numpy() for one in (before, after)]
    options: dict[str, Any] = {
        "winSize": (window, window),
        "maxLevel": levels - 1,
        "minEigThreshold": slope * slope * SLOPE_TO_EIGENVALUE,
    }
    known = xy.contiguous().numpy()[:, None]
    follow: Any = cv2.calcOpticalFlowPyrLK  # the stubs ask for an array where None is meant
    found, is_found, _ = follow(then, now, known, None, **options)
    back, is_back, _ = follow(now, then, found, None, **options)
    there = torch.from_numpy(found)[:, 0]
    error = (torch.from_numpy(back)[:, 0] - xy).square_().sum(-1).sqrt_()
    ok = torch.from_numpy(is_found & is_back)[:, 0] > 0
    return there, error, ok
