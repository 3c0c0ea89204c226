"""Was a budget kept? One verdict over all frames, or over a block, from what each of them used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.profiling.overrun import Overrun
from toolkit.profiling.usage import Excess, Offender, exceeded, offenders_of

if TYPE_CHECKING:
    from toolkit.profiling.terms import Terms
    from toolkit.profiling.usage import Usage

__all__ = ["Judge"]

_NAMED_FRAMES = 20
_BYTES_BY_SIDE = ("h2d_bytes", "d2h_bytes", "h2h_bytes")


class Judge:
    """Holds usages against limits, and adds up those that are over.

    Attributes:
        frames: how many frames were held against the limits.
    """

    def __init__(self, terms: Terms, where: str) -> None:
        self.frames = 0
        self._limits = terms.limits
        self._where = where
        self._most: dict[str, Excess] = {}
        self._over: dict[int, None] = {}
        self._frames_over = 0
        self._offenders: dict[tuple[str, str, str, str], Offender] = {}
        self._unknown_sides = 0
        self._unsized = 0

    def hold(self, usage: Usage, index: int = -1, *, is_new: bool = True) -> Overrun | None:
        """Hold what a frame used, or with index -1 anything else, against the limits.

        Args:
            usage: all that it used so far.
            index: of the frame.
            is_new: False where it was held before, and kept them, and used more since.
        """
        self.frames += is_new and index >= 0
        self._note_gaps(usage)
        found = exceeded(self._limits, usage)
        if not found:
            return None
        for one in found:
            if one.name not in self._most or self._most[one.name].used < one.used:
                self._most[one.name] = one
        offenders = offenders_of([one.name for one in found], usage.offenders.values())
        for one in offenders:
            key = (one.what, one.stage, one.operator, one.source)
            total = self._offenders.setdefault(key, Offender(*key))
            total.count += one.count
            total.nbytes += one.nbytes
        if index < 0:
            return Overrun(found, tuple(offenders), where=self._where)
        self._frames_over += 1
        if len(self._over) < _NAMED_FRAMES:
            self._over[index] = None
        return Overrun(found, tuple(offenders), (index,), 1, 1, self._where)

    def verdict(self, *, names_frames: bool) -> Overrun | None:
        """All that was over, together; None if nothing was."""
        if not self._most:
            return None
        found = tuple(self._most[name] for name in self._limits if name in self._most)
        offenders = offenders_of(self._most, self._offenders.values())
        if not names_frames:
            return Overrun(found, tuple(offenders), where=self._where)
        return Overrun(
            found,
            tuple(offenders),
            tuple(self._over),
            self._frames_over,
            self.frames,
            self._where,
        )

    def gaps(self) -> list[str]:
        """What of the limits could not be judged, in sentences."""
        found: list[str] = []
        if self._unknown_sides:
            found.append(
                f"of {self._unknown_sides} copies the direction is not known, so they count in no "
                "limit on the bytes of one direction"
            )
        if self._unsized:
            found.append(
                f"of {self._unsized} copies the size is not known, so they count as 0 bytes"
            )
        return found

    def _note_gaps(self, usage: Usage) -> None:
        sides = [name for name in _BYTES_BY_SIDE if name in self._limits]
        if sides:
            self._unknown_sides += usage.unknown_side
        # With a limit of 0 a copy of unknown size is over, whatever its size.
        self._unsized += sum(usage.unsized[name] for name in sides if self._limits[name])
