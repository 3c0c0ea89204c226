"""What matters more? Five levels, from what a person notices at once to what nobody waits for."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["NEVER", "Level"]

NEVER = 2**62  # a time in ns that does not come: no deadline, no wake-up


class Level(IntEnum):
    """How urgent a kind of work is; a smaller number goes first."""

    CRITICAL = 0  # frame decode, audio sync, user input
    HIGH = 1  # inference for the active conversation
    NORMAL = 2  # background embedding, indexing
    LOW = 3  # training, consolidation, cleanup
    IDLE = 4  # speculative precomputation

    @classmethod
    def of(cls, value: Level | int | str) -> Level:
        """The level that `value` names: a `Level`, 0 to 4, or a name in any case.

        Raises:
            ValueError: there is no such level.
        """
        try:
            return cls[value.upper()] if isinstance(value, str) else cls(value)
        except (KeyError, ValueError):
            names = ", ".join(level.name for level in cls)
            raise ValueError(f"{value!r} is no level; there are {names} (0 to 4).") from None
