"""How do decoded pixels get onto a device without the host waiting? Through pinned memory.

A copy from ordinary memory makes the host wait even when it is asked not to. So planes are copied
into one of two page-locked buffers, and sent from there while the next picture is decoded into the
other. At 4:2:0 that is 1.5 bytes a pixel; float RGB would be 12.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from toolkit import hooks
from toolkit.devices import queues_of

if TYPE_CHECKING:
    from torch import Tensor

    from toolkit.slot import Slot
    from toolkit.spec import FrameSpec

__all__ = ["Uploader"]


class Uploader:
    """Two staging buffers on the host for slots of one spec on a device.

    Allocates both at construction, page-locked where the device has streams.
    """

    def __init__(self, spec: FrameSpec) -> None:
        self.spec = spec
        self._queues = queues_of(spec.device)
        shape = (2, *spec.slot_shape)
        if spec.device.type == "cuda":
            memory = torch.empty(shape, dtype=torch.uint8, pin_memory=True)
            # torch's own allocator events show ordinary memory, but not this
            hooks.report("alloc", memory.nbytes, op="pinned")
        else:
            memory = torch.empty(shape, dtype=torch.uint8)
            memory = memory if self._queues is None else memory.pin_memory()
        self._buffers = [(buffer, spec.view_planes(buffer)) for buffer in memory.unbind()]
        self._sent: list[Any] = [None, None]
        self._turn = 0

    def next_planes(self) -> tuple[Tensor, ...]:
        """Planes of the buffer to write now. Waits where its last picture is still on its way."""
        self._turn = 1 - self._turn
        event = self._sent[self._turn]
        if event is not None and not event.query():
            with hooks.timed("wait", device=str(self.spec.device), op="upload"):
                event.synchronize()
        return self._buffers[self._turn][1]

    def send(self, slot: Slot) -> None:
        """Copy the buffer that was written last into `slot`. The host does not wait."""
        buffer, _ = self._buffers[self._turn]
        device = self.spec.device
        with hooks.timed(
            "copy", self.spec.nbytes, device=str(device), direction="h2d", op="upload"
        ):
            slot.pixels.copy_(buffer, non_blocking=self._queues is not None)
        if self._queues is not None:
            event = self._queues.Event()
            event.record(self._queues.current_stream(device))
            self._sent[self._turn] = event
