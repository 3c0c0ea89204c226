"""How do I use it? Declare kinds of work, submit, and read what was decided.

with Scheduler({"frame": "CRITICAL", "train": "LOW"}) as scheduler:
    handle = scheduler.submit(work, kind="train")
    frames = scheduler.periodic("frame", fps=60)
    frames.submit(show, picture)
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolkit.scheduler.adaptation import Adaptation
from toolkit.scheduler.ambient import one_thread_each
from toolkit.scheduler.executors.threads import Closed, Threads
from toolkit.scheduler.handle import Handle, current
from toolkit.scheduler.job import Job, Surroundings, check_work
from toolkit.scheduler.kinds import Kind, QueueFull
from toolkit.scheduler.lanes import Mode
from toolkit.scheduler.levels import NEVER, Level
from toolkit.scheduler.periodic import Overcommitted, Periodic
from toolkit.scheduler.policy import Policy
from toolkit.scheduler.reasons import Reason
from toolkit.scheduler.recording import Recording
from toolkit.scheduler.situation import Chooser, Situation, Trigger
from toolkit.scheduler.statistics import KindStatistics, statistics_of
from toolkit.scheduler.task import Task
from toolkit.scheduler.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Hashable, Iterable, Mapping
    from types import TracebackType
    from typing import Self

    from toolkit.scheduler.contexts import Context
    from toolkit.scheduler.predict import Predictor
    from toolkit.scheduler.promotions import Promotions

__all__ = ["Closed", "Leftovers", "Scheduler"]

_LONGEST_SECONDS = 1e9  # 30 years: the clock counts ns in 64 bits
_HIGHEST_FPS = 1e6


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What `shutdown` left.

    Attributes:
        cancelled: handles of the tasks that were cancelled because they had not ended.
        running: handles of those that still run, since their quantum has not ended.
    """

    cancelled: tuple[Handle, ...] = ()
    running: tuple[Handle, ...] = ()


class Scheduler:
    """Runs tasks on threads of its own, most urgent first.

    Args:
        kinds: what work there is; a level, or a `Kind` that says more.
        workers: how many processors it may use; all, where it is left out.
        mode: see `Policy`.
        contexts: which kinds matter more in which situation.
        clock: the time in ns.
        trace_slots: how many of the newest events are kept, a power of two; 24 bytes each.
        initializer: called once by each worker; without one, torch is told to compute on the
            worker's own thread alone, where it is loaded.
        switch_interval_seconds: how long a thread may hold the interpreter lock while others want
            it, for the whole process and until `shutdown`; Python's own 5 ms is a third of a frame.
            None leaves it.
        around: what is entered around each quantum: `LevelStreams` of `toolkit.devices`, so that
            streams of a GPU have the priorities of their tasks.

    Raises:
        ValueError: a mode, a level or a number that there cannot be.
    """

    def __init__(
        self,
        kinds: Mapping[str, Kind | Level | int | str],
        *,
        workers: int | None = None,
        mode: Mode = "guard",
        contexts: Iterable[Context] = (),
        clock: Callable[[], int] = time.perf_counter_ns,
        trace_slots: int = 1 << 16,
        initializer: Callable[[], object] = one_thread_each,
        switch_interval_seconds: float | None = 0.0005,
        around: Surroundings | None = None,
    ) -> None:
        self.clock = clock
        self.trace = Trace(trace_slots)
        self._policy = Policy(
            kinds,
            workers=(os.cpu_count() or 1) if workers is None else workers,
            mode=mode,
            contexts=contexts,
            trace=self.trace,
        )
        self._adaptation = Adaptation(self._policy)
        self._periodic: dict[str, Periodic] = {}
        self._asked: dict[str, float] = {}  # workers that periodic kinds said to take
        self._around = around
        self._is_closed = False
        self._interval_before = sys.getswitchinterval()
        if switch_interval_seconds is not None:
            sys.setswitchinterval(switch_interval_seconds)
        self._interval = sys.getswitchinterval()
        self.threads = Threads(self._policy, clock, initializer=initializer, tick=self._tick)

    def __repr__(self) -> str:
        state = "closed" if self._is_closed else f"context {self.context!r}"
        return f"Scheduler({self._policy!r}, {state})"

    # -- work -------------------------------------------------------------------------------------

    def submit(
        self,
        work: Any,
        *args: Any,
        kind: str,
        deadline_seconds: float | None = None,
        optional: bool = False,
        key: Hashable = None,
    ) -> Handle:
        """Queue some work. Blocks only where the kind's queue is full and says so.

        Args:
            work: a callable, which is one quantum; a generator or a generator function, which ends
                a quantum with `yield` and awaits with `yield handle`; a coroutine or a coroutine
                function.
            *args: for the callable.
            kind: what it is.
            deadline_seconds: when its result is wanted, from now.
            optional: drop it where it cannot be in time, or finds no room.
            key: replaces a task with the same key that has not begun.

        Raises:
            ValueError: nobody declared the kind, or the deadline is more than 30 years away.
            TypeError: `work` is nothing that can be run.
            QueueFull: there is no room, and the kind says "error", or a task submitted it.
            Closed: after `shutdown`.
        """
        check_work(work)
        if self._is_closed:
            raise Closed
        if deadline_seconds is not None and not abs(deadline_seconds) <= _LONGEST_SECONDS:
            raise ValueError(
                f"deadline_seconds={deadline_seconds} is no time within {_LONGEST_SECONDS:.0e} s; "
                "leave it out where there is no deadline."
            )
        now_ns = self.clock()
        deadline_ns = NEVER if deadline_seconds is None else now_ns + int(deadline_seconds * 1e9)
        task = Task(kind, deadline_ns=deadline_ns, optional=optional, key=key)
        handle = Handle(self, task)
        task.work = Job(work, args, handle, self._around)
        while True:
            try:
                self.threads.submit(task, now_ns)
            except QueueFull:
                declared = self._policy.kinds[kind].declared
                if declared.overflow == "error" or self._is_working():
                    raise
                self.threads.wait_for_room(kind)
            else:
                return handle

    def periodic(
        self,
        kind: str,
        *,
        fps: float,
        level: Level | int | str | None = None,
        cost_seconds: float = 0,
    ) -> Periodic:
        """Declare that work of this kind is released `fps` times a second.

        Args:
            kind: a kind; a new one where `level` is given.
            fps: its rate.
            level: of a new kind.
            cost_seconds: how long one takes, where it is known before: checked against what other
                periodic critical work takes.

        Raises:
            ValueError: there is no such kind, or no such rate.
            Overcommitted: periodic critical work would take more than all workers.
        """
        if not 1 / _LONGEST_SECONDS <= fps <= _HIGHEST_FPS:
            raise ValueError(f"fps={fps} is not between {1 / _LONGEST_SECONDS:g} and 1000000.")
        period_ns = int(1e9 / fps)
        if level is not None and kind not in self._policy.kinds:
            self.threads.call(lambda _: self._policy.add_kind(kind, level))
        self._admit(kind, cost_seconds * fps)
        self._asked[kind] = cost_seconds * fps
        self.threads.call(lambda _: self._policy.declare_period(kind, period_ns))
        self._periodic[kind] = periodic = Periodic(self, kind, period_ns)
        return periodic

    def cancel(self, handle: Handle) -> bool:
        """As `handle.cancel()`.

        Raises:
            ValueError: another scheduler runs the task.
        """
        if not handle.is_of(self.threads):
            raise ValueError(f"{handle!r} belongs to another scheduler: call `handle.cancel()`.")
        return self.threads.call(lambda now_ns: self._policy.cancel(handle.task, now_ns))

    @contextmanager
    def waiting(self, handle: Handle, level: Level) -> Generator[None]:
        """While the block runs, a thread outside waits for `handle` as something of `level` would.

        Raises:
            RuntimeError: a task waits so, which would block its worker.
        """
        if self._is_working():
            raise RuntimeError(
                f"a task or callback that blocks for {handle!r} would hold its worker: write "
                "`value = yield handle`, or `await handle` in a coroutine."
            )
        policy, task, lent = self._policy, handle.task, (int(level), NEVER)
        self.threads.call(lambda now_ns: policy.inherit(task, *lent, now_ns))
        try:
            yield
        finally:
            self.threads.call(lambda now_ns: policy.disinherit(task, *lent, now_ns))

    # -- what matters -----------------------------------------------------------------------------

    @property
    def context(self) -> str:
        """The name of the context that holds."""
        return self._policy.context

    @property
    def contexts(self) -> tuple[str, ...]:
        """The names of all contexts, in the numbering of the trace."""
        return tuple(self._policy.contexts)

    def set_context(self, name: str, reason: Reason = Reason.USER) -> None:
        """Let another context hold, for queued and running work alike.

        Raises:
            ValueError: there is no such context.
        """

        def switch(now_ns: int) -> None:
            is_other = name != self._policy.context
            self._policy.set_context(name, now_ns, reason)
            self._adaptation.follow(None, now_ns)
            if is_other:
                self._adaptation.needed(name, now_ns)

        self.threads.call(switch)

    def follow(
        self, *triggers: Trigger, hold_seconds: float = 0.5, dwell_seconds: float = 2.0
    ) -> None:
        """Let the user's situation choose the context, until `set_context` does by hand.

        Args:
            *triggers: the first that fits wins; where none does, no context holds.
            hold_seconds: how long a trigger has to fit before its context holds.
            dwell_seconds: how long a context holds at least.

        Raises:
            ValueError: a trigger names a context that there is not.
        """
        unknown = [one.context for one in triggers if one.context not in self._policy.contexts]
        if unknown:
            raise ValueError(f"no context {unknown[0]!r}; there are {', '.join(self.contexts)}.")
        chooser = Chooser(triggers, hold_seconds=hold_seconds, dwell_seconds=dwell_seconds)
        self.threads.call(lambda now_ns: self._adaptation.follow(chooser, now_ns))

    def notice(self, **changes: Any) -> None:
        """Tell what is otherwise now about the user's situation: fields of `Situation`.

        Raises:
            TypeError: a situation has no such field.
        """
        self.threads.call(lambda now_ns: self._adaptation.notice(now_ns, **changes))

    @property
    def situation(self) -> Situation:
        """What is known of the user's situation."""
        return self._adaptation.situation

    @property
    def triggers(self) -> tuple[Trigger, ...]:
        """What the situation chooses the context by; empty where it is set by hand."""
        chooser = self._adaptation.chooser
        return () if chooser is None else chooser.triggers

    def look(self) -> None:
        """See now what the situation calls for. Workers do so by themselves, but only at work.

        Called ten times a second, it lets a context hold before its first task comes.
        """
        self.threads.call(self._tick)

    def predict(self, predictor: Predictor, promotions: Promotions) -> None:
        """Promote kinds that will probably be needed: see `toolkit.scheduler.promotions`.

        Where a predictor raises on a worker, that is logged, and nothing adapts levels any more.
        """
        self.threads.call(lambda _: self._adaptation.predict(predictor, promotions))

    def observe(self, event: str) -> None:
        """Tell of an event, such as a key or a ring: a predictor may have a use for it."""
        self.threads.call(lambda now_ns: self._adaptation.observe(event, now_ns))

    def expect(self, kind: str, level: Level | int | str | None) -> None:
        """Let a kind that will probably be needed have at least `level`; None: no longer.

        Raises:
            ValueError: there is no such kind or level.
        """
        to = None if level is None else int(Level.of(level))
        self.threads.call(lambda now_ns: self._policy.expect(kind, to, now_ns))

    # -- what was decided -------------------------------------------------------------------------

    @property
    def kinds(self) -> tuple[str, ...]:
        """The names of all kinds, in the numbering of the trace."""
        return tuple(self._policy.kinds)

    @property
    def is_closed(self) -> bool:
        """Whether it was shut down."""
        return self._is_closed

    def level_of(self, kind: str) -> Level:
        """The level that a kind has now."""
        return Level(self._policy.kinds.of(kind).level)

    def statistics(self) -> dict[str, KindStatistics]:
        """The figures of each kind, now."""
        with self.threads.lock:
            return {name: statistics_of(kind) for name, kind in self._policy.kinds.items()}

    def snapshot(self) -> dict[str, Any]:
        """How things stand, as plain data: workers, kinds, contexts, queues."""
        policy = self._policy
        with self.threads.lock:
            running = [0 if task is None else task.number for task in policy.workers.running]
            kinds = [
                {
                    "name": kind.name,
                    "level": kind.level,
                    "base": kind.base,
                    "queued": kind.waiting,
                    "period_ns": kind.period.ns if kind.period.is_declared else 0,
                }
                for kind in policy.kinds.values()
            ]
            return {
                "cores": policy.workers.cores,
                "workers": len(policy.workers),
                "lanes": [[int(lane.first), int(lane.last)] for lane in policy.workers.lanes],
                "kinds": kinds,
                "contexts": list(policy.contexts),
                "context": policy.context,
                "mode": policy.mode,
                "depths": list(policy.queues.ready),
                "running": running,
                "now_ns": self.clock(),
            }

    def recording(self) -> Recording:
        """All that the trace still holds, with the names: to keep, to read, and to replay."""
        delta = self.trace.since()
        return Recording.of(self.snapshot(), delta.data, delta.lost)

    # -- end --------------------------------------------------------------------------------------

    def shutdown(self, drain: bool = True, timeout_seconds: float | None = None) -> Leftovers:
        """Take no more work, and end: after what there is, or at once.

        Args:
            drain: let all tasks end first; else cancel those that have not.
            timeout_seconds: how long to wait for them, and then for the workers.

        Returns:
            What had not ended.

        Raises:
            RuntimeError: called by a task of its own, for which it would wait.
        """
        here = current()
        if self.threads.is_worker() or (here is not None and here.is_of(self.threads)):
            raise RuntimeError("a task that shuts its scheduler down would wait for itself.")
        self._is_closed = True
        self.threads.close()
        for periodic in self._periodic.values():
            periodic.stop()  # which no longer waits for room
        try:
            if drain:
                self.threads.wait_until_over(timeout_seconds)
        finally:  # also where an interrupt ends the wait
            try:
                cancelled = self._cancel_all(timeout_seconds)
            finally:
                if sys.getswitchinterval() == self._interval:  # else somebody has set another one
                    sys.setswitchinterval(self._interval_before)
        running = tuple(handle for handle in cancelled if not handle.task.state.is_end)
        return Leftovers(cancelled, running)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Drain; after an error, an interrupt among them, cancel."""
        self.shutdown(drain=kind is None)

    # -- inside -----------------------------------------------------------------------------------

    def _is_working(self) -> bool:
        """Whether the calling thread is in a task, or tells of one: it must not be blocked."""
        return current() is not None or self.threads.is_worker()

    def _cancel_all(self, timeout_seconds: float | None) -> tuple[Handle, ...]:
        """Cancel what is left, and end the workers."""
        try:
            left = self.threads.call(self._cancel_live)
            if left:
                self.threads.wait_until_over(timeout_seconds)
        finally:  # also where a callback of a handle was interrupted
            self.threads.stop(timeout_seconds)
        return left

    def _cancel_live(self, now_ns: int) -> tuple[Handle, ...]:
        left = sorted(self.threads.live, key=lambda task: task.number)
        handles = tuple(task.work.handle for task in left)
        for task in left:
            self._policy.cancel(task, now_ns)
        return handles

    def _admit(self, kind: str, asked: float) -> None:
        policy = self._policy
        state = policy.kinds.of(kind)
        if not asked or state.level != Level.CRITICAL:
            return
        others = sum(
            one.task_ns / one.period.ns or self._asked.get(one.name, 0.0)
            for one in policy.queues.at[Level.CRITICAL]
            if one.period.is_declared and one is not state
        )
        if others + asked > policy.workers.cores:
            raise Overcommitted(kind, others + asked, policy.workers.cores)

    def _tick(self, now_ns: int) -> None:
        if now_ns >= self._adaptation.next_ns:
            self._adaptation.look(now_ns)
