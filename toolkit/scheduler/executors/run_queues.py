"""Who has a core, on a real machine? One thread, until a tick or a wake-up says otherwise.

A model of Linux's fair scheduler (EEVDF, 6.6 and later): every core has its own queue; a thread
may run when it had no more than its share, and of those the one with the earliest virtual deadline
does. Who runs is protected for a slice, and nobody looks again before the next tick: that is how a
thread with niceness 19 can keep one with niceness 0 from a core for milliseconds.

Source: kernel/sched/fair.c of Linux 6.18: `place_entity`, `pick_eevdf`, `update_deadline`,
`protect_slice`, `select_idle_sibling`, `sched_balance_newidle`, `nohz_balancer_kick`; Stoica and
Abdel-Wahab, "Earliest Eligible Virtual Deadline First", 1995.
"""

from __future__ import annotations

from collections.abc import Iterator

from toolkit.scheduler.executors.virtual import Then, VirtualClock, VirtualThread

__all__ = ["RunQueues"]

_NICE_0 = 1024.0
_TICKS_PER_BALANCE = 8  # how rarely a core looks whether it has too much, where none is idle
_PULL_NS = 50_000  # a core that is idle for less, on average, takes no thread from another one
_MOST_IDLE_NS = 1_000_000  # however long it was idle, it counts as so much
_ROUNDING = 1.0  # ns: who had so much more than its share still had no more


class _Core:
    __slots__ = (
        *("current", "idle_ns", "number", "ready"),
        *("since_ns", "ticking", "ticks", "version"),
    )

    def __init__(self, number: int) -> None:
        self.number = number
        self.current: VirtualThread | None = None
        self.ready: list[VirtualThread] = []
        self.since_ns = self.version = self.ticks = 0
        self.idle_ns: float = _MOST_IDLE_NS  # how long it is idle, on average of late
        self.ticking = False

    def threads(self) -> Iterator[VirtualThread]:
        if self.current is not None:
            yield self.current
        yield from self.ready

    def weight(self) -> float:
        return sum(thread.weight for thread in self.threads())

    def average(self) -> float:
        """The virtual time at which everybody would have had exactly their share."""
        weighted = sum(thread.weight * thread.virtual for thread in self.threads())
        return weighted / self.weight()


class RunQueues:
    """One queue a core.

    Args:
        clock: the virtual clock.
        cores: how many.
        slice_ns: for how long a thread that was given a core is protected.
        tick_ns: how often a core looks whether somebody else should have it.
    """

    def __init__(self, clock: VirtualClock, cores: int, *, slice_ns: int, tick_ns: int) -> None:
        self._clock = clock
        self._cores = [_Core(number) for number in range(cores)]
        self._slice_ns, self._tick_ns = slice_ns, tick_ns
        self._most_lag_ns = max(2 * slice_ns, tick_ns)

    def run(self, thread: VirtualThread, work_ns: float, then: Then, *args: object) -> None:
        """See `Cores.run`."""
        thread.left_ns, thread.then, thread.args = work_ns, then, args
        core = self._cores[thread.core]
        if core.current is thread:  # it goes on, and whoever called looks to it
            return
        core = self._core_for(thread)
        if core.current is None:
            idle_ns = min(_MOST_IDLE_NS, self._clock.now_ns - core.since_ns)
            core.idle_ns += (idle_ns - core.idle_ns) / 8
        self._advance(core)
        self._place(core, thread)
        if core.current is None:
            self._give(core, thread)
        else:
            core.ready.append(thread)
            if self._best(core) is thread:
                self._switch(core, thread)
            self._tick_later(core)

    def stop(self, thread: VirtualThread) -> float | None:
        """See `Cores.stop`; None: another has its core, so that it cannot be asked."""
        core = self._cores[thread.core]
        if core.current is not thread:
            return None
        self._advance(core)
        self._leave(core)
        return max(0.0, thread.left_ns)

    # where and how a thread comes and goes

    def _core_for(self, thread: VirtualThread) -> _Core:
        """The core that it had, unless that is busy and another is idle."""
        core = self._cores[thread.core]
        if core.current is not None:
            core = next((one for one in self._cores if one.current is None), core)
            thread.core = core.number
        return core

    def _place(self, core: _Core, thread: VirtualThread) -> None:
        """Let it join as far behind or ahead of its share as it was when it went to sleep."""
        lag, per_ns = thread.lag, _NICE_0 / thread.weight
        if lag < 0:  # what it had too much is forgotten while it sleeps
            lag = min(0.0, lag + (self._clock.now_ns - thread.slept_ns) * per_ns)
        weight = core.weight()
        if weight:
            lag *= (weight + thread.weight) / weight
            thread.virtual = core.average() - lag
        thread.deadline = thread.virtual + self._slice_ns * per_ns

    def _leave(self, core: _Core) -> None:
        """The current thread sleeps; the next one gets the core."""
        thread = core.current
        assert thread is not None
        most = self._most_lag_ns * _NICE_0 / thread.weight
        thread.lag = max(-most, min(most, core.average() - thread.virtual))
        thread.slept_ns = self._clock.now_ns
        core.current = None
        core.version += 1
        following = self._best(core) if core.ready else self._pulled(core)
        if following is not None:
            if following in core.ready:
                core.ready.remove(following)
            self._give(core, following)

    def _pulled(self, core: _Core) -> VirtualThread | None:
        """Somebody who waits at another core, if it is worth the while to bring them here."""
        if core.idle_ns < _PULL_NS:
            return None
        for other in self._cores:
            if other.ready:
                return self._moved(other, other.ready[0], core)
        return None

    def _moved(self, source: _Core, thread: VirtualThread, core: _Core) -> VirtualThread:
        thread.lag = source.average() - thread.virtual
        thread.slept_ns = self._clock.now_ns
        source.ready.remove(thread)
        thread.core = core.number
        self._place(core, thread)
        return thread

    # who has the core

    def _give(self, core: _Core, thread: VirtualThread) -> None:
        core.current = thread
        core.since_ns = self._clock.now_ns
        thread.protected = thread.deadline
        self._end_later(core)
        if core.ready:
            self._tick_later(core)

    def _switch(self, core: _Core, thread: VirtualThread) -> None:
        assert core.current is not None
        core.ready.append(core.current)
        core.ready.remove(thread)
        self._give(core, thread)

    def _best(self, core: _Core) -> VirtualThread:
        """Who should have the core; who has it, while it is protected."""
        now = core.average() + _ROUNDING
        current = core.current
        if current is not None and current.virtual <= min(now, current.protected):
            return current
        eligible = [thread for thread in core.threads() if thread.virtual <= now]
        return min(eligible, key=lambda thread: thread.deadline)

    def _advance(self, core: _Core) -> None:
        thread = core.current
        if thread is not None:
            did_ns = self._clock.now_ns - core.since_ns
            thread.left_ns -= did_ns
            thread.ran_ns += did_ns
            thread.virtual += did_ns * _NICE_0 / thread.weight
            if thread.virtual >= thread.deadline:
                thread.deadline = thread.virtual + self._slice_ns * _NICE_0 / thread.weight
        core.since_ns = self._clock.now_ns

    def _end_later(self, core: _Core) -> None:
        assert core.current is not None
        core.version += 1
        left_ns = max(0, int(core.current.left_ns))
        self._clock.at(self._clock.now_ns + left_ns, self._ended, core, core.version)

    def _ended(self, core: _Core, version: int) -> None:
        if version != core.version:
            return
        self._advance(core)
        thread = core.current
        assert thread is not None
        thread.left_ns = -1.0
        thread.then(*thread.args)
        if core.current is not thread:  # it was stopped meanwhile
            return
        if thread.left_ns >= 0:
            self._end_later(core)
        else:
            self._leave(core)

    # ticks

    def _tick_later(self, core: _Core) -> None:
        if not core.ticking:
            core.ticking = True
            next_ns = (self._clock.now_ns // self._tick_ns + 1) * self._tick_ns
            self._clock.at(next_ns, self._tick, core)

    def _tick(self, core: _Core) -> None:
        core.ticking = False
        if core.current is None:
            return
        core.ticks += 1
        self._advance(core)
        is_one_idle = any(one.current is None for one in self._cores)
        if is_one_idle or core.ticks % _TICKS_PER_BALANCE == 0:
            self._balance(core)
        if core.ready:
            best = self._best(core)
            if best is not core.current:
                self._switch(core, best)
            self._tick_later(core)

    def _balance(self, core: _Core) -> None:
        """Give a thread that waits here to the lightest core, if that brings the two nearer."""
        lightest = min(self._cores, key=_Core.weight)
        surplus = core.weight() - lightest.weight()
        movable = [thread for thread in core.ready if thread.weight <= surplus]
        if movable:
            self._advance(lightest)
            thread = max(movable, key=lambda thread: thread.weight)
            self._moved(core, thread, lightest)
            if lightest.current is None:
                self._give(lightest, thread)
            else:
                lightest.ready.append(thread)
                self._tick_later(lightest)
