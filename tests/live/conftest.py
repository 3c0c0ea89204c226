"""A page for tests: tornado's WebSocket client on loopback, in a loop that the test steps."""

import asyncio
import threading

import pytest
import torch
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from toolkit import FrameRing
from toolkit.live import Limits, serve, wire
from toolkit.live.player import Player

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


# -- a player that a test steps by hand ------------------------------------------------------------


class Clock:
    """Time that passes when a test says so."""

    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds


class FakeViewer:
    """A page's view that keeps what it is sent."""

    transport = "fake"

    def __init__(self, view="a"):
        self.id = view
        self.sent = []

    def send(self, header, payload=b""):
        self.sent.append((header, bytes(payload)))

    def close(self, reason=""):
        self.sent.append(({"t": "closed", "reason": reason}, b""))

    def of(self, kind):
        return [header for header, _ in self.sent if header["t"] == kind]

    @property
    def frames(self):
        return self.of("frame")

    @property
    def notes(self):
        return [header["text"] for header in self.of("note")]


class StepPlayer(Player):
    """A player without its thread: the test calls `turn`."""

    clock: Clock

    def _start(self):
        pass

    def watch(self, viewer, **hello):
        """Let `viewer` connect and be seen."""
        self.joined(viewer, {"t": "hello", "view": viewer.id, "visible": True, **hello})
        return viewer

    def say(self, viewer, **header):
        self.received(viewer, header, memoryview(b""))

    def run(self, seconds=0.0, *, acknowledge=()):
        """Turn until nothing is due, and again as time passes; pages answer at once."""
        end = self.clock.seconds + seconds
        while True:
            wait = self.turn()
            for viewer in acknowledge:
                for number in {header["id"] for header in viewer.frames}:
                    self.say(viewer, t="ack", id=number)
            if wait == 0:
                continue
            if wait is None:
                self.is_over(wait)
            if wait is None or self.clock.seconds + wait > end + 1e-9:
                self.clock.seconds = end
                return
            self.clock.seconds += wait


class Film:
    """A source with places in time: gray frames of 8x6, each as bright as its number."""

    def __init__(self, count=10, fps=10.0):
        self.count, self.fps = count, fps
        self.duration_seconds = count / fps
        self.discontinuities = 0
        self.taken = []
        self._next = 0
        self.ring = FrameRing(8, width=8, height=6, pixel_format="gray", drop="error")

    def seek(self, seconds):
        if seconds > self.duration_seconds:
            raise ValueError(f"{seconds:g} s is after the end, {self.duration_seconds:g} s")
        self._next = round(seconds * self.fps)
        self.discontinuities += 1

    def __iter__(self):
        start, self._next = self._next, 0
        for index in range(start, self.count):
            self.taken.append(index)
            pixels = torch.full((1, 6, 8), index, dtype=torch.uint8)
            yield self.ring.copy_in(pixels, pts_seconds=index / self.fps, index=index)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def film():
    return Film()


@pytest.fixture
def make_film():
    return Film


@pytest.fixture
def viewer():
    return FakeViewer()


@pytest.fixture
def make_viewer():
    return FakeViewer


@pytest.fixture
def make_player(clock):
    made = []

    def make(pipeline, source, **options):
        player = StepPlayer(pipeline, source, clock=clock, **options)
        player.clock = clock
        made.append(player)
        return player

    yield make
    for player in made:
        player.close()
