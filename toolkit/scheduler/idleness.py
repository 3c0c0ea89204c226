"""Is the machine free? The share of it that other processes use, measured since the last time."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

__all__ = ["OthersLoad"]

_STAT = Path("/proc/stat")
_IDLE_FIELDS = (3, 4)  # of a line of /proc/stat: idle, and waiting for a disk
_TICKS_A_SECOND = 100


class OthersLoad:
    """Asks the system, at most once a second.

    On Linux the processors' counts, less what this process used; elsewhere the load average, where
    there is one, from which this process cannot be told apart.
    """

    def __init__(self) -> None:
        self._cores = os.cpu_count() or 1
        self._before = self._read()
        self._share = 0.0

    def share(self) -> float:
        """What others used, 0 to 1 of all processors."""
        now = self._read()
        at, busy, own = now
        before_at, before_busy, before_own = self._before
        passed = at - before_at
        if passed >= 1.0:
            others = (busy - before_busy) - (own - before_own)
            self._share = min(max(others / (passed * self._cores), 0.0), 1.0)
            self._before = now
        return self._share

    def _read(self) -> tuple[float, float, float]:
        """The time, the seconds that all processors computed, and those of this process."""
        at = time.monotonic()
        if sys.platform == "linux":
            counts = [int(one) for one in _STAT.read_text().split("\n", 1)[0].split()[1:9]]
            idle = sum(counts[field] for field in _IDLE_FIELDS)
            return at, (sum(counts) - idle) / _TICKS_A_SECOND, time.process_time()
        average = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
        return at, at * min(average, self._cores), 0.0
