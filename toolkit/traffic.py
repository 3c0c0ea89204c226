"""Who comes and goes in a ring? Readers, the newest frame, and a producer that waits for a slot."""

from __future__ import annotations

from contextlib import contextmanager
from queue import Empty, SimpleQueue
from threading import get_ident
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

    from toolkit.reader import RingReader
    from toolkit.slot import Slot

__all__ = ["Traffic", "Wakeups"]


class Wakeups:
    """Wakes a waiting thread without a lock, so that a finaliser may call it."""

    __slots__ = ("_queue", "waiting")

    def __init__(self) -> None:
        self.waiting: dict[int, None] = {}  # threads: entering and leaving twice does no harm
        self._queue: SimpleQueue[None] = SimpleQueue()

    @contextmanager
    def expected(self) -> Generator[None]:
        """While this is open, `notify` wakes the calling thread."""
        thread = get_ident()
        try:
            self.waiting[thread] = None
            yield
        finally:
            self.waiting.pop(thread, None)

    def notify(self) -> None:
        """Wake it, if there is one."""
        if self.waiting:
            self._queue.put(None)

    def wait(self, timeout_seconds: float) -> None:
        """Block until `notify`, or until the time is over."""
        try:
            self._queue.get(timeout=max(timeout_seconds, 0.0))
        except Empty:
            return


class Traffic:
    """Who comes and goes: readers, the newest frame, a producer that waits.

    Slots know it and it knows no slot, so that a ring goes when its last reference goes.
    """

    __slots__ = ("newest", "readers", "wakeups")

    def __init__(self) -> None:
        self.newest = -1  # sequence
        self.readers: tuple[RingReader, ...] = ()
        self.wakeups = Wakeups()

    def on_release(self, slot: Slot) -> None:
        """A lease on `slot` was given back."""
        if slot.attachments.values and not slot.leases:
            self.tidy(slot)
        if self.wakeups.waiting:
            self.wakeups.notify()

    def tidy(self, slot: Slot) -> None:
        """Let results go that no consumer will come for: else a ring keeps a set in every slot."""
        is_passed = all(reader.position > slot.sequence for reader in self.readers)
        if is_passed and slot.sequence != self.newest:
            slot.forget_results()
