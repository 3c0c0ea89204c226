"""A page for tests: tornado's WebSocket client on loopback, in a loop that the test steps."""

import asyncio
import threading

import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from toolkit.live import Limits, serve, wire

ORIGIN = "http://localhost:8888"
PATIENCE_SECONDS = 30


class Listener:
    """An audience that keeps what it hears, and can be waited for."""

    def __init__(self):
        self.heard = []
        self._changed = threading.Condition()

    def joined(self, viewer, hello):
        self._note(("joined", viewer, hello))

    def received(self, viewer, header, payload):
        self._note(("received", viewer, header, bytes(payload)))

    def left(self, viewer):
        self._note(("left", viewer))

    def wait_for(self, kind, count=1):
        """The first `count` events of this kind, once they are there."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.of(kind)) >= count, PATIENCE_SECONDS), (
                f"{count} {kind!r} awaited, heard {self.heard}"
            )
            return self.of(kind)

    def of(self, kind):
        return [event for event in self.heard if event[0] == kind]

    def _note(self, event):
        with self._changed:
            self.heard.append(event)
            self._changed.notify_all()


class Page:
    """One connection of a page."""

    def __init__(self, loop, connection):
        self.loop = loop
        self.connection = connection

    def send(self, header, payload=None):
        """A message: text without a payload, else binary."""
        message = wire.pack_text(header) if payload is None else wire.pack(header, payload)
        self.send_raw(message)

    def send_raw(self, message):
        self.loop.run(self.connection.write_message(message, binary=isinstance(message, bytes)))

    def read(self):
        """The next message, as header and payload; None when the server closed."""
        message = self.loop.run(self.connection.read_message())
        return None if message is None else wire.unpack(message)

    def hello(self, view="view-1"):
        self.send({"t": "hello", "view": view})
        header, _ = self.read()
        assert header["t"] == "welcome"
        return header

    def read_to_end(self):
        """Read until the server closes; the code it gave."""
        while self.read() is not None:
            pass
        return self.connection.close_code

    def close(self):
        self.connection.close()
        self.read_to_end()


class Loop:
    """An event loop that runs only while the test waits for something."""

    def __init__(self, loop):
        self.loop = loop

    def run(self, awaitable):
        async def bounded():
            return await asyncio.wait_for(awaitable, PATIENCE_SECONDS)

        return self.loop.run_until_complete(bounded())

    def connect(self, endpoint, *, token=None, origin=ORIGIN, host=None):
        """Open the connection as a browser does, or raise tornado's HTTPClientError."""
        headers = {} if origin is None else {"Origin": origin}
        if host is not None:
            headers["Host"] = host
        address = f"ws://127.0.0.1:{endpoint.port}/{token or endpoint.token}"

        async def connect():
            return await websocket_connect(HTTPRequest(address, headers=headers))

        return Page(self, self.run(connect()))


@pytest.fixture
def browser():
    with asyncio.Runner() as runner:
        yield Loop(runner.get_loop())


@pytest.fixture
def make_page(browser):
    return lambda connection: Page(browser, connection)


@pytest.fixture
def listener():
    return Listener()


@pytest.fixture
def make_listener():
    return Listener


@pytest.fixture
def endpoint(listener):
    """An endpoint whose page comes from `ORIGIN`."""
    with serve(listener) as endpoint:
        endpoint.allow_origin(ORIGIN)
        yield endpoint


@pytest.fixture
def limited(listener):
    """The same with limits, and a clock, of the test."""
    opened = []

    def open_limited(clock=None, **limits):
        options = {} if clock is None else {"clock": clock}
        opened.append(serve(listener, limits=Limits(**limits), **options))
        opened[-1].allow_origin(ORIGIN)
        return opened[-1]

    yield open_limited
    for endpoint in opened:
        endpoint.close()
