"""How does one WebSocket behave? It comes through the gate, says hello, keeps to the limits.

Everything here runs on the server's thread but `SocketViewer.send` and `close`, which any thread
may call: they put what is to be done into the loop's queue and go on.
"""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from toolkit import hooks
from toolkit.live.pace import Bucket
from toolkit.live.room import Close, welcome
from toolkit.live.wire import pack, pack_text

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future, TimerHandle
    from collections.abc import Callable
    from types import TracebackType

    from tornado.iostream import IOStream

    from toolkit.live.room import Room

__all__ = ["Connection", "SocketViewer"]

_LONGEST_REASON = 120  # bytes; a close frame holds 123 (RFC 6455, section 5.5)
_log = logging.getLogger(__name__)


class SocketViewer:
    """A view over a WebSocket: see `toolkit.live.transport.Viewer`."""

    def __init__(self, connection: Connection, view: str, transport: str) -> None:
        self.id = view
        self.transport = transport
        self._connection = connection
        self._most = connection.room.limits.waiting_nbytes
        self._lock = threading.Lock()
        self._waiting_nbytes = 0
        self._is_closed = False

    def send(self, header: dict[str, Any], payload: bytes | memoryview = b"") -> None:
        """Put one message into the queue of the connection, or drop it where it takes none."""
        with hooks.timed("serialize", len(payload), op="live.pack"):
            message = pack(header, payload) if len(payload) else pack_text(header)
        nbytes = len(message)
        with self._lock:
            if self._is_closed:
                return
            is_stalled = self._waiting_nbytes + nbytes > self._most
            self._is_closed = is_stalled
            self._waiting_nbytes += nbytes
        if is_stalled:
            self._connection.soon(self._connection.stall)
            return
        hooks.report("io", nbytes, op="live.send")
        self._connection.soon(self._write, message)

    def close(self, reason: str = "") -> None:
        """End the connection."""
        self.shut()
        self._connection.soon(self._connection.end, Close.GONE, reason or "closed by the kernel")

    def shut(self) -> None:
        """Take nothing more."""
        with self._lock:
            self._is_closed = True

    def __repr__(self) -> str:
        return f"SocketViewer(id={self.id!r}, transport={self.transport!r})"

    def _write(self, message: str | bytes) -> None:
        nbytes = len(message)

        def written(done: Future[None]) -> None:
            with self._lock:
                self._waiting_nbytes -= nbytes
            if not done.cancelled():
                done.exception()  # a closed connection, which on_close tells

        with suppress(WebSocketClosedError, StreamClosedError):
            sent = self._connection.write_message(message, binary=isinstance(message, bytes))
            sent.add_done_callback(written)


class Connection(WebSocketHandler):
    """One request: refused with a sentence, or a WebSocket.

    Attributes:
        room: where it belongs, once it was let in.
        viewer: the view that it is, after its hello.
    """

    SUPPORTED_METHODS = ("GET",)

    room: Room
    viewer: SocketViewer | None

    def initialize(
        self,
        loop: AbstractEventLoop,
        find_room: Callable[[str], Room | None],
        tell_once: Callable[[str, str], None],
    ) -> None:
        """What tornado hands to each request."""
        self.viewer = None
        self._loop = loop
        self._find_room = find_room
        self._tell_once = tell_once
        self._stream: IOStream | None = None
        self._hello: TimerHandle | None = None

    # -- before the connection is one -------------------------------------------------------------

    def prepare(self) -> None:
        """Token, origin, host, number of connections: refuse what does not fit."""
        room = self._find_room(self.request.path.rpartition("/")[2])
        if room is None:
            self._refuse(404, "There is no view with this token.")
            return
        host, origin = self.request.headers.get("Host", ""), self.request.headers.get("Origin")
        sentence = room.gate.refusal(host=host, origin=origin)
        if sentence:
            self._tell_once(sentence, f"Origin {origin!r:.100}, Host {host!r:.100}")
            self._refuse(403, sentence)
            return
        sentence = room.admit()
        if sentence:
            room.tell_once(sentence)
            self._refuse(429, sentence)
            return
        self.room = room
        self._pace = (
            Bucket(room.limits.messages_per_second, room.clock),
            Bucket(room.limits.nbytes_per_second, room.clock),
        )

    def check_origin(self, origin: str) -> bool:
        """The gate has asked already, and does not take a name for our own as tornado would."""
        return True

    def write_error(self, status_code: int, **_: Any) -> None:
        """One sentence in place of a page with a traceback."""
        self._refuse(status_code, "Only a WebSocket is served here.")

    def log_exception(
        self,
        typ: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Log the first of its kind."""
        self._tell_once(f"a request failed with {typ.__name__ if typ else None}", str(value))

    def _refuse(self, status: int, sentence: str) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.finish(sentence + "\n")

    # -- while it is one --------------------------------------------------------------------------

    @property
    def max_message_size(self) -> int:
        """Bytes of one message."""
        return self.room.limits.message_nbytes

    def open(self, *_: str, **__: str) -> None:
        """The handshake is done: wait for the hello."""
        self.set_nodelay(True)
        assert self.ws_connection is not None
        self._stream = self.ws_connection.stream
        self.room.waiting.append(self)
        seconds = self.room.limits.hello_seconds
        self._hello = self._loop.call_later(
            seconds, self.end, Close.POLICY, f"no hello within {seconds:g} s"
        )

    def on_message(self, message: str | bytes) -> None:
        """Count it, and hand it to the room."""
        messages, nbytes = self._pace
        if not (messages.try_take() and nbytes.try_take(len(message))):
            limits = self.room.limits
            reason = (
                f"more than {limits.messages_per_second:g} messages or "
                f"{limits.nbytes_per_second / 1e6:.0f} MB a second"
            )
            self.room.tell_once(reason)
            self.end(Close.POLICY, reason)
            return
        self.room.take(self, message)

    def on_close(self) -> None:
        """The connection is gone, from either side."""
        if self._stream is None:
            return  # it was never open
        self._stop_waiting()
        self.shut()
        self.room.leave(self)

    def welcome(self, view: str) -> SocketViewer:
        """Become the view, and say so."""
        self._stop_waiting()
        transport = self.room.gate.transport(self.request.headers.get("Host", ""))
        self.viewer = SocketViewer(self, view, transport)
        self.viewer.send(welcome(transport, self.room.limits))
        return self.viewer

    def shut(self) -> None:
        """Send nothing more."""
        if self.viewer is not None:
            self.viewer.shut()

    def soon(self, do: Callable[..., None], *values: Any) -> None:
        """Do something on the server's thread, from any. Nothing once the server is gone."""
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(do, *values)

    def end(self, code: int, reason: str) -> None:
        """Leave the room and close."""
        self.room.drop(self, code, reason)

    def stall(self) -> None:
        """The page takes nothing: cut the connection, for a close would wait in the same queue."""
        self.room.tell_once("a page does not take what it is sent; its connection was cut")
        self.room.drop(self, Close.STALLED, "nothing was read")
        if self._stream is not None:
            self._stream.close()

    def drop(self, code: int, reason: str) -> None:
        """Close, with the handshake that belongs to it."""
        self._stop_waiting()
        self.shut()
        self.close(code, reason.encode()[:_LONGEST_REASON].decode("utf-8", "ignore"))

    def _stop_waiting(self) -> None:
        if self._hello is not None:
            self._hello.cancel()
            self._hello = None
