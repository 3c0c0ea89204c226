"""What does a machine cost? What its cores, its kernel and its interpreter take, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["IDEAL", "MEASURED", "Calibration"]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Where an instant of a model is time on a real machine. All zero is an ideal one.

    Attributes:
        slice_ns: how long a thread keeps a core before another may have it; 0: cores are shared
            without any granularity, each thread at the rate that its weight earns.
        tick_ns: how often the operating system looks who should have a core.
        nice_step: by how much one step of niceness makes a thread lighter.
        wake_ns: quantiles, evenly spaced, of the time from a signal until the thread that waited
            for it is ready to run, on an idle core.
        overshoot_ns: quantiles of how much too late a sleep ends, on an idle core.
        switch_interval_ns: how long a thread waits for the interpreter lock before it asks.
        kernel_ns: how long a kernel runs, without the lock, before its thread needs the lock again.
        kernel_noise: by how much, relative, the kernels of a quantum vary (standard deviation).
        hold_ns: how long a thread holds the lock between two kernels.
        schedule_ns: how long a submit, a pick or the end of a quantum holds the lock.
        slowdown: how many times as long a quantum takes as it is said to, on average: neighbours
            share caches and memory, and a processor changes its speed. Below 1 it is quicker.
        cost_noise: by how much, relative, the cost of a quantum varies (standard deviation).
    """

    slice_ns: int = 0
    tick_ns: int = 4_000_000
    nice_step: float = 1.25
    wake_ns: tuple[int, ...] = ()
    overshoot_ns: tuple[int, ...] = ()
    switch_interval_ns: int = 5_000_000
    kernel_ns: int = 1_000_000
    kernel_noise: float = 0.0
    hold_ns: int = 0
    schedule_ns: int = 0
    slowdown: float = 1.0
    cost_noise: float = 0.0

    @classmethod
    def ideal(cls, *, cost_noise: float = 0.08) -> Calibration:
        """A machine that costs nothing; only the work itself varies."""
        return cls(cost_noise=cost_noise)

    def weight_of(self, niceness: int) -> float:
        """The weight of a thread with that niceness; 1024 at 0."""
        return 1024.0 / self.nice_step**niceness

    def with_switch_interval(self, seconds: float) -> Calibration:
        """The same machine after `sys.setswitchinterval(seconds)`."""
        return replace(self, switch_interval_ns=int(seconds * 1e9))


IDEAL = Calibration.ideal()
# Two virtual cores (AMD EPYC), Linux 6.18, HZ=250, CPython 3.11, `sys.setswitchinterval(0.0005)`.
MEASURED = Calibration(
    slice_ns=1_400_000,
    tick_ns=4_000_000,
    nice_step=1.24,
    wake_ns=(10_000, 15_000, 18_000, 24_000, 28_000, 31_000, 35_000, 46_000),
    overshoot_ns=(70_000, 73_000, 75_000, 77_000, 80_000, 85_000, 90_000, 140_000),
    switch_interval_ns=500_000,
    kernel_ns=155_000,
    kernel_noise=0.15,
    hold_ns=5_000,
    schedule_ns=10_000,
    slowdown=1.1,
    cost_noise=0.08,
)
