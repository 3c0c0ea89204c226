"""What is a slot? Memory that is recycled, with a record of what it holds now and who holds it.

A slot is data; a `Frame` is a lease on it. Leases are entries of a dict: adding one and taking
one out are single operations under the interpreter lock, where `pins += 1` is not.
"""

from __future__ import annotations

import itertools
import threading
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

import torch

from toolkit import hooks
from toolkit.attachments import Attachments
from toolkit.devices import fence_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from toolkit.devices import Fence
    from toolkit.spec import FrameSpec

__all__ = ["POISON", "Slot", "make_slots", "new_lease"]

POISON = 0xA5  # what recycled pixels are filled with in debug mode

new_lease = itertools.count(1).__next__  # a number for a lease, unlike any other


class Slot:
    """One recycled piece of memory, made by rings and pools: the thing to write into.

    Attributes:
        pixels: uint8 tensor of `spec.slot_shape`, allocated once.
        planes: views of it, see `FrameSpec.view_planes`.
        spec: layout and meaning of the pixels.
        index: index of the frame it holds.
        pts_seconds: its presentation time.
        generation: grows by one each time the slot is taken for a new frame.
        taken_by: the traffic of the ring whose producer writes to it now, or None.
    """

    __slots__ = (
        "__weakref__",
        "attachments",
        "duration_seconds",
        "fence",
        "generation",
        "index",
        "leases",
        "lock",
        "metadata",
        "number",
        "on_release",
        "pixels",
        "planes",
        "pts_seconds",
        "published_ns",
        "ready_mark",
        "sequence",
        "spec",
        "streams",
        "taken_by",
        "writer",
    )

    def __init__(
        self,
        pixels: Tensor,
        spec: FrameSpec,
        *,
        number: int = 0,
        fence: Fence | None = None,
        on_release: Callable[[Slot], object] | None = None,
    ) -> None:
        self.pixels = pixels
        self.planes = spec.view_planes(pixels)
        self.spec = spec
        self.number = number
        self.fence = fence
        self.on_release = on_release
        self.lock = threading.RLock()  # a finaliser may come in on the thread that is inside
        self.generation = 0
        self.sequence = -1  # how many frames its ring had published before it
        self.leases: dict[int, int] = {}  # lease -> thread that took it
        self.writer: object = None
        self.taken_by: object = None
        self.ready_mark: object = None  # work after it sees the pixels
        self.streams: dict[object, object] = {}  # who reads, and the mark after which it is done
        self.describe(-1, 0.0)

    def describe(
        self,
        index: int,
        pts_seconds: float,
        duration_seconds: float | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """Say which frame the slot holds from now on.

        What was attached to the last one is left behind.
        """
        self.index = index
        self.pts_seconds = pts_seconds
        self.duration_seconds = duration_seconds
        self.metadata = metadata
        self.published_ns = perf_counter_ns()
        self.attachments = Attachments(self.lock)
        if self.fence is not None:
            self.ready_mark = self.fence.record()

    def copy_in(self, pixels: Tensor, *, op: str, non_blocking: bool = False) -> None:
        """Copy `pixels` of `spec.slot_shape` in, from any device. One copy, on the bill as `op`."""
        where = self.spec.device
        direction = f"{_side(pixels.device)}2{_side(where)}"
        with hooks.timed("copy", self.spec.nbytes, device=str(where), direction=direction, op=op):
            self.pixels.copy_(pixels, non_blocking=non_blocking)

    def release(self, lease: int) -> None:
        """Take the lease out. Safe at any time on any thread, also from a finaliser."""
        if self.fence is not None and lease in self.leases:
            for stream in list(self.streams):
                self.streams[stream] = self.fence.record(stream)
        if self.leases.pop(lease, None) is not None and self.on_release is not None:
            self.on_release(self)

    def wait_until_ready(self) -> None:
        """Let work queued from now on see the pixels, and note that its stream reads them."""
        if self.fence is not None:
            self.fence.wait(self.ready_mark)
            self.streams[self.fence.stream()] = None

    def wait_for_readers(self) -> None:
        """Let work queued from now on overwrite the pixels: after all that reads them."""
        if self.fence is not None:
            for stream, mark in list(self.streams.items()):
                self.fence.wait(self.fence.record(stream) if mark is None else mark)

    def forget_results(self) -> None:
        """Let go of what stages computed, unless somebody holds the frame or is busy with it.

        Never blocks, because finalisers come through here; what it leaves goes with the next frame.
        """
        if not self.leases and self.lock.acquire(blocking=False):
            try:
                self.attachments.drop_provided()
            finally:
                self.lock.release()

    def recycle(self) -> None:
        """Begin a new generation: from now on the pixels belong to the next frame."""
        self.generation += 1
        self.writer = None
        if self.fence is not None:
            self.wait_for_readers()
            self.streams.clear()

    def oldest_lease(self) -> tuple[str, float] | None:
        """Name of the thread with the oldest lease, and the age of the frame in ms.

        None when it is free.
        """
        held = list(self.leases.values())
        if not held:
            return None
        names = {one.ident: one.name for one in threading.enumerate()}
        age_ms = (perf_counter_ns() - self.published_ns) / 1e6
        return names.get(held[0], f"thread {held[0]}, which has ended"), age_ms


def make_slots(
    count: int, spec: FrameSpec, *, on_release: Callable[[Slot], object] | None = None
) -> tuple[Tensor, list[Slot]]:
    """Allocate `count` slots in one piece, (count, *slot_shape) uint8, zeroed, and view them apart.

    One allocation on `spec.device`; on CUDA each slot gets the device's fence.
    """
    memory = torch.empty((count, *spec.slot_shape), dtype=torch.uint8, device=spec.device)
    memory.zero_()  # touches every page now, so that no frame of the first lap pays for it
    fence = fence_for(spec.device)
    views = [memory[number] for number in range(count)]
    return memory, [
        Slot(pixels, spec, number=number, fence=fence, on_release=on_release)
        for number, pixels in enumerate(views)
    ]


def _side(device: torch.device) -> str:
    return "h" if device.type == "cpu" else "d"
