"""Who runs what, who rests, and whom to wake? The processors, as the policy sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.scheduler.levels import NEVER, Level

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from toolkit.scheduler.lanes import Lane
    from toolkit.scheduler.task import Task

__all__ = ["MAX_WORKERS", "Workers"]

MAX_WORKERS = 254  # the number of a worker takes a byte of an event
_LEVELS = len(Level)


class Workers:
    """One for each core, or one for each core in each of three lanes.

    Attributes:
        cores: how many run at once.
        lanes: what each one runs.
        has_lanes: whether there are several lanes.
        running: the task of each, or None.
        end_ns: when the quantum of each will probably end.
        wake_ns: when each one that rests must look again; NEVER: only when woken.
        wakes: bit mask of those that have something to do and were not told yet.

    Raises:
        ValueError: fewer than one, or more than the trace can number.
    """

    __slots__ = (
        "_held",
        "_idle",
        "_may",
        "cores",
        "end_ns",
        "has_lanes",
        "lanes",
        "running",
        "wake_ns",
        "wakes",
    )

    def __init__(self, cores: int, lanes: Callable[[int], tuple[Lane, ...]]) -> None:
        if cores < 1 or len(lanes(cores)) > MAX_WORKERS:
            most = MAX_WORKERS // len(lanes(1))
            raise ValueError(f"workers={cores}; from 1 to {most} are possible in this mode.")
        self.cores = cores
        self.lanes = lanes(cores)
        self.has_lanes = len(self.lanes) > cores
        count = len(self.lanes)
        self.running: list[Task | None] = [None] * count
        self.end_ns = [0] * count
        self.wake_ns = [NEVER] * count
        self.wakes = 0
        self._idle = (1 << count) - 1  # those that picked nothing and were not woken since
        self._held = [_LEVELS] * count  # of an idle one: levels from here on wait for a release
        self._may = [
            sum(1 << w for w, lane in enumerate(self.lanes) if lane.first <= level <= lane.last)
            for level in range(_LEVELS)
        ]

    def __len__(self) -> int:
        return len(self.lanes)

    def home(self, number: int) -> int:
        """Whose queue a new task goes to: of one that rests, else by turns."""
        idle = self._idle
        if idle:
            return (idle & -idle).bit_length() - 1
        return number % len(self.lanes)

    def wake(self, level: int) -> bool:
        """Wake one that rests and may run `level` now. Whether there was one."""
        able = self._idle & self._may[level]
        while able:
            bit = able & -able
            worker = bit.bit_length() - 1
            if level < self._held[worker] and not (self.has_lanes and self.is_crowded(worker)):
                self._idle &= ~bit
                self.wakes |= bit
                return True
            able ^= bit
        return False

    def wake_for(self, ready: Sequence[int], first: int = 0) -> None:
        """Wake as many as can do something about what is `ready` at each level, from `first` on."""
        for level in range(first, _LEVELS):
            left = ready[level]
            while left > 0 and self.wake(level):
                left -= 1

    def is_expected(self, level: int) -> bool:
        """Whether one that was just woken takes what waits at `level`."""
        return bool(self.wakes & self._may[level])

    def begin(self, worker: int, task: Task, end_ns: int) -> None:
        """It runs a quantum of `task`."""
        self.running[worker] = task
        self._idle &= ~(1 << worker)
        self._held[worker] = _LEVELS
        self.wake_ns[worker] = NEVER
        self.end_ns[worker] = end_ns

    def rest(self, worker: int, wake_ns: int, held: int) -> None:
        """It found nothing; levels from `held` on wait for a release until `wake_ns`."""
        self.running[worker] = None
        self._idle |= 1 << worker
        self._held[worker] = held
        self.wake_ns[worker] = wake_ns

    def is_crowded(self, worker: int) -> bool:
        """Whether as many as there are cores run something at least as important as its lane."""
        first = self.lanes[worker].first
        busy = 0
        for other, task in enumerate(self.running):
            if task is not None and other != worker and self.lanes[other].first <= first:
                busy += 1
        return busy >= self.cores

    def busy_until_ns(self, worker: int) -> list[int]:
        """When each other one that runs something as important as its lane will be free."""
        first = self.lanes[worker].first
        return [
            self.end_ns[other]
            for other, task in enumerate(self.running)
            if task is not None and other != worker and self.lanes[other].first <= first
        ]
