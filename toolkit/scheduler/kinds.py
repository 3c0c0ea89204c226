"""What is known of a kind of work? What its author declared, and what was measured since."""

from __future__ import annotations

import array
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from toolkit.scheduler.levels import NEVER, Level
from toolkit.scheduler.reasons import CAUSES, Reason

if TYPE_CHECKING:
    from toolkit.scheduler.task import Task

__all__ = ["MAX_KINDS", "Kind", "KindState", "QueueFull"]

MAX_KINDS = 255  # the number of a kind takes a byte of an event
_LATENCIES = 1024
Overflow = Literal["wait", "error", "shed"]


class QueueFull(RuntimeError):
    """A kind's queue is full. Carries `kind` and `max_queued`."""

    def __init__(self, kind: str, max_queued: int) -> None:
        super().__init__(
            f"{max_queued} tasks of kind {kind!r} are queued already. Submit less often, give them "
            "a key so that the newest replaces the last, or declare "
            f"Kind(max_queued=..., overflow='wait' or 'shed') for {kind!r}."
        )
        self.kind = kind
        self.max_queued = max_queued


@dataclass(frozen=True, slots=True)
class Kind:
    """What the author of some work declares about it.

    Attributes:
        level: how urgent it is where no context says otherwise; a `Level`, a number or a name.
        max_queued: how many may be queued.
        overflow: what becomes of one more: the submitter waits, gets `QueueFull`, or it is shed.
        quantum_seconds: how long a quantum takes, until some were measured.
        raise_to: the most urgent level that it may be given because it misses its deadlines.
    """

    level: Level | int | str = Level.NORMAL
    max_queued: int = 100_000
    overflow: Overflow = "wait"
    quantum_seconds: float = 0.01
    raise_to: Level | int | str | None = None

    def __post_init__(self) -> None:
        """Check what was declared.

        Raises:
            ValueError: a level, a size or a word that there is not.
        """
        Level.of(self.level)
        if self.raise_to is not None:
            Level.of(self.raise_to)
        if self.max_queued < 1:
            raise ValueError(f"max_queued={self.max_queued}: a queue holds one task at least.")
        if self.overflow not in ("wait", "error", "shed"):
            raise ValueError(f"overflow={self.overflow!r}; there are 'wait', 'error' and 'shed'.")
        if not self.quantum_seconds > 0:
            raise ValueError(f"quantum_seconds={self.quantum_seconds} is not above 0.")


class KindState:
    """The queues of a kind, one for each worker, and what was measured of it.

    Attributes:
        name, number: as in the trace.
        base: the level that was declared.
        assigned: the level that the context gives it.
        asked: the level that it asks for since it misses deadlines, or None.
        expected: the level that a prediction gives it, or None.
        level: the most urgent of the three: what counts.
        queued: how many are in its own queues; tasks with a level of their own are elsewhere.
        quantum_ns, spread_ns: mean and mean deviation of a quantum.
        task_ns: mean time that a whole task runs.
        longest_ns: the longest quantum so far.
        is_second: whether the next quantum will be the second one.
    """

    __slots__ = (
        "asked",
        "assigned",
        "base",
        "cancelled",
        "causes",
        "declared",
        "done",
        "expected",
        "failed",
        "heaps",
        "is_second",
        "latencies_ns",
        "level",
        "level_ns",
        "longest_ns",
        "mask",
        "missed",
        "name",
        "number",
        "oldest",
        "period",
        "quantum_ns",
        "queued",
        "ran_ns",
        "released",
        "shed",
        "spread_ns",
        "stolen",
        "task_ns",
        "waiting",
    )

    def __init__(self, name: str, number: int, declared: Kind, workers: int) -> None:
        self.name = name
        self.number = number
        self.declared = declared
        self.base = self.assigned = self.level = int(Level.of(declared.level))
        self.asked: int | None = None
        self.expected: int | None = None
        self.heaps: list[list[Any]] = [[] for _ in range(workers)]
        self.mask = self.queued = self.waiting = 0
        self.oldest: deque[tuple[int, Task]] = deque()
        self.period = Period()
        self.quantum_ns = self.longest_ns = int(declared.quantum_seconds * 1e9)
        self.spread_ns = self.quantum_ns // 4
        self.task_ns = 0
        self.released = self.done = self.missed = self.shed = self.cancelled = self.failed = 0
        self.stolen = self.ran_ns = 0
        self.is_second = False
        self.level_ns = [0] * len(Level)
        self.causes: dict[Reason, int] = dict.fromkeys(CAUSES, 0)
        self.latencies_ns = array.array("q", bytes(8 * _LATENCIES))

    @property
    def is_full(self) -> bool:
        """Whether as many are queued as may be."""
        return self.waiting >= self.declared.max_queued

    def effective(self) -> int:
        """The level that counts: the most urgent of those it was given."""
        level = self.assigned
        if self.asked is not None and self.asked < level:
            level = self.asked
        if self.expected is not None and self.expected < level:
            level = self.expected
        return level

    def measured(self, took_ns: int, level: int) -> None:
        """Note how long a quantum took.

        What was declared is only a guess, which the first one replaces. It may be far slower than
        the others, for it makes what they find: then the second one replaces it.
        """
        is_first = not self.ran_ns
        was_slow = self.is_second and 2 * took_ns < self.quantum_ns
        self.is_second = is_first
        if is_first or was_slow:
            self.quantum_ns = took_ns
            self.spread_ns = took_ns // 4
        else:
            off = took_ns - self.quantum_ns
            self.quantum_ns += off // 10
            self.spread_ns += (abs(off) - self.spread_ns) // 10
        if took_ns > self.longest_ns:
            self.longest_ns = took_ns
        self.ran_ns += took_ns
        self.level_ns[level] += took_ns

    def ended(self, task: Task) -> None:
        """Note a task that ran to its end."""
        took_ns = task.ran_ns
        self.task_ns = (
            took_ns if not self.task_ns else self.task_ns + (took_ns - self.task_ns) // 10
        )
        self.latencies_ns[(self.done + self.failed) % _LATENCIES] = task.ended_ns - task.released_ns

    def doubt(self, task: Task) -> None:
        """A task is dropped since it would be late: even if it had begun at once?

        Then no task of the kind would run any more, and nothing would show that they are quicker
        now, as after a slow first one. So what is expected sinks until one is tried.
        """
        if self.task_ns > task.deadline_ns - task.released_ns:
            self.task_ns -= self.task_ns // 10

    def recent_ns(self) -> list[int]:
        """Times from release to end of the newest tasks, sorted."""
        return sorted(self.latencies_ns[: min(self.done + self.failed, _LATENCIES)])


class Period:
    """When is the next one released? As declared, or learned from those before.

    A release that was skipped is no longer period.

    Attributes:
        ns, jitter_ns: the period, and how far releases are off it, on average.
        last_ns: when the last one was released, or -1.
        is_declared: whether the period is known, and not learned.
        is_steady: whether there is a period at all.
    """

    __slots__ = ("is_declared", "is_steady", "jitter_ns", "last_ns", "ns")

    def __init__(self) -> None:
        self.ns = 0
        self.jitter_ns = NEVER
        self.last_ns = -1
        self.is_declared = self.is_steady = False

    def declare(self, period_ns: int) -> None:
        """Take `period_ns` for granted; only its phase is learned from now on."""
        self.ns = period_ns
        self.jitter_ns = 0
        self.is_declared = self.is_steady = True

    def released(self, now_ns: int) -> None:
        """Note a release."""
        last_ns, self.last_ns = self.last_ns, now_ns
        if last_ns < 0:
            return
        gap_ns = now_ns - last_ns
        if not self.ns:
            self.ns = self.jitter_ns = gap_ns  # how steady that is, the next one tells
            return
        if 2 * gap_ns > 3 * self.ns:
            gap_ns -= self.ns * ((2 * gap_ns - self.ns) // (2 * self.ns))
        off_ns = gap_ns - self.ns
        self.jitter_ns += (abs(off_ns) - self.jitter_ns) // 10
        if not self.is_declared:
            self.ns += off_ns // 10
        self.is_steady = 4 * self.jitter_ns <= self.ns > 0

    def next_ns(self, now_ns: int) -> int:
        """When the next one is due, or NEVER where there is no steady period."""
        if not self.is_steady or self.last_ns < 0 or now_ns - self.last_ns > 3 * self.ns:
            return NEVER
        due_ns = self.last_ns + self.ns
        late_ns = now_ns - due_ns
        if late_ns > self.jitter_ns:
            due_ns += self.ns * (late_ns // self.ns + 1)
        return due_ns
