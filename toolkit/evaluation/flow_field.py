"""What is a flow field from a file? Vectors, and where they are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from toolkit.evaluation.errors import BadData

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["FlowField", "as_field"]


class FlowField(NamedTuple):
    """Where each pixel of a picture goes in the next one.

    Attributes:
        flow: (2, H, W) float32, px right and down; 0 where it is not known.
        is_valid: (H, W) bool: where it is known.
    """

    flow: NDArray[np.float32]
    is_valid: NDArray[np.bool_]


def as_field(flow: ArrayLike, is_valid: ArrayLike | None) -> FlowField:
    """Flow (2, H, W) or (1, 2, H, W) on the host as float32, valid where it says and is finite.

    Raises:
        BadData: another shape, or a mask of another size.
    """
    array = np.asarray(flow, dtype=np.float32)
    array = array[0] if array.ndim == 4 and array.shape[0] == 1 else array
    if array.ndim != 3 or array.shape[0] != 2 or not array.size:
        raise BadData(f"flow of shape {array.shape}; give (2, H, W) or (1, 2, H, W).")
    known = np.isfinite(array[0]) & np.isfinite(array[1])
    if is_valid is not None:
        mask = np.asarray(is_valid, bool)
        if mask.shape != known.shape:
            raise BadData(f"is_valid has shape {mask.shape}, the flow {known.shape}; give one mask")
        known &= mask
    return FlowField(np.where(known, array, np.float32(0)), known)
