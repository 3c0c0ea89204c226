"""What did the decoder give? Its layout, range, matrix and rotation, as the spec of a slot.

Flags of the stream decide. Where they are missing, what players do is done: a picture of 1280
columns or more, or of more than 576 rows, is BT.709, a smaller one BT.601; YUV is limited range
unless its format or a flag says full.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from toolkit.spec import FrameSpec, Matrix, PixelFormat, Rotation

if TYPE_CHECKING:
    import torch
    from av.video.format import VideoFormat
    from av.video.frame import VideoFrame

__all__ = ["guess_matrix", "is_full_range", "read_spec", "turn"]

# AVColorSpace and AVColorRange: ISO/IEC 23091-2 matrix coefficients, and FFmpeg's pixfmt.h.
_MATRICES: dict[int, Matrix] = {
    1: "bt709",
    4: "bt601",  # FCC, within 0.01 of BT.601
    5: "bt601",
    6: "bt601",
    7: "bt709",  # SMPTE 240M, within 0.01 of BT.709
    9: "bt2020",
    10: "bt2020",
}
_LIMITED, _FULL = 1, 2


def read_spec(picture: VideoFrame, *, pixel_format: PixelFormat, device: torch.device) -> FrameSpec:
    """The spec of a slot that holds `picture` as `pixel_format`. `rgb` and `gray` are full range.

    Raises:
        ValueError: the picture has no pixels.
    """
    layout = picture.sw_format or picture.format
    is_i420 = pixel_format == "i420"
    width, height = picture.width, picture.height
    return FrameSpec(
        width,
        height,
        pixel_format,
        device,
        _MATRICES.get(picture.colorspace) or guess_matrix(width, height),
        is_full_range(layout, picture.color_range) if is_i420 else True,
        turn(picture.rotation),
    )


def guess_matrix(width: int, height: int) -> Matrix:
    """The matrix of a picture that does not say: by size, as players do."""
    return "bt709" if width >= 1280 or height > 576 else "bt601"


def is_full_range(layout: VideoFormat, color_range: int) -> bool:
    """Whether luma shall run over 0..255.

    RGB and palettes carry full range themselves, and so does gray unless it is flagged.
    """
    if layout.is_rgb or layout.has_palette or layout.name.startswith("yuvj"):
        return True
    if len(layout.components) <= 2:  # gray, with or without alpha
        return color_range != _LIMITED
    return color_range == _FULL


def turn(degrees: int) -> Rotation:
    """Counter-clockwise degrees in [0, 360), 0 for what is no quarter turn.

    A broken display matrix is reported as -2147483648.
    """
    quarter = round(degrees / 90) * 90
    is_near = abs(degrees) <= 360 and abs(degrees - quarter) <= 1
    turned = quarter % 360 if is_near else 0
    return next(allowed for allowed in get_args(Rotation) if allowed == turned)
