"""What is in a slot? The layout of the pixels, said once, and the views that follow from it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, get_args

import torch

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["FrameSpec", "Matrix", "PixelFormat", "Rotation"]

PixelFormat = Literal["i420", "rgb", "gray"]
Matrix = Literal["bt601", "bt709", "bt2020"]
Rotation = Literal[0, 90, 180, 270]

_CPU = torch.device("cpu")


@dataclass(frozen=True)
class FrameSpec:
    """How the pixels of a frame lie in memory, and what they mean.

    Attributes:
        width: true width in px, before rotation.
        height: true height in px, before rotation.
        pixel_format: `"i420"`: uint8 (3 * H2 // 2, W2), the planes Y, U, V one after the other in
            one allocation, where H2 and W2 are the size rounded up to even; `"rgb"`: uint8 (3, H,
            W);
            `"gray"`: uint8 (1, H, W).
        device: where the pixels live.
        matrix: which luma and chroma weights `i420` was made with, `"bt601"`, `"bt709"` or
            `"bt2020"`.
        full_range: whether luma runs over 0..255 (True) or 16..235 (False).
        rotation: degrees to turn the picture counter-clockwise before it is shown: 0, 90, 180, 270.

    Raises:
        ValueError: a size below one pixel, or a value that is not in the lists above.
    """

    width: int
    height: int
    pixel_format: PixelFormat = "i420"
    device: torch.device = _CPU
    matrix: Matrix = "bt601"
    full_range: bool = False
    rotation: Rotation = 0

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ValueError(
                f"a frame of {self.width}x{self.height} px has no pixels; both must be 1 or more"
            )
        for name, allowed in (
            ("pixel_format", get_args(PixelFormat)),
            ("matrix", get_args(Matrix)),
            ("rotation", get_args(Rotation)),
        ):
            value = getattr(self, name)
            if value not in allowed:
                raise ValueError(
                    f"{name}={value!r} is not one of {', '.join(map(repr, allowed))}; "
                    "convert the picture before it enters the ring"
                )
        object.__setattr__(self, "device", torch.device(self.device))

    @cached_property
    def slot_shape(self) -> tuple[int, ...]:
        """Shape of the slot's uint8 tensor."""
        if self.pixel_format == "i420":
            return (3 * self.padded_height // 2, self.padded_width)
        return (3 if self.pixel_format == "rgb" else 1, self.height, self.width)

    @cached_property
    def nbytes(self) -> int:
        """Bytes of one slot."""
        count = 1
        for extent in self.slot_shape:
            count *= extent
        return count

    @property
    def padded_width(self) -> int:
        """Width of the luma plane of `i420`, rounded up to even."""
        return self.width + self.width % 2

    @property
    def padded_height(self) -> int:
        """Height of the luma plane of `i420`, rounded up to even."""
        return self.height + self.height % 2

    @property
    def display_width(self) -> int:
        """Width in px after rotation."""
        return self.height if self.rotation in (90, 270) else self.width

    @property
    def display_height(self) -> int:
        """Height in px after rotation."""
        return self.width if self.rotation in (90, 270) else self.height

    def view_planes(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """Planes of a slot as views that share its memory. No copy.

        Args:
            pixels: a tensor of `slot_shape`.

        Returns:
            For `i420` the planes y (H2, W2), u and v (H2 // 2, W2 // 2), padded size; else
            `(pixels,)`.
        """
        if self.pixel_format != "i420":
            return (pixels,)
        height, width = self.padded_height, self.padded_width
        chroma = pixels[height:].view(2, height // 2, width // 2)
        return (pixels[:height], chroma[0], chroma[1])
