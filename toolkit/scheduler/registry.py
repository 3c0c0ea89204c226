"""Which kinds of work are there? Each with its number in the trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.scheduler.kinds import MAX_KINDS, Kind, KindState

if TYPE_CHECKING:
    from toolkit.scheduler.levels import Level

__all__ = ["Registry"]


class Registry(dict[str, KindState]):
    """What is known of each kind, by its name, in the order of the numbers."""

    def declare(self, name: str, declared: Kind | Level | int | str, workers: int) -> KindState:
        """Learn of a kind.

        Raises:
            ValueError: there is one of that name, there is no such level, or there are 255 already.
        """
        if name in self:
            raise ValueError(f"the kind {name!r} was declared before.")
        if len(self) == MAX_KINDS:
            raise ValueError(f"there are {MAX_KINDS} kinds already: {name!r} is one too many.")
        full = declared if isinstance(declared, Kind) else Kind(level=declared)
        self[name] = state = KindState(name, len(self), full, workers)
        return state

    def of(self, name: str) -> KindState:
        """What is known of `name`.

        Raises:
            ValueError: nobody declared it.
        """
        try:
            return self[name]
        except KeyError:
            known = ", ".join(self) or "none yet"
            raise ValueError(f"no kind {name!r} was declared; there are: {known}.") from None
