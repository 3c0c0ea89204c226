"""How does a result find its frame when it comes late? By an address, which holds nothing.

A frame that is looked at for a long time would occupy its slot all the while. An address is a slot
and a generation instead: the slot goes its way, and what comes after the frame has gone lands on
nothing.
"""

from __future__ import annotations

from time import perf_counter_ns
from typing import TYPE_CHECKING, Any
from weakref import ref

if TYPE_CHECKING:
    from toolkit.attachments import Attachments
    from toolkit.slot import Slot

__all__ = ["Address"]


class Address:
    """Where a result belongs that is not there yet: one name on one frame. From `Frame.address`.

    It holds no lease, no pixels and no result, and keeps no ring alive.

    Attributes:
        name: under which the result will be attached.
        index: number of the frame in its source.
    """

    __slots__ = ("_generation", "_published_ns", "_slot", "index", "name")

    def __init__(self, slot: Slot, generation: int, name: str) -> None:
        self.name = name
        self.index = slot.index
        self._published_ns = slot.published_ns
        self._slot = ref(slot)
        self._generation = generation

    @property
    def age_seconds(self) -> float:
        """Seconds since the frame was published."""
        return (perf_counter_ns() - self._published_ns) / 1e9

    @property
    def is_current(self) -> bool:
        """Whether the frame is still there: in its ring, or held by somebody."""
        return self._attachments() is not None

    def attach(self, value: Any) -> bool:
        """Attach `value` to the frame, as `Frame.attach` does. Never blocks. From any thread.

        Returns:
            False where the frame has gone, or has something attached by this name.
        """
        attachments = self._attachments()
        if attachments is None or not attachments.attach((self.name, None), value):
            return False
        # Recycled in this very moment: then it lies where nobody reads any more.
        return self.is_current

    def _attachments(self) -> Attachments | None:
        slot = self._slot()
        if slot is None:
            return None
        found = slot.attachments  # before the generation: a later frame brings its own
        is_within_reach = slot.sequence >= 0 or slot.leases
        return found if slot.generation == self._generation and is_within_reach else None

    def __repr__(self) -> str:
        state = "current" if self.is_current else "gone"
        return f"Address({self.name!r} on frame {self.index}, {state})"
