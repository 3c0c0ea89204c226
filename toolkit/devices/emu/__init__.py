"""How does it run on an accelerator, if there is none? On `emu`, an emulated device of torch.

```python
from toolkit.devices import emu

emu.enable()                      # an emulated GPU of a laptop; emu.enable(emu.SERVER) for more
frame = picture.to("emu")         # one upload, on the bill
edges = sobel(frame)              # kernels on memory of the device
edges.cpu()                       # one download, and a wait for it
```

Moving a tensor in or out is a real, counted copy; mixing devices, `.numpy()` and the rest fail as
they do on CUDA. Operators give the host's results, for they run on the host: real time says nothing
about a GPU. A virtual clock does, by a stated cost model (`CostModel`), and reports show both.
`torch.emu` is this module, with the names of `torch.cuda`: streams, events, memory statistics.

Not emulated: several devices, graphs, kernels of other libraries, the order of streams where a wait
is missing (see `streams`), `torch.empty(..., pin_memory=True)` (use `.pin_memory()`), generators of
the device's own (random numbers are the host's), `torch.accelerator.synchronize` (use
`torch.emu.synchronize`).
"""

from __future__ import annotations

import threading
from typing import Any

import torch

from toolkit.devices.emu import kernels, pinned
from toolkit.devices.emu.clock import Counters
from toolkit.devices.emu.cost import LAPTOP, SERVER, CostModel
from toolkit.devices.emu.memory import MEMORY
from toolkit.devices.emu.streams import (
    CLOCK,
    Event,
    Stream,
    current_stream,
    default_stream,
    report_sync,
    set_stream,
    stream,
)
from toolkit.devices.emu.tensor import rebuild, set_dispatch

__all__ = [
    "LAPTOP",
    "SERVER",
    "CostModel",
    "Counters",
    "Event",
    "Stream",
    "cost",
    "counters",
    "current_stream",
    "default_stream",
    "enable",
    "ensure",
    "is_enabled",
    "max_memory_allocated",
    "memory_allocated",
    "memory_stats",
    "reset_peak_memory_stats",
    "set_stream",
    "stream",
    "synchronize",
]

_lock = threading.Lock()
_kept: list[Any] = []  # the registered kernels live as long as their library


def enable(cost: CostModel | None = None, *, capacity_bytes: int | None = None) -> None:
    """Let torch know the device, and set its prices and its capacity. Takes half a second once.

    A second call changes prices and capacity, and nothing else. torch has one place for a device of
    this kind in each process, and nothing takes it away again.

    Gradients are computed on it where it was enabled before the first backward pass of the process:
    torch makes its threads for gradients once, for the devices that it knows then.

    Args:
        cost: prices for the virtual clock; `LAPTOP` where nothing was set.
        capacity_bytes: what fits into its memory; None for as much as the host has.

    Raises:
        RuntimeError: this torch cannot have devices in Python, or another one has the place.
        ValueError: a capacity below zero.
    """
    if capacity_bytes is not None and capacity_bytes < 0:
        raise ValueError(f"capacity_bytes={capacity_bytes} is no size; give 0 or more, or None")
    with _lock:
        if not _kept:
            _register()
        if cost is not None:
            CLOCK.cost = cost
        MEMORY.capacity_bytes = capacity_bytes


def ensure() -> None:
    """Let torch know the device if it does not yet; prices and capacity stay as they are."""
    if not _kept:
        enable()


def is_enabled() -> bool:
    """Whether torch knows the device."""
    return bool(_kept)


def cost() -> CostModel:
    """The prices of the virtual clock."""
    return CLOCK.cost


def counters() -> Counters:
    """What the virtual clock has charged so far, in virtual nanoseconds."""
    return CLOCK.counters()


def synchronize(device: object = None) -> None:
    """Block until the current stream is done. A wait on the bill, and on the virtual clock."""
    del device
    CLOCK.wait(current_stream().queue)
    report_sync("emu.synchronize")


def memory_allocated(device: object = None) -> int:
    """Bytes of the device that are in use."""
    del device
    return MEMORY.allocated_bytes


def max_memory_allocated(device: object = None) -> int:
    """The most bytes in use at once since `reset_peak_memory_stats`. Without kernels' scratch."""
    del device
    return MEMORY.peak_bytes


def reset_peak_memory_stats(device: object = None) -> None:
    """Let `max_memory_allocated` begin anew."""
    del device
    MEMORY.reset_peak()


def memory_stats(device: object = None) -> dict[str, int]:
    """Allocations and bytes by the names of `torch.cuda.memory_stats`."""
    del device
    return MEMORY.statistics()


# -- what torch asks of the module of a device -----------------------------------------------------


def is_available() -> bool:
    """Whether there is such a device: once it is enabled."""
    return is_enabled()


is_initialized = is_available


def device_count() -> int:
    """There is one."""
    return 1


def current_device() -> int:
    """It is the first."""
    return 0


def manual_seed_all(seed: int) -> None:
    """Nothing to do: random numbers are drawn by the host's generator, which torch seeds."""


def get_rng_state(device: object = None) -> torch.Tensor:
    """The state of the host's generator, which is the device's, too."""
    del device
    return torch.get_rng_state()


def set_rng_state(state: torch.Tensor, device: object = None) -> None:
    """Set the host's generator, which is the device's, too."""
    del device
    torch.set_rng_state(state)


def get_amp_supported_dtype() -> list[torch.dtype]:
    """What autocast may use."""
    return [torch.float16, torch.bfloat16]


def _is_in_bad_fork() -> bool:
    return False


def _register() -> None:
    import sys

    from torch.utils import backend_registration

    set_up: Any = getattr(backend_registration, "_setup_privateuseone_for_python_backend", None)
    if set_up is None:
        raise RuntimeError(
            f"torch {torch.__version__} cannot have a device written in Python: the emulated "
            "device needs a newer one (tested with 2.13)."
        )
    core: Any = torch._C
    name = core._get_privateuse1_backend_name()
    if name not in ("privateuseone", "emu"):
        raise RuntimeError(
            f"another device, {name!r}, has the one place that torch has for devices of this kind; "
            "start a process without it to use 'emu'."
        )
    set_up("emu", backend_module=sys.modules[__name__])
    set_dispatch(kernels.dispatch)
    pinned.install()
    torch.serialization.add_safe_globals([rebuild])
    _kept.append(kernels.register())
