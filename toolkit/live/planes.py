"""What of a frame can be looked at? Tensors that are pictures; of the rest, it is said why not.

A `Layout` says all that decides how a picture is made: where its planes lie, what their numbers
mean, how it is turned. Two results of the same layout are made by the same means.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

if TYPE_CHECKING:
    from toolkit.spec import FrameSpec

__all__ = ["Layout", "NotAPicture", "layout_of", "view_planes", "yuv_to_levels"]

_WEIGHTS = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}
_KINDS: dict[int, Literal["gray", "flow", "rgb"]] = {1: "gray", 2: "flow", 3: "rgb"}


class NotAPicture(ValueError):
    """Something was to be shown that is no picture; the text says what it is."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a picture lies in memory, and what its numbers mean.

    Attributes:
        kind: `"gray"`, `"rgb"`, `"flow"`, or `"i420"` for the planes of a slot.
        dtype: of the tensor.
        device: where it lives.
        extent: rows and columns as they lie, before any turn.
        spec: of the frame, where the tensor is its own pixels, else None.
    """

    kind: Literal["gray", "rgb", "flow", "i420"]
    dtype: torch.dtype
    device: torch.device
    extent: tuple[int, int]
    spec: FrameSpec | None = None

    @property
    def turns(self) -> int:
        """Quarter turns, counter-clockwise, before it is shown."""
        return self.spec.rotation // 90 if self.spec is not None else 0

    @property
    def width(self) -> int:
        """Columns as they are shown, px."""
        return self.extent[0] if self.turns % 2 else self.extent[1]

    @property
    def height(self) -> int:
        """Rows as they are shown, px."""
        return self.extent[1] if self.turns % 2 else self.extent[0]

    @property
    def flips(self) -> tuple[bool, bool]:
        """Whether rows, and columns, are shown in the opposite order, after transposing."""
        return self.turns in (1, 2), self.turns in (2, 3)


def layout_of(value: object, spec: FrameSpec | None = None) -> Layout:
    """The layout of a result. No copy, no sync.

    Args:
        value: what a stage gave.
        spec: of the frame, where `value` is its own pixels.

    Raises:
        NotAPicture: it is no picture.
    """
    if not isinstance(value, Tensor):
        what = type(value).__name__
        raise NotAPicture(f"it is {what}, which is no picture; show a stage that draws it")
    if spec is not None and spec.pixel_format == "i420":
        return Layout("i420", value.dtype, value.device, (spec.height, spec.width), spec)
    shape = tuple(value.shape)
    planar = shape[1:] if len(shape) == 4 and shape[0] == 1 else shape
    channels, *extent = (1, *planar) if len(planar) == 2 else planar
    is_shown = value.dtype in (torch.uint8, torch.bool) or value.dtype.is_floating_point
    if len(extent) != 2 or channels not in _KINDS or not is_shown or not value.numel():
        raise NotAPicture(
            f"it is a tensor of shape {shape} and {value.dtype}, which is no picture; pictures are "
            "(1, C, H, W) with 1, 2 or 3 channels, of uint8, bool, or floats in [0, 1]"
        )
    rows, columns = extent
    return Layout(_KINDS[channels], value.dtype, value.device, (rows, columns), spec)


def view_planes(value: Tensor, layout: Layout) -> tuple[Tensor, ...]:
    """Views (C, H, W), transposed where the picture lies on its side: luma and chroma, or one.

    No copy. Rows and columns are still to be flipped, as the layout says.
    """
    if layout.kind == "i420" and layout.spec is not None:
        spec = layout.spec
        luma = spec.view_planes(value)[0][None, : spec.height, : spec.width]
        chroma = value[spec.padded_height :].view(2, spec.padded_height // 2, -1)
        planes = (luma, chroma)
    else:
        planes = (value.reshape(-1, *layout.extent),)
    if layout.turns % 2:
        return tuple(plane.transpose(1, 2) for plane in planes)
    return planes


def yuv_to_levels(spec: FrameSpec) -> tuple[list[list[float]], list[float]]:
    """How stored luma and chroma become red, green and blue of 0..255: `matrix @ yuv + bias`.

    Source: ITU-R BT.601-7 2.5, BT.709-6 3.3, BT.2020-2 table 4.
    """
    red, blue = _WEIGHTS[spec.matrix]
    green = 1 - red - blue
    luma, black, chroma = (1.0, 0.0, 1.0) if spec.full_range else (255 / 219, 16.0, 255 / 224)
    from_u = (0.0, -2 * (1 - blue) * blue / green * chroma, 2 * (1 - blue) * chroma)
    from_v = (2 * (1 - red) * chroma, -2 * (1 - red) * red / green * chroma, 0.0)
    matrix = [[luma, u, v] for u, v in zip(from_u, from_v, strict=True)]
    bias = [-black * luma - 128 * (u + v) for u, v in zip(from_u, from_v, strict=True)]
    return matrix, bias
