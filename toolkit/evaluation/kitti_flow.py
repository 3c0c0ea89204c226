"""How does KITTI keep flow? As a PNG of 16 bits: 64 steps a pixel around 2^15, and a mask.

Red is flow to the right, green flow down, blue is 1 where it is known.

Source: the development kits of KITTI flow 2012 and 2015, readme.txt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from toolkit.evaluation.errors import BadData
from toolkit.evaluation.flow_field import FlowField, as_field
from toolkit.evaluation.png16 import read_png16, write_png16

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import ArrayLike

__all__ = ["read_kitti_flow", "write_kitti_flow"]

_STEPS_PER_PX = 64.0
_ZERO = 1 << 15
_LOWEST, _HIGHEST = -_ZERO / _STEPS_PER_PX, (_ZERO - 1) / _STEPS_PER_PX


def read_kitti_flow(path: str | Path) -> FlowField:
    """Flow from a KITTI PNG, to 1/64 px.

    Raises:
        BadData: not a PNG with three channels of 16 bits.
        OSError: it cannot be read.
    """
    pixels = np.moveaxis(read_png16(path), -1, 0).astype(np.float32)
    return as_field((pixels[:2] - _ZERO) / np.float32(_STEPS_PER_PX), pixels[2] > 0)


def write_kitti_flow(path: str | Path, flow: ArrayLike, is_valid: ArrayLike | None = None) -> None:
    """Write flow (2, H, W) or (1, 2, H, W), px, as a KITTI PNG, rounded to 1/64 px.

    Raises:
        BadData: another shape, or flow beyond -512 to 511.98 px, which the format cannot hold.
        OSError: the file cannot be written.
    """
    field = as_field(flow, is_valid)
    low, high = float(field.flow.min()), float(field.flow.max())
    if low < _LOWEST or high > _HIGHEST:
        raise BadData(
            f"flow runs from {low:g} to {high:g} px; KITTI's format holds {_LOWEST:g} to "
            f"{_HIGHEST:g}. Mask the rest out, or write a .flo file."
        )
    steps = np.rint(field.flow.astype(np.float64) * _STEPS_PER_PX) + _ZERO
    pixels = np.stack([*np.where(field.is_valid, steps, 0), field.is_valid], -1)
    write_png16(path, pixels.astype(np.uint16))
