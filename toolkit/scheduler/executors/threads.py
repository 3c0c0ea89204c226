"""Who runs tasks by the wall clock? One thread for each worker, and one lock around the policy."""

from __future__ import annotations

import asyncio
import logging
import os
import queue
import sys
import threading
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, cast

from toolkit import hooks
from toolkit.scheduler.executors.uninterrupted import Uninterrupted
from toolkit.scheduler.handle import Handle
from toolkit.scheduler.job import Job, Spent
from toolkit.scheduler.levels import NEVER
from toolkit.scheduler.task import State, Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.scheduler.policy import Policy

__all__ = ["Closed", "Threads"]

_log = logging.getLogger(__name__)
_SHORTEST_WAIT_SECONDS = 0.0002


class Closed(RuntimeError):
    """The scheduler was shut down: it takes no more work."""

    def __init__(self) -> None:
        super().__init__("the scheduler was shut down: make a new one to submit work.")


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
        self._is_closed = False
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
            Closed: after `close`.
        """

        def take(_: int) -> None:
            if self._is_closed:
                raise Closed
            self.policy.submit(task, now_ns)
            self.live.add(task)

        self.call(take)

    def call(self, decide: Callable[[int], Any]) -> Any:
        """Let the policy do something at this time, and carry out what follows from it."""
        ended: list[Task] = []
        try:
            with Uninterrupted():
                with self.lock:
                    answer = decide(self.clock())
                    wakes, ended = self._decided()
                self._ring(wakes)
        finally:
            _tell_all(ended)
        return answer

    def wait_for_room(self, kind: str) -> None:
        """Block until one more task of this kind may be queued, or until no more is taken."""
        with hooks.timed("wait", op=f"room in the queue of {kind}"), self.lock:
            self._waiting_for_room += 1
            try:
                while self.policy.kinds[kind].is_full and not self._is_closed:
                    self.room.wait()
            finally:
                self._waiting_for_room -= 1

    def close(self) -> None:
        """Take no more work, also of those who wait for room."""
        with self.lock:
            self._is_closed = True
            self.room.notify_all()

    def is_worker(self) -> bool:
        """Whether the calling thread is a worker, which must not wait for others."""
        return threading.current_thread() in self._threads

    def wait_until_over(self, timeout_seconds: float | None) -> bool:
        """Block until no task is left, or until the time is over. Whether none is left."""
        with self.lock:
            return self.all_over.wait_for(lambda: not self.live, timeout_seconds)

    def stop(self, timeout_seconds: float | None) -> list[str]:
        """Let the workers end after their quantum. The names of those that did not in time."""
        self._is_stopped = True
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
        try:
            self._initializer()
        except Exception:  # noqa: BLE001 - without a worker, no task would ever run
            _log.exception("worker %d works without its initializer, which failed", worker)
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
            self._look(now_ns)
            task = policy.pick(worker, now_ns)
            wake_ns = policy.workers.wake_ns[worker]
            decided = self._decided()
        self._carry_out(*decided)
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
            self._look(ended_ns)
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
            decided = self._decided()
        self._carry_out(*decided)
        if awaits is not None and not self._is_ours(awaits):
            self._listen(task, job, awaits)
        return keeps and not self._is_stopped

    def _listen(self, task: Task, job: Job, awaits: Any) -> None:
        """Wake the task when something that is no task is there, or cannot be waited for."""
        arrived = partial(self._arrived, task)
        try:
            if isinstance(awaits, asyncio.Future):  # only its loop's thread may touch it
                of_a_loop = cast("asyncio.Future[Any]", awaits)
                of_a_loop.get_loop().call_soon_threadsafe(of_a_loop.add_done_callback, arrived)
            else:
                awaits.add_done_callback(arrived)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the task's
            job.refuse(error)
            self._arrived(task, None)

    def _awaited(self, task: Task, awaits: Any) -> Task | Literal[True] | None:
        """What the policy is told about what a task awaits; nothing where it is there already."""
        if awaits is None or task.is_cancelled:
            return None
        if not self._is_ours(awaits):
            return True
        if awaits.task not in self.live:
            return None
        if awaits.task.awaits_at_last(task):
            task.work.refuse(
                RuntimeError(f"{task!r} awaits {awaits.task!r}, which awaits it: none would end.")
            )
            return None
        return awaits.task

    def _is_ours(self, awaits: Any) -> bool:
        return isinstance(awaits, Handle) and awaits.is_of(self)

    def _arrived(self, task: Task, _: object) -> None:
        self.call(lambda now_ns: self.policy.arrived(task, now_ns))

    def _look(self, now_ns: int) -> None:
        """What adapts the levels is asked; who raises there is switched off, and work goes on."""
        try:
            self._tick(now_ns)
        except Exception:  # noqa: BLE001 - a predictor or a trigger is somebody's own code
            self._tick = _no_tick
            _log.exception("adaptation raised and is switched off: levels stay as they are")

    def _rest(self, worker: int, wake_ns: int) -> None:
        bell = self._bells[worker]
        if wake_ns == NEVER:
            bell.get()
            return
        seconds = max((wake_ns - self.clock()) / 1e9, _SHORTEST_WAIT_SECONDS)
        with suppress(queue.Empty):
            bell.get(timeout=seconds)

    # -- what follows from a decision -------------------------------------------------------------

    def _decided(self) -> tuple[int, list[Task]]:
        """Under the lock: whom to wake, and which tasks ended, since the last decision."""
        workers = self.policy.workers
        wakes, workers.wakes = workers.wakes, 0
        return wakes, self._ended() if self.policy.ended or self._waiting_for_room else []

    def _carry_out(self, wakes: int, ended: list[Task]) -> None:
        """Outside of the lock: wake them, and tell the handles, whose callbacks may submit."""
        self._ring(wakes)
        _tell_all(ended)

    def _ended(self) -> list[Task]:
        ended, self.policy.ended = self.policy.ended, []
        self.live.difference_update(ended)
        if ended and not self.live:
            self.all_over.notify_all()
        if self._waiting_for_room:
            self.room.notify_all()
        return ended

    def _ring(self, wakes: int) -> None:
        if not wakes:
            return
        for worker, bell in enumerate(self._bells):
            if wakes >> worker & 1:
                bell.put(None)


def _no_tick(now_ns: int) -> None:
    """Nothing is adapted."""


def _tell_all(ended: list[Task]) -> None:
    """Tell every handle, also where a callback of another one was interrupted: that comes last."""
    interrupted: BaseException | None = None
    for task in ended:
        try:
            _tell(task)
        except BaseException as error:  # noqa: BLE001 - raised once all are told
            interrupted = error
    if interrupted is not None:
        raise interrupted


def _tell(task: Task) -> None:
    """Give a task's outcome to its handle, outside of the lock: callbacks may submit."""
    job: Job = task.work
    try:
        if task.state is State.CANCELLED:
            job.close()
            job.handle.end_cancelled()
        else:
            job.handle.finish(*job.outcome())
    except BaseException:
        if threading.current_thread() is threading.main_thread():
            raise  # which was interrupted
        _log.exception("a callback of %r raised", job.handle)
    finally:
        task.work = None  # results live as long as their handles do, and no longer


def _be_nice(niceness: int) -> None:
    """Let the operating system prefer others to the calling thread, where it can be told so."""
    if niceness and sys.platform == "linux":  # elsewhere a thread has none of its own
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)
