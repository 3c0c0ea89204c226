"""What is scheduled? One piece of work with its level, its deadline and the story of its waits."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any

from toolkit.scheduler.levels import NEVER
from toolkit.scheduler.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["State", "Task"]


class State(IntEnum):
    """Where a task is; the last four are ends."""

    NEW = 0
    READY = 1
    RUNNING = 2
    BLOCKED = 3
    DONE = 4
    FAILED = 5
    CANCELLED = 6
    SHED = 7

    @property
    def is_end(self) -> bool:
        """Whether nothing happens to the task any more."""
        return self >= State.DONE


_NEW, _NONE = State.NEW, Reason.NONE  # looked up once: this is the hot path


class Task:
    """One piece of work, as the policy sees it: it never looks at `work`.

    All times are in ns on the clock of whoever drives the policy.

    Attributes:
        number: its name in the trace, from 1; 0 before it is submitted.
        kind: name of its kind.
        work: for the executor; opaque here.
        deadline_ns: when its result is wanted, or NEVER.
        is_optional: whether it is dropped when it cannot be in time.
        key: a newer task with the same key replaces this one while it has not begun.
        level: the one it is queued or running at.
        raised: a level of its own, above that of its kind, or None.
        raised_by: why.
        order_ns: the deadline it is sorted by: its own, or an earlier one of who awaits it.
        bound_ns: when it will have begun its next quantum at the latest.
        awaits: the task that it awaits, while it is blocked on one.
        waiters: tasks that await it.
        claims: levels and deadlines of threads outside that wait for it.
        began_ns: when its first quantum began, or -1.
        ended_ns: when it ended, or -1.
        quanta: how many it has run.
        queued_ns, ran_ns, blocked_ns: where its time went.
        cpu_ns, copied_ns, waited_ns: of the time that it ran, what is explained.
        is_apart: it is queued at a level of its own, apart from its kind.
        dropped_by: why it was shed.
        is_cancelled: it ends at the end of its quantum.
    """

    __slots__ = (
        "awaits",
        "began_ns",
        "blocked_ns",
        "bound_ns",
        "claims",
        "copied_ns",
        "cost_ns",
        "cpu_ns",
        "deadline_ns",
        "dropped_by",
        "ended_ns",
        "home",
        "is_apart",
        "is_cancelled",
        "is_optional",
        "key",
        "kind",
        "level",
        "number",
        "order_ns",
        "quanta",
        "queued_ns",
        "raised",
        "raised_by",
        "ran_ns",
        "released_ns",
        "since_ns",
        "state",
        "turn_ns",
        "version",
        "waited_ns",
        "waiters",
        "work",
    )

    def __init__(
        self,
        kind: str,
        work: Any = None,
        *,
        deadline_ns: int = NEVER,
        optional: bool = False,
        key: Hashable = None,
    ) -> None:
        self.kind = kind
        self.work = work
        self.deadline_ns = self.order_ns = deadline_ns
        self.is_optional = optional
        self.key = key
        self.number = self.level = self.home = self.version = self.quanta = 0
        self.state = _NEW
        self.raised: int | None = None
        self.raised_by = self.dropped_by = _NONE
        self.awaits: Task | None = None
        self.waiters: list[Task] | None = None
        self.claims: list[tuple[int, int]] | None = None
        self.began_ns = self.ended_ns = -1
        self.bound_ns = NEVER
        self.queued_ns = self.ran_ns = self.cpu_ns = self.copied_ns = self.blocked_ns = 0
        self.waited_ns = 0
        self.released_ns = self.since_ns = self.cost_ns = self.turn_ns = 0
        self.is_cancelled = self.is_apart = False

    def __repr__(self) -> str:
        return f"Task({self.kind} {self.number}, {State(self.state).name})"

    def spent(self, ran_ns: int, cpu_ns: int, copied_ns: int, waited_ns: int) -> None:
        """Note a quantum: how long it took, and what of that is explained."""
        self.quanta += 1
        self.ran_ns += ran_ns
        self.turn_ns += ran_ns
        self.cpu_ns += cpu_ns
        self.copied_ns += copied_ns
        self.waited_ns += waited_ns

    def is_late(self, end_ns: int) -> bool:
        """Whether it has not begun, and ending at `end_ns` is after its deadline."""
        return not self.quanta and end_ns > self.deadline_ns

    def awaits_at_last(self, other: Task) -> bool:
        """Whether it is `other`, awaits it, or awaits something that does."""
        task: Task | None = self
        while task is not None and task is not other:
            task = task.awaits
        return task is not None

    @property
    def lateness_ns(self) -> int:
        """How long after its deadline it ended; negative when early, 0 without a deadline."""
        return self.ended_ns - self.deadline_ns if self.deadline_ns != NEVER else 0

    def cause(self) -> Reason:
        """Where most of its time went, from its release to its end."""
        held_up_ns = max(self.ran_ns - self.cpu_ns - self.copied_ns - self.waited_ns, 0)
        spent = (
            (self.queued_ns, Reason.QUEUED),
            (self.cpu_ns, Reason.COMPUTING),
            (self.copied_ns, Reason.COPYING),
            (self.blocked_ns + self.waited_ns, Reason.WAITING),
            (held_up_ns, Reason.HELD_UP),
        )
        return max(spent)[1]
