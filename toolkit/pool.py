"""What if frames come back in any order? Then not a ring but a pool: take one, give it back.

Intermediate pictures, clones and results have no order of publication. A pool allocates them once
and never waits: when all are taken it raises, and says who holds on.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

from toolkit.devices import resolve
from toolkit.frame import Frame, FrameError
from toolkit.slot import POISON, make_slots
from toolkit.spec import FrameSpec

if TYPE_CHECKING:
    import torch

    from toolkit.slot import Slot
    from toolkit.spec import Matrix, PixelFormat, Rotation

__all__ = ["FramePool", "PoolExhausted"]


class PoolExhausted(FrameError):
    """All frames of the pool are held.

    Attributes:
        slots: how many the pool has.
    """

    def __init__(self, message: str, *, slots: int) -> None:
        super().__init__(message)
        self.slots = slots


class FramePool:
    """Frames of one layout, allocated once, recycled in any order. Never blocks.

    Args:
        slots: how many frames.
        width: true width in px.
        height: true height in px.
        pixel_format: `"i420"`, `"rgb"` or `"gray"`, see `FrameSpec`.
        device: where the pixels live.
        matrix: luma weights of `i420`.
        full_range: range of luma of `i420`.
        rotation: degrees counter-clockwise to show.
        debug: fill a frame with 0xA5 when it is recycled, so that a tensor which outlived its
            frame shows nonsense at once and not a later picture.
    """

    def __init__(
        self,
        slots: int,
        *,
        width: int,
        height: int,
        pixel_format: PixelFormat = "rgb",
        device: str | torch.device = "cpu",
        matrix: Matrix = "bt601",
        full_range: bool = True,
        rotation: Rotation = 0,
        debug: bool = False,
    ) -> None:
        if slots < 1:
            raise ValueError(f"slots={slots}: a pool needs 1 or more")
        self.spec = FrameSpec(
            width, height, pixel_format, resolve(device), matrix, full_range, rotation
        )
        self.debug = debug
        self._lock = threading.Lock()
        # The callback holds the dict of free numbers and nothing else, so that there is no cycle
        # and the memory goes when the last reference goes. Marking a slot free twice is harmless.
        self._free = dict.fromkeys(range(slots))
        self._memory, self._slots = make_slots(
            slots, self.spec, on_release=partial(_mark_free, self._free)
        )
        self._taken = 0
        self._high_water = 0

    def acquire(self, *, pts_seconds: float = 0.0, index: int | None = None) -> Frame:
        """A held frame with whatever pixels were last in it; write inside `frame.exclusive()`.

        No allocation of pixels, no copy, no sync, no waiting.

        Args:
            pts_seconds: presentation time.
            index: number of the frame; counts up where left out.

        Raises:
            PoolExhausted: all are held; the text says by whom and for how long.
        """
        with self._lock:
            while self._free:
                number, _ = self._free.popitem()
                slot = self._slots[number]
                if slot.leases:  # a second lease is still out
                    continue
                try:
                    slot.recycle()
                    if self.debug:
                        slot.pixels.fill_(POISON)
                    slot.describe(self._taken if index is None else index, pts_seconds)
                    frame = Frame(slot)
                except BaseException:  # an interrupt loses no slot
                    self._free[number] = None
                    raise
                self._taken += 1
                self._high_water = max(self._high_water, self.slots - len(self._free))
                return frame
        raise PoolExhausted(self._explain(), slots=self.slots)

    @property
    def slots(self) -> int:
        """How many frames the pool has."""
        return len(self._slots)

    @property
    def held(self) -> int:
        """How many are held now."""
        return sum(bool(slot.leases) for slot in self._slots)

    @property
    def high_water(self) -> int:
        """The most that were held at once."""
        return self._high_water

    @property
    def nbytes(self) -> int:
        """Bytes of all frames together."""
        return self.slots * self.spec.nbytes

    def __repr__(self) -> str:
        spec = self.spec
        return (
            f"FramePool({self.slots} frames of {spec.width}x{spec.height} {spec.pixel_format} on "
            f"{spec.device}, {self.nbytes / 1e6:.1f} MB, {self.held} held, "
            f"high-water mark {self.high_water})"
        )

    def _explain(self) -> str:
        held = [one for slot in self._slots if (one := slot.oldest_lease()) is not None]
        owner, age_ms = max(held, key=lambda one: one[1], default=("nobody", 0.0))
        return (
            f"all {self.slots} frames are held; the oldest, {age_ms:.0f} ms old, by {owner!r}. "
            "Release frames sooner, or build FramePool(slots=...) larger; "
            "see notebooks/02__pools_and_rings.ipynb"
        )


def _mark_free(free: dict[int, None], slot: Slot) -> None:
    if not slot.leases:
        slot.forget_results()
        free[slot.number] = None
