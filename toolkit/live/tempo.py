"""When is a frame to be shown? At its own time, counted on a clock that is given.

Where pictures come too late to keep up, the clock is set back: playing gets slower than the film,
and leaves nothing out. After a seek or at the turn of a loop, the next frame follows in its turn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Tempo"]

_PATIENCE_SECONDS = 0.25  # how late is late


class Tempo:
    """Turns presentation times into moments of a clock.

    Args:
        clock: says the time in seconds.

    Attributes:
        speed: how many seconds of film pass in one second.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._speed = 1.0
        self._last: tuple[float, float] | None = None  # presentation time, moment it was due
        self._step = 0.0

    @property
    def speed(self) -> float:
        """How many seconds of film pass in one second."""
        return self._speed

    @speed.setter
    def speed(self, value: float) -> None:
        self._speed = value

    def restart(self) -> None:
        """The next frame is due now, whatever its time: after a pause or a seek."""
        self._last = None

    def wait_seconds(self, pts_seconds: float) -> float:
        """How long until the frame after the last one that was `shown` is due; 0: now."""
        return max(0.0, self._due(pts_seconds) - self._clock())

    def shown(self, pts_seconds: float) -> None:
        """A frame was shown: those after it count from here."""
        now, due = self._clock(), self._due(pts_seconds)
        if self._last is not None and pts_seconds > self._last[0]:
            self._step = pts_seconds - self._last[0]
        self._last = (pts_seconds, due if now - due < _PATIENCE_SECONDS else now)

    def _due(self, pts_seconds: float) -> float:
        if self._last is None:
            return self._clock()
        last, at = self._last
        ahead = pts_seconds - last
        return at + (ahead if ahead >= 0 else self._step) / self._speed
