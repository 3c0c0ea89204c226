"""Who runs tasks by the wall clock? One thread for each worker, and one lock around the policy."""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from toolkit import hooks
from toolkit.scheduler.handle import Handle, TaskShed
from toolkit.scheduler.job import Job, Spent
from toolkit.scheduler.levels import NEVER
from toolkit.scheduler.task import State, Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.scheduler.policy import Policy

__all__ = ["Threads"]

_SHORTEST_WAIT_SECONDS = 0.0002


class Threads:
    """Drives a policy with threads.

    Args:
        policy: who decides.
        clock: the time in ns.
        initializer: called once by each worker, before its first task.
        tick: called with the time, under the lock, before a worker picks and after each quantum.
    """

    def __init__(
        self,
        policy: Policy,
        clock: Callable[[], int],
        *,
        initializer: Callable[[], object],
        tick: Callable[[int], object],
    ) -> None:
        self.policy = policy
        self.clock = clock
        self.lock = threading.Lock()
        self.live: set[Task] = set()
        self.all_over = threading.Condition(self.lock)
        self.room = threading.Condition(self.lock)
        self._waiting_for_room = 0
        self._initializer = initializer
        self._tick = tick
        self._is_stopped = False
        self._bells: list[queue.SimpleQueue[None]] = [
            queue.SimpleQueue() for _ in policy.workers.lanes
        ]
        self._threads = [
            threading.Thread(target=self._run, args=(worker,), daemon=True, name=f"worker {worker}")
            for worker in range(len(policy.workers))
        ]
        for thread in self._threads:
            thread.start()

    # -- from outside -----------------------------------------------------------------------------

    def submit(self, task: Task, now_ns: int) -> None:
        """Queue a task whose work is a `Job`.

        Raises:
            QueueFull: as the policy says.
        """
        policy = self.policy
        with self.lock:
            policy.submit(task, now_ns)
            self.live.add(task)
            wakes, policy.workers.wakes = policy.workers.wakes, 0
            ended = self._ended() if policy.ended else ()
        if wakes:
            self._ring(wakes)
        for one in ended:
            _tell(one)

    def call(self, decide: Callable[[int], Any]) -> Any:
        """Let the policy do something at this time, and carry out what follows from it."""
        policy = self.policy
        with self.lock:
            answer = decide(self.clock())
            wakes, policy.workers.wakes = policy.workers.wakes, 0
            ended = self._ended()
        self._ring(wakes)
        for one in ended:
            _tell(one)
        return answer

    def wait_for_room(self, kind: str) -> None:
        """Block until one more task of this kind may be queued, or until the workers stop."""
        with hooks.timed("wait", op=f"room in the queue of {kind}"), self.lock:
            self._waiting_for_room += 1
            try:
                while self.policy.kinds[kind].is_full and not self._is_stopped:
                    self.room.wait()
            finally:
                self._waiting_for_room -= 1

    def wait_until_over(self, timeout_seconds: float | None) -> bool:
        """Block until no task is left, or until the time is over. Whether none is left."""
        with self.lock:
            return self.all_over.wait_for(lambda: not self.live, timeout_seconds)

    def stop(self, timeout_seconds: float | None) -> list[str]:
        """Let the workers end after their quantum. The names of those that did not in time."""
        with self.lock:
            self._is_stopped = True
            self.room.notify_all()
        self._ring(-1)
        give_up = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        for thread in self._threads:
            if thread is not threading.current_thread():
                left = None if give_up is None else max(0.0, give_up - time.monotonic())
                thread.join(left)
        return [thread.name for thread in self._threads if thread.is_alive()]

    # -- a worker ---------------------------------------------------------------------------------

    def _run(self, worker: int) -> None:
        _be_nice(self.policy.workers.lanes[worker].niceness)
        self._initializer()
        spent = Spent()
        listeners = hooks.Table().plus(spent)
        while not self._is_stopped:
            task, wake_ns = self._pick(worker)
            if task is not None:
                while self._quantum(worker, task, spent, listeners):
                    pass
            else:
                self._rest(worker, wake_ns)

    def _pick(self, worker: int) -> tuple[Task | None, int]:
        policy = self.policy
        with self.lock:
            now_ns = self.clock()
            self._tick(now_ns)
            task = policy.pick(worker, now_ns)
            wake_ns = policy.workers.wake_ns[worker]
            wakes, policy.workers.wakes = policy.workers.wakes, 0
            ended = self._ended() if policy.ended else ()
        if wakes:
            self._ring(wakes)
        for one in ended:
            _tell(one)
        return task, wake_ns

    def _quantum(self, worker: int, task: Task, spent: Spent, listeners: hooks.Table) -> bool:
        job: Job = task.work
        spent.copied_ns = spent.waited_ns = 0
        cpu_ns = time.thread_time_ns()
        began_ns = self.clock()
        awaits = job.quantum(listeners)
        ended_ns = self.clock()
        cpu_ns = time.thread_time_ns() - cpu_ns
        end = None
        if job.is_over:
            end = State.DONE if job.error is None else State.FAILED
        policy = self.policy
        with self.lock:
            self._tick(ended_ns)
            keeps = policy.step(
                worker,
                ended_ns,
                ended_ns - began_ns,
                end=end,
                awaits=self._awaited(task, awaits),
                cpu_ns=cpu_ns,
                copied_ns=spent.copied_ns,
                waited_ns=spent.waited_ns,
            )
            wakes, policy.workers.wakes = policy.workers.wakes, 0
            ended = self._ended() if policy.ended else ()
        if wakes:
            self._ring(wakes)
        for one in ended:
            _tell(one)
        if task.state is State.BLOCKED and not self._is_ours(awaits):
            awaits.add_done_callback(partial(self._arrived, task))
        return keeps and not self._is_stopped

    def _awaited(self, task: Task, awaits: Any) -> Task | Literal[True] | None:
        """What the policy is told about what a task awaits; nothing where it is there already."""
        if awaits is None or task.is_cancelled:
            return None
        if not self._is_ours(awaits):
            return True
        return awaits.task if awaits.task in self.live else None

    def _is_ours(self, awaits: Any) -> bool:
        return isinstance(awaits, Handle) and awaits.is_of(self)

    def _arrived(self, task: Task, _: object) -> None:
        self.call(lambda now_ns: self.policy.arrived(task, now_ns))

    def _rest(self, worker: int, wake_ns: int) -> None:
        bell = self._bells[worker]
        if wake_ns == NEVER:
            bell.get()
            return
        seconds = max((wake_ns - self.clock()) / 1e9, _SHORTEST_WAIT_SECONDS)
        with suppress(queue.Empty):
            bell.get(timeout=seconds)

    # -- under the lock ---------------------------------------------------------------------------

    def _ended(self) -> list[Task]:
        ended, self.policy.ended = self.policy.ended, []
        self.live.difference_update(ended)
        if ended and not self.live:
            self.all_over.notify_all()
        if self._waiting_for_room:
            self.room.notify_all()
        return ended

    def _ring(self, wakes: int) -> None:
        for worker, bell in enumerate(self._bells):
            if wakes >> worker & 1:
                bell.put(None)


def _tell(task: Task) -> None:
    """Give a task's outcome to its handle, outside of the lock: callbacks may submit."""
    job: Job = task.work
    handle = job.handle
    if task.state is State.SHED:
        handle.finish(None, TaskShed(task.kind, task.number, task.dropped_by))
    elif task.state is State.CANCELLED:
        job.close()
        handle.end_cancelled()
    else:
        handle.finish(job.value, job.error)


def _be_nice(niceness: int) -> None:
    """Let the operating system prefer others to the calling thread, where it can be told so."""
    if niceness and sys.platform == "linux":  # elsewhere a thread has none of its own
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)
