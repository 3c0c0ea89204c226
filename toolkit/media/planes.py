"""How do pixels leave the decoder? Once, plane by plane, into a slot that waits for them.

A plane of the decoder is a view of memory that it goes on predicting from: it is read, briefly,
and never written or kept. 8-bit 4:2:0 is copied as it is. All else is converted by swscale first,
with one reformatter that is used again, and the conversion stands on the bill.

NumPy does the copying: it stays on the calling thread. torch would split one plane over its
threads, which on busy cores takes up to 2 ms in place of 0.3 for a 1080p picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from toolkit import hooks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from av.video.frame import VideoFrame
    from av.video.plane import VideoPlane
    from torch import Tensor

    from toolkit.spec import FrameSpec

    _Array = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]

__all__ = ["PlaneCopier"]

_NATIVE = {"i420": ("yuv420p", "yuvj420p"), "rgb": ("gbrp",), "gray": ("gray",)}
_SWSCALE = {"i420": "yuv420p", "rgb": "gbrp", "gray": "gray"}
_RED_GREEN_BLUE = (2, 0, 1)  # where they lie in gbrp
_COLORSPACE = {
    "bt601": Colorspace.ITU601,
    "bt709": Colorspace.ITU709,
    "bt2020": Colorspace.BT2020,
}


class PlaneCopier:
    """Copies pictures into planes on the host. One copy of each; no allocation on the direct way.

    Attributes:
        converted: how many pictures went through swscale.
    """

    def __init__(self) -> None:
        self.converted = 0
        self._reformatter = VideoReformatter()

    def copy(self, picture: VideoFrame, spec: FrameSpec, planes: Sequence[Tensor]) -> None:
        """Write `picture` into `planes` of a slot of `spec`, host uint8, padded at the edge.

        Reports one "copy" h2h, and one "convert" where swscale had to work first. Alpha is left
        out, not blended.

        Raises:
            av.FFmpegError: swscale cannot convert this format.
        """
        sources = self._read_native(picture, spec)
        if sources is None:
            picture = self._convert(picture, spec)
            sources = _view_planes(picture, spec)
        with hooks.timed("copy", spec.nbytes, direction="h2h", op="decode"):
            targets = planes if spec.pixel_format == "i420" else planes[0]
            for source, target in zip(sources, targets, strict=True):
                _copy_padded(source, target.numpy())

    def _read_native(self, picture: VideoFrame, spec: FrameSpec) -> list[_Array] | None:
        """Views of the planes where they can be copied as they are, else None."""
        name = picture.format.name
        is_even = not (picture.width % 2 or picture.height % 2)
        if spec.pixel_format == "i420" and name == "nv12" and is_even:
            luma, chroma = picture.planes
            return [_view(luma), _view(chroma, step=2), _view(chroma, step=2, first=1)]
        is_limited_gray = name == "gray" and picture.color_range == ColorRange.MPEG
        if name in _NATIVE[spec.pixel_format] and not (
            is_limited_gray and spec.pixel_format == "gray"
        ):
            return _view_planes(picture, spec)
        return None

    def _convert(self, picture: VideoFrame, spec: FrameSpec) -> VideoFrame:
        """The picture in the layout of `spec`, in memory of its own that swscale allocates."""
        self.converted += 1
        layout = _SWSCALE[spec.pixel_format]
        is_rgb = picture.format.is_rgb or picture.format.has_palette
        matrix = _COLORSPACE[spec.matrix]
        target_range = ColorRange.JPEG if spec.full_range else ColorRange.MPEG
        source_range = picture.color_range or (target_range if spec.pixel_format == "i420" else 0)
        with hooks.timed("convert", spec.nbytes, op=f"swscale {picture.format.name}->{layout}"):
            return self._reformatter.reformat(
                picture,
                format=layout,
                src_colorspace=None if is_rgb else matrix,
                dst_colorspace=matrix if spec.pixel_format == "i420" else None,
                src_color_range=None if is_rgb else source_range,
                dst_color_range=target_range,
                interpolation=Interpolation.BILINEAR | Interpolation.ACCURATE_RND,
                threads=1,
            )


def _view_planes(picture: VideoFrame, spec: FrameSpec) -> list[_Array]:
    """Views, uint8 (h, w), in the order of the slot: y u v, r g b, or gray. No copy."""
    views = [_view(plane) for plane in picture.planes]
    return [views[place] for place in _RED_GREEN_BLUE] if spec.pixel_format == "rgb" else views


def _view(plane: VideoPlane, *, step: int = 1, first: int = 0) -> _Array:
    """A view of every `step`-th byte of each row. Rows that are stored bottom-up are turned."""
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, abs(plane.line_size))
    pixels = rows[:, first : step * plane.width : step]
    return pixels if plane.line_size > 0 else pixels[::-1]


def _copy_padded(source: _Array, target: _Array) -> None:
    """Copy (h, w) into the top left of (H, W), at most one larger; the edge is repeated."""
    height, width = source.shape
    target[:height, :width] = source
    if width < target.shape[1]:
        target[:height, width] = source[:, width - 1]
    if height < target.shape[0]:
        target[height] = target[height - 1]
