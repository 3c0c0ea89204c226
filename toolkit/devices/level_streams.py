"""How does a device know what is urgent? By streams: one for each level, with its priority.

A scheduler decides which task gets a worker. What the task then queues on a device competes with
all that is queued there already, unless it is in a stream of a higher priority.

    scheduler = Scheduler(kinds, around=LevelStreams("cuda"))

The work of a task goes to the stream of its level. Its first quantum follows what was queued on the
stream of who submitted it; when its level changes, its new stream follows its old one. So does
`wait(handle)` on the stream of who uses its result. The host never waits.
"""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch

from toolkit.devices.fences import StreamFence
from toolkit.devices.queues import queues_of

if TYPE_CHECKING:
    from collections.abc import Generator
    from contextlib import AbstractContextManager

__all__ = ["LevelStreams"]

_LEVELS = 5


class LevelStreams:
    """A stream for each of five levels of one device; nothing where the device has no streams.

    Streams are made once, at construction. A quantum costs two events.

    Args:
        device: such as `"cuda:0"`.
    """

    def __init__(self, device: str | torch.device) -> None:
        self.device = torch.device(device)
        self._queues = queues_of(self.device)
        self._fence = None if self._queues is None else StreamFence(self.device, self._queues)
        self.streams: tuple[Any, ...] = ()
        if self._queues is not None:
            least, greatest = self._queues.Stream.priority_range()
            self.streams = tuple(
                self._queues.Stream(self.device, priority=priority)
                for priority in _priorities(least, greatest)
            )
        self._marks: WeakKeyDictionary[Any, object] = WeakKeyDictionary()

    def submitted(self, task: object) -> None:
        """Note what was queued on the calling thread's stream when `task` was submitted."""
        if self._fence is not None:
            self._marks[task] = self._fence.record()

    def quantum(self, task: object, level: int) -> AbstractContextManager[None]:
        """Context manager: what is queued inside goes to the stream of `level`, in its order."""
        if self._fence is None or self._queues is None:
            return nullcontext()
        return self._in_stream(task, self.streams[level], self._fence, self._queues)

    def wait(self, task: object) -> None:
        """Let the calling thread's stream follow what `task` has queued so far."""
        if self._fence is not None:
            self._fence.wait(self._marks.get(task))

    @contextmanager
    def _in_stream(
        self, task: object, stream: Any, fence: StreamFence, queues: Any
    ) -> Generator[None]:
        with queues.stream(stream):
            fence.wait(self._marks.get(task))
            try:
                yield
            finally:
                self._marks[task] = fence.record(stream)


def _priorities(least: int, greatest: int) -> list[int]:
    """One for each level, spread over what the device has; smaller numbers go first."""
    span = least - greatest
    return [greatest + round(level * span / (_LEVELS - 1)) for level in range(_LEVELS)]
