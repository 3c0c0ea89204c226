"""How do frames become a file again? One encoder, one thread, one reused host buffer.

    with VideoWriter("out.mp4", width=640, height=360, fps=30) as writer:
        for frame in pipeline.run(source):
            writer.write(frame["overlay"], pts_seconds=frame.pts_seconds)

Presentation times are kept as given, so a variable rate stays variable. Pixels go into planes that
are allocated once, swscale turns them into 4:2:0 BT.709 limited range, and the file says so. What
was written before an exception is a playable file.
"""

from __future__ import annotations

import threading
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self, cast

import av
import torch
from av.error import FFmpegError
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from torch import Tensor

from toolkit import hooks
from toolkit.frame import Frame
from toolkit.media.errors import MediaError

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.stream import VideoStream

__all__ = ["CODECS", "VideoWriter"]

CODECS: tuple[str, ...] = ("libx264", "libopenh264", "mpeg4")
"""Encoders in the order in which they are tried; the last one is part of every FFmpeg."""

_TICKS_PER_SECOND = 60_000  # fits MPEG-4's 16 bits, and holds 24, 25, 30, 50, 60 and 29.97 exactly
_BT709 = 1  # of color_primaries, color_trc and colorspace alike (ISO/IEC 23091-2)
_MATRIX = {"bt601": Colorspace.ITU601, "bt709": Colorspace.ITU709, "bt2020": Colorspace.BT2020}
_PLANE_OF_CHANNEL = (2, 0, 1)  # "gbrp" holds green, blue, red


class VideoWriter:
    """Writes pictures to an MP4 file. Writing blocks for conversion and encoding.

    Args:
        path: the file; it is replaced.
        width: of the pictures, px. An odd size is padded, visibly in `coded_width`.
        height: of the pictures, px.
        fps: rate that the file announces, and the step of pictures without `pts_seconds`.
        codec: an encoder's name; the first of `CODECS` that this build has when left out.
        quality: constant rate factor, 0 (lossless) to 51; lower is better and larger. For encoders
            without one, it sets the quantiser.
        preset: of libx264: how long it thinks about each frame.
        pad: what an odd width or height becomes: `"repeat"` adds a copy of the last column or row,
            `"crop"` leaves it out.

    Attributes:
        codec: the encoder in use.
        coded_width: width in the file, always even.
        coded_height: height in the file, always even.
        frames: how many pictures were written.

    Raises:
        MediaError: the file cannot be created, or no encoder works.
        ValueError: a size below 2 px, or a rate that is not positive.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        width: int,
        height: int,
        fps: float = 30.0,
        codec: str | None = None,
        quality: int = 20,
        preset: str = "veryfast",
        pad: Literal["repeat", "crop"] = "repeat",
    ) -> None:
        if width < 2 or height < 2 or not fps > 0 or pad not in ("repeat", "crop"):
            raise ValueError(
                f"{width = }, {height = }, {fps = }, {pad = }: sizes start at 2 px, the rate is "
                'positive, and pad is "repeat" or "crop".'
            )
        self.path = Path(path)
        self.width, self.height, self.fps = width, height, float(fps)
        odd = 1 if pad == "repeat" else -1
        self.coded_width = width + odd * (width % 2)
        self.coded_height = height + odd * (height % 2)
        self.frames = 0
        self.codec = _choose_codec(codec, self.path)
        self._last_tick: int | None = None
        self._owner: int | None = None
        self._lock = threading.Lock()
        self._is_closed = False
        # gbrp, planar: channels are copied in as they lie, and nothing is interleaved by torch.
        self._rgb = av.VideoFrame(self.coded_width, self.coded_height, "gbrp")
        self._rgb_planes = _tensors(self._rgb)
        self._yuv: av.VideoFrame | None = None
        self._scaled: Tensor | None = None
        self._staging: Tensor | None = None
        self._reformatter = VideoReformatter()
        self._container, self._stream = self._open(quality, preset)

    # -- writing -------------------------------------------------------------------------------

    def write(self, picture: Tensor | Frame, pts_seconds: float | None = None) -> None:
        """Append one picture. Blocks until the encoder took it; a device picture is downloaded.

        Args:
            picture: (3, H, W), (1, 3, H, W), (1, H, W) or (1, 1, H, W), float in [0, 1] or uint8,
                on any device; or a Frame of any pixel format, turned as its rotation says.
            pts_seconds: when it is shown; by default the frame's own time, or one step of `fps`
                after the last picture.

        Raises:
            ValueError: another shape, or a time that is not later than the last picture's.
            RuntimeError: the writer is closed, or belongs to another thread.
            MediaError: the encoder or the disk refused it.
        """
        self._claim()
        if isinstance(picture, Frame):
            pts_seconds = picture.pts_seconds if pts_seconds is None else pts_seconds
            tick = self._tick(pts_seconds)
            yuv = self._convert_frame(picture)
        else:
            tick = self._tick(pts_seconds)
            self._fill_rgb(_as_chw(picture, self.height, self.width))
            yuv = self._to_yuv(self._rgb, Colorspace.ITU709, ColorRange.JPEG)
        yuv.pts, yuv.time_base = tick, Fraction(1, _TICKS_PER_SECOND)
        with self._lock:
            self._mux(yuv)
        self._last_tick = tick
        self.frames += 1

    def close(self) -> None:
        """Finish the file: drains the encoder and writes the index. A second call does nothing.

        A writer that was never written to leaves no file behind.

        Raises:
            MediaError: the disk or the encoder refused the rest.
        """
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            try:
                if self.frames:
                    self._mux(None)
            finally:
                with hooks.timed("io", op="video.close"):
                    self._finish()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        size = f"{self.coded_width}x{self.coded_height}"
        return f"VideoWriter({str(self.path)!r}, {size}, {self.codec}, {self.frames} frames)"

    # -- the file ------------------------------------------------------------------------------

    def _open(self, quality: int, preset: str) -> tuple[OutputContainer, VideoStream]:
        container = None
        try:
            self.path.open("wb").close()  # FFmpeg would try only when the first packet comes
            container = av.open(
                str(self.path), "w", format="mp4", options={"movflags": "+faststart"}
            )
            rate = Fraction(self.fps).limit_denominator(1001)
            stream = cast("VideoStream", container.add_stream(self.codec, rate=rate))
            stream.width, stream.height = self.coded_width, self.coded_height
            stream.pix_fmt = "yuv420p"
            context = stream.codec_context
            context.time_base = Fraction(1, _TICKS_PER_SECOND)
            context.color_range = ColorRange.MPEG
            context.colorspace = _BT709
            context.color_primaries = _BT709
            context.color_trc = _BT709
            context.options = _options(self.codec, quality, preset)
            context.open()
        except (FFmpegError, OSError, ValueError) as cause:
            if container is not None:
                container.close()
                self.path.unlink(missing_ok=True)
            raise MediaError(
                f"cannot write {self.path} with {self.codec} at {self.coded_width}x"
                f"{self.coded_height}: {cause}. Check that the folder exists and can be written.",
                path=self.path,
                cause=cause,
            ) from cause
        return container, stream

    def _mux(self, yuv: av.VideoFrame | None) -> None:
        """Encode one picture, or drain, and write what comes out."""
        try:
            for packet in self._stream.encode(yuv):
                with hooks.timed("io", packet.size, op="video.mux"):
                    self._container.mux(packet)
        except (FFmpegError, OSError, ValueError) as cause:
            raise MediaError(
                f"writing frame {self.frames} to {self.path} failed: {cause}. "
                "Frames before it are in the file.",
                path=self.path,
                packet=self.frames + 1,
                cause=cause,
            ) from cause

    def _finish(self) -> None:
        try:
            self._container.close()
        except (FFmpegError, OSError, ValueError) as cause:
            raise MediaError(
                f"finishing {self.path} failed: {cause}", path=self.path, cause=cause
            ) from cause
        finally:
            if not self.frames:
                self.path.unlink(missing_ok=True)

    def _claim(self) -> None:
        """One thread owns the codec: two at once end the process, so the second is refused."""
        if self._is_closed:
            raise RuntimeError(f"{self!r} is closed; open another one.")
        here = threading.get_ident()
        if self._owner is None:
            self._owner = here
        if self._owner != here:
            raise RuntimeError(
                f"{self!r} belongs to thread {self._owner}, which wrote first; hand pictures over "
                "to it by a queue, or give each thread a writer of its own."
            )

    def _tick(self, pts_seconds: float | None) -> int:
        if pts_seconds is None:
            step = max(1, round(_TICKS_PER_SECOND / self.fps))
            return 0 if self._last_tick is None else self._last_tick + step
        tick = round(pts_seconds * _TICKS_PER_SECOND)
        if self._last_tick is not None and tick <= self._last_tick:
            raise ValueError(
                f"{pts_seconds = } is not after the last picture's "
                f"{self._last_tick / _TICKS_PER_SECOND:.6f} s; write pictures in order, or leave "
                "pts_seconds out after a seek or a loop."
            )
        return tick

    # -- pixels --------------------------------------------------------------------------------

    def _convert_frame(self, frame: Frame) -> av.VideoFrame:
        turns = frame.rotation // 90
        if frame.pixel_format != "i420":
            self._fill_rgb(_as_chw(_turned(frame.pixels, turns), self.height, self.width))
            return self._to_yuv(self._rgb, Colorspace.ITU709, ColorRange.JPEG)
        _check_size(frame.spec.display_height, frame.spec.display_width, self.height, self.width)
        if self._yuv is None:
            self._yuv = av.VideoFrame(self.coded_width, self.coded_height, "yuv420p")
        self._yuv.make_writable()  # where no conversion was needed, the encoder may still hold it
        planes = _tensors(self._yuv)
        with _copying(frame.spec.nbytes, frame.device):
            for out, plane in zip(planes, frame.planes, strict=True):
                seen = _turned(plane, turns)[: out.shape[0], : out.shape[1]]
                out.copy_(seen)
        full = ColorRange.JPEG if frame.spec.full_range else ColorRange.MPEG
        return self._to_yuv(self._yuv, _MATRIX[frame.spec.matrix], full)

    def _fill_rgb(self, picture: Tensor) -> None:
        """(1 or 3, H, W) of any device and dtype into the reused planes."""
        nbytes = picture.numel()
        source = self._on_host(self._as_bytes(picture))
        with _copying(nbytes, torch.device("cpu")):
            for channel, plane in enumerate(_PLANE_OF_CHANNEL):
                _copy_padded(self._rgb_planes[plane], source[min(channel, len(source) - 1)])

    def _as_bytes(self, picture: Tensor) -> Tensor:
        """Values 0 to 255, still floats where they were: the copy into the planes converts them."""
        if picture.dtype == torch.uint8:
            return picture
        scaled = self._scaled
        if scaled is None or scaled.shape != picture.shape or scaled.device != picture.device:
            scaled = self._scaled = torch.empty(
                picture.shape, dtype=torch.float32, device=picture.device
            )
        # Truncated by the copy that follows: half a level more rounds. NaN becomes black.
        torch.mul(picture, 255.0, out=scaled)
        return scaled.add_(0.5).clamp_(0, 255).nan_to_num_(0.0)

    def _on_host(self, picture: Tensor) -> Tensor:
        """Download as uint8 into one reused buffer. On the CPU, nothing to do."""
        if picture.device.type == "cpu":
            return picture
        if self._staging is None or self._staging.shape != picture.shape:
            pinned = picture.device.type == "cuda"
            self._staging = torch.empty(picture.shape, dtype=torch.uint8, pin_memory=pinned)
        with _copying(picture.numel(), picture.device):
            self._staging.copy_(picture.to(torch.uint8))
        return self._staging

    def _to_yuv(
        self, picture: av.VideoFrame, matrix: Colorspace, value_range: ColorRange
    ) -> av.VideoFrame:
        """4:2:0, BT.709, limited range: a new frame, since the encoder may hold on to it."""
        is_rgb = picture is self._rgb
        nbytes = self.coded_width * self.coded_height * 3 // 2
        with hooks.timed("convert", nbytes, op="swscale"):
            return self._reformatter.reformat(
                picture,
                format="yuv420p",
                src_colorspace=None if is_rgb else matrix,
                src_color_range=None if is_rgb else value_range,
                dst_colorspace=Colorspace.ITU709,
                dst_color_range=ColorRange.MPEG,
                threads=1,
            )


def _choose_codec(name: str | None, path: Path) -> str:
    wanted = CODECS if name is None else (name,)
    for codec in wanted:
        try:
            av.Codec(codec, "w")
        except ValueError:  # PyAV: unknown, or a decoder only
            continue
        return codec
    raise MediaError(
        f"this build of PyAV has no encoder {' or '.join(wanted)}; leave codec out to take the "
        f"first of {', '.join(CODECS)} that works.",
        path=path,
    )


def _options(codec: str, quality: int, preset: str) -> dict[str, str]:
    if codec == "libx264":
        return {"crf": str(quality), "preset": preset}
    if codec == "mpeg4":
        return {"flags": "+qscale", "global_quality": str(118 * max(2, round(quality / 6)))}
    return {}


def _tensors(frame: av.VideoFrame) -> list[Tensor]:
    """Views of a frame's planes, uint8 (H, W), that share its memory."""
    return [torch.from_dlpack(plane) for plane in frame.planes]


def _copying(nbytes: int, source: torch.device) -> hooks.timed:
    direction = "h2h" if source.type == "cpu" else "d2h"
    return hooks.timed("copy", nbytes, device=str(source), direction=direction, op="video.write")


def _copy_padded(out: Tensor, picture: Tensor) -> None:
    """Copy (H, W) into a plane that is up to one row and column larger or smaller."""
    height, width = min(out.shape[0], picture.shape[0]), min(out.shape[1], picture.shape[1])
    out[:height, :width].copy_(picture[:height, :width])
    if out.shape[1] > width:
        out[:height, width:].copy_(out[:height, width - 1 : width])
    if out.shape[0] > height:
        out[height:].copy_(out[height - 1 : height])


def _turned(picture: Tensor, quarter_turns: int) -> Tensor:
    """Turned counter-clockwise by quarters; the picture itself where there is nothing to turn."""
    return torch.rot90(picture, quarter_turns, (-2, -1)) if quarter_turns else picture


def _as_chw(picture: Tensor, height: int, width: int) -> Tensor:
    shape = tuple(picture.shape)
    chw = picture[0] if picture.dim() == 4 and shape[0] == 1 else picture
    floating = picture.dtype.is_floating_point or picture.dtype == torch.uint8
    if chw.dim() != 3 or chw.shape[0] not in (1, 3) or not floating:
        raise ValueError(
            f"a picture of {shape = }, {picture.dtype}; supported are (3, H, W), (1, 3, H, W), "
            "(1, H, W) and (1, 1, H, W), uint8 or float in [0, 1]."
        )
    _check_size(chw.shape[1], chw.shape[2], height, width)
    return chw


def _check_size(height: int, width: int, wanted_height: int, wanted_width: int) -> None:
    if (height, width) != (wanted_height, wanted_width):
        raise ValueError(
            f"a picture of {width}x{height} px for a file of {wanted_width}x{wanted_height}; "
            "resize it, or open a writer of its size."
        )
