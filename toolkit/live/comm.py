"""What if no WebSocket gets through? The same messages over the widget's own comm.

The last resort, two to three times slower: everything passes the kernel's and the Jupyter server's
queues. All views of a widget share one comm, so here each header carries the view's id as `"view"`,
in both directions, and a view takes what carries its own. A view that goes says `"bye"`; one that
went without a word is noticed because it sends nothing while it is sent to, and when a message
comes from a view that is not known, it is asked to say hello: `{"t": "again"}`.

The caller's thread publishes: in a kernel, run it in `widgets.routes.publishing_context()`.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Protocol

from toolkit import hooks
from toolkit.live.pace import Bucket, Limits
from toolkit.live.room import welcome
from toolkit.live.wire import WireError, check, pack_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from toolkit.live.transport import Audience

__all__ = ["CommEndpoint", "CommViewer"]

_OURS = frozenset({"hello", "see", "ack", "camera", "ping", "bye"})
_MOST_VIEWS = 16
_log = logging.getLogger(__name__)


class Widget(Protocol):
    """What is needed of an ipywidgets widget."""

    def send(self, content: Any, buffers: Any = None) -> None:
        """Send a custom message to the page."""
        ...

    def on_msg(self, callback: Callable[..., Any], remove: bool = False) -> None:
        """Hear custom messages of the page."""
        ...


class CommViewer:
    """A view over comm messages: see `toolkit.live.transport.Viewer`."""

    transport = "comm"

    def __init__(self, endpoint: CommEndpoint, view: str) -> None:
        self.id = view
        self.heard_seconds = endpoint.clock()
        self.is_closed = False
        limits = endpoint.limits
        self.messages = Bucket(limits.messages_per_second, endpoint.clock)
        self.nbytes = Bucket(limits.nbytes_per_second, endpoint.clock)
        self._endpoint = endpoint

    def send(self, header: dict[str, Any], payload: bytes | memoryview = b"") -> None:
        """Publish one message on the calling thread, or drop the view where it fell silent."""
        if self.is_closed:
            return
        silent_seconds = self._endpoint.clock() - self.heard_seconds
        if silent_seconds > self._endpoint.limits.silent_seconds:
            self.close()
            return
        with hooks.timed("serialize", len(payload), op="live.pack"):
            addressed = {**header, "view": self.id}
            nbytes = len(pack_text(addressed)) + len(payload)
        hooks.report("io", nbytes, op="live.send")
        self._endpoint.widget.send(addressed, [payload] if len(payload) else None)

    def close(self, reason: str = "") -> None:
        """End it: the audience is told."""
        self._endpoint.drop(self, reason)

    def __repr__(self) -> str:
        return f"CommViewer(id={self.id!r})"


class CommEndpoint:
    """Listens to the custom messages of `widget` for those of views. Others are left alone.

    Args:
        widget: whose comm it is.
        audience: who listens; called on the thread that handles the widget.
        limits: what a view may do.
        clock: says the time in seconds.
    """

    def __init__(
        self,
        widget: Widget,
        audience: Audience,
        *,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.widget = widget
        self.limits = limits or Limits()
        self.clock = clock
        self._audience = audience
        self._viewers: dict[str, CommViewer] = {}
        self._told: set[str] = set()
        widget.on_msg(self._heard)

    def close(self) -> None:
        """End all views and listen no more."""
        self.widget.on_msg(self._heard, remove=True)
        for viewer in list(self._viewers.values()):
            self.drop(viewer, "the widget was closed")

    def drop(self, viewer: CommViewer, reason: str = "") -> None:
        """End one view; the audience is told, once."""
        viewer.is_closed = True
        if self._viewers.get(viewer.id) is viewer:
            del self._viewers[viewer.id]
            if reason:
                _log.info("live view %s over comm messages: %s", viewer.id, reason)
            self._call("left", viewer)

    def _heard(self, _: object, header: Any, buffers: Sequence[Any] = ()) -> None:
        if not isinstance(header, dict) or "view" not in header:
            return
        kind, view = header.get("t"), header["view"]
        if not (isinstance(kind, str) and kind in _OURS and isinstance(view, str)):
            return
        payload = memoryview(buffers[0]).cast("B") if buffers else memoryview(b"")
        viewer = self._viewers.get(view)
        try:
            check(header)
            nbytes = len(payload) + len(pack_text(header))
            if len(payload) > self.limits.message_nbytes:
                raise WireError(f"{nbytes} bytes in one message; {self.limits.message_nbytes} fit")
            if viewer is not None and not (
                viewer.messages.try_take() and viewer.nbytes.try_take(nbytes)
            ):
                raise WireError("more messages or bytes a second than a view may send")
        except WireError as fault:
            self._tell_once(str(fault))
            if viewer is not None:
                self.drop(viewer, str(fault))
            return
        hooks.report("io", nbytes, op="live.receive")
        self._take(viewer, header, payload)

    def _take(self, viewer: CommViewer | None, header: dict[str, Any], payload: memoryview) -> None:
        kind = header["t"]
        if viewer is not None:
            viewer.heard_seconds = self.clock()
        if kind == "hello":
            self._let_in(header)
        elif viewer is None:
            if kind != "bye":
                self.widget.send({"t": "again", "view": header["view"]})
        elif kind == "bye":
            self.drop(viewer)
        elif kind == "ping":
            viewer.send({"t": "pong", "sent_ms": header["sent_ms"]})
        elif not self._call("received", viewer, header, payload):
            self.drop(viewer, "the kernel's side failed; its log says why")

    def _let_in(self, hello: dict[str, Any]) -> None:
        older = self._viewers.get(hello["view"])
        if older is not None:
            self.drop(older, "it said hello anew")
        elif len(self._viewers) >= _MOST_VIEWS:
            self._tell_once(f"{_MOST_VIEWS} views over comm messages are open; no more are taken")
            return
        viewer = self._viewers[hello["view"]] = CommViewer(self, hello["view"])
        viewer.send(welcome(viewer.transport, self.limits))
        if not self._call("joined", viewer, hello):
            self.drop(viewer, "the kernel's side failed; its log says why")

    def _call(self, name: str, *values: Any) -> bool:
        """Call the audience; whether that went well."""
        try:
            getattr(self._audience, name)(*values)
        except Exception:  # noqa: BLE001 - whatever an audience raises must not stop the widget
            _log.exception("live view: %r raised in %s; view closed", self._audience, name)
            return False
        return True

    def _tell_once(self, what: str) -> None:
        if what not in self._told and len(self._told) < _MOST_VIEWS:
            self._told.add(what)
            _log.warning("live view over comm messages: %s; told once", what)
