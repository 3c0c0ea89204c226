"""How much may one page send? What a page of ours never reaches, so that no other drowns a kernel.

A bucket for messages and one for bytes: each fills at its rate, holds what comes in two seconds,
and a message that finds too little is refused. Our own pages are held by credits far below that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Bucket", "Limits"]

_BURST_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What one view may do.

    Attributes:
        message_nbytes: of one message that it sends; jupyter-server-proxy lets 10 MiB through.
        messages_per_second: that it sends, over two seconds.
        nbytes_per_second: the same, in bytes.
        waiting_nbytes: what may wait to be sent to it; more, and it counts as stalled.
        hello_seconds: how soon it must say who it is.
        silent_seconds: how long a view over comm messages may send nothing while it is sent to.
        connections_per_second: with one token, over two seconds.
    """

    message_nbytes: int = 8 << 20
    messages_per_second: float = 400.0
    nbytes_per_second: float = 64 << 20
    waiting_nbytes: int = 16 << 20
    hello_seconds: float = 10.0
    silent_seconds: float = 10.0
    connections_per_second: float = 5.0


class Bucket:
    """Fills at a rate, and holds two seconds of it.

    Args:
        per_second: the rate.
        clock: says the time in seconds.
    """

    def __init__(self, per_second: float, clock: Callable[[], float]) -> None:
        self._per_second = per_second
        self._clock = clock
        self._level = self._most = per_second * _BURST_SECONDS
        self._at = clock()

    def try_take(self, amount: float = 1.0) -> bool:
        """Take `amount` if there is that much; never blocks."""
        now = self._clock()
        self._level = min(self._most, self._level + (now - self._at) * self._per_second)
        self._at = now
        if amount > self._level:
            return False
        self._level -= amount
        return True
