"""Who looks, at what, and how large? What is known of one view of a page, and what it was sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from toolkit.live.credit import Credit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Sink", "View"]


class Sink(Protocol):
    """Where the messages of one view go to: from any thread, never blocking."""

    id: str

    def send(self, header: dict[str, Any], payload: bytes | memoryview = b"") -> None:
        """Send one message."""
        ...


class View:
    """One view: what it asked for, the credits it has, the streams that are kept for it.

    Attributes:
        sink: where its messages go.
        want: name of what it shows, or None for the player's own choice.
        beside: name of what it shows in the other half of a split picture, or None.
        codec: `"jpeg"` or `"h264"`.
        quality: of JPEG, 1 to 100.
        bitrate: of H.264, bits a second.
        is_visible: whether anybody can see it.
        size: width and height of the place where it is shown, px; 0 for not known.
        credit: pictures that may be on their way.
        dropped: frames that were ready while there was no credit.
        streams: encoders of H.264 by name: such a stream has a memory, so each view has its own.
    """

    def __init__(
        self, sink: Sink, hello: Mapping[str, Any], *, clock_ns: Callable[[], int]
    ) -> None:
        self.sink = sink
        self.want: str | None = None
        self.beside: str | None = None
        self.codec = "jpeg"
        self.quality = 80
        self.bitrate = 2_000_000
        self.is_visible = True
        self.size = (0, 0)
        self.credit = Credit(clock=clock_ns)
        self.dropped = 0
        self.streams: dict[str, Any] = {}
        self._wrong: dict[str, str] = {}  # what it is about -> what is wrong with it
        self._told = ""
        self.update(hello)

    def update(self, header: Mapping[str, Any]) -> None:
        """Take over what a message says; what it does not name stays."""
        before = (self.codec, self.bitrate, self.size)
        self.want = header.get("want", self.want)
        self.beside = header.get("beside", self.beside)
        self.codec = header.get("codec", self.codec)
        self.quality = header.get("quality", self.quality)
        self.bitrate = header.get("bitrate", self.bitrate)
        self.is_visible = header.get("visible", self.is_visible)
        self.size = (header.get("width", self.size[0]), header.get("height", self.size[1]))
        if header.get("key") or before != (self.codec, self.bitrate, self.size):
            self.streams.clear()

    def names(self, default: str) -> tuple[str, ...]:
        """What it shows: one name, or two where it is split."""
        want = self.want or default
        beside = self.beside
        return (want,) if not beside or beside == want else (beside, want)

    def tell(self, text: str, about: str = "picture") -> None:
        """Say what is wrong with one thing, once; an empty text takes that back, and no other."""
        self._wrong[about] = text
        text = "; ".join(filter(None, self._wrong.values()))
        if text != self._told:
            self._told = text
            self.sink.send({"t": "note", "level": "error" if text else "info", "text": text})
