"""What do people use instead? Pools, priority queues and threads with niceness, in the simulator.

Each is what a few lines with the standard library give. Who puts a frame skips it while the last
one of its key is not done, since none of them would replace it. What an arrival awaits they ignore.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

from toolkit.scheduler.arrivals import Arrival
from toolkit.scheduler.executors.machine import Machine
from toolkit.scheduler.levels import NEVER, Level
from toolkit.scheduler.outcome import Tally
from toolkit.scheduler.reasons import Happening, Reason
from toolkit.scheduler.trace import NO_WORKER, Trace

__all__ = ["RIVALS", "Rival", "RivalThreads"]

_NICENESS = (0, 2, 12, 15, 19)  # by level


@dataclass(frozen=True, slots=True)
class Rival:
    """How threads share out what comes.

    Attributes:
        extra_threads: how many more threads than workers there are.
        by_level: whether more urgent levels leave the queue first; else first in, first out.
        chunked: whether a job goes back into the queue after each quantum.
        per_kind: whether each kind has a queue and a thread of its own, as nice as its level says.
    """

    extra_threads: int = 0
    by_level: bool = False
    chunked: bool = False
    per_kind: bool = False


RIVALS = {
    "pool": Rival(),  # ThreadPoolExecutor
    "priority": Rival(by_level=True),  # PriorityQueue and threads, whole jobs
    "priority_chunks": Rival(by_level=True, chunked=True),
    "to_thread": Rival(extra_threads=4),  # asyncio.to_thread: min(32, cores + 4) threads
    "nice_threads": Rival(per_kind=True),
}


class RivalThreads:
    """The threads of a rival on the virtual machine.

    Args:
        rival: how they share out what comes.
        machine: what they run on.
        arrivals: the load.
        levels: level of each kind.
        tally: what came of the load.
        trace: what happened; a worker is a thread.
        workers: how many threads a pool has.
    """

    def __init__(
        self,
        rival: Rival,
        machine: Machine,
        arrivals: Sequence[Arrival],
        levels: Mapping[str, Level],
        tally: Tally,
        trace: Trace,
        workers: int,
    ) -> None:
        self._rival, self._machine, self._arrivals = rival, machine, arrivals
        self._levels, self._tally, self._trace = levels, tally, trace
        self._numbers = {kind: number for number, kind in enumerate(levels)}
        nice = [_NICENESS[level] for level in levels.values()] if rival.per_kind else None
        niceness = nice or [0] * (workers + rival.extra_threads)
        self._threads = [machine.thread(each) for each in niceness]
        self._idle = set(range(len(niceness)))
        queues = len(niceness) if rival.per_kind else 1
        self._queues: list[list[tuple[int, int, int, int]]] = [[] for _ in range(queues)]
        self._number = 0
        self._busy: set[str] = set()

    def release(self, index: int) -> None:
        """Submit the arrival with this index, now."""
        arrival = self._arrivals[index]
        self._emit(Happening.SUBMIT, index, arrival.deadline_ns)
        if arrival.key is not None and arrival.key in self._busy:
            self._tally.shed(index)
            self._emit(Happening.SHED, index, 0, reason=Reason.NEWEST)
            return
        if arrival.key is not None:
            self._busy.add(arrival.key)
        self._put(index, 0)

    def _put(self, index: int, quantum: int) -> None:
        kind = self._arrivals[index].kind
        per_kind = self._rival.per_kind
        self._number += 1
        urgency = self._levels[kind] if self._rival.by_level else 0
        queue = self._queues[self._numbers[kind] if per_kind else 0]
        heappush(queue, (urgency, self._number, index, quantum))
        sleeping = self._idle & {self._numbers[kind]} if per_kind else self._idle
        if sleeping:
            worker = min(sleeping)
            self._idle.discard(worker)
            thread = self._threads[worker]
            self._machine.wake(thread, self._machine.decide, thread, self._next, worker)

    def _next(self, worker: int) -> None:
        queue = self._queues[worker if self._rival.per_kind else 0]
        if queue:
            _, _, index, quantum = heappop(queue)
            self._emit(Happening.START, index, 0, worker)
            self._run(worker, index, quantum)
        else:
            self._idle.add(worker)

    def _run(self, worker: int, index: int, quantum: int) -> None:
        arrival, thread = self._arrivals[index], self._threads[worker]
        work_ns, ran_ns = arrival.quanta_ns[quantum], thread.ran_ns
        args = (worker, index, quantum, ran_ns, self._machine.clock.now_ns)
        self._machine.quantum(thread, work_ns, arrival.on_device, self._ended, *args)

    def _ended(self, worker: int, index: int, quantum: int, ran_ns: float, since_ns: int) -> None:
        now_ns, thread = self._machine.clock.now_ns, self._threads[worker]
        self._tally.ran(index, now_ns, thread.ran_ns - ran_ns)
        arrival, quantum = self._arrivals[index], quantum + 1
        is_last = quantum == len(arrival.quanta_ns)
        if not is_last and not self._rival.chunked:
            self._emit(Happening.QUANTUM, index, now_ns - since_ns, worker)
            self._run(worker, index, quantum)
            return
        if is_last and not arrival.repeats:
            self._done(worker, index)
        else:
            self._emit(Happening.YIELD, index, now_ns - since_ns, worker)
            self._put(index, 0 if is_last else quantum)
        self._next(worker)

    def _done(self, worker: int, index: int) -> None:
        arrival, now_ns = self._arrivals[index], self._machine.clock.now_ns
        self._tally.ended(index, now_ns)
        if arrival.key is not None:
            self._busy.discard(arrival.key)
        late_ns = 0 if arrival.deadline_ns == NEVER else now_ns - arrival.deadline_ns
        self._emit(Happening.DONE, index, late_ns, worker)
        if late_ns > 0:
            self._emit(Happening.MISS, index, late_ns, worker)

    def _emit(
        self,
        happening: Happening,
        index: int,
        value: int,
        worker: int = NO_WORKER,
        reason: Reason = Reason.NONE,
    ) -> None:
        kind, now_ns = self._arrivals[index].kind, self._machine.clock.now_ns
        level, number = self._levels[kind], self._numbers[kind]
        self._trace.note(now_ns, happening, worker, level, number, reason, index + 1, value)
