"""How does a consumer see every frame once? By a position of its own in the ring."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from toolkit import hooks
from toolkit.frame import Frame
from toolkit.traffic import Wakeups

if TYPE_CHECKING:
    from toolkit.ring import FrameRing
    from toolkit.slot import Slot

__all__ = ["RingReader"]


class RingReader:
    """One consumer's position in a ring: sees each frame once, in order; counts what it missed.

    While it is open, the policies `"block"`, `"newest"` and `"error"` keep frames that it has not
    read. Close it when you stop reading, or use it as a context manager.
    """

    def __init__(self, ring: FrameRing) -> None:
        self._ring = ring
        self.wakeups = Wakeups()
        self.missed = 0
        with ring._lock:
            self.position = ring._published
            ring._traffic.readers = (*ring._traffic.readers, self)

    def next(self, timeout_seconds: float | None = None) -> Frame | None:
        """The next unread frame, held; blocks until there is one. None when the time is over."""
        give_up = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        frame = self.try_next()
        if frame is not None:
            return frame
        with self.wakeups.expected(), hooks.timed("wait", op="ring reader"):
            while (frame := self.try_next()) is None:
                left = 1.0 if give_up is None else give_up - time.monotonic()
                if left <= 0:
                    return None
                self.wakeups.wait(left)
        return frame

    def try_next(self) -> Frame | None:
        """The next unread frame, held, or None at once."""
        ring = self._ring
        with ring._lock:
            found: Slot | None = None
            for slot in reversed(ring._order):
                if slot.sequence < self.position:
                    break
                found = slot
            if found is None:
                return None
            self.missed += found.sequence - self.position
            self.position = found.sequence + 1
            frame = Frame(found)
        ring._traffic.wakeups.notify()
        return frame

    def close(self) -> None:
        """Stop counting as a reader. A second call does nothing."""
        ring = self._ring
        with ring._lock:
            ring._traffic.readers = tuple(one for one in ring._traffic.readers if one is not self)
        ring._traffic.wakeups.notify()

    def __enter__(self) -> RingReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
