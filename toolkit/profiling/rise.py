"""How high did device memory stand? Live bytes of a scope and their peak, inner scopes included."""

from __future__ import annotations

__all__ = ["Rise"]


class Rise:
    """Bytes alive of those taken since a scope was entered.

    Attributes:
        live_bytes: now; negative where more was given back than taken.
        peak_bytes: the highest so far.
    """

    __slots__ = ("live_bytes", "peak_bytes")

    def __init__(self) -> None:
        self.live_bytes = self.peak_bytes = 0

    def add(self, net_bytes: int, peak_bytes: int) -> None:
        """A stretch of the scope is done: by how much it rose, and how high it stood meanwhile."""
        self.peak_bytes = max(self.peak_bytes, self.live_bytes + peak_bytes)
        self.live_bytes += net_bytes

    def enclose(self, inner: Rise) -> None:
        """A scope inside of it is done."""
        self.add(inner.live_bytes, inner.peak_bytes)
