"""How are 16 bits a channel kept in a PNG? By FFmpeg's codec, in this process."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
from av.error import FFmpegError

from toolkit.evaluation.errors import BadData

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["read_png16", "write_png16"]

_FORMAT = "rgb48be"  # PNG keeps the high byte first


def read_png16(path: str | Path) -> NDArray[np.uint16]:
    """Pixels (H, W, 3) uint16 of a PNG with three channels of 16 bits.

    Raises:
        BadData: no PNG, a damaged one, or one of another kind.
        OSError: it cannot be read.
    """
    content = Path(path).read_bytes()
    try:
        codec = av.CodecContext.create("png", "r")
        frames = [*codec.decode(av.Packet(content)), *codec.decode(None)] if content else []
    except FFmpegError as error:
        raise BadData(
            f"cannot be decoded as a PNG ({error}). Fetch it again.", path=path
        ) from error
    if len(frames) != 1:
        raise BadData(f"{len(content)} bytes hold no picture. Fetch it again.", path=path)
    (frame,) = frames
    if frame.format.name != _FORMAT:  # pyright: ignore[reportAttributeAccessIssue]
        raise BadData(
            f"holds {frame.format.name} pixels; "  # pyright: ignore[reportAttributeAccessIssue]
            "three channels of 16 bits were expected. Is it a picture instead of flow?",
            path=path,
        )
    return np.asarray(frame.to_ndarray(), dtype=np.uint16)  # pyright: ignore[reportAttributeAccessIssue]


def write_png16(path: str | Path, pixels: NDArray[np.uint16]) -> None:
    """Write (H, W, 3) uint16 as a PNG of 16 bits a channel; nothing is lost.

    Raises:
        OSError: the file cannot be written.
    """
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=_FORMAT)
    codec = av.CodecContext.create("png", "w")
    codec.width, codec.height = frame.width, frame.height
    codec.pix_fmt, codec.time_base = _FORMAT, Fraction(1, 1)
    packets = [*codec.encode(frame), *codec.encode(None)]
    Path(path).write_bytes(b"".join(bytes(packet) for packet in packets))
