"""Can this stage work on that tensor? Checked once, in `prepare`, so that `apply` need not ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from toolkit.stages.declare import InputSpec, TensorSpec

__all__ = ["check_image", "check_radius"]


def check_image(
    stage: str, spec: InputSpec, *, channels: int | None = None, index: int = 0
) -> tuple[int, int]:
    """Height and width of an input, after checking that it is one float32 picture.

    Args:
        stage: name of the stage, for the message.
        spec: what the stage was given.
        channels: how many channels it must have; None accepts any number.
        index: which input is meant.

    Raises:
        ValueError: not (1, C, H, W), or not float32.
    """
    given: TensorSpec = spec.inputs[index]
    shape = tuple(given.shape)
    wanted = f"(1, {'C' if channels is None else channels}, H, W)"
    if len(shape) != 4 or shape[0] != 1 or (channels is not None and shape[1] != channels):
        raise ValueError(
            f"{stage} takes one picture of shape {wanted} and got {shape}; "
            f"give it another input with {stage}.using(...)"
        )
    if given.dtype != torch.float32:
        raise ValueError(
            f"{stage} computes in float32 and got {given.dtype}; "
            "convert it first, for 8-bit pixels with the stages rgb or gray"
        )
    return shape[2], shape[3]


def check_radius(stage: str, radius: int, height: int, width: int) -> None:
    """Check that a window of `radius` px can be mirrored at the border of a picture.

    Raises:
        ValueError: the picture has no pixel that far from its border.
    """
    if radius >= min(height, width):
        raise ValueError(
            f"{stage} looks {radius} px around each pixel, and a picture of {width}x{height} px "
            f"has "
            f"no border to mirror that wide; use a smaller window, or a picture of more than "
            f"{radius} px"
        )
