"""Which connection is the view? One room for each token, and in it one view at most.

A connection that came through the gate waits in the room until it says hello. Then it is the view:
in place of an older connection of the same view, which a page that slept does not know to be dead.
All here runs on the server's thread.
"""

from __future__ import annotations

import logging
import weakref
from typing import TYPE_CHECKING, Any, Protocol

from toolkit import hooks
from toolkit.live.gate import Gate
from toolkit.live.pace import Bucket
from toolkit.live.wire import WireError, check, unpack

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.live.pace import Limits
    from toolkit.live.transport import Audience, Viewer

__all__ = ["CREDITS", "Close", "Guest", "Room", "welcome"]

CREDITS = 2
"""Pictures on their way in each direction."""

_log = logging.getLogger(__name__)


class Close:
    """Codes with which a connection is closed (RFC 6455, section 7.4; from 4000 on, our own)."""

    GONE = 1001
    POLICY = 1008
    FAULT = 1011
    STALLED = 1013
    REPLACED = 4001
    OTHER_VIEW = 4002


class Guest(Protocol):
    """A connection, as its room sees it."""

    @property
    def viewer(self) -> Viewer | None:
        """The view that it is, after its hello."""
        ...

    def shut(self) -> None:
        """Send nothing more."""
        ...

    def welcome(self, view: str) -> Viewer:
        """The connection is the view from now on: say so to the page."""
        ...

    def drop(self, code: int, reason: str) -> None:
        """Close it."""
        ...


class Room:
    """The place of one view.

    Args:
        gate: who may come in.
        audience: who listens; held weakly.
        limits: what the view may do.
        clock: says the time in seconds.

    Attributes:
        guest: the connection that is the view, or None.
        waiting: connections that said nothing yet.
    """

    def __init__(
        self, gate: Gate, audience: Audience, limits: Limits, clock: Callable[[], float]
    ) -> None:
        self.gate = gate
        self.limits = limits
        self.clock = clock
        self.guest: Guest | None = None
        self.waiting: list[Guest] = []
        self._audience = weakref.ref(audience)
        self._listeners = hooks.table()
        self._arrivals = Bucket(limits.connections_per_second, clock)
        self._told: set[str] = set()

    def admit(self) -> str:
        """Why no further connection is taken now, or nothing."""
        if len(self.waiting) >= 2 or not self._arrivals.try_take():
            return "Too many connections with this token; wait a few seconds."
        return ""

    def take(self, guest: Guest, message: str | bytes) -> None:
        """Read a message of `guest` and hand it on. One that is not ours closes the connection."""
        if guest is not self.guest and guest not in self.waiting:
            return  # it is being closed
        try:
            header, payload = unpack(message)
            check(header)
        except WireError as fault:
            self.tell_once("a message was not understood", str(fault))
            self.drop(guest, Close.POLICY, str(fault))
            return
        with hooks.using(self._listeners):
            hooks.report("io", len(message), op="live.receive")
            self._hand_on(guest, header, payload)

    def drop(self, guest: Guest, code: int, reason: str) -> None:
        """Close the connection of `guest`, which has left with that."""
        self.leave(guest)
        guest.drop(code, reason)

    def leave(self, guest: Guest) -> None:
        """The connection of `guest` is closed."""
        if guest in self.waiting:
            self.waiting.remove(guest)
        if guest is self.guest:
            self.guest = None
            self._call("left", guest.viewer)

    def close(self) -> None:
        """End what is connected."""
        for guest in [*self.waiting, *filter(None, [self.guest])]:
            self.drop(guest, Close.GONE, "the widget was closed")

    def tell_once(self, what: str, detail: str = "") -> None:
        """Log a refusal, the first of its kind."""
        if what not in self._told:
            self._told.add(what)
            _log.warning("live view: %s%s; told once", what, f" ({detail})" if detail else "")

    def _hand_on(self, guest: Guest, header: dict[str, Any], payload: memoryview) -> None:
        if guest is not self.guest:
            self._let_in(guest, header)
        elif header["t"] == "ping":
            if guest.viewer is not None:
                guest.viewer.send({"t": "pong", "sent_ms": header["sent_ms"]})
        elif not self._call("received", guest.viewer, header, payload):
            self.drop(guest, Close.FAULT, "the kernel's side failed; its log says why")

    def _let_in(self, guest: Guest, hello: dict[str, Any]) -> None:
        if hello["t"] != "hello":
            self.drop(guest, Close.POLICY, f"say hello before {hello['t']!r}")
            return
        older = self.guest
        if older is not None:
            if older.viewer is not None and older.viewer.id != hello["view"]:
                self.tell_once("another view came with the token of one that is connected")
                self.drop(guest, Close.OTHER_VIEW, "another view has this token")
                return
            self.drop(older, Close.REPLACED, "this view connected anew")
        self.waiting.remove(guest)
        self.guest = guest
        if not self._call("joined", guest.welcome(hello["view"]), hello):
            self.drop(guest, Close.FAULT, "the kernel's side failed; its log says why")

    def _call(self, name: str, *values: Any) -> bool:
        """Call the audience; whether that went well."""
        audience = self._audience()
        if audience is None:
            return False
        try:
            getattr(audience, name)(*values)
        except Exception:  # noqa: BLE001 - whatever an audience raises must not stop the server
            _log.exception("live view: %r raised in %s; the view is closed", audience, name)
            return False
        return True


def welcome(transport: str, limits: Limits) -> dict[str, Any]:
    """What a view is told first."""
    return {
        "t": "welcome",
        "transport": transport,
        "credits": CREDITS,
        "limits": {
            "message_nbytes": limits.message_nbytes,
            "messages_per_second": limits.messages_per_second,
            "nbytes_per_second": limits.nbytes_per_second,
        },
    }
