"""Who may run Python? Whoever holds the interpreter lock; a thread out of a kernel has to get it.

As in CPython: who finds the lock taken sleeps. When it is let go the one that waited longest is
woken, and on its way back to a core somebody else may take the lock first. Who has waited for a
switch interval asks the holder to let go.
"""

from __future__ import annotations

from collections.abc import Callable

from toolkit.scheduler.executors.shared_cores import Cores
from toolkit.scheduler.executors.virtual import Then, VirtualClock, VirtualThread

__all__ = ["Interpreter"]

Wake = Callable[..., None]


class Interpreter:
    """One lock.

    Args:
        clock: the virtual clock.
        cores: what the holder runs on.
        wake: called as `wake(thread, then, *args)` to bring a sleeping thread to a core.
        switch_interval_ns: how long a thread waits before it asks for the lock.

    Attributes:
        waited_ns: time that threads waited for the lock, all together.
    """

    def __init__(
        self, clock: VirtualClock, cores: Cores, wake: Wake, *, switch_interval_ns: int
    ) -> None:
        self._clock, self._cores, self._wake = clock, cores, wake
        self._interval_ns = switch_interval_ns
        self._holder: VirtualThread | None = None
        self._takes = 0
        self._waiting: dict[VirtualThread, int] = {}  # since when, in the order of their coming
        self._wanted: dict[VirtualThread, tuple[float, Then, tuple[object, ...]]] = {}
        self.waited_ns = 0

    def hold(self, thread: VirtualThread, work_ns: float, then: Then, *args: object) -> None:
        """Let `thread`, which has a core, run Python for `work_ns`, then call `then(*args)`."""
        self._wanted[thread] = (work_ns, then, args)
        self._take(thread, self._clock.now_ns)

    def _take(self, thread: VirtualThread, since_ns: int) -> None:
        if self._holder is None:
            self._holder = thread
            self._takes += 1
            self.waited_ns += self._clock.now_ns - since_ns
            self._cores.run(thread, self._wanted[thread][0], self._let_go, thread)
        else:
            self._wait(thread, since_ns)

    def _let_go(self, thread: VirtualThread) -> None:
        _, then, args = self._wanted.pop(thread)
        self._pass_on()
        then(*args)

    def _pass_on(self) -> None:
        self._holder = None
        if self._waiting:
            first = next(iter(self._waiting))
            self._wake(first, self._take, first, self._waiting.pop(first))

    def _wait(self, thread: VirtualThread, since_ns: int) -> None:
        self._waiting[thread] = since_ns
        self._ask_later(thread)

    def _ask_later(self, thread: VirtualThread) -> None:
        at_ns = self._clock.now_ns + self._interval_ns
        self._clock.at(at_ns, self._ask, thread, self._takes)

    def _ask(self, thread: VirtualThread, takes: int) -> None:
        """The holder lets go at its next instruction, if it still is the one and has a core."""
        if thread not in self._waiting:
            return
        holder = self._holder if takes == self._takes else None
        left_ns = None if holder is None else self._cores.stop(holder)
        if holder is None or left_ns is None:
            self._ask_later(thread)
            return
        self._wanted[holder] = (left_ns, *self._wanted[holder][1:])
        self._pass_on()
        self._wait(holder, self._clock.now_ns)
