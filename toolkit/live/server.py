"""Where do the pages connect to? One server for the process, that is there while it is needed.

The first room starts it: a socket on 127.0.0.1 with a port that the system chose, an event loop,
and a thread. The last room stops it, and then nothing of it is left. The same happens at the end of
the program. The thread handles no signals, so that an interrupt of the main thread does not reach
it. A child that was forked has none of it: its copies of the sockets are closed at once, since a
connection stays open as long as anybody has it.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import threading
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.platform.asyncio import AsyncIOMainLoop
from tornado.web import Application

from toolkit.live.connection import Connection
from toolkit.live.gate import Gate, find_gate
from toolkit.live.room import Room

if TYPE_CHECKING:
    from collections.abc import Callable

    from tornado.iostream import IOStream

    from toolkit.live.pace import Limits
    from toolkit.live.transport import Audience

__all__ = ["Server", "open_room"]

_MOST_HEADER_NBYTES = 16 << 10
_MOST_BUFFER_NBYTES = 64 << 20
_IDLE_SECONDS = 10.0  # for a request that does not come to an end
_PING_SECONDS = 20.0  # a peer that does not answer until the next one is gone
_STRANGERS = 32  # connections that may be open beside those of rooms
_PATIENCE_SECONDS = 5.0

_log = logging.getLogger(__name__)
_lock = threading.RLock()  # guards _current and the rooms of each server
_current: Server | None = None


def open_room(audience: Audience, limits: Limits, clock: Callable[[], float]) -> tuple[Server, str]:
    """The server with a new room in it, and the room's token. Starts the server where none runs."""
    global _current
    with _lock:
        if _current is None:
            _current = Server()
        server = _current
        gate = Gate(server.port)
        server.rooms[gate.token] = Room(gate, audience, limits, clock)
    return server, gate.token


class _Http(HTTPServer):
    """tornado's server, that knows its open connections."""

    streams: weakref.WeakSet[IOStream]
    most: Callable[[], int]

    def handle_stream(self, stream: IOStream, address: Any) -> None:
        """A connection was accepted."""
        if len(self.streams) >= self.most():
            stream.close()
            return
        self.streams.add(stream)
        super().handle_stream(stream, address)


class Server:
    """The socket, the loop and the thread.

    Attributes:
        port: on 127.0.0.1.
        rooms: by token.
    """

    def __init__(self) -> None:
        self.rooms: dict[str, Room] = {}
        self._told: set[str] = set()
        self._is_abandoned = False
        self._sockets = bind_sockets(0, "127.0.0.1")
        self.port: int = self._sockets[0].getsockname()[1]
        self._loop = asyncio.SelectorEventLoop()
        self._stopping = asyncio.Event()
        self._streams: weakref.WeakSet[IOStream] = weakref.WeakSet()
        self._thread = threading.Thread(target=self._run, name="downhill-live", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # no thread is to be had
            for one in self._sockets:
                one.close()
            self._loop.close()
            raise
        except BaseException:  # an interrupt while it starts
            self._soon(self._stopping.set)
            raise

    def allow_origin(self, token: str, origin: str) -> None:
        """Let pages of `origin` into the room of `token`."""
        room = self.rooms.get(token)
        if room is not None:
            room.gate.allow_origin(origin)

    def forget(self, token: str) -> None:
        """Close a room; blocks until it is, and until the server is gone where it was the last."""
        if threading.current_thread() is self._thread:
            self._forget(token)
            return
        done = threading.Event()
        if self._soon(self._forget, token, done) and done.wait(_PATIENCE_SECONDS):
            with _lock:
                is_last = not self.rooms
            if is_last:
                self._thread.join(_PATIENCE_SECONDS)

    def forget_soon(self, token: str) -> None:
        """Close a room, a little later: takes no lock, so that a finaliser may call it anywhere."""
        self._soon(self._forget, token)

    def stop(self) -> None:
        """Close all rooms; blocks until the server is gone."""
        for token in list(self.rooms):
            self.forget_soon(token)
        self._thread.join(_PATIENCE_SECONDS)

    def abandon(self) -> None:
        """In a forked child: close its copies of the sockets, and touch nothing that is shared.

        The loop would take the parent's connections out of the parent's selector.
        """
        self._is_abandoned = True
        for room in self.rooms.values():
            if room.guest is not None:
                room.guest.shut()
        for one in [*self._sockets, *(stream.socket for stream in list(self._streams))]:
            if one is not None:
                one.close()

    def _soon(self, do: Callable[..., None], *values: Any) -> bool:
        if self._is_abandoned:
            return False
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(do, *values)
            return True
        return False

    # -- on the thread ----------------------------------------------------------------------------

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        AsyncIOMainLoop()  # else tornado imports it here, where the program may be at its end
        parts = {"loop": self._loop, "find_room": self._find_room, "tell_once": self._tell_once}
        application = Application(
            [(r"/.*", Connection, parts)],
            log_function=lambda handler: None,
            websocket_ping_interval=_PING_SECONDS,
        )
        http = _Http(
            application,
            idle_connection_timeout=_IDLE_SECONDS,
            body_timeout=_IDLE_SECONDS,
            max_header_size=_MOST_HEADER_NBYTES,
            max_body_size=0,
            max_buffer_size=_MOST_BUFFER_NBYTES,
        )
        http.streams = self._streams
        http.most = lambda: _STRANGERS + 3 * len(self.rooms)
        http.add_sockets(self._sockets)
        await self._stopping.wait()
        http.stop()
        for stream in list(self._streams):
            stream.close()

    def _find_room(self, token: str) -> Room | None:
        rooms = list(self.rooms.values())
        gate = find_gate((room.gate for room in rooms), token)
        return None if gate is None else self.rooms.get(gate.token)

    def _forget(self, token: str, done: threading.Event | None = None) -> None:
        global _current
        with _lock:
            room = self.rooms.pop(token, None)
            is_last = not self.rooms
            if is_last and _current is self:
                _current = None
        try:
            if room is not None:
                room.close()
        finally:
            if is_last:
                self._stopping.set()
            if done is not None:
                done.set()

    def _tell_once(self, what: str, detail: str) -> None:
        if what not in self._told:
            self._told.add(what)
            _log.warning("live view: %s%s; told once", what, f" ({detail})" if detail else "")


def _stop_at_exit() -> None:
    server = _current
    if server is not None:
        server.stop()


def _after_fork_in_child() -> None:
    global _current, _lock
    server, _current, _lock = _current, None, threading.RLock()
    if server is not None:
        server.abandon()


atexit.register(_stop_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
