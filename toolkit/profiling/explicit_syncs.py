"""Who says `synchronize()`? Waits that are no operators, so that no mode sees them.

While a session is open, the functions below are wrapped: those that `torch.cuda.synchronize`,
`torch.mps.synchronize` and `torch.accelerator.synchronize` look up in torch when they are called,
so that whoever imported them earlier is seen as well, and the methods of CUDA's streams and events.
A wrapper tells the recorder of its own thread, if there is one, and nobody else. With the last
session they are put back.

Not seen are `torch.Stream.synchronize` and `torch.Event.synchronize`, whose classes are built in
and cannot be wrapped, and calls of the driver by other libraries; level `exact` sees these on CUDA
through the driver. `wait_stream` and `wait_event` make the device wait, not the host.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from functools import wraps
from importlib import import_module
from typing import TYPE_CHECKING, Any

import torch

from toolkit.profiling.recorders import thread_recorder
from toolkit.profiling.shared import Shared

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TARGETS", "SyncTarget", "watching_syncs"]


@dataclass(frozen=True, slots=True)
class SyncTarget:
    """One function that waits.

    Attributes:
        module: where its holder is.
        holder: the class in it that has the function; empty if the module itself has it.
        name: of the function.
        op: what to call it on the bill.
        device: what it waits for; empty for whatever accelerator this torch has.
    """

    module: str
    holder: str
    name: str
    op: str
    device: str

    def find(self) -> Any:
        """The module or class; None in a torch that has none."""
        module = import_module(self.module)
        return getattr(module, self.holder, None) if self.holder else module


TARGETS = (
    SyncTarget("torch._C", "", "_cuda_synchronize", "torch.cuda.synchronize", "cuda"),
    SyncTarget("torch.cuda", "Stream", "synchronize", "torch.cuda.Stream.synchronize", "cuda"),
    SyncTarget("torch.cuda", "Event", "synchronize", "torch.cuda.Event.synchronize", "cuda"),
    SyncTarget("torch._C", "", "_mps_deviceSynchronize", "torch.mps.synchronize", "mps"),
    SyncTarget("torch._C", "", "_mps_synchronizeEvent", "torch.mps.Event.synchronize", "mps"),
    SyncTarget(
        "torch._C", "", "_accelerator_synchronizeDevice", "torch.accelerator.synchronize", ""
    ),
)

_wrapped: list[tuple[Any, str, Any, Any]] = []  # holder, name, what was there, and the wrapper


def _put() -> None:
    for target in TARGETS:
        _wrap(target)


def _wrap(target: SyncTarget) -> None:
    holder = target.find()
    original = getattr(holder, target.name, None)
    if original is not None:
        ours = _telling(original, target)
        _wrapped.append((holder, target.name, original, ours))
        setattr(holder, target.name, ours)


def _take() -> None:
    while _wrapped:
        holder, name, original, ours = _wrapped[-1]
        # Somebody else may have wrapped it since: theirs calls ours, which then tells nobody.
        if getattr(holder, name, None) is ours:
            setattr(holder, name, original)
        _wrapped.pop()


def _telling(original: Callable[..., Any], target: SyncTarget) -> Callable[..., Any]:
    device = target.device or _accelerator()

    @wraps(original)
    def synchronize(*values: Any, **named: Any) -> Any:
        recorder = thread_recorder() if watching_syncs.is_held else None
        if recorder is None:
            return original(*values, **named)
        begin_ns = time.perf_counter_ns()
        try:
            return original(*values, **named)
        finally:
            took_ns = time.perf_counter_ns() - begin_ns
            caller = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
            recorder.synchronised(target.op, device, begin_ns, took_ns, caller)

    return synchronize


def _accelerator() -> str:
    found = torch.accelerator.current_accelerator()
    return found.type if found is not None else "cpu"


# While this is held, explicit synchronisations of recorded threads are on their bill.
watching_syncs = Shared(_put, _take)
