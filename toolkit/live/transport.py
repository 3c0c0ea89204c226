"""How do pictures reach a page while the kernel is busy? Over a WebSocket of our own, on loopback.

    endpoint = serve(audience)          # one for each view; the first starts the server
    endpoint.allow_origin(origin)       # where the view says, over Jupyter, that it is from
    ...                                 # the page opens ws://127.0.0.1:{port}/{token}
    endpoint.close()                    # the last one stops the server, its thread and its sockets

One thread with its own event loop serves all views of the process. It never waits for a pipeline,
and nothing in a pipeline waits for it: what comes in is handed to the audience, which only puts it
into a queue, and what goes out is put into a queue here. Who may connect: see `toolkit.live.gate`.
"""

from __future__ import annotations

import time
import weakref
from typing import TYPE_CHECKING, Any, Protocol

from toolkit.live.pace import Limits

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from toolkit.live.server import Server

__all__ = ["Audience", "Endpoint", "Viewer", "serve"]


class Viewer(Protocol):
    """One page's view, over any of the three transports.

    Attributes:
        id: what it calls itself.
        transport: `"websocket"`, `"proxy"` or `"comm"`.
    """

    id: str
    transport: str

    def send(self, header: dict[str, Any], payload: bytes | memoryview = b"") -> None:
        """Send one message, from any thread; never blocks.

        After the view is gone, nothing happens. Where it does not take what it is sent, it is
        dropped. Reports "serialize" and "io" where the calling thread is listened to.

        Raises:
            WireError: the header holds what JSON cannot say.
        """
        ...

    def close(self, reason: str = "") -> None:
        """End the connection, from any thread; never blocks. The audience is told by `left`."""
        ...


class Audience(Protocol):
    """Who listens to views: called on the server's thread, where it must only enqueue.

    Headers that arrive have been checked by `toolkit.live.wire.check`. What raises is logged, and
    ends that view.
    """

    def joined(self, viewer: Viewer, hello: dict[str, Any]) -> None:
        """A view said hello, and was welcomed."""
        ...

    def received(self, viewer: Viewer, header: dict[str, Any], payload: memoryview) -> None:
        """A message came; `payload` may be kept."""
        ...

    def left(self, viewer: Viewer) -> None:
        """The view is gone: its page, its connection, or the endpoint. Once for each `joined`."""
        ...


class Endpoint:
    """The way to one view. Close it; one that is collected or outlives the program closes itself.

    Attributes:
        token: what the page must say; keep it out of logs and outputs.
        port: of the server, on 127.0.0.1.
    """

    __slots__ = ("__weakref__", "_audience", "_collected", "_server", "port", "token")

    def __init__(self, server: Server, audience: Audience, token: str) -> None:
        self._server = server
        self._audience = audience  # the server holds it weakly, so that both can be collected
        self.token = token
        self.port = server.port
        self._collected = weakref.finalize(self, server.forget_soon, token)
        self._collected.atexit = False  # the server has its own

    def allow_origin(self, origin: str) -> None:
        """Let a page of `origin` connect, such as `"http://localhost:8888"`: what the page said.

        Raises:
            ValueError: it is no origin, or too many were told.
        """
        self._server.allow_origin(self.token, origin)

    def close(self) -> None:
        """End its view; blocks until `left` was called and, for the last one, the server is gone.

        A second call does nothing. On the server's thread it does not wait for the server.
        """
        if self._collected.detach() is not None:
            self._server.forget(self.token)

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
        return f"Endpoint(port={self.port})"


def serve(
    audience: Audience,
    *,
    limits: Limits | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Endpoint:
    """An endpoint for one view, whose messages go to `audience`. The first one starts the server.

    Listeners of this context hear what the view sends ("io"). A page that connects again under the
    same view takes the place of its older connection; another view with the same token is refused.

    Args:
        audience: held until the endpoint goes. It must allow weak references.
        limits: what the view may do.
        clock: says the time in seconds, for the limits of rate.

    Raises:
        OSError: no socket on loopback is to be had.
        RuntimeError: no thread is to be had.
    """
    from toolkit.live.server import open_room

    server, token = open_room(audience, limits or Limits(), clock)
    return Endpoint(server, audience, token)
