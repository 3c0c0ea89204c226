"""When may a slot be read, and when written again? On a device that runs behind, by events.

A lease held on the host says that Python is done with a slot. It says nothing about kernels that
are queued and have not run. A fence closes that gap without making the host wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from toolkit.devices.queues import queues_of

if TYPE_CHECKING:
    import torch

__all__ = ["Fence", "StreamFence", "fence_for"]


class Fence(Protocol):
    """Marks a point in the device's queue, and makes later work wait for it."""

    def stream(self) -> object:
        """The queue that work of the calling thread goes to now."""
        ...

    def record(self, stream: object = None) -> object:
        """Mark the point reached by work queued so far, there or here. The host does not wait."""
        ...

    def wait(self, mark: object) -> None:
        """Let work queued from now on start after `mark`. The host does not wait."""
        ...


class StreamFence:
    """Events on the streams of one device. No sync; one event is made for each mark."""

    def __init__(self, device: torch.device, queues: Any) -> None:
        self.device = device
        self._queues = queues

    def stream(self) -> Any:
        """The device's current stream."""
        return self._queues.current_stream(self.device)

    def record(self, stream: object = None) -> Any:
        """Record an event on `stream`, or on the device's current one."""
        event = self._queues.Event()
        event.record(self.stream() if stream is None else stream)
        return event

    def wait(self, mark: object) -> None:
        """Let the device's current stream wait for the event; None is no mark."""
        if mark is not None:
            self.stream().wait_event(mark)


def fence_for(device: torch.device) -> Fence | None:
    """The fence that `device` needs, or None where the host's order is the device's order."""
    queues = queues_of(device)
    return None if queues is None else StreamFence(device, queues)
