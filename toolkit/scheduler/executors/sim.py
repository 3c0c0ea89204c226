"""What would come of this load, under that policy? The same decisions, on a virtual clock."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Protocol, cast

from toolkit.scheduler.arrivals import Arrival
from toolkit.scheduler.contexts import Context
from toolkit.scheduler.executors.calibration import IDEAL, Calibration
from toolkit.scheduler.executors.driver import PolicyThreads
from toolkit.scheduler.executors.machine import Machine
from toolkit.scheduler.kinds import Kind
from toolkit.scheduler.lanes import LAYOUTS, Mode
from toolkit.scheduler.levels import Level
from toolkit.scheduler.loads import KINDS
from toolkit.scheduler.outcome import Outcome, Tally
from toolkit.scheduler.policy import Policy
from toolkit.scheduler.rivals import RIVALS, RivalThreads
from toolkit.scheduler.trace import Trace

__all__ = ["POLICIES", "simulate"]

POLICIES = (*LAYOUTS, *RIVALS)


class Contender(Protocol):
    """Who decides what to run."""

    def release(self, index: int) -> None:
        """Submit the arrival with this index, now."""
        ...


def simulate(
    arrivals: Sequence[Arrival],
    *,
    policy: str | Policy = "guard",
    seconds: float,
    workers: int = 2,
    kinds: Mapping[str, Kind | Level | int | str] = KINDS,
    rates: Mapping[str, float] = MappingProxyType({}),
    contexts: Sequence[Context] = (),
    shifts: Sequence[tuple[float, str]] = (),
    calibration: Calibration = IDEAL,
    seed: int = 0,
    with_trace: bool = False,
) -> Outcome:
    """What would come of it; the same for the same arguments.

    Args:
        arrivals: the load, in order of release.
        policy: a mode of the scheduler, or a rival: see `POLICIES`. Or a policy that has decided
            nothing yet, which then knows workers, kinds and contexts itself.
        seconds: for how long.
        workers: how many cores the machine has, and units its device.
        kinds: level of each kind.
        rates: releases per second of kinds whose period is declared; else it is learned.
        contexts: which kinds matter more in which situation; rivals know none.
        shifts: after how many seconds which context begins.
        calibration: what the machine costs.
        seed: of all that varies.
        with_trace: whether the outcome keeps all events.

    Raises:
        ValueError: there is no such policy.
    """
    if isinstance(policy, str) and policy not in RIVALS:
        policy = _policy_of(policy, kinds, workers, contexts, seed)
    cores = workers if isinstance(policy, str) else policy.workers.cores
    machine = Machine(cores=cores, units=cores, calibration=calibration, seed=seed)
    tally = Tally(arrivals)
    if isinstance(policy, str):
        levels = {name: _level_of(kind) for name, kind in kinds.items()}
        trace = Trace()
        threads = RivalThreads(RIVALS[policy], machine, arrivals, levels, tally, trace, cores)
    else:
        trace = policy.trace
        for kind, per_second in rates.items():
            policy.declare_period(kind, round(1e9 / per_second))
        threads = PolicyThreads(policy, machine, arrivals, tally)
        for at_seconds, context in shifts:
            machine.clock.at(int(at_seconds * 1e9), threads.shift, context)
    listener = _Listener(trace, keep=with_trace)
    _Releases(machine, arrivals, threads, listener).start()
    machine.clock.run(end_ns := round(seconds * 1e9))
    listener.listen()
    found = tally.kinds(end_ns=end_ns, cores=cores)
    known = kinds if isinstance(policy, str) else [kind.name for kind in policy.kinds.values()]
    return Outcome(
        policy=policy if isinstance(policy, str) else policy.mode,
        seconds=seconds,
        kinds={kind: found[kind] for kind in known if kind in found},
        event_hash=listener.hash.hexdigest(),
        trace=bytes(listener.data),
    )


def _policy_of(
    mode: str,
    kinds: Mapping[str, Kind | Level | int | str],
    workers: int,
    contexts: Sequence[Context],
    seed: int,
) -> Policy:
    if mode not in POLICIES:
        raise ValueError(f"policy={mode!r} is unknown; there are {', '.join(POLICIES)}.")
    return Policy(kinds, workers=workers, mode=cast("Mode", mode), contexts=contexts, seed=seed)


def _level_of(kind: Kind | Level | int | str) -> Level:
    return Level.of(kind.level if isinstance(kind, Kind) else kind)


class _Listener:
    """Takes what the ring of the trace holds before it is overwritten."""

    def __init__(self, trace: Trace, *, keep: bool) -> None:
        self.hash = hashlib.sha256()
        self.data = bytearray()
        self._trace, self._keep, self._cursor = trace, keep, 0

    def listen_in_time(self) -> None:
        """Listen if the ring is half full of what was not heard."""
        if 2 * (self._trace.count - self._cursor) > self._trace.slots:
            self.listen()

    def listen(self) -> None:
        """Take all that came since the last time."""
        delta = self._trace.since(self._cursor)
        self._cursor = delta.cursor
        self.hash.update(delta.data)
        if self._keep:
            self.data += delta.data


class _Releases:
    """The thread that submits what comes: it sleeps until the next release, like any other."""

    def __init__(
        self,
        machine: Machine,
        arrivals: Sequence[Arrival],
        contender: Contender,
        listener: _Listener,
    ) -> None:
        self._machine, self._arrivals, self._contender = machine, arrivals, contender
        self._thread = machine.thread()
        self._listener = listener

    def start(self) -> None:
        """Sleep until the first release."""
        self._sleep(0)

    def _sleep(self, index: int) -> None:
        if index < len(self._arrivals):
            until_ns = self._arrivals[index].release_ns
            if until_ns > self._machine.clock.now_ns:
                self._machine.sleep(self._thread, until_ns, self._decide, index)
            else:
                self._decide(index)

    def _decide(self, index: int) -> None:
        self._machine.decide(self._thread, self._submit, index)

    def _submit(self, index: int) -> None:
        self._contender.release(index)
        self._listener.listen_in_time()
        self._sleep(index + 1)
