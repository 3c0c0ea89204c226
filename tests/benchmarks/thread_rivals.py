"""What do people use instead of a scheduler? Pools, priority queues and threads with niceness.

Each is what a few lines with the standard library give, on real threads; `RIVALS` of
`toolkit.scheduler.rivals` are the same in the simulator. Who puts a frame skips it while the last
one of its kind is not done, since none of them would replace it. Nobody but the scheduler needs to
know what a quantum is: the others run a job as a whole, but for the queue of chunks.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import queue
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import torch

from toolkit.demos.live_load import Log
from toolkit.scheduler.levels import Level

NICENESS = (0, 2, 12, 15, 19)  # by level
EXTRA_THREADS = 4  # asyncio.to_thread: min(32, cores + 4)
STOP_SECONDS = 5.0

Job = Callable[[], object]


def compute_alone() -> None:
    """What each thread that runs torch says first, or all would fight for all cores."""
    torch.set_num_threads(1)


class Rival:
    """Runs whole jobs, wherever `put` lets them."""

    def __init__(self, log: Log, levels: Mapping[str, Level], cores: int) -> None:
        self.log, self.levels, self.cores = log, levels, cores
        self.busy: set[str] = set()
        self.begin()

    def begin(self) -> None:
        raise NotImplementedError

    def put(self, kind: str, job: Job) -> None:
        raise NotImplementedError

    def stop(self) -> None:
        raise NotImplementedError

    def release(self, index: int) -> None:
        key = self.log.arrivals[index].key
        if key is not None and key in self.busy:
            self.log.shed(index)
            return
        if key is not None:
            self.busy.add(key)
        self.enter(index)

    def enter(self, index: int) -> None:
        self.put(self.log.arrivals[index].kind, lambda: self.whole(index))

    def whole(self, index: int) -> None:
        for number in range(len(self.log.arrivals[index].quanta_ns)):
            if self.log.is_over:
                return
            self.log.quantum(index, number)
        self.ended(index)

    def ended(self, index: int) -> None:
        arrival = self.log.arrivals[index]
        if arrival.repeats:
            self.enter(index)
        if arrival.key is not None:
            self.busy.discard(arrival.key)


class Pool(Rival):
    """`concurrent.futures.ThreadPoolExecutor`, first in, first out."""

    def begin(self) -> None:
        self.pool = ThreadPoolExecutor(self.cores, initializer=compute_alone)

    def put(self, kind: str, job: Job) -> None:
        if not self.log.is_over:
            self.pool.submit(job)

    def stop(self) -> None:
        self.pool.shutdown(wait=True, cancel_futures=True)


class Priority(Rival):
    """`queue.PriorityQueue`, and a thread for each core."""

    def begin(self) -> None:
        self.queue: queue.PriorityQueue[tuple[int, int, Job | None]] = queue.PriorityQueue()
        self.numbers = itertools.count()
        self.threads = _threads([self.run] * self.cores)

    def put(self, kind: str, job: Job) -> None:
        self.queue.put((self.levels[kind], next(self.numbers), job))

    def run(self) -> None:
        compute_alone()
        while (job := self.queue.get()[2]) is not None:
            if not self.log.is_over:
                job()

    def stop(self) -> None:
        for _ in self.threads:
            self.queue.put((-1, next(self.numbers), None))
        _join(self.threads)


class PriorityChunks(Priority):
    """The same; a job goes back into the queue after each quantum."""

    def enter(self, index: int) -> None:
        self.chunk(index, 0)

    def chunk(self, index: int, number: int) -> None:
        self.put(self.log.arrivals[index].kind, lambda: self.run_chunk(index, number))

    def run_chunk(self, index: int, number: int) -> None:
        self.log.quantum(index, number)
        if number + 1 < len(self.log.arrivals[index].quanta_ns):
            self.chunk(index, number + 1)
        else:
            self.ended(index)


class ToThread(Rival):
    """`asyncio.to_thread`, with the pool that it has by default."""

    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        threads = min(32, self.cores + EXTRA_THREADS)
        self.pool = ThreadPoolExecutor(threads, initializer=compute_alone)
        self.loop.set_default_executor(self.pool)
        self.threads = _threads([self.loop.run_forever])

    def put(self, kind: str, job: Job) -> None:
        if not self.log.is_over:
            asyncio.run_coroutine_threadsafe(self.run(job), self.loop)

    async def run(self, job: Job) -> None:
        if not self.log.is_over:
            await asyncio.to_thread(job)

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self.end(), self.loop).result(STOP_SECONDS)
        self.loop.call_soon_threadsafe(self.loop.stop)
        _join(self.threads)
        self.loop.close()

    async def end(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self.loop.shutdown_default_executor()


class NiceThreads(Rival):
    """A thread for each kind of job, as nice as its level says."""

    def begin(self) -> None:
        self.queues = {kind: queue.SimpleQueue[Job | None]() for kind in self.levels}
        self.threads = _threads([lambda kind=kind: self.run(kind) for kind in self.levels])

    def put(self, kind: str, job: Job) -> None:
        self.queues[kind].put(job)

    def run(self, kind: str) -> None:
        compute_alone()
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS[self.levels[kind]])
        while (job := self.queues[kind].get()) is not None:
            if not self.log.is_over:
                job()

    def stop(self) -> None:
        for each in self.queues.values():
            each.put(None)
        _join(self.threads)


def _threads(runs: list[Callable[[], object]]) -> list[threading.Thread]:
    threads = [threading.Thread(target=run, daemon=True) for run in runs]
    for thread in threads:
        thread.start()
    return threads


def _join(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join(STOP_SECONDS)
