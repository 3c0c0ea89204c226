"""What do stages hand to each other? Shapes, dtypes and ranges by name.

And what `prepare` is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import torch
from torch import Tensor

if TYPE_CHECKING:
    from toolkit.spec import FrameSpec

__all__ = [
    "Corners",
    "Edges",
    "Gradient",
    "Gray",
    "Image",
    "InputSpec",
    "Mask",
    "Pyramid",
    "Rgb",
    "TensorSpec",
    "spec_of",
]

Rgb = Annotated[Tensor, "(1, 3, H, W) float32 in [0, 1]"]
Gray = Annotated[Tensor, "(1, 1, H, W) float32 in [0, 1]"]
Image = Annotated[Tensor, "(1, C, H, W) float32 in [0, 1], C is 1 or 3"]
Gradient = Annotated[Tensor, "(1, 2, H, W) float32, d/dx and d/dy in 1/px"]
Edges = Annotated[Tensor, "(1, 1, H, W) float32, 0, 0.5 (weak) or 1 (strong)"]
Mask = Annotated[Tensor, "(1, 1, H, W) float32, 0 or 1"]
Pyramid = Annotated[tuple[Tensor, ...], "(1, 1, H / 2^i, W / 2^i) float32 for level i"]


class Corners(NamedTuple):
    """A fixed number K of corners, the strongest first.

    Attributes:
        xy: (1, K, 2) float32, px, x then y, the centre of the first pixel is (0, 0).
        score: (1, K) float32; 0 marks an empty place.
    """

    xy: Tensor
    score: Tensor


class TensorSpec(NamedTuple):
    """What a stage may know of an input before it sees the pixels."""

    shape: torch.Size
    dtype: torch.dtype
    device: torch.device


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What `prepare` is told: the frame's layout and, in order, each input.

    Attributes:
        frame: layout of the frame's own pixels.
        inputs: a `TensorSpec` for each tensor, a tuple of them for a tuple, None for other things.
    """

    frame: FrameSpec
    inputs: tuple[Any, ...]

    @property
    def first(self) -> TensorSpec:
        """The first tensor among the inputs.

        Raises:
            TypeError: there is none.
        """
        found: Any = self.inputs
        while isinstance(found, tuple) and not isinstance(found, TensorSpec):
            found = found[0] if found else None
        if found is None:
            raise TypeError("this stage has no tensor as its first input; use spec.frame")
        return found

    @property
    def shape(self) -> torch.Size:
        """Shape of the first tensor."""
        return self.first.shape

    @property
    def dtype(self) -> torch.dtype:
        """Its dtype."""
        return self.first.dtype

    @property
    def device(self) -> torch.device:
        """Its device: constants belong there."""
        return self.first.device

    @property
    def height(self) -> int:
        """Its second last axis, in px."""
        return self.first.shape[-2]

    @property
    def width(self) -> int:
        """Its last axis, in px."""
        return self.first.shape[-1]


def spec_of(value: Any) -> Any:
    """`TensorSpec` of a tensor, a tuple of them for a tuple, None for anything else."""
    if isinstance(value, Tensor):
        return TensorSpec(value.shape, value.dtype, value.device)
    if isinstance(value, tuple):
        return tuple([spec_of(one) for one in value])
    return None
