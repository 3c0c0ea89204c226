"""A policy with a clock that is moved by hand, and all that must hold of it at any time."""

from __future__ import annotations

import hashlib

from toolkit.scheduler.contexts import Context
from toolkit.scheduler.kinds import Kind, QueueFull
from toolkit.scheduler.levels import NEVER, Level
from toolkit.scheduler.policy import Policy
from toolkit.scheduler.reasons import Reason
from toolkit.scheduler.task import State, Task
from toolkit.scheduler.trace import Trace

MS = 1_000_000
KINDS = {
    "frame": "CRITICAL",
    "chat": "HIGH",
    "embed": Kind("NORMAL", max_queued=3, overflow="error"),
    "train": "LOW",
    "speculate": Kind("IDLE", max_queued=2, overflow="shed"),
}
CONTEXTS = (
    Context("chat", {"chat": "CRITICAL", "frame": "NORMAL"}),
    Context("study", {"train": "HIGH", "embed": "IDLE", "chat": "LOW"}),
)


def due_level(policy, task):
    """The level that a task has to have: that of its kind, or a more urgent one of its own."""
    level = policy.kinds[task.kind].level
    return level if task.raised is None else min(level, task.raised)


class Driven:
    """Plays the workers: those that were woken, and those whose quantum is over, pick."""

    def __init__(self, *, mode="lanes", workers=2, seed=0, kinds=KINDS):
        self.policy = Policy(
            kinds,
            workers=workers,
            mode=mode,
            contexts=CONTEXTS,
            seed=seed,
            trace=Trace(1 << 12),
        )
        self.now_ns = 0
        self.tasks, self.over, self.claims = [], [], []
        self.awake = set()
        self.hash = hashlib.sha256()
        self._cursor = 0

    # -- what happens -----------------------------------------------------------------------------

    def submit(self, kind, *, deadline_ms=None, optional=False, key=None):
        deadline_ns = NEVER if deadline_ms is None else self.now_ns + deadline_ms * MS
        task = Task(kind, deadline_ns=deadline_ns, optional=optional, key=key)
        try:
            self.policy.submit(task, self.now_ns)
        except QueueFull:
            return None
        self.tasks.append(task)
        self.settle()
        return task

    def pick(self, worker):
        self.awake.discard(worker)
        task = self.policy.pick(worker, self.now_ns)
        if task is not None:
            self.check_order(worker, task)
        self.settle()
        return task

    def step(self, worker, ran_ns, *, end=None, awaits=None):
        self.now_ns += ran_ns
        keeps = self.policy.step(worker, self.now_ns, ran_ns, end=end, awaits=awaits)
        if not keeps:
            self.awake.add(worker)
        self.settle()
        return keeps

    def cancel(self, task):
        had_ended = task.state.is_end
        assert self.policy.cancel(task, self.now_ns) is not had_ended
        self.settle()

    def set_context(self, name):
        self.policy.set_context(name, self.now_ns)
        self.settle()

    def claim(self, task, level, deadline_ns=NEVER):
        self.policy.inherit(task, level, deadline_ns, self.now_ns)
        self.claims.append((task, level, deadline_ns))
        self.settle()

    def release(self, claim):
        self.claims.remove(claim)
        self.policy.disinherit(*claim, self.now_ns)
        self.settle()

    def arrive(self, task):
        self.policy.arrived(task, self.now_ns)
        self.settle()

    def advance(self, ns):
        self.now_ns += ns
        workers = self.policy.workers
        for worker, wake_ns in enumerate(workers.wake_ns):
            if workers.running[worker] is None and wake_ns <= self.now_ns:
                self.awake.add(worker)

    def settle(self):
        """Do what a driver does after each call: wake whom it said, and take what ended."""
        workers = self.policy.workers
        self.awake |= {w for w in range(len(workers)) if workers.wakes >> w & 1}
        workers.wakes = 0
        self.over += self.policy.ended
        self.policy.ended = []
        delta = self.policy.trace.since(self._cursor)
        self._cursor = delta.cursor
        self.hash.update(delta.data)

    @property
    def running(self):
        return [w for w, task in enumerate(self.policy.workers.running) if task is not None]

    def in_state(self, *states):
        return [task for task in self.tasks if task.state in states]

    def finish(self):
        """Let all that is left run to its end, in the order that the policy decides."""
        while left := [task for task in self.tasks if not task.state.is_end]:
            for task in left:
                if task.state is State.BLOCKED and task.awaits is None:
                    self.arrive(task)
            for worker in sorted(self.awake):
                self.pick(worker)
            for worker in self.running:
                self.step(worker, MS, end=State.DONE)
            self.check()
            if not any(not task.state.is_end for task in left):
                continue
            assert self.running or self.awake or self.wait(), f"nobody takes {left}"

    def wait(self):
        """Wait for the next worker that said when it would look again; whether there is one."""
        wakes = [at for at in self.policy.workers.wake_ns if at != NEVER]
        if wakes:
            self.advance(max(min(wakes) - self.now_ns, 0))
        return bool(self.awake)

    # -- what must hold ---------------------------------------------------------------------------

    def check(self):
        self.check_ends()
        self.check_queues()
        self.check_lent()
        self.check_wakes()

    def check_ends(self):
        ended = [task for task in self.tasks if task.state.is_end]
        assert sorted(one.number for one in self.over) == sorted(one.number for one in ended)
        running = [task for task in self.policy.workers.running if task is not None]
        assert len({task.number for task in running}) == len(running)
        assert sorted(one.number for one in running) == [
            one.number for one in self.in_state(State.RUNNING)
        ]

    def check_queues(self):
        queued = self.in_state(State.READY)
        queues = self.policy.queues
        levels = [due_level(self.policy, task) for task in queued]
        assert queues.ready == [levels.count(level) for level in range(5)]
        assert queues.top == min(levels, default=5)
        assert queues.backlog_ns == sum(task.cost_ns for task in queued)
        assert set(queues.lifted) == {task for task in queued if task.raised is not None}
        for kind in self.policy.kinds.values():
            mine = [task for task in queued if task.kind == kind.name]
            assert kind.waiting == len(mine)
            assert kind.queued == sum(not task.is_apart for task in mine)
            assert sum(not task.quanta for task in mine) <= kind.declared.max_queued

    def check_lent(self):
        """Who is awaited has what is lent to it, and who is not has its own."""
        for task in self.tasks:
            if task.state.is_end or task.raised_by is Reason.AGING:
                continue
            lent = [(due_level(self.policy, one), one.order_ns) for one in task.waiters or ()]
            lent += [claim[1:] for claim in self.claims if claim[0] is task]
            if not lent:
                assert task.raised is None
            base = self.policy.kinds[task.kind].level
            level = min(base, *(level for level, _ in lent)) if lent else base
            assert due_level(self.policy, task) == level
            assert task.order_ns == min([task.deadline_ns, *(order for _, order in lent)])

    def check_wakes(self):
        """Once all who were woken have looked, nobody rests who could take something."""
        workers = self.policy.workers
        if self.awake:
            return
        for worker, lane in enumerate(workers.lanes):
            if workers.running[worker] is not None or workers.wake_ns[worker] != NEVER:
                continue
            if workers.has_lanes and workers.is_crowded(worker):
                continue
            assert not any(self.policy.queues.ready[lane.first : lane.last + 1]), worker

    def check_order(self, worker, task):
        """A worker got the most urgent of what its lane may run: nothing before it is queued."""
        lane = self.policy.workers.lanes[worker]
        left = self.in_state(State.READY)
        before = [one for one in left if lane.first <= due_level(self.policy, one) < task.level]
        if self.policy.has_guard:  # which may keep a worker from work that is not critical
            before = [one for one in before if due_level(self.policy, one) == Level.CRITICAL]
        assert before == []
        if task.level <= Level.HIGH and len(self.policy.workers) <= 8:
            same = [one for one in left if due_level(self.policy, one) == task.level]
            assert task.order_ns <= min((one.order_ns for one in same), default=NEVER)
