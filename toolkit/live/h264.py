"""How does a picture cross a thin link? H.264: what changed since the last one, and no delay.

Each picture leaves the encoder before the next one comes in (no reordering, no look-ahead, one
thread), as one Annex B access unit that carries its own parameters when it is a keyframe. A codec
belongs to the thread that used it first: two threads in one codec end the process, so the second is
refused. Nothing may be left out between two keyframes, so what is not sent must not be encoded, and
what was lost asks for a keyframe.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, cast

import av
import numpy as np
from av.codec.context import Flags
from av.error import FFmpegError
from av.video.frame import PictureType
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from toolkit import hooks
from toolkit.live.picture import CodecError, copy_planes, view_pixels, view_planes

if TYPE_CHECKING:
    from av.video.codeccontext import VideoCodecContext
    from torch import Tensor

    from toolkit.live.picture import Pixels, Plane

__all__ = ["H264Decoder", "H264Encoder", "Unit"]

_CODEC = "h264"
_ENCODERS = ("libx264", "libopenh264")
_TICKS_PER_SECOND = 90_000
_BT709 = 1  # of color_primaries, color_trc and colorspace alike (ISO/IEC 23091-2)
_PLANE_OF_CHANNEL = (2, 0, 1)  # "gbrp" holds green, blue, red
_FAULTS = (FFmpegError, ArithmeticError, LookupError, MemoryError, OSError, ValueError)


@dataclass(frozen=True, slots=True)
class Unit:
    """One coded picture.

    Attributes:
        payload: an Annex B access unit.
        is_key: whether decoding can start here.
        width: as coded: even, px.
        height: as coded: even, px.
    """

    payload: bytes
    is_key: bool
    width: int
    height: int


class _Owned:
    """The thread that came first, and nobody else."""

    def __init__(self) -> None:
        self._owner: int | None = None

    def claim(self) -> None:
        here = threading.get_ident()
        if self._owner is None:
            self._owner = here
        if self._owner != here:
            raise RuntimeError(
                f"this {type(self).__name__} belongs to thread {self._owner}, which used it first; "
                "hand pictures over to it by a queue, or give each thread one of its own."
            )


class H264Encoder(_Owned):
    """Encodes pictures for one view.

    Args:
        bitrate: bits a second.
        fps: about how many pictures a second come; their times are kept as given.
        key_seconds: a keyframe at least this often.

    Raises:
        CodecError: this FFmpeg has no encoder for H.264; use JPEG.
    """

    def __init__(
        self, *, bitrate: int = 2_000_000, fps: float = 30.0, key_seconds: float = 4.0
    ) -> None:
        super().__init__()
        self.bitrate = bitrate
        self.fps = fps
        self.key_seconds = key_seconds
        self._name = _find_encoder()
        self._codec: VideoCodecContext | None = None
        self._picture: av.VideoFrame | None = None
        self._planes: list[Plane] = []
        self._last_tick = -1
        self._reformatter = VideoReformatter()

    def encode(self, pixels: Pixels, *, pts_seconds: float, key: bool = False) -> Unit | None:
        """Encode one picture, uint8 on the host, gray or RGB. Blocks for the encoder.

        Another size or another `bitrate` makes a new codec, which begins with a keyframe. Of an odd
        size the last column or row is left out. Reports "copy" h2h, "convert" and "serialize".

        Args:
            pixels: the picture.
            pts_seconds: when it is shown; one that is not later than the last counts as just after.
            key: whether decoding has to be able to start here.

        Returns:
            The coded picture, or None where the encoder left it out to keep to its bitrate.

        Raises:
            CodecError: no picture, or the encoder refused it.
            RuntimeError: the encoder belongs to another thread.
        """
        self.claim()
        image = view_pixels(pixels, codec=_CODEC)
        planes = view_planes(image, codec=_CODEC)
        height, width = (extent & ~1 for extent in planes[0].shape)
        codec = self._codec
        if codec is None or (codec.width, codec.height, codec.bit_rate) != (
            width,
            height,
            self.bitrate,
        ):
            codec = self._open(width, height)
        picture = self._convert([plane[:height, :width] for plane in planes])
        self._last_tick = max(round(pts_seconds * _TICKS_PER_SECOND), self._last_tick + 1)
        picture.pts = self._last_tick
        picture.time_base = Fraction(1, _TICKS_PER_SECOND)
        picture.pict_type = PictureType.I if key else PictureType.NONE
        with hooks.timed("serialize", op="h264.encode") as told:
            try:
                packets = codec.encode(picture)
            except _FAULTS as fault:
                self._codec = None
                raise CodecError(f"the encoder refused a picture: {fault}", codec=_CODEC) from fault
            payload = b"".join(bytes(packet) for packet in packets)
            told.nbytes = len(payload)
        if not payload:
            return None
        return Unit(payload, any(packet.is_keyframe for packet in packets), width, height)

    def _open(self, width: int, height: int) -> VideoCodecContext:
        if width < 2 or height < 2:
            raise CodecError(f"{width}x{height} px is too small for H.264", codec=_CODEC)
        codec = cast("VideoCodecContext", av.CodecContext.create(self._name, "w"))
        codec.width, codec.height, codec.pix_fmt = width, height, "yuv420p"
        codec.time_base = Fraction(1, _TICKS_PER_SECOND)
        codec.framerate = Fraction(self.fps).limit_denominator(1001)
        codec.bit_rate = self.bitrate
        codec.gop_size = max(1, round(self.key_seconds * self.fps))
        codec.max_b_frames = 0
        codec.thread_count = 1
        codec.color_range = ColorRange.MPEG
        codec.color_primaries = codec.color_trc = codec.colorspace = _BT709
        if self._name == "libx264":
            codec.options = {
                "preset": "ultrafast",
                "tune": "zerolatency",
                "profile": "baseline",
                "forced-idr": "1",
            }
        self._codec = codec
        self._picture = None
        self._last_tick = -1
        return codec

    def _convert(self, planes: list[Plane]) -> av.VideoFrame:
        """4:2:0, BT.709, limited range: a new frame, since the encoder may hold on to it."""
        height, width = planes[0].shape
        layout = "gray" if len(planes) == 1 else "gbrp"
        if self._picture is None or self._picture.format.name != layout:
            self._picture = av.VideoFrame(width, height, layout)
            order = (0,) if layout == "gray" else _PLANE_OF_CHANNEL
            self._planes = [_view_plane(self._picture, number) for number in order]
        copy_planes(planes, self._planes, op="h264.picture")
        with hooks.timed("convert", width * height * 3 // 2, op=f"swscale {layout}->yuv420p"):
            return self._reformatter.reformat(
                self._picture,
                format="yuv420p",
                src_color_range=ColorRange.JPEG if layout == "gray" else None,
                dst_colorspace=Colorspace.ITU709,
                dst_color_range=ColorRange.MPEG,
                threads=1,
            )


class H264Decoder(_Owned):
    """Decodes the pictures of one page, in order. The size of the place says the size expected."""

    def __init__(self) -> None:
        super().__init__()
        self._codec: VideoCodecContext | None = None
        self._size = (0, 0)
        self._reformatter = VideoReformatter()

    @property
    def needs_key(self) -> bool:
        """Whether nothing can be decoded before the next keyframe: ask the page for one."""
        return self._codec is None

    def decode(self, payload: bytes | memoryview, into: Tensor, *, key: bool) -> bool:
        """Decode one access unit into `into`, uint8 on the host, gray or RGB. Blocks.

        A place of another size makes a new codec, which needs a keyframe. Reports two "convert" and
        a "copy" h2h.

        Args:
            payload: what the page's encoder gave.
            into: where the picture goes.
            key: whether the page says that decoding can start here.

        Returns:
            Whether `into` was written; not where a keyframe is awaited.

        Raises:
            CodecError: damaged, or of another size; from then on a keyframe is awaited.
            RuntimeError: the decoder belongs to another thread.
        """
        self.claim()
        planes = view_planes(view_pixels(into, codec=_CODEC), codec=_CODEC)
        height, width = planes[0].shape
        if self._size != (width, height):
            self._codec, self._size = None, (width, height)
        if self._codec is None:
            if not key:
                return False
            self._codec = _open_decoder()
        picture = self._picture(self._codec, payload)
        if picture is None:
            return False
        if (picture.width, picture.height) != (width, height):
            self._codec = None
            raise CodecError(
                f"a picture of {picture.width}x{picture.height} px, and a place for "
                f"{width}x{height}; make a ring of the size that comes",
                codec=_CODEC,
            )
        self._write(picture, planes)
        return True

    def _picture(
        self, codec: VideoCodecContext, payload: bytes | memoryview
    ) -> av.VideoFrame | None:
        width, height = self._size
        with hooks.timed("convert", width * height * 3 // 2, op="h264.decode"):
            try:
                pictures = codec.decode(av.Packet(bytes(payload)))
            except _FAULTS as fault:
                self._codec = None
                raise CodecError(f"a damaged H.264 picture: {fault}", codec=_CODEC) from fault
        if any(picture.is_corrupt for picture in pictures):
            self._codec = None
            raise CodecError("a damaged H.264 picture: parts of it are missing", codec=_CODEC)
        return pictures[-1] if pictures else None

    def _write(self, picture: av.VideoFrame, planes: list[Plane]) -> None:
        layout = "gray" if len(planes) == 1 else "gbrp"
        order = (0,) if len(planes) == 1 else _PLANE_OF_CHANNEL
        with hooks.timed("convert", sum(one.size for one in planes), op=f"swscale ->{layout}"):
            shown = self._reformatter.reformat(
                picture,
                format=layout,
                src_colorspace=_matrix(picture),
                src_color_range=picture.color_range or ColorRange.MPEG,
                dst_color_range=ColorRange.JPEG,
                interpolation=Interpolation.BILINEAR | Interpolation.ACCURATE_RND,
                threads=1,
            )
        copy_planes([_view_plane(shown, number) for number in order], planes, op="h264.part")


def _find_encoder() -> str:
    for name in _ENCODERS:
        try:
            av.Codec(name, "w")
        except ValueError:  # PyAV: unknown
            continue
        return name
    raise CodecError(
        f"this build of PyAV has no encoder {' or '.join(_ENCODERS)}; use JPEG", codec=_CODEC
    )


def _open_decoder() -> VideoCodecContext:
    codec = cast("VideoCodecContext", av.CodecContext.create("h264", "r"))
    codec.thread_count = 1
    codec.flags |= Flags.low_delay
    codec.options = {"err_detect": "explode", "max_pixels": str(1 << 26)}
    return codec


def _matrix(picture: av.VideoFrame) -> Colorspace:
    """Its matrix; where it does not say, BT.709 from 1280 columns or 577 rows on, as players do."""
    if picture.colorspace in (1, 7):
        return Colorspace.ITU709
    if picture.colorspace in (4, 5, 6):
        return Colorspace.ITU601
    is_large = picture.width >= 1280 or picture.height > 576
    return Colorspace.ITU709 if is_large else Colorspace.ITU601


def _view_plane(picture: av.VideoFrame, number: int) -> Plane:
    plane = picture.planes[number]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width]
