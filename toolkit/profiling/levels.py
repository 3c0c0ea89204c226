"""How closely is the next frame looked at? By the session's level, unless a look is due.

A frame has one level from its beginning to its end; what is changed meanwhile holds from the next
one. Code that is no pipeline counts its steps as frames.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LEVELS", "Plan", "check_level", "every", "higher"]

LEVELS = ("counts", "lines", "exact")


def check_level(level: str) -> str:
    """Gives `level` back.

    Raises:
        ValueError: there is no such level.
    """
    if level not in LEVELS:
        known = ", ".join(repr(one) for one in LEVELS)
        raise ValueError(f"level {level!r} does not exist; there is {known}.")
    return level


def higher(one: str, other: str) -> str:
    """The level of the two that tells more."""
    return one if one == other else max(one, other, key=LEVELS.index)


def every(frames: int, level: str = "lines") -> Callable[[int], str]:
    """For `profile(detail=...)`: look at every so-manieth frame, the first one included.

    Raises:
        ValueError: no such level, or fewer than one frame.
    """
    check_level(level)
    if frames < 1:
        raise ValueError(f"every({frames}) frames is none: say 1 for each, 30 for one in thirty.")
    return lambda number: level if number % frames == 0 else ""


class Plan:
    """Which level each frame has: the highest of the base, `detail` and a look that was asked for.

    Not locked: whoever owns it does so.

    Attributes:
        base: the level of frames that nothing is asked about.
        changes: how often something was asked.
    """

    def __init__(self, base: str, detail: Callable[[int], str] | None = None) -> None:
        self.base = check_level(base)
        self.changes: int = 0
        self._detail = detail
        self._number: int = 0
        self._step_at: int = 0  # number when the step began; sources may name frames
        self._looks = 0
        self._is_step_looked_at = False
        self._look_level = base
        self._given: dict[int, str] = {}
        self._unknown = ""
        self.begin_step()

    @property
    def is_even(self) -> bool:
        """Whether the frames that come have the level of those before."""
        return self._detail is None and not self._looks and self._unknown == self.base

    def set_base(self, level: str) -> None:
        """Have the frames that come at `level`."""
        self.base = check_level(level)
        self.changes += 1

    def look(self, frames: int, level: str) -> None:
        """Have the next `frames` at `level`, or at the one they have, if it tells more."""
        self._look_level = check_level(level)
        self._looks = frames
        self.changes += 1

    def level_of(self, frame: int) -> str:
        """The level of a frame, settled when it is first asked for; -1 is what has no frame yet."""
        if frame < 0:
            return self._unknown
        level = self._given.get(frame)
        if level is None:
            level = self._given[frame] = self._next()
            self._number += 1
            self._looks = max(self._looks - 1, 0)
        return level

    def end_frame(self, frame: int) -> None:
        """A frame is done, so that what comes belongs to the next."""
        self._given.pop(frame, None)
        self.begin_step()

    def end_step(self) -> None:
        """A step that no pipeline claims is done; it counts once, whether or not it was named."""
        if self._number == self._step_at:
            self._number += 1
            self._looks -= self._is_step_looked_at
        self._step_at = self._number
        self._is_step_looked_at = self._looks > 0
        self.begin_step()

    def begin_step(self) -> None:
        """What has no frame yet is looked at as the next frame will be."""
        self._unknown = self._next()

    def _next(self) -> str:
        level = self.base
        if self._looks:
            level = higher(level, self._look_level)
        wanted = self._detail(self._number) if self._detail else ""
        return higher(level, check_level(wanted)) if wanted else level
