"""How do many views see one computation? Each picture is made once, and encoded once.

Views that ask for the same result at the same size share its picture, and with the same quality
its JPEG. A view that has no credit is left out before anything is encoded for it: what is newest
when its credit comes back is what it gets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolkit import hooks
from toolkit.live.display import Display, NotAPicture
from toolkit.live.h264 import H264Encoder
from toolkit.live.jpeg import encode_jpeg
from toolkit.live.picture import CodecError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy as np

    from toolkit.frame import Frame
    from toolkit.live.view import View

    _Picture = np.ndarray[Any, np.dtype[np.uint8]]

__all__ = ["Show", "explain", "read_value"]


class Show:
    """Sends frames to views. It belongs to the thread that owns the pipeline.

    Args:
        clock_ms: says the time in ms, as the page is told.
    """

    def __init__(self, clock_ms: Callable[[], float]) -> None:
        self._clock_ms = clock_ms
        self._display = Display()
        self._frames = 0
        self._began_seconds = clock_ms() / 1e3

    def present(self, frame: Frame, views: Iterable[View], default: str) -> int:
        """Send `frame` to those of `views` that have a credit; to how many it went.

        Computes what they ask for, unless it is there. What fails is told to the view that asked.
        """
        self._frames += 1
        number = self._frames
        asked: dict[tuple[str, tuple[int, int]], list[View]] = {}
        ready = []
        for view in views:
            if not view.credit.try_take(number):
                view.dropped += 1
                continue
            ready.append(view)
            for name in view.names(default):
                asked.setdefault((name, view.size), []).append(view)
        parts: dict[str, list[tuple[dict[str, Any], bytes]]] = {v.sink.id: [] for v in ready}
        faults: dict[str, str] = {}
        for (name, size), wanted_by in asked.items():
            try:
                value, spec = read_value(frame, name)
                with hooks.scope("display", frame.index):
                    picture = self._display.picture(value, size=size, spec=spec)
                    self._encode(name, picture, wanted_by, parts, faults)
            except Exception as error:  # noqa: BLE001 - whatever a stage raises, the others go on
                for view in wanted_by:
                    faults[view.sink.id] = explain(name, error)
        for view in ready:
            self._send(frame, number, view, parts[view.sink.id], faults.get(view.sink.id, ""))
        return len(ready)

    def picture(self, frame: Frame, name: str, size: tuple[int, int] = (0, 0)) -> _Picture:
        """The picture of one result, in full where no size is given; valid until the next one.

        Raises:
            NotAPicture: it is none.
        """
        value, spec = read_value(frame, name)
        with hooks.scope("display", frame.index):
            return self._display.picture(value, size=size, spec=spec)

    def _encode(
        self,
        name: str,
        picture: _Picture,
        views: list[View],
        parts: dict[str, list[tuple[dict[str, Any], bytes]]],
        faults: dict[str, str],
    ) -> None:
        """Add what each of `views` is sent, or what went wrong with its codec."""
        jpegs: dict[int, bytes] = {}
        height, width = picture.shape[:2]
        header = {"name": name, "w": width, "h": height, "key": True}
        if picture.ndim == 3 and len(picture) in (1, 3):
            picture = picture.transpose(2, 0, 1)  # else so few rows would be taken for planes
        for view in views:
            try:
                part = self._part(header, picture, view, jpegs)
            except CodecError as error:  # of this view's codec: the others go on
                faults[view.sink.id] = explain(name, error)
                continue
            if part is not None:
                parts[view.sink.id].append(part)

    def _part(
        self, header: dict[str, Any], picture: _Picture, view: View, jpegs: dict[int, bytes]
    ) -> tuple[dict[str, Any], bytes] | None:
        """What one view is sent, or None where its encoder left the picture out."""
        header = header | {"codec": view.codec}
        if view.codec == "h264":
            stream = self._stream(view, header["name"])
            unit = stream.encode(picture, pts_seconds=self._seconds())
            if unit is None:  # left out to keep to the bitrate
                return None
            return header | {"key": unit.is_key, "w": unit.width, "h": unit.height}, unit.payload
        if view.quality not in jpegs:
            jpegs[view.quality] = encode_jpeg(picture, view.quality)
        return header, jpegs[view.quality]

    def _stream(self, view: View, name: str) -> H264Encoder:
        """The view's own encoder: what one view does not get, the next picture is not made from."""
        if name not in view.streams:
            view.streams[name] = H264Encoder(bitrate=view.bitrate)
        return view.streams[name]

    def _seconds(self) -> float:
        """A time that goes on when the source jumps, for the encoder to share out its bits."""
        return self._clock_ms() / 1e3 - self._began_seconds

    def _send(
        self,
        frame: Frame,
        number: int,
        view: View,
        parts: list[tuple[dict[str, Any], bytes]],
        fault: str,
    ) -> None:
        view.tell(fault)
        if not parts:
            view.credit.give(number)
        common = {
            "t": "frame",
            "id": number,
            "parts": len(parts),
            "pts_seconds": frame.pts_seconds,
            "index": frame.index,
            "captured_ms": frame.metadata.get("captured_ms"),
            "dropped": view.dropped,
        }
        for header, payload in parts:
            view.sink.send({**common, **header, "sent_ms": self._clock_ms()}, payload)


def read_value(frame: Frame, name: str) -> tuple[Any, Any]:
    """What a frame has under `name`, computed where it is not there yet; its spec, for pixels."""
    return (frame.pixels, frame.spec) if name == "pixels" else (frame[name], None)


def explain(name: str, error: BaseException) -> str:
    """One sentence on what went wrong with `name`, the same on every frame."""
    if isinstance(error, NotAPicture):
        return f"{name} cannot be shown: {error}"
    text = str(error) or type(error).__name__
    return f"{name}: {text}".replace(f" on frame {getattr(error, 'frame_index', None)}", "")
