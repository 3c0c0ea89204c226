"""Which stretches are looked at operator by operator? A few, that speak for the others.

Allocations cost next to nothing to record, and are recorded always. Operators cost 4 us each, and
a pipeline that works band by band calls thousands of views a frame. So a stage is looked at closely
when it is new, on every sixtieth entry, and after it allocated as it never did before. In between,
a stretch that allocates the same sizes in the same order is taken to copy the same; one that
allocates nothing, and never did so while it was looked at, is taken to copy nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from toolkit.profiling.counting import Counts

if TYPE_CHECKING:
    from toolkit.profiling.frames import StageKey

__all__ = ["GUESSED", "LOOKED", "RECALLED", "Copies", "Looks"]

LOOK_EVERY = 60
FIRST_LOOKS = 2  # a stage makes its constants on the first entry, and shows its habit on the second
REMEMBERED = 64

LOOKED = "looked at"
RECALLED = "recalled"
GUESSED = "guessed"

# Which stretch of an entry, and a hash over the sizes that it allocated.
_Stretch = tuple[int, int]
# Count and bytes by direction, and how many of them have no bytes.
Copies = tuple[dict[str, tuple[int, int]], int]
_NOTHING: Copies = ({}, 0)


@dataclass(slots=True)
class _Habit:
    """What is known of one stage."""

    entries: int = 0
    is_asked: bool = False
    copies: dict[_Stretch, Copies] = field(default_factory=dict[_Stretch, Copies])
    newest: dict[int, Copies] = field(default_factory=dict[int, Copies])


class Looks:
    """What one thread remembers of the copies of its stages."""

    def __init__(self) -> None:
        self._habits: dict[StageKey, _Habit] = {}
        self.has_asked = False  # for a look, since somebody put this back

    def _habit(self, key: StageKey) -> _Habit:
        habit = self._habits.get(key)
        if habit is None:
            habit = self._habits[key] = _Habit()
        return habit

    def is_due(self, key: StageKey) -> bool:
        """Whether the entry that begins now is one to look at closely."""
        habit = self._habit(key)
        number = habit.entries
        habit.entries += 1
        is_due = habit.is_asked or number < FIRST_LOOKS or number % LOOK_EVERY == 0
        habit.is_asked = False
        return is_due

    def until_due(self, key: StageKey) -> int:
        """How many entries come before the next one to look at, as things are."""
        habit = self._habit(key)
        if habit.is_asked or habit.entries < FIRST_LOOKS:
            return 0
        return -habit.entries % LOOK_EVERY

    def pass_over(self, key: StageKey) -> None:
        """An entry began that was not looked at. If it was due, the next one is."""
        habit = self._habit(key)
        if habit.entries % LOOK_EVERY == 0:
            habit.is_asked = self.has_asked = True
        habit.entries += 1

    def remember(
        self, key: StageKey, place: int, counts: Counts, *, is_looked_at: bool, has_seen: bool
    ) -> str:
        """Learn copies where operators were looked at; else recall them. Answers how they are.

        Args:
            key: of the stage.
            place: which stretch of its entry.
            counts: of the stretch, to learn from or to fill in.
            is_looked_at: operators were.
            has_seen: some calls were looked into.
        """
        if is_looked_at:
            self.learn(key, place, counts)
            return LOOKED
        if has_seen:
            return self.complete(key, place, counts)
        return self.recall(key, place, counts)

    def learn(self, key: StageKey, place: int, counts: Counts) -> None:
        """Remember what a stretch copied that was looked at."""
        habit = self._habit(key)
        sides = {side: (entry[0], entry[1]) for side, entry in counts.copies.items()}
        habit.newest[place] = (sides, counts.unsized_copies)
        habit.copies.pop((place, counts.signature), None)
        habit.copies[place, counts.signature] = habit.newest[place]
        while len(habit.copies) > REMEMBERED:
            del habit.copies[next(iter(habit.copies))]
        while len(habit.newest) > REMEMBERED:
            del habit.newest[next(iter(habit.newest))]

    def recall(self, key: StageKey, place: int, counts: Counts) -> str:
        """Fill in what a stretch copied that was not looked at; answers `RECALLED` or `GUESSED`."""
        (sides, counts.unsized_copies), answer = self.known(key, place, counts.signature)
        for side, (number, nbytes) in sides.items():
            counts.copies[side] = [number, nbytes]
        return answer

    def forget_idle(self, key: StageKey) -> None:
        """An entry ends that is none like the others, such as what follows the last step.

        Where it allocated nothing up to there, it is taken to copy nothing.
        """
        self._habit(key).copies.pop((0, Counts().signature), None)

    def known(self, key: StageKey, place: int, signature: int) -> tuple[Copies, str]:
        """What a stretch copied that allocates so, and whether that is `RECALLED` or `GUESSED`."""
        habit = self._habits.get(key) or self._habit(key)
        known = habit.copies.get((place, signature))
        if known is not None:
            return known, RECALLED
        habit.is_asked = self.has_asked = True  # it did something new: look at its next entry
        return habit.newest.get(place, _NOTHING) if signature else _NOTHING, GUESSED

    def complete(self, key: StageKey, place: int, counts: Counts) -> str:
        """Add what a stretch copied inside of calls that were not looked into; they have no line.

        What the calls themselves showed is kept, with its sizes.
        """
        known = Counts(signature=counts.signature)
        answer = self.recall(key, place, known)
        for side, (number, _) in known.copies.items():
            missing = number - counts.copies.get(side, (0, 0))[0]
            for _ in range(missing):
                counts.add_copy(side, 0)
            if missing > 0:
                counts.line("", "").copies += missing
        return answer
