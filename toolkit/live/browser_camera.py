"""How does a page's camera become a source of frames? Pictures are pushed, and frames are pulled.

    camera = BrowserCamera(standby=media.open(media.bundled_clip(), loop=True))
    for frame in camera: ...        # the clip, until a page switches its camera on

Pictures arrive compressed on the server's thread, which only puts them into a box. The thread that
takes frames decodes the newest one into a slot of a ring: one that was not taken in time is dropped
before anything was spent on it, and its page is told at once that it may send another.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from toolkit import hooks
from toolkit.devices import resolve
from toolkit.live.h264 import H264Decoder
from toolkit.live.jpeg import decode_jpeg
from toolkit.ring import FrameRing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from torch import Tensor

    from toolkit.frame import Frame
    from toolkit.live.view import Sink
    from toolkit.slot import Slot

__all__ = ["BrowserCamera"]

_MOST_PIXELS = 4096 * 2304
_SLOTS = 8
_MOST_WAITING = 32  # pictures of a stream that nobody takes


class _Picture(NamedTuple):
    header: dict[str, Any]
    payload: memoryview
    sink: Sink


class BrowserCamera:
    """A source of frames from the camera of a page, and from `standby` while there is none.

    One page's camera at a time: that which came last. Use it as a context manager, or `close` it;
    `standby` belongs to whoever made it.

    Args:
        standby: frames while no camera is on; played again at its end. Without one, iteration
            waits.
        device: where frames live.
        slots: of the ring.

    Attributes:
        on_ready: called when there may be something new to take, on the thread that brought it.
        discontinuities: grows when a camera comes, goes, or is another.
        dropped: pictures that nobody took in time, or that could not be decoded.
    """

    def __init__(
        self,
        standby: Iterable[Frame] | None = None,
        *,
        device: str | torch.device = "cpu",
        slots: int = _SLOTS,
    ) -> None:
        self.on_ready: Callable[[], object] = _nothing
        self.discontinuities = 0
        self.dropped = 0
        self._standby = standby
        self._standby_frames: Iterator[Frame] | None = None
        self._standby_jumps: object = None
        self._device = resolve(device)
        self._slots = slots
        self._ring: FrameRing | None = None
        self._decoder: H264Decoder | None = None
        self._staging: Tensor | None = None
        self._box: deque[_Picture] = deque()
        self._sink: Sink | None = None
        self._first_ms = 0.0
        self._index = 0
        self._is_closed = False
        self._changed = threading.Condition()

    # -- the page's side --------------------------------------------------------------------------

    def offer(self, header: dict[str, Any], payload: memoryview, sink: Sink) -> None:
        """A picture came. Puts it into the box; copies, decodes and waits for nothing.

        Args:
            header: of the message, see `toolkit.live.wire`.
            payload: the compressed picture, kept until it is decoded.
            sink: of the page that sent it, which is told when it may send another.
        """
        lost: list[_Picture] = []
        needs_key = False
        with self._changed:
            if self._is_closed:
                return
            if self._sink is not sink:
                self._switch_to(sink, lost)
            newest = _Picture(header, payload, sink)
            is_jpeg = header["codec"] == "jpeg"
            if is_jpeg or header.get("key"):  # nothing that waits is needed to decode it
                lost.extend(self._box)
                self._box.clear()
            self._box.append(newest)
            if len(self._box) > _MOST_WAITING:
                self._decoder, needs_key = H264Decoder(), True
                lost.extend(self._box)
                self._box.clear()
            self._changed.notify_all()
        self._answer(lost, needs_key=needs_key)
        self.on_ready()

    def stop(self, sink: Sink) -> None:
        """The camera of this page is off. Nothing happens where it was not on."""
        lost: list[_Picture] = []
        with self._changed:
            if self._sink is not sink:
                return
            self._switch_to(None, lost)
            self._changed.notify_all()
        self._answer(lost)
        self.on_ready()

    # -- a source ---------------------------------------------------------------------------------

    @property
    def is_live(self) -> bool:
        """Whether a camera is on."""
        return self._sink is not None

    def try_next(self) -> Frame | None:
        """The next frame, held: the camera's newest, or one of the standby. Never waits for a page.

        None where there is none now: none came, or what came cannot be decoded without what is
        still to come.

        Raises:
            ValueError: a picture could not be decoded; the next one may be.
        """
        with self._changed:
            waiting = list(self._box)
            self._box.clear()
        if waiting:
            return self._decode(waiting)
        return None if self.is_live or self._is_closed else self._take_standby()

    @property
    def ring(self) -> FrameRing | None:
        """Where the camera's frames live; None before the first. Another one for another size."""
        return self._ring

    def __iter__(self) -> BrowserCamera:
        return self

    def __next__(self) -> Frame:
        """As `try_next`, but blocks until there is a frame, or the camera is closed."""
        while not self._is_closed:
            frame = self.try_next()
            if frame is not None:
                return frame
            with self._changed, hooks.timed("wait", op="browser camera"):
                self._changed.wait_for(self._has_news)
        raise StopIteration

    def close(self) -> None:
        """End the iteration and forget the camera. A second call does nothing."""
        lost: list[_Picture] = []
        with self._changed:
            self._is_closed = True
            self._switch_to(None, lost)
            self._ring = None
            self._changed.notify_all()
        self.on_ready()

    def __enter__(self) -> BrowserCamera:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"BrowserCamera({'on' if self.is_live else 'off'}, standby={self._standby!r})"

    # -- inside -----------------------------------------------------------------------------------

    def _has_news(self) -> bool:
        is_standing_by = self._sink is None and self._standby is not None
        return bool(self._box) or is_standing_by or self._is_closed

    def _switch_to(self, sink: Sink | None, lost: list[_Picture]) -> None:
        """Another camera, or none; the lock is held."""
        if self._sink is not None or sink is not None:
            self.discontinuities += 1
        if self._sink is not None and sink is not None:
            text = "another view's camera is in use now; this one was left out"
            self._sink.send({"t": "note", "level": "error", "text": text, "camera": False})
        self._sink = sink
        self._first_ms = 0.0
        self._decoder = None
        lost.extend(self._box)
        self._box.clear()

    def _answer(self, lost: list[_Picture], *, needs_key: bool = False) -> None:
        """Tell pages about pictures that were dropped."""
        for picture in lost:
            self.dropped += 1
            hooks.report("drop", op="browser camera")
            _taken(picture, needs_key=needs_key)

    def _take_standby(self) -> Frame | None:
        """The next frame of the standby; a second time through where it ends."""
        for _ in range(2):
            if self._standby is None:
                return None
            if self._standby_frames is None:
                self._standby_frames = iter(self._standby)
            frame = next(self._standby_frames, None)
            jumps = getattr(self._standby, "discontinuities", 0)
            if self._standby_jumps not in (None, jumps):
                self.discontinuities += 1
            self._standby_jumps = jumps
            if frame is not None:
                return frame
            self._standby_frames = None
        self._standby = None  # it plays once, and did
        return None

    def _decode(self, waiting: list[_Picture]) -> Frame | None:
        """The newest picture as a frame, decoded into a slot; None where none could be.

        Those before it are decoded too, where it is made from them, and count as dropped.
        """
        ring = self._ring_for(waiting[-1].header)
        slot = ring.acquire()
        if slot is None:
            # What comes next is made from these: without them it can be decoded, to something else.
            self._decoder = H264Decoder() if waiting[-1].header["codec"] == "h264" else None
            self._answer(waiting, needs_key=self._decoder is not None)
            return None
        is_written = False
        try:
            with hooks.scope("decode", self._index):
                for picture in waiting:
                    is_written = self._write(picture, slot)
            if not is_written:
                self.dropped += len(waiting)
                return None
            self.dropped += len(waiting) - 1
            return self._publish(ring, slot, waiting[-1].header)
        except BaseException:
            self.dropped += len(waiting)
            raise
        finally:
            if slot.taken_by is not None:
                ring.discard(slot)
            decoder = self._decoder
            needs_key = decoder is not None and decoder.needs_key
            for picture in waiting:
                _taken(picture, needs_key=needs_key)

    def _write(self, picture: _Picture, slot: Slot) -> bool:
        """Decode one picture into the slot, through host memory where it lives elsewhere."""
        header = picture.header
        target = slot.pixels if self._device.type == "cpu" else self._host_memory(slot)
        if header["codec"] == "jpeg":
            self._decoder = None
            decode_jpeg(picture.payload, target)
        else:
            decoder = self._decoder = self._decoder or H264Decoder()
            if not decoder.decode(picture.payload, target, key=header.get("key", False)):
                return False
        if target is not slot.pixels:
            with hooks.timed(
                "copy", target.nbytes, device=str(self._device), direction="h2d", op="camera"
            ):
                slot.pixels.copy_(target)
        return True

    def _publish(self, ring: FrameRing, slot: Slot, header: dict[str, Any]) -> Frame:
        captured_ms = float(header.get("captured_ms", time.time() * 1e3))
        self._first_ms = self._first_ms or captured_ms
        index, self._index = self._index, self._index + 1
        return ring.publish(
            slot,
            pts_seconds=max(0.0, captured_ms - self._first_ms) / 1e3,
            index=index,
            metadata={"captured_ms": captured_ms},
        )

    def _ring_for(self, header: dict[str, Any]) -> FrameRing:
        width, height = header["w"], header["h"]
        if width * height > _MOST_PIXELS:
            raise ValueError(
                f"the page's camera sends {width}x{height} px; at most {_MOST_PIXELS} px are taken"
            )
        ring = self._ring
        if ring is None or (ring.spec.width, ring.spec.height) != (width, height):
            self._staging = None
            ring = self._ring = FrameRing(
                self._slots,
                width=width,
                height=height,
                pixel_format="rgb",
                device=self._device,
                full_range=True,
            )
        return ring

    def _host_memory(self, slot: Slot) -> Tensor:
        if self._staging is None:
            self._staging = torch.empty(slot.spec.slot_shape, dtype=torch.uint8)
        return self._staging


def _taken(picture: _Picture, *, needs_key: bool = False) -> None:
    picture.sink.send({"t": "taken", "id": picture.header["id"], "key": needs_key})


def _nothing() -> None:
    """Where nobody waits."""
