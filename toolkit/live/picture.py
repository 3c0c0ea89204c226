"""Which pixels can be encoded, and decoded into? uint8 on the host, gray or RGB, in either order.

One plane of gray, or three of red, green and blue, seen as views of what was given: slots keep them
one after the other, arrays of other libraries keep them mixed. Copies go plane by plane, by NumPy:
six times as fast as turning the whole picture at once, and on the calling thread alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from toolkit import hooks

if TYPE_CHECKING:
    from collections.abc import Sequence

    Plane = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
    Pixels = np.ndarray[Any, Any] | torch.Tensor

__all__ = ["CodecError", "copy_planes", "view_pixels", "view_planes"]

_SHAPES = "(H, W), (1, H, W), (3, H, W), (H, W, 1) or (H, W, 3)"


class CodecError(ValueError):
    """A picture cannot be encoded, or what came cannot be decoded into the place it was meant for.

    Attributes:
        codec: `"jpeg"` or `"h264"`.
    """

    def __init__(self, message: str, *, codec: str) -> None:
        super().__init__(message)
        self.codec = codec


def view_pixels(pixels: Pixels, *, codec: str) -> Plane:
    """The picture as an array that shares its memory.

    Raises:
        CodecError: it is not uint8, not on the host, or no picture.
    """
    if isinstance(pixels, torch.Tensor):
        if pixels.device.type != "cpu":
            raise CodecError(
                f"the picture is on {pixels.device}; encoding is done on the host, so copy it into "
                "a host buffer of its displayed size first",
                codec=codec,
            )
        pixels = pixels.detach().numpy()
    if pixels.dtype != np.uint8 or pixels.size == 0 or pixels.ndim not in (2, 3):
        raise CodecError(
            f"{pixels.dtype} of shape {pixels.shape} is not a picture here; give uint8, {_SHAPES}",
            codec=codec,
        )
    return pixels


def view_planes(pixels: Plane, *, codec: str) -> list[Plane]:
    """One plane of gray or three of red, green and blue, each (H, W), sharing the memory.

    Raises:
        CodecError: the shape is neither.
    """
    if pixels.ndim == 2:
        return [pixels]
    if pixels.shape[0] in (1, 3):
        return list(pixels)
    if pixels.shape[2] in (1, 3):
        return [pixels[..., channel] for channel in range(pixels.shape[2])]
    raise CodecError(f"shape {pixels.shape} is not a picture here; give {_SHAPES}", codec=codec)


def copy_planes(sources: Sequence[Plane], targets: Sequence[Plane], *, op: str) -> None:
    """Copy each plane into its target, one gray one into all. Reports one "copy" h2h."""
    with hooks.timed("copy", sum(one.size for one in targets), direction="h2h", op=op):
        for number, target in enumerate(targets):
            np.copyto(target, sources[min(number, len(sources) - 1)])
