"""What runs next, and why? A state machine: no threads, no clock, no input or output.

Every call is told the time, so that threads and the simulator drive the same decisions. The rules,
in order: the most urgent level first; inside a level the earliest deadline; a worker's own queue
before those of others; work that waited longest gets a small share, so that every wait is bounded;
the guard keeps a worker free for releases; lanes let the operating system preempt.

Calls are not safe from two threads at once: whoever drives a policy holds one lock around each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from toolkit.scheduler.aging import Aging
from toolkit.scheduler.contexts import NO_CONTEXT, Context, levels_in
from toolkit.scheduler.guard import held_until
from toolkit.scheduler.kinds import Kind, QueueFull
from toolkit.scheduler.lanes import LAYOUTS, Mode
from toolkit.scheduler.ledger import note_end
from toolkit.scheduler.levels import NEVER, Level
from toolkit.scheduler.queues import Queues
from toolkit.scheduler.raising import Raising
from toolkit.scheduler.reasons import Happening, Reason
from toolkit.scheduler.registry import Registry
from toolkit.scheduler.task import State, Task
from toolkit.scheduler.trace import NO_WORKER, Trace
from toolkit.scheduler.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping

    from toolkit.scheduler.kinds import KindState
    from toolkit.scheduler.queues import Entry

__all__ = ["Policy"]

_LEVELS = len(Level)
# looked up once: this is the hot path
_NEW, _RUNNING, _NONE = State.NEW, State.RUNNING, Reason.NONE
_SUBMIT, _START, _QUANTUM = Happening.SUBMIT, Happening.START, Happening.QUANTUM
TURN_NS = 10_000_000  # how long a task runs on while others of its level wait


class Policy:
    """Decides which task runs on which worker.

    Args:
        kinds: what work there is; a level, or a `Kind` that says more.
        workers: how many processors it may use.
        mode: `"levels"` alone, with a `"guard"`, with `"lanes"`, or with both.
        contexts: which kinds matter more in which situation.
        trace: where decisions are noted.
        seed: of the choices by chance among more than eight workers.

    Attributes:
        workers: who runs what; the driver wakes those in `workers.wakes`, and clears it.
        ended: tasks that ended since the driver looked last; the driver empties it.

    Raises:
        ValueError: a mode, a level, a number of workers or kinds that there cannot be.
    """

    def __init__(
        self,
        kinds: Mapping[str, Kind | Level | int | str],
        *,
        workers: int = 2,
        mode: Mode = "guard",
        contexts: Iterable[Context] = (),
        trace: Trace | None = None,
        seed: int = 0,
    ) -> None:
        if mode not in LAYOUTS:
            raise ValueError(f"mode={mode!r}; there are {', '.join(LAYOUTS)}.")
        self.mode = mode
        self.has_guard = mode in ("guard", "both")
        self.workers = Workers(workers, LAYOUTS[mode])
        self.trace = trace if trace is not None else Trace()
        self.kinds = Registry()
        self.contexts = {one.name: one for one in (NO_CONTEXT, *contexts)}
        self.context = NO_CONTEXT.name
        self.ended: list[Task] = []
        self.queues = Queues(len(self.workers), seed=seed)
        self.aging = Aging(workers)
        self._raising = Raising(self.kinds, self.queues, self.workers, self.trace)
        self._newest: dict[Hashable, Task] = {}
        self._number = 0
        for name, declared in kinds.items():
            self._add(name, declared)
        self._place()

    def __repr__(self) -> str:
        ready = ", ".join(f"{Level(at).name} {n}" for at, n in enumerate(self.queues.ready) if n)
        return f"Policy({self.mode}, {self.workers.cores} cores, queued: {ready or 'nothing'})"

    # -- kinds ------------------------------------------------------------------------------------

    def add_kind(self, name: str, declared: Kind | Level | int | str) -> None:
        """Learn of another kind of work.

        Raises:
            ValueError: there is one of that name, there is no such level, or there are 255 already.
        """
        self._add(name, declared)
        self._place()

    def declare_period(self, name: str, period_ns: int) -> None:
        """Say that tasks of this kind are released every `period_ns`."""
        self.kinds.of(name).period.declare(period_ns)

    # -- work in ----------------------------------------------------------------------------------

    def submit(self, task: Task, now_ns: int) -> None:
        """Queue a new task, or shed it where its kind's queue is full and it may be.

        Raises:
            ValueError: nobody declared its kind, or it was submitted before.
            QueueFull: there is no room, and the task cannot be shed.
        """
        kind = self.kinds.get(task.kind) or self.kinds.of(task.kind)
        if task.state is not _NEW:
            raise ValueError(f"{task!r} was submitted before; make a new task.")
        replaced = self._newest.get(task.key) if task.key is not None else None
        if replaced is not None and (replaced.state is not State.READY or replaced.quanta):
            replaced = None
        is_full = kind.is_full and (replaced is None or replaced.kind != task.kind)
        if is_full and not task.is_optional and kind.declared.overflow != "shed":
            raise QueueFull(kind.name, kind.declared.max_queued)
        self._number += 1
        task.number = self._number
        task.released_ns = now_ns
        task.level = kind.level
        kind.released += 1
        if task.deadline_ns != NEVER or kind.level == 0:
            kind.period.released(now_ns)
        if replaced is not None and not is_full:
            self._shed(replaced, self.kinds[replaced.kind], now_ns, Reason.NEWEST)
        if task.key is not None and not is_full:
            self._newest[task.key] = task
        task.home = self.workers.home(self._number)
        self.trace.note(
            now_ns,
            _SUBMIT,
            task.home,
            task.level,
            kind.number,
            0,
            task.number,
            task.deadline_ns,
        )
        if is_full:
            self._drop(task, kind, now_ns, Reason.FULL)
        else:
            self._push(task, kind, now_ns)

    def cancel(self, task: Task, now_ns: int) -> bool:
        """End a task: now while it does not run, else at the end of its quantum.

        Returns:
            False where it has ended already.
        """
        kind = self.kinds[task.kind]
        if task.state.is_end:
            return False
        if task.state is State.RUNNING:
            task.is_cancelled = True
            return True
        if task.state is State.READY:
            task.queued_ns += now_ns - task.since_ns
            self.queues.remove(task, kind)
        elif task.state is State.BLOCKED:
            task.blocked_ns += now_ns - task.since_ns
            self._leave(task, now_ns)
        self._end(task, kind, now_ns, NO_WORKER, State.CANCELLED)
        return True

    # -- decisions --------------------------------------------------------------------------------

    def pick(self, worker: int, now_ns: int) -> Task | None:
        """The next task for an idle worker, which runs one quantum of it; None: it rests.

        A worker that rests looks again when it is woken, and at `wake_ns(worker)`.
        """
        queues = self.queues
        if now_ns >= self.aging.next_ns:
            self._age(now_ns)
        workers = self.workers
        lane = workers.lanes[worker]
        wake_ns = NEVER
        held = _LEVELS
        first = lane.first if lane.first > queues.top else queues.top
        if first <= lane.last and workers.has_lanes and workers.is_crowded(worker):
            first = _LEVELS
        for level in range(first, lane.last + 1):
            while queues.ready[level] > 0:
                found = queues.best(level, worker)
                if found is None:
                    break
                task = found[0][3]
                kind = self.kinds[task.kind]
                if task.is_optional and task.is_late(now_ns + kind.task_ns):
                    kind.doubt(task)
                    self._shed(task, kind, now_ns, Reason.LATE)
                    continue
                until_ns = self._hold(task, kind, worker, now_ns) if self.has_guard and level else 0
                if until_ns:
                    wake_ns = min(wake_ns, until_ns)
                    held = min(held, level)
                    break
                self._start(found, worker, now_ns)
                return task
        self._rest(worker, now_ns, wake_ns, held)
        return None

    def wake_ns(self, worker: int) -> int:
        """When a resting worker must look again if nobody wakes it; NEVER: only when woken."""
        return self.workers.wake_ns[worker]

    def step(
        self,
        worker: int,
        now_ns: int,
        ran_ns: int,
        *,
        end: State | None = None,
        awaits: Task | Literal[True] | None = None,
        cpu_ns: int = -1,
        copied_ns: int = 0,
        waited_ns: int = 0,
    ) -> bool:
        """A worker's quantum is over.

        Args:
            worker: which.
            now_ns: now.
            ran_ns: how long the quantum took.
            end: how the task ended, or None where it has more to do.
            awaits: the task that it awaits, or True for something that is none: see `arrived`.
            cpu_ns: of `ran_ns`, how long the processor computed; all of it where it is -1.
            copied_ns: of `ran_ns`, how long data was copied.
            waited_ns: of `ran_ns`, how long it waited inside of the quantum.

        Returns:
            Whether the worker keeps the task for another quantum. Else it picks.
        """
        task = self.workers.running[worker]
        assert task is not None, f"worker {worker} runs nothing"
        kind = self.kinds[task.kind]
        task.spent(ran_ns, ran_ns if cpu_ns < 0 else cpu_ns, copied_ns, waited_ns)
        kind.measured(ran_ns, task.level)
        if kind.longest_ns > self.aging.longest_ns:
            self.aging.longest_ns = kind.longest_ns
        if task.raised is None:
            task.level = kind.level  # which may have moved meanwhile
        else:
            self._raising.ease(task, now_ns)
            self._raising.level(task, kind)
        if end is None and task.is_cancelled:
            end = State.CANCELLED
        if end is not None:
            self.workers.running[worker] = None
            self._end(task, kind, now_ns, worker, end)
            return False
        if awaits is not None and (awaits is True or not awaits.state.is_end):
            self._block(task, kind, awaits, worker, now_ns)
            return False
        why = self._why_yield(task, kind, worker, now_ns)
        if why:
            self.workers.running[worker] = None
            self.trace.note(
                now_ns, Happening.YIELD, worker, task.level, kind.number, why, task.number, ran_ns
            )
            self._push(task, kind, now_ns)
            return False
        self.trace.note(now_ns, _QUANTUM, worker, task.level, kind.number, 0, task.number, ran_ns)
        self.workers.end_ns[worker] = now_ns + kind.quantum_ns
        return True

    # -- shifts -----------------------------------------------------------------------------------

    def set_context(
        self, name: str, now_ns: int, reason: Reason = Reason.USER
    ) -> list[tuple[str, Level, Level]]:
        """Let another context hold, for queued and running work alike. Touches no queued task.

        Returns:
            The kinds whose level changed, with the level before and after.

        Raises:
            ValueError: there is no such context.
        """
        if name not in self.contexts:
            raise ValueError(f"no context {name!r}; there are {', '.join(self.contexts)}.")
        levels = levels_in(self.contexts[name], self.kinds)
        number = list(self.contexts).index(name)
        self.context = name
        self.trace.note(now_ns, Happening.CONTEXT, reason=reason, value=number)
        for kind in self.kinds.values():
            kind.assigned = levels.get(kind.name, kind.base)
        return self._shift(now_ns, Reason.CONTEXT)

    def ask(self, name: str, level: int | None, now_ns: int) -> None:
        """Let a kind that misses its deadlines have at least `level`; None: no longer."""
        self.kinds.of(name).asked = level
        self._shift(now_ns, Reason.DEADLINE if level is not None else Reason.RETURNED)

    def expect(self, name: str, level: int | None, now_ns: int) -> None:
        """Let a kind that will probably be needed have at least `level`; None: no longer."""
        self.kinds.of(name).expected = level
        self._shift(now_ns, Reason.PREDICTION if level is not None else Reason.RETURNED)

    def inherit(self, task: Task, level: int, deadline_ns: int, now_ns: int) -> None:
        """A thread outside waits for `task` as something of `level` would."""
        if not task.state.is_end:
            task.claims = [*(task.claims or ()), (level, deadline_ns)]
            self._raising.inherit(task, level, deadline_ns, now_ns)

    def disinherit(self, task: Task, level: int, deadline_ns: int, now_ns: int) -> None:
        """The thread outside does not wait any longer."""
        if task.claims and (level, deadline_ns) in task.claims:
            task.claims.remove((level, deadline_ns))
            self._raising.settle(task, now_ns)

    def arrived(self, task: Task, now_ns: int) -> None:
        """What `task` awaited outside of the scheduler is there: it is queued again."""
        if task.state is State.BLOCKED:
            self._unblock(task, now_ns)

    # -- inside: queues ---------------------------------------------------------------------------

    def _add(self, name: str, declared: Kind | Level | int | str) -> None:
        kind = self.kinds.declare(name, declared, len(self.workers))
        kind.assigned = levels_in(self.contexts[self.context], [name]).get(name, kind.base)
        kind.level = kind.effective()

    def _place(self) -> None:
        self.queues.place(list(self.kinds.values()))

    def _push(self, task: Task, kind: KindState, now_ns: int) -> None:
        task.since_ns = now_ns
        task.turn_ns = 0
        task.bound_ns = self.aging.bound_ns(kind.level, self.queues.backlog_ns, now_ns)
        self.queues.push(task, kind)
        kind.oldest.append((now_ns, task))
        self.workers.wake(task.level)

    def _start(self, found: tuple[Entry, KindState | None, int], worker: int, now_ns: int) -> None:
        entry, _, home = found
        task = entry[3]
        kind = self.kinds[task.kind]
        self.queues.take(entry, kind, home)
        if home >= 0 and home != worker:
            kind.stolen += 1
            task.home = worker
            self.trace.note(
                now_ns, Happening.STEAL, worker, task.level, kind.number, 0, task.number, home
            )
        if task.began_ns < 0:
            task.began_ns = now_ns
        queued_ns = now_ns - task.since_ns
        task.queued_ns += queued_ns
        task.state = _RUNNING
        self.workers.begin(worker, task, now_ns + kind.quantum_ns)
        self.trace.note(now_ns, _START, worker, task.level, kind.number, 0, task.number, queued_ns)

    def _rest(self, worker: int, now_ns: int, wake_ns: int, held: int) -> None:
        workers = self.workers
        workers.rest(worker, wake_ns, held)
        if wake_ns != NEVER:
            self.trace.note(now_ns, Happening.GUARD, worker, held, value=wake_ns - now_ns)
        if workers.has_lanes:  # a core is free that a less important lane may use now
            workers.wake_for(self.queues.ready, workers.lanes[worker].last + 1)

    def _hold(self, task: Task, kind: KindState, worker: int, now_ns: int) -> int:
        """When to ask again whether its next quantum may begin; 0: it may."""
        end_ns = now_ns + kind.quantum_ns + 2 * kind.spread_ns
        workers = self.workers
        until_ns = held_until(
            end_ns, now_ns, worker, self.queues.at[0], workers.busy_until_ns, workers.cores
        )
        return 0 if until_ns and self.aging.is_due(task, now_ns) else until_ns

    def _why_yield(self, task: Task, kind: KindState, worker: int, now_ns: int) -> Reason:
        """Why the worker must not keep its task for another quantum; NONE where it may."""
        workers = self.workers
        lane, top = workers.lanes[worker], self.queues.top
        if task.level < lane.first or task.level > lane.last:
            return Reason.LANE
        if lane.first <= top < task.level and not workers.is_expected(top):
            return Reason.PREEMPTED
        if self.has_guard and task.level and self._hold(task, kind, worker, now_ns):
            return Reason.GUARD
        if task.turn_ns >= TURN_NS and self.queues.ready[task.level] > 0:
            return Reason.ROUND
        if workers.has_lanes and workers.is_crowded(worker):
            return Reason.LANE
        return _NONE

    # -- inside: ends and waits -------------------------------------------------------------------

    def _end(self, task: Task, kind: KindState, now_ns: int, worker: int, end: State) -> None:
        task.state = end
        task.ended_ns = now_ns
        note_end(self.trace, task, kind, now_ns, worker)
        self._forget(task, now_ns)

    def _shed(self, task: Task, kind: KindState, now_ns: int, reason: Reason) -> None:
        task.queued_ns += now_ns - task.since_ns
        self.queues.remove(task, kind)
        self._drop(task, kind, now_ns, reason)

    def _drop(self, task: Task, kind: KindState, now_ns: int, reason: Reason) -> None:
        task.state = State.SHED
        task.dropped_by = reason
        task.ended_ns = now_ns
        kind.shed += 1
        self.trace.note(
            now_ns, Happening.SHED, NO_WORKER, task.level, kind.number, reason, task.number, 0
        )
        self._forget(task, now_ns)

    def _forget(self, task: Task, now_ns: int) -> None:
        if task.key is not None and self._newest.get(task.key) is task:
            del self._newest[task.key]
        self._raising.forget(task)
        waiters, task.waiters = task.waiters, None
        for waiter in waiters or ():
            self._unblock(waiter, now_ns)
        self.ended.append(task)

    def _block(
        self, task: Task, kind: KindState, awaits: Task | Literal[True], worker: int, now_ns: int
    ) -> None:
        self.workers.running[worker] = None
        task.state = State.BLOCKED
        task.since_ns = now_ns
        number = 0
        if awaits is not True:
            number = awaits.number
            task.awaits = awaits
            if awaits.waiters is None:
                awaits.waiters = []
            awaits.waiters.append(task)
        self.trace.note(
            now_ns, Happening.BLOCK, worker, task.level, kind.number, 0, task.number, number
        )
        if awaits is not True:
            self._raising.inherit(awaits, task.level, task.order_ns, now_ns)

    def _unblock(self, task: Task, now_ns: int) -> None:
        blocked_ns = now_ns - task.since_ns
        task.blocked_ns += blocked_ns
        task.awaits = None
        kind = self.kinds[task.kind]
        self._raising.level(task, kind)
        self.trace.note(
            now_ns, Happening.WAKE, NO_WORKER, task.level, kind.number, 0, task.number, blocked_ns
        )
        self._push(task, kind, now_ns)

    def _leave(self, task: Task, now_ns: int) -> None:
        """A blocked task stops waiting: what it lent to the awaited one is given back."""
        awaited, task.awaits = task.awaits, None
        if awaited is not None and awaited.waiters:
            awaited.waiters.remove(task)
            self._raising.settle(awaited, now_ns)

    # -- inside: levels ---------------------------------------------------------------------------

    def _age(self, now_ns: int) -> None:
        for task, level, order_ns in self.aging.due(self.kinds.values(), now_ns):
            self._raising.age(task, level, order_ns, now_ns)

    def _shift(self, now_ns: int, reason: Reason) -> list[tuple[str, Level, Level]]:
        moved = [kind for kind in self.kinds.values() if kind.level != kind.effective()]
        if not moved:
            return []
        lifted = sorted(self.queues.lifted, key=lambda task: task.number)
        for task in lifted:
            self.queues.remove(task, self.kinds[task.kind])
        before = {kind.name: kind.level for kind in moved}
        level = Happening.LEVEL
        for kind in moved:
            was, kind.level = kind.level, kind.effective()
            self.trace.note(now_ns, level, NO_WORKER, kind.level, kind.number, reason, 0, was)
        self._place()
        for task in lifted:
            self.queues.push(task, self.kinds[task.kind])
        running = [task for task in self.workers.running if task is not None]
        self._raising.shifted((*lifted, *running), before, now_ns)
        self.workers.wake_for(self.queues.ready)
        return [(kind.name, Level(before[kind.name]), Level(kind.level)) for kind in moved]
