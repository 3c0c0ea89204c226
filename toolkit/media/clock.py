"""When is a picture shown? By its timestamp, unless that is missing or runs backward.

Files that were cut, joined or written by a broken muxer have pictures without a time, or with the
time of an earlier one. Whoever computes a speed from two frames divides by that difference, so
it is repaired here, and every repair is counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

__all__ = ["Clock", "Stamp"]

_JUMP_SECONDS = 1.0  # further back than that is a new beginning, not a jitter


@dataclass(frozen=True, slots=True)
class Stamp:
    """When one picture is shown.

    Attributes:
        pts_seconds: presentation time; grows from picture to picture.
        duration_seconds: how long, or None where the stream does not say.
        is_repaired: the stream gave no time, or one that was not later than the last.
        is_jump: the stream's time went back by more than a second and runs on from there.
    """

    pts_seconds: float
    duration_seconds: float | None
    is_repaired: bool = False
    is_jump: bool = False


class Clock:
    """Turns timestamps of one stream into seconds that always grow.

    * No time: one step after the last picture; the step is its duration, or 1 / fps.
    * Not later than the last: half a step after it, so that the next good time still fits in.
    * Back by more than a second: a new beginning; this and later times are moved to follow on.
    """

    def __init__(self, time_base: Fraction | None, *, fps: float | None) -> None:
        self._unit = time_base or Fraction(0)
        self._step = 1.0 / fps if fps else 1.0 / 25.0
        self.reset()

    def reset(self) -> None:
        """Forget the last picture: after a seek, time may start anywhere."""
        self._last: float | None = None
        self._shift = 0.0

    def stamp(self, ticks: int | None, duration_ticks: int | None = None) -> Stamp:
        """The time of the next picture in order of presentation."""
        duration = self._seconds(duration_ticks) if duration_ticks and duration_ticks > 0 else 0.0
        known = ticks is not None and self._unit > 0
        seconds = self._seconds(ticks) + self._shift if known and ticks is not None else 0.0
        is_jump = False
        if self._last is None:
            is_repaired = not known
        elif not known:
            seconds, is_repaired = self._last + self._step, True
        elif seconds > self._last:
            is_repaired = False
        else:
            is_repaired = True
            is_jump = self._last - seconds > _JUMP_SECONDS
            follow = self._last + (self._step if is_jump else self._step / 2)
            self._shift += follow - seconds if is_jump else 0.0
            seconds = follow
        self._last = seconds
        if duration:
            self._step = duration
        return Stamp(seconds, duration or None, is_repaired, is_jump)

    def _seconds(self, ticks: int) -> float:
        """Ticks in seconds, rounded once, so that 208/1000 is 0.208."""
        return ticks * self._unit.numerator / self._unit.denominator
