"""Where do live frames live? In a ring of slots that is allocated once and recycled for ever.

One producer writes, any number of consumers read without copying, old frames are recycled. A slot
that somebody holds is never overwritten. When there is no slot to write to, the policy decides:
drop the oldest unread frame, drop the incoming one, block, or raise. Every drop is counted.
"""

from __future__ import annotations

import threading
import time
import warnings
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import torch

from toolkit import hooks
from toolkit.devices import resolve
from toolkit.frame import Frame, FrameError
from toolkit.reader import RingReader
from toolkit.ring_state import RingState
from toolkit.slot import POISON, make_slots
from toolkit.spec import FrameSpec
from toolkit.traffic import Traffic

if TYPE_CHECKING:
    from torch import Tensor

    from toolkit.slot import Slot
    from toolkit.spec import Matrix, PixelFormat, Rotation

__all__ = ["DropPolicy", "FrameRing", "RingFull", "RingReader", "RingState", "RingStats"]

DropPolicy = Literal["oldest", "newest", "block", "error"]

_PATIENCE_SECONDS = 2.0


class RingFull(FrameError):
    """There is no slot to write to, and the policy does not drop."""


@dataclass(frozen=True, slots=True)
class RingStats:
    """Counts of one ring.

    Attributes:
        slots: how many there are.
        leased: slots that somebody holds now.
        published: frames published so far.
        dropped: frames lost so far, incoming ones and unread ones that were overwritten.
        waits: how often the producer waited for a slot.
    """

    slots: int
    leased: int
    published: int
    dropped: int
    waits: int


class FrameRing:
    """Recycled slots with publication order, for one producer and many consumers.

    All slots are allocated at construction, in one piece of `nbytes`. Publishing and leasing
    allocate no pixels, copy nothing and do not sync. What stages attached to a frame goes when it
    is not the newest, nobody holds it and every reader has passed it.

    Args:
        slots: how many; 60 are two seconds at 30 frames a second.
        width: true width in px.
        height: true height in px.
        pixel_format: `"i420"`, `"rgb"` or `"gray"`, see `FrameSpec`.
        device: where the slots live.
        drop: what happens when every slot is held, or holds a frame that a reader has not seen:
            `"oldest"` overwrites the oldest unread frame (live), `"newest"` drops the incoming
            one, `"block"` waits (files), `"error"` raises `RingFull`. A held slot is never
            overwritten: with all of them held, `"oldest"` drops the incoming frame too.
        matrix: luma weights of `i420`.
        full_range: range of luma of `i420`.
        rotation: degrees counter-clockwise to show.
        debug: fill a slot with 0xA5 when it is recycled, so that a tensor which outlived its
            frame shows nonsense at once and not a later picture.
    """

    def __init__(
        self,
        slots: int = 60,
        *,
        width: int,
        height: int,
        pixel_format: PixelFormat = "i420",
        device: str | torch.device = "cpu",
        drop: DropPolicy = "oldest",
        matrix: Matrix = "bt601",
        full_range: bool = False,
        rotation: Rotation = 0,
        debug: bool = False,
    ) -> None:
        if slots < 2:
            raise ValueError(f"slots={slots}: a ring needs 2 or more, one to write and one to read")
        if drop not in get_args(DropPolicy):
            raise ValueError(
                f"drop={drop!r} is not one of {', '.join(map(repr, get_args(DropPolicy)))}"
            )
        self.spec = FrameSpec(
            width, height, pixel_format, resolve(device), matrix, full_range, rotation
        )
        self.drop: DropPolicy = drop
        self.debug = debug
        self._lock = threading.RLock()  # a finaliser may come in on the thread that is inside
        self._traffic = Traffic()
        self._memory, self._slots = make_slots(
            slots, self.spec, on_release=self._traffic.on_release
        )
        self._empty = deque(self._slots)  # never written, or given back unpublished
        self._order: deque[Slot] = deque()  # published, oldest first
        self._published = 0
        self._dropped = 0
        self._waits = 0

    # -- the producer -----------------------------------------------------------------------------

    def acquire(self, timeout_seconds: float | None = None) -> Slot | None:
        """A slot to write into; then `publish` or `discard` it. Blocks with `drop="block"`.

        Args:
            timeout_seconds: how long to wait with `drop="block"`; None waits without end, and
                says so once after 2 s.

        Returns:
            The slot, or None when the policy drops the incoming frame, which is counted.

        Raises:
            RingFull: with `drop="error"`, or when the time is over; the text says who holds on.
        """
        slot: Slot | None = None
        try:
            with self._lock:
                dropped = self._dropped
                slot = self._take()
                if slot is None and self.drop in ("oldest", "newest"):
                    self._dropped += 1
            if self._dropped != dropped:
                hooks.report("drop", op="ring", device=str(self.spec.device))
            if slot is None:
                if self.drop == "error":
                    raise RingFull(self._explain())
                if self.drop != "block":
                    return None
                slot = self._wait_for_slot(timeout_seconds)
            slot.taken_by = self._traffic
            slot.recycle()
            if self.debug:
                slot.pixels.fill_(POISON)
        except BaseException:  # an interrupt loses no slot
            if slot is not None:
                slot.taken_by = self._traffic
                self.discard(slot)
            raise
        return slot

    def publish(
        self,
        slot: Slot,
        *,
        pts_seconds: float,
        duration_seconds: float | None = None,
        index: int | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> Frame:
        """Make the slot the latest frame. No copy, no sync.

        Args:
            slot: from `acquire`, with its pixels written.
            pts_seconds: presentation time.
            duration_seconds: how long it is shown, if known.
            index: its number in the source; counts up where left out.
            metadata: small host values that travel with it.

        Returns:
            A held frame; release it, or let it go out of scope.

        Raises:
            RuntimeError: the slot is not one that `acquire` gave, or was published already.
        """
        if slot.taken_by is not self._traffic:
            raise _misused(slot)
        slot.describe(
            self._published if index is None else index, pts_seconds, duration_seconds, metadata
        )
        frame = Frame(slot)
        with self._lock:
            before = self._order[-1] if self._order else None
            slot.sequence = self._traffic.newest = self._published
            self._published += 1
            slot.taken_by = None
            self._order.append(slot)
        if before is not None and before.attachments.values and not before.leases:
            self._traffic.tidy(before)
        for reader in self._traffic.readers:
            reader.wakeups.notify()
        return frame

    def discard(self, slot: Slot) -> None:
        """Give a slot back unpublished, when writing failed.

        Raises:
            RuntimeError: the slot is not one that `acquire` gave, or was published already.
        """
        if slot.taken_by is not self._traffic:
            raise _misused(slot)
        with self._lock:
            slot.taken_by = None
            self._empty.append(slot)
        self._traffic.wakeups.notify()

    def copy_in(
        self,
        pixels: Tensor,
        *,
        pts_seconds: float,
        duration_seconds: float | None = None,
        index: int | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> Frame | None:
        """Acquire, copy and publish in one. One copy, on the bill; no allocation.

        Args:
            pixels: uint8 tensor of `spec.slot_shape`, on any device; pinned host memory is copied
                to a device without waiting.
            pts_seconds: presentation time.
            duration_seconds: how long it is shown, if known.
            index: its number in the source.
            metadata: small host values that travel with it.

        Returns:
            A held frame, or None when the policy dropped it.

        Raises:
            ValueError: another shape or dtype.
        """
        if tuple(pixels.shape) != self.spec.slot_shape or pixels.dtype != torch.uint8:
            raise ValueError(
                f"pixels of shape {tuple(pixels.shape)} and {pixels.dtype} do not fit this ring of "
                f"{self.spec.pixel_format} uint8 {self.spec.slot_shape}; build a ring for them, or "
                "make one frame with Frame.from_image"
            )
        slot: Slot | None = None
        try:
            slot = self.acquire()
            if slot is None:
                return None
            # Without a fence nobody would know when a copy that runs behind is done.
            slot.copy_in(pixels, op="ring", non_blocking=slot.fence is not None)
            return self.publish(
                slot,
                pts_seconds=pts_seconds,
                duration_seconds=duration_seconds,
                index=index,
                metadata=metadata,
            )
        except BaseException:
            if slot is not None and slot.taken_by is self._traffic:
                self.discard(slot)
            raise

    # -- the consumers ----------------------------------------------------------------------------

    def latest(self) -> Frame | None:
        """A lease on the newest frame, or None before the first one. No copy, does not block.

        Where all other slots are held, the newest itself is the one to be overwritten: meanwhile
        the one before it is what you get.
        """
        with self._lock:
            if not self._order:
                return None
            slot = self._order[-1]
            return Frame(slot)

    def newer_than(self, frame: Frame | None) -> Frame | None:
        """A lease on the newest frame if it was published after `frame`, else None.

        To a frame of another ring, such as the one before a change of size, each is newer.
        """
        if frame is None:
            return self.latest()
        seen, slot = frame.sequence, frame._slot
        if slot.number >= self.slots or self._slots[slot.number] is not slot:
            return self.latest()
        with self._lock:
            if not self._order or self._order[-1].sequence <= seen:
                return None
            slot = self._order[-1]
            return Frame(slot)

    def reader(self) -> RingReader:
        """A consumer with a position of its own, which sees each frame once and in order."""
        return RingReader(self)

    # -- what can be seen -------------------------------------------------------------------------

    @property
    def slots(self) -> int:
        """How many slots there are."""
        return len(self._slots)

    @property
    def nbytes(self) -> int:
        """Bytes of all slots together."""
        return self.slots * self.spec.nbytes

    @property
    def stats(self) -> RingStats:
        """Counts so far."""
        leased = sum(bool(slot.leases) for slot in self._slots)
        return RingStats(self.slots, leased, self._published, self._dropped, self._waits)

    def state(self) -> RingState:
        """What every slot holds, who holds it, and where readers are: plain data.

        Takes no lock that the producer needs, and touches no pixels.
        """
        return RingState.of(
            self._slots, self._empty, self._traffic, (self._published, self._dropped, self._waits)
        )

    def __repr__(self) -> str:
        spec, stats = self.spec, self.stats
        return (
            f"FrameRing({stats.slots} slots of {spec.width}x{spec.height} {spec.pixel_format} on "
            f"{spec.device}, {self.nbytes / 1e6:.1f} MB, drop={self.drop!r}, {stats.leased} held, "
            f"{stats.published} published, {stats.dropped} dropped)"
        )

    # -- inside -----------------------------------------------------------------------------------

    def _take(self) -> Slot | None:
        """A slot that may be written, taken out of the order; the lock is held."""
        if self._empty:
            return self._empty.popleft()
        if not self._traffic.readers and self._order and not self._order[0].leases:
            return self._order.popleft()
        unread = min((one.position for one in self._traffic.readers), default=self._published)
        for place, slot in enumerate(self._order):
            is_unread = slot.sequence >= unread
            if is_unread and self.drop != "oldest":
                return None
            if not slot.leases:
                del self._order[place]
                self._dropped += is_unread
                return slot
        return None

    def _wait_for_slot(self, timeout_seconds: float | None) -> Slot:
        began = time.monotonic()
        give_up = None if timeout_seconds is None else began + timeout_seconds
        has_warned = False
        self._waits += 1
        with self._traffic.wakeups.expected(), hooks.timed("wait", op="ring"):
            while True:
                with self._lock:
                    slot = self._take()
                if slot is not None:
                    return slot
                now = time.monotonic()
                if give_up is not None and now >= give_up:
                    raise RingFull(self._explain())
                if not has_warned and now - began >= _PATIENCE_SECONDS:
                    has_warned = True
                    warnings.warn(f"still waiting: {self._explain()}", stacklevel=4)
                pause = _PATIENCE_SECONDS if give_up is None else give_up - now
                self._traffic.wakeups.wait(min(pause, _PATIENCE_SECONDS))

    def _explain(self) -> str:
        oldest = [held for slot in self._slots if (held := slot.oldest_lease()) is not None]
        if not oldest:
            return (
                f"a reader has not read {self.slots} frames of the ring; read faster, close the "
                "reader, or build the ring with drop='oldest'"
            )
        owner, age_ms = max(oldest, key=lambda held: held[1])
        return (
            f"{len(oldest)} of {self.slots} slots are held; the oldest, {age_ms:.0f} ms old, by "
            f"{owner!r}. Release frames sooner, or build FrameRing(slots=...) larger; "
            "see notebooks/02__pools_and_rings.ipynb"
        )


def _misused(slot: Slot) -> RuntimeError:
    return RuntimeError(
        f"slot {slot.number} is not taken from this ring: publish or discard what acquire() gave, "
        "once"
    )
