"""May the operating system preempt work? Workers by level, the less important ones with niceness.

A thread's niceness can only be raised without privileges, never lowered again: a running quantum
keeps its lane, so its length is the bound, and a task changes lane when it yields.
"""

from __future__ import annotations

from dataclasses import dataclass

from toolkit.scheduler.levels import Level

__all__ = ["Lane", "one_lane", "three_lanes"]


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


def one_lane(cores: int) -> tuple[Lane, ...]:
    """A worker for each core, all of which run every level."""
    return (_ALL,) * cores


def three_lanes(cores: int) -> tuple[Lane, ...]:
    """A worker for each core in each lane: critical, conversation, background."""
    return tuple(lane for lane in _THREE for _ in range(cores))
