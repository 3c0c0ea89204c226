"""What would it take on the emulated device? Its clock, read where a segment begins and ends.

Only an emulated device has one: it charges launches, kernels, copies and waits by its cost model,
in virtual nanoseconds that have nothing to do with real time (see `toolkit.devices.emu`). It is the
same for all threads; two that are recorded at once are both charged what it moved meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["VirtualTime", "virtual_now", "virtual_prices"]

_torch: Mapping[str, Any] = vars(torch)  # asking the module for what it lacks takes it 2 us


class VirtualTime(Protocol):
    """What the clock has charged, in virtual nanoseconds: `Counters` of `toolkit.devices.emu`.

    That package may not be imported here, nor this one there.
    """

    now_ns: int
    wait_ns: int
    copy_wait_ns: int
    kernel_ns: int
    launches: int

    def since(self, before: Any) -> VirtualTime:
        """What was charged since `before`; all of it, where there was no clock then."""
        ...


def virtual_now() -> VirtualTime | None:
    """The clock of the emulated device; None where it is not enabled. No sync."""
    device = _torch.get("emu")
    return None if device is None else device.counters()


def virtual_prices() -> str:
    """The cost model in words; empty where no device is emulated."""
    device = _torch.get("emu")
    return "" if device is None else str(device.cost())
