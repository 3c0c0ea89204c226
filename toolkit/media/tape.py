"""One opened container, and the one video stream in it that is read.

A thin layer over PyAV: it opens, numbers packets, decodes, seeks and closes, and turns each error
of FFmpeg into a `MediaError` that says where. What to do about it is decided in `decoder.py`.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

import av
import av.error
from av.codec.context import Flags
from av.stream import Discard, Disposition

from toolkit import hooks
from toolkit.media.errors import MediaError
from toolkit.media.hardware import choose

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

    from toolkit.media.locate import Location

__all__ = ["FAULTS", "Tape", "TapeSettings", "Threads"]

FAULTS = (av.error.FFmpegError, ArithmeticError, LookupError, MemoryError, OSError, ValueError)
"""What PyAV raises on bad input."""

Threads = Literal["frame", "slice", "none"]

_NOT_THE_VIDEO = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.dependent
_HIGHEST_FPS = 1000.0


@dataclass(frozen=True, slots=True)
class TapeSettings:
    """How to open.

    Attributes:
        device: where frames will live; with `hardware`, decides who decodes.
        video_stream: which stream, counted among all of the container's; None for the best one.
        hardware: see `toolkit.media.hardware.choose`.
        thread_count: of the decoder; 0 for as many as there are cores.
        timeout_seconds: how long a network may be silent.
        max_pixels: larger pictures are refused before memory is taken for them.
    """

    device: torch.device
    video_stream: int | None = None
    hardware: str | None = "auto"
    thread_count: int = 0
    timeout_seconds: float = 10.0
    max_pixels: int = 1 << 26


class Tape:
    """An open input. Use it from one thread at a time: two in one codec crash the process.

    Args:
        location: what to open.
        settings: how.
        threads: `"frame"` decodes several pictures at once, each of which arrives later;
            `"slice"` several parts of one picture, with no delay; `"none"` one by one.

    What the container says is read once, and can be asked for after `close`.

    Attributes:
        codec_name: such as `"h264"`.
        width: of the pictures, px; 0 where the container does not know.
        height: the same.
        format_name: FFmpeg's name of the container.
        is_still: whether it is a still image, whose rate and duration mean nothing.
        fps: average rate in 1/s, or None.
        duration_seconds: how long the video claims to be, or None.
        frame_count_hint: how many pictures it claims, or duration times rate, or None.
        packets: packets of the stream read so far.
        counted_from: where that count began, for messages; empty for the beginning.
        notes: what is not as asked for.

    Raises:
        MediaError: it cannot be opened, or holds no video.
    """

    def __init__(self, location: Location, settings: TapeSettings, *, threads: Threads) -> None:
        self.location = location
        self.settings = settings
        self.packets = 0
        self.counted_from = ""
        self.notes: list[str] = []
        self._timeout = settings.timeout_seconds if location.kind == "network" else None
        self._container = self._open()
        self.format_name = self._container.format.name
        try:
            self.stream = self._pick()
            self.is_still = self._read_is_still()
            self._prepare("none" if self.is_still else threads)
        except BaseException:
            self._container.close()
            raise
        codec = self.stream.codec_context
        self.codec_name, self.width, self.height = codec.name, codec.width, codec.height
        self.fps = self._read_fps()
        self.duration_seconds = self._read_duration()
        self.frame_count_hint = self._read_frame_count()
        self._demuxer: Iterator[Packet] | None = None
        self._is_drained = False

    # -- reading ----------------------------------------------------------------------------------

    def read(self) -> Packet | None:
        """The next packet of the stream, or None at the end. Blocks for input; reports "io"."""
        if self._demuxer is None:
            self._demuxer = iter(self._container.demux(self.stream))
        with self.faults("reading"):
            packet = next(self._demuxer, None)
        if packet is None or (packet.size == 0 and packet.dts is None):
            return None  # PyAV ends with an empty packet, meant to flush the decoder
        self.packets += 1
        hooks.report("io", packet.size, op="demux")
        return packet

    def decode(self, packet: Packet) -> list[VideoFrame]:
        """Pictures that the decoder gives for `packet`: none, one, or a few."""
        with self.faults("decoding"):
            return self.stream.codec_context.decode(packet)

    def drain(self) -> list[VideoFrame]:
        """Pictures that are still inside the decoder; nothing can be decoded after."""
        if self._is_drained:
            return []
        self._is_drained = True
        with self.faults("decoding"):
            pictures = self.stream.codec_context.decode(None)
        for picture in pictures:
            if picture.time_base is None and self.stream.time_base is not None:
                picture.time_base = self.stream.time_base
        return pictures

    def seek(self, seconds: float) -> None:
        """Go to a keyframe near `seconds`, before it where the container knows.

        Raises:
            MediaError: the container cannot.
        """
        unit = self.stream.time_base
        if not unit:
            raise MediaError("no time base", path=self.location.name)
        self._close_demuxer()
        with self.faults("seeking"):
            self._container.seek(int(Fraction(seconds) / unit), stream=self.stream)
        self._is_drained = False

    def close(self) -> None:
        """Close the container; the decoder's memory goes with the last reference to it."""
        self._close_demuxer()
        self._container.close()

    def _close_demuxer(self) -> None:
        if self._demuxer is not None:
            self._demuxer.close()  # type: ignore[attr-defined]  # a generator, which PyAV types less
            self._demuxer = None

    @contextlib.contextmanager
    def faults(self, doing: str) -> Iterator[None]:
        """What FFmpeg raises inside becomes a `MediaError` with file, packet and cause."""
        try:
            yield
        except FAULTS as cause:
            number = self.packets + (doing == "reading")
            where = f"{doing} packet {number}{self.counted_from}"
            reason = self._reason(cause)
            raise MediaError(
                f"{self.location.name!r}, {where}: {reason}",
                path=self.location.name,
                packet=number,
                cause=cause,
            ) from cause

    def _reason(self, cause: BaseException) -> str:
        if isinstance(cause, av.error.ExitError):
            return f"nothing came for {self._timeout:g} s"
        return getattr(cause, "strerror", None) or str(cause) or type(cause).__name__

    # -- what the container says ------------------------------------------------------------------

    def _read_is_still(self) -> bool:
        name = self.format_name
        is_item = self.stream.frames == 1 and self._container.duration is None  # AVIF, HEIF
        return name == "image2" or name.endswith("_pipe") or is_item

    def _read_fps(self) -> float | None:
        """Average rate in 1/s, or None."""
        for rate in (self.stream.average_rate, self.stream.guessed_rate):
            if rate and 0 < rate <= _HIGHEST_FPS and not self.is_still:
                return float(rate)
        return None

    def _read_duration(self) -> float | None:
        """How long the video claims to be, or None."""
        if self.is_still:
            return None
        ticks, unit = self.stream.duration, self.stream.time_base
        if ticks is not None and ticks > 0 and unit:
            return float(ticks * unit)
        whole = self._container.duration
        return whole / av.time_base if whole is not None and whole > 0 else None

    def _read_frame_count(self) -> int | None:
        """How many pictures the container claims, or duration times rate; it may be wrong."""
        if self.is_still:
            return 1
        if self.stream.frames > 0:
            return self.stream.frames
        duration, fps = self.duration_seconds, self.fps
        return round(duration * fps) if duration and fps else None

    # -- opening ----------------------------------------------------------------------------------

    def _open(self) -> InputContainer:
        location = self.location
        accelerator, note = choose(self.settings.hardware, self.settings.device)
        if note:
            self.notes.append(note)
        options = {**location.options, "max_pixels": str(self.settings.max_pixels)}
        timeout = None if self._timeout is None else (self._timeout, self._timeout)
        tries = [accelerator, None] if accelerator is not None else [None]
        for attempt in tries:
            try:
                return av.open(
                    location.url,
                    "r",
                    format=location.format,
                    options=options,
                    timeout=timeout,
                    hwaccel=attempt,
                    metadata_errors="replace",
                )
            except (*FAULTS, RuntimeError, NotImplementedError) as cause:
                if attempt is None:
                    raise self._cannot_open(cause) from cause
                self.notes.append(f"the hardware decoder refused ({cause}); decoding in software")
        raise AssertionError("unreachable")

    def _cannot_open(self, cause: BaseException) -> MediaError:
        reason = self._reason(cause)
        advice = "Check that it plays elsewhere; it may be cut off, or no video at all."
        if isinstance(cause, av.error.ExitError):
            advice = "Check the address and that the sender runs."
        elif self.location.kind == "graph":
            advice = "Check the filters' names and options."
        elif self.location.kind != "file":
            advice = "Check that it is connected, running and not in use."
        name = self.location.name
        return MediaError(f"cannot open {name!r}: {reason}. {advice}", path=name, cause=cause)

    def _pick(self) -> VideoStream:
        """The stream asked for, or the best: no cover art, default, moving, and largest."""
        name, index = self.location.name, self.settings.video_stream
        if self.format_name == "tty":
            raise MediaError(f"{name!r} is text, not video", path=name, cause="text")
        usable = [one for one in self._container.streams.video if _has_decoder(one)]
        if index is not None:
            usable = [one for one in usable if one.index == index]
        if not usable:
            there = ", ".join(f"{one.index} {one.type}" for one in self._container.streams)
            asked = "" if index is None else f" with index {index}"
            raise MediaError(
                f"{name!r} has no video stream{asked} that can be decoded; its streams: "
                f"{there or 'none'}",
                path=name,
                cause="no video stream",
            )
        return max(usable, key=_rank)

    def _prepare(self, threads: Threads) -> None:
        codec = self.stream.codec_context
        name, max_pixels = self.location.name, self.settings.max_pixels
        if codec.width * codec.height > max_pixels:
            raise MediaError(
                f"{name!r} claims {codec.width}x{codec.height} px, more than {max_pixels = }; "
                "open it with a larger max_pixels if that is true",
                path=name,
                cause="too large",
            )
        codec.options = {"max_pixels": str(max_pixels)}
        codec.thread_count = 1 if threads == "none" else self.settings.thread_count
        codec.thread_type = {"frame": "FRAME", "slice": "SLICE", "none": "NONE"}[threads]
        if threads == "slice":
            codec.flags |= Flags.low_delay
        for other in self._container.streams:
            if other.index != self.stream.index:
                other.discard = Discard.all


def _has_decoder(stream: object) -> bool:
    return getattr(stream, "codec_context", None) is not None


def _rank(stream: VideoStream) -> tuple[bool, bool, bool, int, int]:
    return (
        not stream.disposition & _NOT_THE_VIDEO,
        bool(stream.disposition & Disposition.default),
        stream.frames != 1,
        stream.codec_context.width * stream.codec_context.height,
        -stream.index,
    )
