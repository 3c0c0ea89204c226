"""What do the numbers in a video's planes mean? Matrices and ranges by the standards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from toolkit.spec import FrameSpec
    from toolkit.stages.declare import InputSpec

__all__ = ["LUMA_WEIGHTS", "check_slot", "chroma_terms", "luma_scale", "turn"]

LUMA_WEIGHTS = {
    "bt601": (0.299, 0.114),
    "bt709": (0.2126, 0.0722),
    "bt2020": (0.2627, 0.0593),
}
"""Weight of red and of blue in luma.

Source: ITU-R BT.601-7 2.5.1, BT.709-6 3.2, BT.2020-2 table 4 (non-constant luminance).
"""


def luma_scale(frame: FrameSpec) -> tuple[float, int]:
    """How luma becomes [0, 1]: multiply `value - black` by `scale`. Returns (scale, black)."""
    if frame.pixel_format != "i420" or frame.full_range:
        return 1 / 255, 0
    return 1 / 219, 16


def chroma_terms(frame: FrameSpec) -> tuple[Tensor, Tensor]:
    """What chroma adds to red, green and blue: `matrix @ (u, v) + bias`, black level included.

    Returns:
        Matrix (3, 2) and bias (3, 1), float32 on the host, for u and v as they are stored, 0..255.
    """
    red, blue = LUMA_WEIGHTS[frame.matrix]
    green = 1 - red - blue
    scale, black = luma_scale(frame)
    matrix = torch.tensor(
        [
            [0.0, 2 * (1 - red)],
            [-2 * (1 - blue) * blue / green, -2 * (1 - red) * red / green],
            [2 * (1 - blue), 0.0],
        ],
        dtype=torch.float64,
    ) / (255 if frame.full_range else 224)
    bias = -128 * matrix.sum(1, keepdim=True) - black * scale
    return matrix.float(), bias.float()


def turn(planes: Tensor, rotation: int) -> Tensor:
    """Turn counter-clockwise by 0, 90, 180 or 270 degrees: a copy, and the same tensor for 0."""
    return torch.rot90(planes, rotation // 90, (-2, -1)) if rotation else planes


def check_slot(stage: str, spec: InputSpec) -> None:
    """Check that the first input is the frame's own slot.

    Raises:
        ValueError: another shape or dtype than the frame's layout says.
    """
    wanted = spec.frame.slot_shape
    if tuple(spec.shape) != wanted or spec.dtype != torch.uint8:
        raise ValueError(
            f"{stage} reads the frame's own pixels, {spec.frame.pixel_format} uint8 {wanted}, and "
            f"got "
            f"{spec.dtype} {tuple(spec.shape)}; do not rename its input, it must be `pixels`"
        )
