"""What matters now? A context is data: the levels that some kinds have while it holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from toolkit.scheduler.levels import Level

__all__ = ["NO_CONTEXT", "Context", "levels_in"]


@dataclass(frozen=True)
class Context:
    """A situation in which other work matters than usually.

    Attributes:
        name: what it is called.
        levels: level by kind; kinds that are not named keep theirs.
    """

    name: str
    levels: Mapping[str, Level | int | str] = field(default_factory=dict[str, "Level | int | str"])

    def __post_init__(self) -> None:
        """Check the levels.

        Raises:
            ValueError: a level that there is not.
        """
        for level in self.levels.values():
            Level.of(level)


NO_CONTEXT = Context("default")


def levels_in(context: Context, kinds: Iterable[str]) -> dict[str, int]:
    """The levels that `context` gives to those of `kinds` that it names."""
    known = set(kinds)
    return {name: int(Level.of(to)) for name, to in context.levels.items() if name in known}
