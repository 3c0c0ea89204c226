"""Who holds which slot of a ring, and for how long? The ring, live.

The ring is looked at from outside, ten times a second and only while somebody sees it: `state()`
takes no lock that the producer needs. A ring does not note when a lease was taken; so how long it
is held is counted from when it was first seen.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import traitlets

from widgets.page import script, style
from widgets.shown import Shown

if TYPE_CHECKING:
    from toolkit import FrameRing
    from toolkit.ring_state import RingState, SlotState

__all__ = ["Ring"]

# What a slot is, in the order in which the page knows them.
KINDS = ("empty", "writing", "held", "unread", "free", "newest")
TEXT_NS = 250_000_000  # how long is held changes on the page at most four times a second
MOST_HOLDS = 12


class Ring(Shown):
    """Slots, leases, readers and drops of `ring`, as a ring of slots with words beside it.

    Each slot has a shape besides its colour: empty, being written, held, unread by a reader, free
    to be overwritten, or the newest frame. While no view can be seen there is no thread.

    Args:
        ring: which one. The widget holds no frame of it.
    """

    _esm = script("seen", "shown", "ring")
    _css = style("shown", "ring")

    slots = traitlets.Int().tag(sync=True)
    title = traitlets.Unicode().tag(sync=True)
    policy = traitlets.Unicode().tag(sync=True)

    def __init__(self, ring: FrameRing) -> None:
        self.ring = ring
        self._first_seen_ns: dict[int, int] = {}  # lease -> when
        self._told: dict[str, Any] = {}
        self._told_ns = 0
        spec = ring.spec
        super().__init__(
            slots=ring.slots,
            title=f"{ring.slots} slots of {spec.width}x{spec.height} {spec.pixel_format}",
            policy=ring.drop,
        )

    def still_text(self) -> str:
        """How large the ring is, and what it does when it is full."""
        device = self.ring.spec.device
        return f"Ring({self.title} on {device}, {self.ring.nbytes} B, drop={self.policy!r})"

    def seen_anew(self, message: dict[str, Any]) -> None:
        """Send all of it again."""
        self._told = {}

    def slept(self) -> None:
        """Leases that go while nobody looks are not known by their age any more."""
        self._first_seen_ns = {}

    def beat(self, now_ns: int) -> None:
        """Send what the ring looks like, if it looks otherwise than before."""
        state = self.ring.state()
        told = {"t": "ring"} | _picture(state)
        if now_ns - self._told_ns >= TEXT_NS or not self._told:
            self._told_ns = now_ns
            holds = self._holds(state, now_ns)
            told |= {"holds": holds[:MOST_HOLDS], "more": max(len(holds) - MOST_HOLDS, 0)}
        else:
            told |= {name: self._told[name] for name in ("holds", "more")}
        if told != self._told:
            self._told = told
            self.tell(told)

    def _holds(self, state: RingState, now_ns: int) -> list[list[Any]]:
        """Slot, frame, thread and seconds of each lease, the longest held first."""
        seen = {one.number for slot in state.slots for one in slot.leases}
        known = self._first_seen_ns = {
            number: self._first_seen_ns.get(number, now_ns) for number in seen
        }
        names = {thread.ident: thread.name for thread in threading.enumerate()}
        found = [
            (known[one.number], one.number, slot, names.get(one.thread, "a thread that has ended"))
            for slot in state.slots
            for one in slot.leases
        ]
        return [
            [slot.number, slot.index, name, round((now_ns - since_ns) / 1e9, 1)]
            for since_ns, _, slot, name in sorted(found, key=lambda one: one[:2])
        ]


def _picture(state: RingState) -> dict[str, Any]:
    """The state as short lists: of each slot its kind and frame, of each reader where it is."""
    newest = max((slot.sequence for slot in state.slots), default=-1)
    by_sequence = {slot.sequence: slot.number for slot in state.slots if slot.kind == "frame"}
    return {
        "kinds": [KINDS.index(_kind_of(slot, state, newest)) for slot in state.slots],
        "frames": [slot.index for slot in state.slots],
        "held": [len(slot.leases) for slot in state.slots],
        "newest": by_sequence.get(newest, -1),
        # Where a reader reads next, how many frames are before it, and how many it missed; the
        # oldest that is there where its own was overwritten, -1 where all are read.
        "readers": [
            [
                by_sequence.get(
                    min((kept for kept in by_sequence if kept >= one.position), default=-1), -1
                ),
                state.published - one.position,
                one.missed,
            ]
            for one in state.readers
        ],
        "counts": [state.published, state.dropped, state.waits],
        "is_waiting": state.is_waiting,
    }


def _kind_of(slot: SlotState, state: RingState, newest: int) -> str:
    if slot.kind != "frame":
        return slot.kind
    if slot.leases:
        return "held"
    if slot.sequence == newest:
        return "newest"
    return "unread" if state.unread(slot) else "free"
