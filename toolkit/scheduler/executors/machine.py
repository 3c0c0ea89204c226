"""What would a machine do with these threads? Cores, a lock and a device, on a virtual clock.

A thread here is no thread: it is told what to run and what to call when that is done. What the
machine costs beside the work stands in a `Calibration`; without any, it is ideal, and a quantum is
one event.
"""

from __future__ import annotations

import random

from toolkit.scheduler.executors.calibration import IDEAL, Calibration
from toolkit.scheduler.executors.device import DeviceQueue
from toolkit.scheduler.executors.interpreter import Interpreter
from toolkit.scheduler.executors.run_queues import RunQueues
from toolkit.scheduler.executors.shared_cores import Cores, SharedCores
from toolkit.scheduler.executors.virtual import Then, VirtualClock, VirtualThread

__all__ = ["Machine"]

_LEAST_COST = 0.7  # of what a quantum or a kernel costs on average, however quick it was


class Machine:
    """Cores, an interpreter and a device.

    Args:
        cores: how many cores it has.
        units: how many kernels its device runs at a time.
        calibration: what it costs.
        seed: of all that varies.

    Attributes:
        clock: the virtual clock.
    """

    def __init__(
        self,
        *,
        cores: int = 2,
        units: int = 2,
        calibration: Calibration = IDEAL,
        seed: int | str = 0,
    ) -> None:
        self.clock = VirtualClock()
        self._calibration = calibration
        self._rng = random.Random(seed)
        self._cores = _cores_of(self.clock, cores, calibration)
        self._device = DeviceQueue(self.clock, units, self.wake)
        self._interpreter = Interpreter(
            self.clock,
            self._cores,
            self.wake,
            switch_interval_ns=calibration.switch_interval_ns,
        )
        self._is_free = calibration.hold_ns == calibration.schedule_ns == 0

    @property
    def lock_wait_ns(self) -> int:
        """Time that threads waited for the interpreter lock, all together."""
        return self._interpreter.waited_ns

    def thread(self, niceness: int = 0) -> VirtualThread:
        """A thread, which sleeps."""
        return VirtualThread(self._calibration.weight_of(niceness))

    def wake(self, thread: VirtualThread, then: Then, *args: object) -> None:
        """Wake a thread that sleeps; it calls `then(*args)` as soon as it has a core."""
        delay_ns = self._one_of(self._calibration.wake_ns)
        self.clock.at(self.clock.now_ns + delay_ns, self._cores.run, thread, 0, then, *args)

    def sleep(self, thread: VirtualThread, until_ns: int, then: Then, *args: object) -> None:
        """Let `thread` sleep until then, or as long as the machine makes it."""
        at_ns = max(self.clock.now_ns, until_ns) + self._one_of(self._calibration.overshoot_ns)
        self.clock.at(at_ns, self._cores.run, thread, 0, then, *args)

    def decide(self, thread: VirtualThread, then: Then, *args: object) -> None:
        """Let `thread`, which has a core, call `then(*args)` under the lock."""
        if self._is_free:
            then(*args)
        else:
            self._interpreter.hold(thread, self._calibration.schedule_ns, then, *args)

    def quantum(
        self, thread: VirtualThread, work_ns: int, on_device: bool, then: Then, *args: object
    ) -> None:
        """Let `thread`, which has a core, run a quantum; it has a core and the lock at its end."""
        noise, cost_ns = self._calibration.cost_noise, work_ns * self._calibration.slowdown
        if noise:
            factor = self._rng.gauss(1.0, noise)
            cost_ns *= factor if factor > _LEAST_COST else _LEAST_COST
        if on_device:
            self._device.run(thread, cost_ns, self.decide, thread, then, *args)
        elif self._is_free:
            self._cores.run(thread, cost_ns, then, *args)
        else:
            kernels = max(1, round(work_ns / self._calibration.kernel_ns))
            self._kernel(thread, cost_ns, kernels, then, args)

    def _kernel(
        self,
        thread: VirtualThread,
        left_ns: float,
        left: int,
        then: Then,
        args: tuple[object, ...],
    ) -> None:
        """Run what is left of a quantum: a kernel without the lock, then some Python with it."""
        if left:
            cost_ns, noise = left_ns / left, self._calibration.kernel_noise
            if noise and left > 1:  # the last one takes what is left
                cost_ns *= max(_LEAST_COST, self._rng.gauss(1.0, noise))
            more = (self._kernel, thread, left_ns - cost_ns, left - 1, then, args)
            held_ns = self._calibration.hold_ns
            self._cores.run(thread, cost_ns, self._interpreter.hold, thread, held_ns, *more)
        else:
            self.decide(thread, then, *args)

    def _one_of(self, quantiles: tuple[int, ...]) -> int:
        return self._rng.choice(quantiles) if quantiles else 0


def _cores_of(clock: VirtualClock, cores: int, calibration: Calibration) -> Cores:
    if calibration.slice_ns:
        return RunQueues(clock, cores, slice_ns=calibration.slice_ns, tick_ns=calibration.tick_ns)
    return SharedCores(clock, cores)
