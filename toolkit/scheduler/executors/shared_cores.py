"""Who has a core, on an ideal machine? All at once, each at the rate that its weight earns."""

from __future__ import annotations

from typing import Protocol

from toolkit.scheduler.executors.virtual import Then, VirtualClock, VirtualThread

__all__ = ["Cores", "SharedCores"]


class Cores(Protocol):
    """What the virtual machine asks of its cores."""

    def run(self, thread: VirtualThread, work_ns: float, then: Then, *args: object) -> None:
        """Let `thread`, which does nothing now, work for `work_ns`; then call `then(*args)`.

        A thread that goes on working out of `then` keeps its core.
        """
        ...

    def stop(self, thread: VirtualThread) -> float | None:
        """Take `thread` off its core and forget its work; what was left, ns. None: it has none."""
        ...


class SharedCores:
    """Weighted fair sharing without any granularity: no thread has more than one core.

    While there are no more threads than cores, an end of work costs one event and touches nobody.
    """

    def __init__(self, clock: VirtualClock, cores: int) -> None:
        self._clock = clock
        self._cores = cores
        self._running: dict[VirtualThread, None] = {}  # a set that keeps its order

    def run(self, thread: VirtualThread, work_ns: float, then: Then, *args: object) -> None:
        """See `Cores.run`."""
        if work_ns <= 0:  # no work needs no core
            then(*args)
            return
        thread.left_ns = work_ns
        thread.then, thread.args = then, args
        thread.since_ns = now_ns = self._clock.now_ns
        self._running[thread] = None
        if len(self._running) > self._cores:
            self._share()
            return
        thread.rate = 1.0
        thread.version += 1
        self._clock.at(now_ns + int(work_ns), self._ended, thread, thread.version)

    def stop(self, thread: VirtualThread) -> float | None:
        """See `Cores.stop`."""
        self._advance(thread)
        thread.version += 1
        self._leave(thread)
        return thread.left_ns

    def _ended(self, thread: VirtualThread, version: int) -> None:
        if version != thread.version:
            return
        if len(self._running) > self._cores:
            self._advance(thread)
            self._leave(thread)
        else:
            thread.ran_ns += thread.left_ns
            del self._running[thread]
        thread.then(*thread.args)

    def _leave(self, thread: VirtualThread) -> None:
        crowded = len(self._running) > self._cores
        del self._running[thread]
        if crowded:
            self._share()

    def _advance(self, thread: VirtualThread) -> None:
        did_ns = (self._clock.now_ns - thread.since_ns) * thread.rate
        thread.left_ns -= did_ns
        thread.ran_ns += did_ns
        thread.since_ns = self._clock.now_ns

    def _share(self) -> None:
        """Give everybody their rate anew; heavy ones first, who cannot use more than one core."""
        heaviest_first = sorted(self._running, key=lambda thread: -thread.weight)
        free, weight = float(self._cores), sum(thread.weight for thread in heaviest_first)
        for thread in heaviest_first:
            self._advance(thread)
            thread.rate = min(1.0, free * thread.weight / weight)
            free -= thread.rate
            weight -= thread.weight
            thread.version += 1
        self._end_later(heaviest_first)

    def _end_later(self, threads: list[VirtualThread]) -> None:
        """Set the end of each; of too many only the first one, which is before all rates change."""
        end_ns = {
            thread: thread.since_ns + int(max(0.0, thread.left_ns) / thread.rate)
            for thread in threads
        }
        if len(threads) > self._cores:
            threads = [min(threads, key=end_ns.__getitem__)]
        for thread in threads:
            self._clock.at(end_ns[thread], self._ended, thread, thread.version)
