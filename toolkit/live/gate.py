"""Who may connect? A page that knows the token, comes from an origin we were told, and means us.

Any page in any tab can open a WebSocket to 127.0.0.1, since browsers do not hold these to one
origin, and any program of any user of the machine can connect too. Each check is for one of them:

- **Token** (404 without): 32 random bytes for each view, told only to its page, over the Jupyter
  channel that has checked who is there. It keeps out whoever cannot read that channel: other pages,
  other programs, other users. Compared in constant time, so that it cannot be guessed piece by
  piece.
- **Origin** (403): must be one that the page itself told us over that channel. A browser always
  sends it and no script can change it, so a page that got hold of a token (a log, a screenshot)
  still cannot use it. No origin at all is no browser, and `null` is a page that hides its own.
- **Host** (403): must be this machine's loopback with our port, or, where the Jupyter server
  passes the request on, the host of an allowed origin. With DNS rebinding, a page of
  `evil.example` lets its name point to 127.0.0.1, and then the browser takes us for its own server:
  the name in `Host` is still `evil.example`, and is refused.

Refusals say in one sentence what is wrong, and never what would be right.
"""

from __future__ import annotations

import hmac
import re
import secrets
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Gate", "find_gate", "is_loopback"]

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://(\[[0-9a-f:.]+\]|[^\s/:?#@\[\]]+)(:\d{1,5})?")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_MOST_ORIGINS = 16
_TOKEN_NBYTES = 32


class Gate:
    """The way in for one view.

    Args:
        port: of our server.

    Attributes:
        token: what its page must say.
    """

    def __init__(self, port: int) -> None:
        self.token = secrets.token_urlsafe(_TOKEN_NBYTES)
        self._port = port
        self._hosts_of: dict[str, set[str]] = {}  # of each allowed origin

    def allow_origin(self, origin: str) -> None:
        """Let pages of `origin` in, such as `"https://hub.example.org"`: scheme, host and port.

        Raises:
            ValueError: it is no origin, is `"null"`, or there are too many.
        """
        told = origin.lower().rstrip("/") if isinstance(origin, str) else ""
        hosts = _hosts(told)
        if not hosts:
            raise ValueError(
                f"{origin!r:.100} is no origin; give scheme://host or scheme://host:port, as in "
                "location.origin. A page whose origin is 'null' has to use comm messages."
            )
        if told not in self._hosts_of and len(self._hosts_of) >= _MOST_ORIGINS:
            raise ValueError(f"{_MOST_ORIGINS} origins were told for one view; no more are taken")
        self._hosts_of[told] = hosts

    def refusal(self, *, host: str, origin: str | None) -> str:
        """Why a request with these two headers may not come in, or nothing where it may."""
        if not origin:
            return "A request without an Origin is not answered."
        if origin.lower() not in self._hosts_of:
            return "This page's origin is not the one that was announced."
        announced = set[str]().union(*list(self._hosts_of.values()))
        if not is_loopback(host, self._port) and host.lower() not in announced:
            return "This Host is neither loopback nor the announced page's own."
        return ""

    def transport(self, host: str) -> Literal["websocket", "proxy"]:
        """Which way a request with this `Host` took: straight here, or passed on by a server."""
        return "websocket" if is_loopback(host, self._port) else "proxy"


def find_gate(gates: Iterable[Gate], token: str) -> Gate | None:
    """The gate with this token, or None. Takes as long for a wrong token as for a right one."""
    given = token.encode("utf-8", "replace")
    found = None
    for gate in gates:
        if hmac.compare_digest(gate.token.encode(), given):
            found = gate
    return found


def is_loopback(host: str, port: int) -> bool:
    """Whether a `Host` header names this machine's loopback with `port`."""
    return host.lower() in {f"{name}:{port}" for name in _LOOPBACK}


def _hosts(origin: str) -> set[str]:
    """What a browser may put into `Host` for this origin; empty where it is no origin."""
    match = _ORIGIN.fullmatch(origin)
    if match is None:
        return set()
    scheme, host, port = match.groups()
    if port is not None:
        return {host + port} if 0 < int(port[1:]) < 1 << 16 else set()
    default = _DEFAULT_PORTS.get(scheme)
    return {host, f"{host}:{default}"} if default else {host}
