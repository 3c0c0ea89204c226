"""What does Apple's GPU take? Its allocator tells how much is in use, and no more.

torch's MPS allocator reports no blocks to a profiler, and the stream has no place for them: neither
number nor size of single allocations can be had there. What there is:
`torch.mps.current_allocated_memory()`, read where a segment begins and ends. So on MPS a bill has
how much more device memory a stage left in use, and the highest it stood at where a stage began or
ended: a lower bound of the peak. Copies to and from MPS, and waits for it, are seen by the modes at
`lines` and `exact` as on every device; `torch.mps.synchronize()` is seen at every level. What the
Metal driver holds besides (`torch.mps.driver_allocated_memory()`) is on the session's record of the
machine. To read these numbers does not wait for the device. Intervals of Apple's os_signpost, which
`torch.mps.profiler` records, are left to Xcode's Instruments.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from toolkit.profiling.counting import Counts

__all__ = ["add_growth", "allocated_bytes", "is_in_use", "memory_of_machine"]


def is_in_use() -> bool:
    """Whether there is an MPS device: on a Mac alone."""
    return sys.platform == "darwin" and torch.backends.mps.is_available()


def allocated_bytes() -> int:
    """Bytes of tensors on MPS; -1 where there is no such device. No sync."""
    return int(torch.mps.current_allocated_memory()) if is_in_use() else -1


def add_growth(counts: Counts, before: int, after: int) -> None:
    """Add what a segment left in use beyond what it found, or less than that."""
    counts.device_net_bytes += after - before
    counts.device_peak_bytes = max(counts.device_peak_bytes, counts.device_net_bytes)


def memory_of_machine() -> dict[str, Any]:
    """What the driver holds, and how much it recommends at most; empty where there is no MPS."""
    if not is_in_use():
        return {}
    return {
        "mps_driver_bytes": int(torch.mps.driver_allocated_memory()),
        "mps_recommended_bytes": int(torch.mps.recommended_max_memory()),
    }
