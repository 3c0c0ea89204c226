"""Which pictures become frames? PIL images, arrays and tensors.

With the shape checked at the border.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from toolkit.spec import FrameSpec

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["read_image"]

_SHAPES = "(H, W), (H, W, 1), (H, W, 3), (1, H, W) or (3, H, W)"


def read_image(image: object, device: torch.device) -> tuple[Tensor, FrameSpec]:
    """The picture as a uint8 tensor (1 or 3, H, W), still where it was, and the spec of its frame.

    A view where the picture is uint8; floats in [0, 1] are rounded to 0..255 in one new tensor.
    Values on the host are checked; on a device they are clamped, because a check would sync.

    Raises:
        TypeError: not a PIL image, array or tensor.
        ValueError: a shape, dtype or value that is no picture.
    """
    tensor = _to_tensor(image)
    planar = _to_planar(tensor)
    pixels = planar if planar.dtype == torch.uint8 else _to_uint8(planar)
    channels, height, width = pixels.shape
    spec = FrameSpec(width, height, "gray" if channels == 1 else "rgb", device, full_range=True)
    return pixels, spec


def _to_tensor(image: object) -> Tensor:
    if isinstance(image, torch.Tensor):
        return image.detach()
    if isinstance(image, np.ndarray):
        return torch.from_numpy(_own_if_read_only(image))
    mode = getattr(image, "mode", None)
    if mode is not None and hasattr(image, "convert"):
        if mode not in ("RGB", "L"):
            raise ValueError(
                f"a PIL image of mode {mode!r} is no frame; use image.convert('RGB') or 'L'"
            )
        return torch.from_numpy(np.array(image))
    raise TypeError(
        f"{type(image).__name__} is not a picture in memory; give a PIL image, array or tensor, "
        "and open files with toolkit.media.open"
    )


def _own_if_read_only(array: np.ndarray) -> np.ndarray:
    has_negative_stride = any(stride < 0 for stride in array.strides)
    return array if array.flags.writeable and not has_negative_stride else array.copy()


def _to_planar(tensor: Tensor) -> Tensor:
    if tensor.ndim == 2:
        tensor = tensor[None]
    is_picture = tensor.ndim == 3 and tensor.numel() > 0
    if is_picture and tensor.shape[0] in (1, 3):
        return tensor
    if is_picture and tensor.shape[2] in (1, 3):
        return tensor.permute(2, 0, 1)
    raise ValueError(
        f"shape {tuple(tensor.shape)} is not a picture; give {_SHAPES}"
        + (", without the batch axis" if tensor.ndim == 4 else "")
        + (", without alpha" if 4 in tensor.shape else "")
    )


def _to_uint8(pixels: Tensor) -> Tensor:
    if not pixels.is_floating_point():
        raise ValueError(f"dtype {pixels.dtype} is not a picture; give uint8, or floats in [0, 1]")
    if pixels.device.type == "cpu":
        low, high = float(pixels.min()), float(pixels.max())
        if not (low >= 0.0 and high <= 1.0):  # NaN fails both
            raise ValueError(
                f"float values run from {low:g} to {high:g}; a picture of floats runs from 0 to 1. "
                "Divide by 255, or give uint8."
            )
    return pixels.clamp(0.0, 1.0).mul(255.0).round_().to(torch.uint8)
