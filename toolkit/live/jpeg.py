"""How does one picture become few bytes, and come back? JPEG, each picture for itself.

Nothing to keep in step: any picture may be left out, and a page draws it with what every browser
has. Gray is coded as gray. What is coded is read where it lies, or mixed once in a buffer that each
thread keeps; what is decoded goes straight into the slot that waits for it.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np
import simplejpeg

from toolkit import hooks
from toolkit.live.picture import CodecError, copy_planes, view_pixels, view_planes

if TYPE_CHECKING:
    from torch import Tensor

    from toolkit.live.picture import Pixels, Plane

__all__ = ["decode_jpeg", "encode_jpeg", "jpeg_size"]

_CODEC = "jpeg"
_kept = threading.local()


def encode_jpeg(pixels: Pixels, quality: int = 80) -> bytes:
    """The JPEG of a picture: uint8 on the host, (H, W), (1 or 3, H, W) or (H, W, 1 or 3).

    Chroma at half the resolution, which is a third of the bytes less. Reports "serialize", and one
    "copy" h2h where red, green and blue have to be mixed. No tensor is allocated.

    Raises:
        CodecError: no picture, not on the host, or a quality that is not 1 to 100.
    """
    if not 1 <= quality <= 100:
        raise CodecError(f"{quality = } is not 1 to 100", codec=_CODEC)
    image = view_pixels(pixels, codec=_CODEC)
    planes = view_planes(image, codec=_CODEC)
    is_gray = len(planes) == 1
    if is_gray:
        ready = _packed(planes[0])[..., None]
    elif _is_mixed(image) and image.flags.c_contiguous:
        ready = image
    else:
        ready = _scratch(*planes[0].shape)
        copy_planes(planes, [ready[..., 0], ready[..., 1], ready[..., 2]], op="jpeg.mix")
    with hooks.timed("serialize", op="jpeg.encode") as told:
        done = simplejpeg.encode_jpeg(
            ready,
            quality,
            "GRAY" if is_gray else "RGB",
            "Gray" if is_gray else "420",
            fastdct=True,
        )
        told.nbytes = len(done)
    return done


def jpeg_size(payload: bytes | memoryview) -> tuple[int, int]:
    """Width and height in px, as the header says. Decodes nothing.

    Raises:
        CodecError: it is no JPEG.
    """
    try:
        height, width, *_ = simplejpeg.decode_jpeg_header(payload)
    except ValueError as fault:
        raise CodecError(f"{len(payload)} bytes are no JPEG: {fault}", codec=_CODEC) from fault
    return int(width), int(height)


def decode_jpeg(payload: bytes | memoryview, into: Tensor) -> None:
    """Decode into `into`: uint8 on the host, gray or RGB of the same size, in any order of axes.

    Reports "convert", and one "copy" h2h where red, green and blue lie apart. No tensor is
    allocated. The header is read first, so that no memory is taken for a size that it claims.

    Raises:
        CodecError: no JPEG, damaged, or of another size; `into` may hold part of it.
    """
    image = view_pixels(into, codec=_CODEC)
    planes = view_planes(image, codec=_CODEC)
    height, width = planes[0].shape
    if (found := jpeg_size(payload)) != (width, height):
        raise CodecError(
            f"a JPEG of {found[0]}x{found[1]} px, and a place for {width}x{height}; make a ring of "
            "the size that comes",
            codec=_CODEC,
        )
    is_gray = len(planes) == 1
    target = planes[0] if is_gray else image
    is_direct = target.flags.c_contiguous and (is_gray or _is_mixed(image))
    buffer = target if is_direct else _scratch(height, width)
    if is_gray and not is_direct:
        buffer = buffer.reshape(-1)[: height * width].reshape(height, width)
    with hooks.timed("convert", image.size, op="jpeg.decode"):
        try:
            simplejpeg.decode_jpeg(payload, "GRAY" if is_gray else "RGB", True, buffer=buffer)
        except ValueError as fault:
            raise CodecError(f"a damaged JPEG: {fault}", codec=_CODEC) from fault
    if not is_direct:
        parts = [buffer] if is_gray else [buffer[..., channel] for channel in range(3)]
        copy_planes(parts, planes, op="jpeg.part")


def _is_mixed(image: Plane) -> bool:
    """Whether red, green and blue of a pixel lie together, as `view_planes` sees it."""
    return image.shape[0] != 3 and image.shape[2] == 3


def _packed(plane: Plane) -> Plane:
    """The plane without gaps between its rows; copied, on the bill, where it has some."""
    if plane.flags.c_contiguous:
        return plane
    height, width = plane.shape
    packed = _scratch(height, width).reshape(-1)[: height * width].reshape(height, width)
    copy_planes([plane], [packed], op="jpeg.mix")
    return packed


def _scratch(height: int, width: int) -> Plane:
    """This thread's buffer (height, width, 3), made anew when the size changes."""
    buffer = getattr(_kept, "buffer", None)
    if buffer is None or buffer.shape != (height, width, 3):
        buffer = _kept.buffer = np.empty((height, width, 3), np.uint8)
        hooks.report("alloc", buffer.nbytes, op="jpeg.buffer")
    return buffer
