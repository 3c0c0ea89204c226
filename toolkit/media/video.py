"""Where do frames come from? From a `Video`: a file, camera, filter graph, stream or still image.

    with toolkit.media.open("clip.mp4") as video:
        for frame in video:
            print(frame.index, frame.pts_seconds, frame.pixels.shape)

Each picture is decoded when it is asked for, copied once into a slot of the video's ring, and lent
as a held frame. Nothing is buffered beyond what the decoder itself keeps. Sources that do not wait
are read by a thread of their own.
"""

from __future__ import annotations

import threading
import weakref
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self, TypeVar, get_args

from toolkit.devices import resolve
from toolkit.media.deck import Deck, DeckSettings
from toolkit.media.errors import MediaError
from toolkit.media.live import LiveFeed
from toolkit.media.locate import locate
from toolkit.media.tape import TapeSettings
from toolkit.ring import DropPolicy
from toolkit.spec import PixelFormat

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

    import torch

    from toolkit.frame import Frame
    from toolkit.media.deck import VideoStats
    from toolkit.media.locate import Location
    from toolkit.ring import FrameRing
    from toolkit.spec import FrameSpec

__all__ = ["Video", "open_image", "open_video"]

_T = TypeVar("_T")
_MAX_PIXELS = 8192 * 8192
_LIVE_SLICE_SECONDS = 0.25  # how often a live reader that waits for a slot looks whether to stop


class Video:
    """An iterable of held frames. Use it as a context manager, or `close` it.

    An iteration goes on where the last one stopped; after the end, the next one begins anew. Each
    frame's lease ends with `release()` or with the last reference to it. One thread at a time may
    iterate.

    Args:
        source: a path, `"camera:0"`, `"lavfi:GRAPH"`, or an address such as `"rtsp://..."`.
        device: where frames live. Pictures go there as 4:2:0, through pinned memory on CUDA.
        slots: of the ring; None for 60, or fewer where 60 would take more than 512 MB.
        drop: what happens to a frame for which there is no slot, or which nobody took in time:
            `"block"` waits, `"oldest"`, `"newest"` and `"error"` as in `FrameRing`. None: `"block"`
            for what waits, `"oldest"` for what is live.
        loop: begin again at the end, for ever.
        start_seconds: begin at the first picture at or after this time.
        live: read in a thread of its own, and lend the newest frame. None: for cameras, network
            streams and graphs with `realtime`. True for a file: it plays in its own time.
        video_stream: index of the stream to read; None for the best, never cover art.
        pixel_format: of the frames: `"i420"`, `"rgb"` or `"gray"`. 8-bit 4:2:0 becomes `i420` with
            one copy; all else is converted by swscale first.
        hardware: `"auto"` for the decoder of `device`, None for software, or its name, such as
            `"vaapi"`. Where there is none, software decodes and `notes` says so.
        threads: of the decoder; 0 for as many as there are cores.
        timeout_seconds: how long to wait for a network, a camera, or a free slot.
        max_pixels: larger pictures are refused.
        skip_faults: go on after packets that cannot be decoded. None: only for what is live.
        debug: poison recycled slots, see `FrameRing`.
        options: for FFmpeg's demuxer, such as `{"video_size": "1280x720"}` for a camera.

    Raises:
        MediaError: it cannot be opened, or holds no video. Also while iterating, after the last
            frame before a fault.
        ValueError: an option that is not allowed; the text lists those that are.
    """

    def __init__(
        self,
        source: str | os.PathLike[str],
        *,
        device: str | torch.device = "cpu",
        slots: int | None = None,
        drop: DropPolicy | None = None,
        loop: bool = False,
        start_seconds: float = 0.0,
        live: bool | None = None,
        video_stream: int | None = None,
        pixel_format: PixelFormat = "i420",
        hardware: str | None = "auto",
        threads: int = 0,
        timeout_seconds: float = 10.0,
        max_pixels: int = _MAX_PIXELS,
        skip_faults: bool | None = None,
        debug: bool = False,
        options: Mapping[str, str] | None = None,
    ) -> None:
        _check("drop", drop, (None, *get_args(DropPolicy)))
        _check("pixel_format", pixel_format, get_args(PixelFormat))
        found = locate(source)
        self.location: Location = replace(found, options={**found.options, **(options or {})})
        tape = TapeSettings(
            resolve(device), video_stream, hardware, threads, timeout_seconds, max_pixels
        )

        def make_deck(is_live: bool) -> Deck:
            settings = DeckSettings(
                pixel_format,
                slots,
                drop or ("oldest" if is_live else "block"),
                loop,
                debug,
                _LIVE_SLICE_SECONDS if is_live else timeout_seconds,
            )
            skips = is_live if skip_faults is None else skip_faults
            return Deck(self.location, tape, settings, is_live=is_live, skip_faults=skips)

        is_live = bool(self.location.is_live) if live is None else live
        self._deck = make_deck(is_live)
        if live is None and self.location.is_live is None and self.duration_seconds is None:
            self._deck.close()  # the server does not tell an end: it is a broadcast
            is_live = True
            self._deck = make_deck(is_live)
        self._is_closed = False
        self._is_at_end = False
        self._busy = threading.Lock()
        self._iteration: weakref.ref[_Iteration] | None = None
        self._feed: LiveFeed | None = None
        if start_seconds > 0:
            self.seek(start_seconds)
        if is_live:
            self._feed = LiveFeed(
                self._deck,
                is_paced=self.location.is_live is False,
                timeout_seconds=timeout_seconds,
            )
            # Runs when the video is collected and at interpreter exit; holds no reference to it.
            weakref.finalize(self, self._feed.stop)

    # -- playing ----------------------------------------------------------------------------------

    def __iter__(self) -> _Iteration:
        """Go on where the last iteration stopped, or begin anew after the end.

        Raises:
            RuntimeError: the video is closed, or another thread iterates.
        """
        self._check_open()
        current = self._iteration() if self._iteration is not None else None
        if current is not None and current.is_running_elsewhere():
            raise RuntimeError(self._in_use_by(current.thread.name))
        if self._is_at_end and self._feed is None:
            self._run_alone(self._deck.restart)
        self._is_at_end = False
        iteration = _Iteration(self)
        self._iteration = weakref.ref(iteration)
        return iteration

    def seek(self, seconds: float) -> None:
        """Let the next frame be the first one at or after `seconds`. Blocks: it decodes up to it.

        Decoding starts at the keyframe before. A file without an index is read from its beginning.

        Raises:
            MediaError: a live source has no other time than now.
            RuntimeError: the video is closed, or another thread is reading it.
            ValueError: a negative time.
        """
        self._check_open()
        if seconds < 0:
            raise ValueError(f"{seconds = } is before the beginning; give 0 or more")
        if self._feed is not None or self.location.is_live:
            raise MediaError(
                f"{self.location.name!r} is live and cannot seek; open a file with live=False",
                path=self.location.name,
                cause="live",
            )
        self._is_at_end = False
        self._run_alone(lambda: self._deck.seek(seconds))

    def close(self) -> None:
        """End every iteration, close the container, end and join the reading thread.

        Where another thread is decoding a picture now, it closes the container when that is done.
        Frames that are held stay valid. A second call does nothing.
        """
        self._is_closed = True
        if self._feed is not None:
            self._feed.stop()
        elif self._busy.acquire(blocking=False):
            with _released(self._busy):
                self._deck.close()
        # else: the thread that is inside `next` sees the mark and closes the deck

    def _next(self) -> Frame:
        if self._is_closed or self._is_at_end:
            raise StopIteration
        frame = (
            self._feed.take() if self._feed is not None else self._run_alone(self._deck.next_frame)
        )
        if frame is None or self._is_closed:
            self._is_at_end = True
            raise StopIteration
        return frame

    def _run_alone(self, work: Callable[[], _T]) -> _T:
        """Run `work` on the deck unless another thread is at it: two in one codec crash."""
        if not self._busy.acquire(blocking=False):
            raise RuntimeError(self._in_use_by("another thread"))
        with _released(self._busy):
            try:
                return work()
            except MediaError:
                self._is_at_end = True
                raise
            finally:
                if self._is_closed:
                    self._deck.close()

    def _in_use_by(self, thread: str) -> str:
        return (
            f"{self!r} is being read by {thread}; a decoder belongs to one thread at a time. "
            "Open the source a second time, or read frames from video.ring."
        )

    def _check_open(self) -> None:
        if self._is_closed:
            raise RuntimeError(f"{self.location.name!r} is closed; open it again")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    # -- what it is -------------------------------------------------------------------------------

    @property
    def width(self) -> int:
        """True width in px, before rotation; 0 while it is not known."""
        return self._deck.width

    @property
    def height(self) -> int:
        """True height in px, before rotation; 0 while it is not known."""
        return self._deck.height

    @property
    def spec(self) -> FrameSpec | None:
        """Layout and meaning of the pixels; None before the first frame."""
        return self.ring.spec if self.ring is not None else None

    @property
    def ring(self) -> FrameRing | None:
        """Where frames live now; None before the first. Another one after a change of shape."""
        return self._deck.ring

    @property
    def fps(self) -> float | None:
        """Average rate in frames a second, or None where there is none, as in a still image."""
        return self._deck.decoder.tape.fps

    @property
    def duration_seconds(self) -> float | None:
        """How long the container claims to be, or None."""
        return self._deck.decoder.tape.duration_seconds

    @property
    def frame_count_hint(self) -> int | None:
        """How many frames the container claims, or None. It may be wrong: a hint for progress."""
        return self._deck.decoder.tape.frame_count_hint

    @property
    def codec(self) -> str:
        """Name of the codec, such as `"h264"`."""
        return self._deck.decoder.tape.codec_name

    @property
    def decoder(self) -> str:
        """Who decodes: `"software"`, or the hardware, such as `"cuda"`; known after one frame."""
        return self._deck.decoder.name

    @property
    def is_live(self) -> bool:
        """Whether a thread of its own reads it, and the newest frame is lent."""
        return self._feed is not None

    @property
    def is_looping(self) -> bool:
        """Whether it begins again at the end by itself."""
        return self._deck.settings.loop

    @property
    def notes(self) -> tuple[str, ...]:
        """What is not as asked for, such as a hardware decoder that refused."""
        return tuple(self._deck.decoder.notes)

    @property
    def discontinuities(self) -> int:
        """Grows with each seek, loop, jump in time and change of shape."""
        return self._deck.discontinuities

    @property
    def stats(self) -> VideoStats:
        """Counts so far."""
        stats = self._deck.stats
        missed = self._feed.dropped if self._feed is not None else 0
        return replace(stats, dropped=stats.dropped + missed)

    def __repr__(self) -> str:
        rate = f", {self.fps:.4g} fps" if self.fps else ""
        state = "closed" if self._is_closed else f"{self._deck.index} decoded"
        return (
            f"Video({self.location.name!r}, {self.width}x{self.height}{rate}, {self.codec}, "
            f"{self.decoder}, {'live, ' if self.is_live else ''}{state})"
        )


class _Iteration:
    """One `for` loop over a video. Another thread may go on with it, but not at the same time."""

    def __init__(self, video: Video) -> None:
        self._video = video
        self._is_over = False
        self.thread = threading.current_thread()

    def __iter__(self) -> _Iteration:
        return self

    def __next__(self) -> Frame:
        if self._is_over:
            raise StopIteration
        self.thread = threading.current_thread()
        try:
            return self._video._next()
        except (StopIteration, MediaError):
            self._is_over = True
            raise

    def is_running_elsewhere(self) -> bool:
        """Whether a thread that is alive and not this one is in the middle of it."""
        is_here = self.thread is threading.current_thread()
        return not (self._is_over or is_here) and self.thread.is_alive()


def open_video(source: str | os.PathLike[str], **options: Any) -> Video:
    """Open a file, camera, graph, stream or image: `Video(source, **options)`, read as a verb."""
    return Video(source, **options)


def open_image(
    path: str | os.PathLike[str],
    *,
    device: str | torch.device = "cpu",
    pixel_format: PixelFormat = "rgb",
) -> Frame:
    """The first picture of an image file as a held frame. One conversion, one copy.

    JPEG, PNG, WebP, AVIF, GIF and whatever else FFmpeg reads; alpha is left out.

    Raises:
        MediaError: it is not there, no image, damaged, or cut off.
    """
    with Video(path, device=device, slots=2, pixel_format=pixel_format, threads=1) as image:
        frames = iter(image)
        frame = next(frames)
        if image.duration_seconds is None:
            for extra in frames:  # a still has one picture; whether it is whole shows at its end
                extra.release()
        return frame


@contextmanager
def _released(lock: threading.Lock) -> Iterator[None]:
    try:
        yield
    finally:
        lock.release()


def _check(name: str, value: object, allowed: tuple[object, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name}={value!r} is not one of {', '.join(map(repr, allowed))}")
