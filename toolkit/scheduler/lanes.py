"""May the operating system preempt work? Workers by level, the less important ones with niceness.

A thread's niceness can only be raised without privileges, never lowered again: a running quantum
keeps its lane, so its length is the bound, and a task changes lane when it yields.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from toolkit.scheduler.levels import Level

__all__ = ["LAYOUTS", "Lane", "Mode"]

Mode = Literal["levels", "guard", "lanes", "both"]


@dataclass(frozen=True, slots=True)
class Lane:
    """What a worker runs: levels `first` to `last`, at `niceness` of the operating system."""

    first: int
    last: int
    niceness: int = 0


_ALL = Lane(Level.CRITICAL, Level.IDLE)
_THREE = (
    Lane(Level.CRITICAL, Level.CRITICAL, 0),
    Lane(Level.HIGH, Level.NORMAL, 8),
    Lane(Level.LOW, Level.IDLE, 19),
)


def _one_lane(cores: int) -> tuple[Lane, ...]:
    """A worker for each core, all of which run every level."""
    return (_ALL,) * cores


def _three_lanes(cores: int) -> tuple[Lane, ...]:
    """A worker for each core in each lane: critical, conversation, background."""
    return tuple(lane for lane in _THREE for _ in range(cores))


LAYOUTS: dict[Mode, Callable[[int], tuple[Lane, ...]]] = {
    "levels": _one_lane,
    "guard": _one_lane,
    "lanes": _three_lanes,
    "both": _three_lanes,
}
