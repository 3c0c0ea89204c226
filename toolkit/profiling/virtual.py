"""What would it take on the emulated device? Its clock, read where a segment begins and ends.

Only an emulated device has one: it charges launches, kernels, copies and waits by its cost model,
in virtual nanoseconds that have nothing to do with real time (see `toolkit.devices.emu`). It is the
same for all threads; two that are recorded at once are both charged what it moved meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["VirtualTime", "virtual_now", "virtual_prices"]

_torch: Mapping[str, Any] = vars(torch)  # asking the module for what it lacks takes it 2 us


class VirtualTime(NamedTuple):
    """What the clock has charged, in virtual nanoseconds, or between two readings.

    Attributes:
        now_ns: until host and device are both done.
        wait_ns: what the host waited for the device.
        copy_wait_ns: of that, while a copy was on the link.
        kernel_ns: what the device computed.
        launches: kernels launched.
    """

    now_ns: int = 0
    wait_ns: int = 0
    copy_wait_ns: int = 0
    kernel_ns: int = 0
    launches: int = 0

    def since(self, before: VirtualTime | None) -> VirtualTime:
        """What was charged since `before`; all of it, where there was no clock then."""
        if before is None:
            return self
        return VirtualTime(*(new - old for new, old in zip(self, before, strict=True)))


def virtual_now() -> VirtualTime | None:
    """The clock of the emulated device; None where it is not enabled. No sync."""
    device = _torch.get("emu")
    if device is None:
        return None
    read = device.counters()
    return VirtualTime(read.now_ns, read.wait_ns, read.copy_wait_ns, read.kernel_ns, read.launches)


def virtual_prices() -> str:
    """The cost model in words; empty where no device is emulated."""
    device = _torch.get("emu")
    return "" if device is None else str(device.cost())
