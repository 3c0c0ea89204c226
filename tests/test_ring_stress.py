"""A million publishes with four reading threads: no torn, stale or foreign frame, ever."""

import threading

import numpy as np
import torch

from toolkit import FrameRing
from toolkit.frame import FrameReleased

PUBLISHES = 1_000_000
READERS = 4


def check(frame, views):
    """One frame, read through a view: whole, its own, and still so at the end of the look."""
    number = frame.index
    row = views[frame.pixels.data_ptr()]
    first, last = int(row[0]), int(row[-1])
    if not (first == last == number % 251 and (row == first).all() and frame.index == number):
        return f"frame {number} shows {row.tolist()}"
    return None


def read_for_ever(ring, views, stop, faults, counts, place):
    last = None
    while not stop.is_set():
        frame = ring.latest()
        if frame is None or frame.index == last:
            continue
        last = frame.index
        fault = check(frame, views)
        if fault:
            faults.append(fault)
        counts[place] += 1
        frame.release()
        try:
            frame.pixels  # noqa: B018
        except FrameReleased:
            continue
        faults.append(f"frame {last} was read after its release")


def test_a_million_publishes_with_four_readers_show_no_torn_stale_or_foreign_frame():
    ring = FrameRing(slots=8, width=16, height=4, pixel_format="gray")
    views = {slot.pixels.data_ptr(): slot.pixels.numpy().reshape(-1) for slot in ring._slots}
    stop, faults, counts = threading.Event(), [], [0] * READERS
    readers = [
        threading.Thread(target=read_for_ever, args=(ring, views, stop, faults, counts, place))
        for place in range(READERS)
    ]
    for reader in readers:
        reader.start()
    try:
        for number in range(PUBLISHES):
            slot = ring.acquire()
            if slot is not None:
                views[slot.pixels.data_ptr()][:] = number % 251
                ring.publish(slot, pts_seconds=0.0, index=number)
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    assert faults == []
    assert min(counts) > 0
    stats = ring.stats
    assert stats.published + stats.dropped == PUBLISHES
    assert stats.leased == 0


def test_a_stale_frame_raises_whatever_the_reader_does():
    ring = FrameRing(slots=2, width=4, height=2, pixel_format="gray")
    stale = ring.publish(ring.acquire(), pts_seconds=0.0)
    stale.release()
    for _ in range(4):
        ring.publish(ring.acquire(), pts_seconds=0.0)
    for use in (
        lambda: stale.pixels,
        lambda: stale.planes,
        lambda: np.asarray(stale),
        lambda: torch.from_dlpack(stale),
        lambda: stale.clone(),
        lambda: stale.keep(),
        lambda: stale.get("x"),
    ):
        try:
            use()
        except FrameReleased:
            continue
        raise AssertionError("a stale frame was used")
