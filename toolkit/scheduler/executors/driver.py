"""How does a policy run virtual threads? As it runs real ones: the same calls in the same order."""

from __future__ import annotations

from collections.abc import Sequence

from toolkit.scheduler.adaptation import Adaptation
from toolkit.scheduler.arrivals import Arrival
from toolkit.scheduler.executors.machine import Machine
from toolkit.scheduler.kinds import QueueFull
from toolkit.scheduler.levels import NEVER
from toolkit.scheduler.outcome import Tally
from toolkit.scheduler.policy import Policy
from toolkit.scheduler.task import State, Task

__all__ = ["PolicyThreads"]

_NOBODY = -1
_DONE, _SHED = State.DONE, State.SHED  # looked up once: this is the hot path


class PolicyThreads:
    """A thread for each worker of a policy, on the virtual machine.

    Args:
        policy: what decides.
        machine: what the threads run on.
        arrivals: the load.
        tally: what came of the load.
    """

    def __init__(
        self, policy: Policy, machine: Machine, arrivals: Sequence[Arrival], tally: Tally
    ) -> None:
        self._policy, self._machine, self._clock = policy, machine, machine.clock
        self._adaptation = Adaptation(policy)
        self._arrivals, self._tally = arrivals, tally
        self._threads = [machine.thread(lane.niceness) for lane in policy.workers.lanes]
        self._rests = [0] * len(self._threads)  # number of its rest; negative while it is awake
        self._doing: dict[int, tuple[Task, Arrival, float, int]] = {}  # time it ran, and begin
        self._awaited = {at for arrival in arrivals for at in arrival.awaits if at != _NOBODY}
        self._tasks: dict[int, Task] = {}  # of those that somebody awaits

    def release(self, index: int) -> None:
        """Submit the arrival with this index, now; nothing if somebody awaited it before."""
        if index not in self._tasks:
            self._submit(index)
            self._look_round()

    def shift(self, context: str) -> None:
        """Let this context hold from now on."""
        self._policy.set_context(context, self._clock.now_ns)
        self._look_round()

    def _submit(self, index: int) -> Task:
        arrival = self._arrivals[index]
        task = Task(
            arrival.kind,
            index,
            deadline_ns=arrival.deadline_ns,
            optional=arrival.optional,
            key=arrival.key,
        )
        if index in self._awaited:
            self._tasks[index] = task
        try:
            self._policy.submit(task, self._clock.now_ns)
        except QueueFull:  # who submits does not wait here: what comes next would come later
            self._tally.shed(index)
        return task

    def _look_round(self) -> None:
        """Wake whom the policy wants awake, and note what it shed."""
        policy = self._policy
        if policy.ended:
            for task in policy.ended:
                if task.state is _SHED:
                    self._tally.shed(task.work)
            policy.ended.clear()
        wakes, policy.workers.wakes = policy.workers.wakes, 0
        while wakes:
            worker = (wakes & -wakes).bit_length() - 1
            wakes &= wakes - 1
            if self._rests[worker] >= 0:
                self._rouse(worker)
                thread = self._threads[worker]
                self._machine.wake(thread, self._machine.decide, thread, self._pick, worker)

    def _rouse(self, worker: int) -> None:
        self._rests[worker] = ~self._rests[worker]

    def _pick(self, worker: int) -> None:
        now_ns = self._clock.now_ns
        if now_ns >= self._adaptation.next_ns:
            self._adaptation.look(now_ns)
        task = self._policy.pick(worker, now_ns)
        if task is not None:
            if self._policy.ended or self._policy.workers.wakes:
                self._look_round()
            self._run(worker, task, self._arrivals[int(task.work)])
            return
        rest = self._rests[worker] = ~self._rests[worker] + 1
        until_ns = self._policy.wake_ns(worker)
        if until_ns != NEVER:
            self._clock.at(until_ns, self._look_again, worker, rest)
        self._look_round()

    def _look_again(self, worker: int, rest: int) -> None:
        """A rest ends by itself, if it did not end before."""
        if self._rests[worker] == rest:
            self._rouse(worker)
            thread, now_ns = self._threads[worker], self._clock.now_ns
            decide = self._machine.decide
            self._machine.sleep(thread, now_ns, decide, thread, self._pick, worker)

    def _run(self, worker: int, task: Task, arrival: Arrival) -> None:
        thread, quanta_ns = self._threads[worker], arrival.quanta_ns
        self._doing[worker] = task, arrival, thread.ran_ns, self._clock.now_ns
        work_ns = quanta_ns[task.quanta % len(quanta_ns)]
        self._machine.quantum(thread, work_ns, arrival.on_device, self._ended, worker)

    def _ended(self, worker: int) -> None:
        now_ns, policy = self._clock.now_ns, self._policy
        task, arrival, ran_ns, since_ns = self._doing[worker]
        index, ran_ns = task.work, self._threads[worker].ran_ns - ran_ns
        self._tally.ran(index, now_ns, ran_ns)
        is_last = task.quanta + 1 == len(arrival.quanta_ns) and not arrival.repeats
        if is_last:
            self._tally.ended(index, now_ns)
        keeps = policy.step(
            worker,
            now_ns,
            now_ns - since_ns,
            end=_DONE if is_last else None,
            awaits=self._awaited_by(arrival, task.quanta) if arrival.awaits else None,
            cpu_ns=int(ran_ns),
        )
        if policy.workers.wakes or policy.ended:
            self._look_round()
        if keeps:
            self._run(worker, task, arrival)
        else:
            self._pick(worker)

    def _awaited_by(self, arrival: Arrival, quantum: int) -> Task | None:
        """What is awaited at the end of a quantum; who awaits it has submitted it by then."""
        index = arrival.awaits[quantum] if quantum < len(arrival.awaits) else _NOBODY
        if index == _NOBODY:
            return None
        return self._tasks.get(index) or self._submit(index)
