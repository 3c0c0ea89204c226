"""Can a ring be looked at while it works, without holding anybody up?"""

import threading

from toolkit import FrameRing
from toolkit.profiling import profile
from toolkit.ring_state import Lease

PUBLISHES = 100_000


def tiny(slots=3, **options):
    return FrameRing(slots, width=4, height=2, pixel_format="gray", **options)


def publish(ring):
    return ring.publish(ring.acquire(), pts_seconds=0.0)


def test_a_state_says_what_every_slot_holds():
    ring = tiny()
    held = publish(ring)
    slot = ring.acquire()
    state = ring.state()
    assert [one.kind for one in state.slots] == ["frame", "writing", "empty"]
    first = state.slots[0]
    assert (first.number, first.index, first.sequence) == (0, 0, 0)
    assert first.published_ns > 0
    assert first.leases == (Lease(first.leases[0].number, threading.get_ident()),)
    assert (state.published, state.dropped, state.waits, state.is_waiting) == (1, 0, 0, False)
    ring.discard(slot)
    held.release()


def test_a_released_frame_stays_without_a_lease_and_a_discarded_slot_is_empty():
    ring = tiny(2)
    for _ in range(3):
        publish(ring).release()
    ring.discard(ring.acquire())
    state = ring.state()
    assert sorted(one.kind for one in state.slots) == ["empty", "frame"]
    assert all(one.leases == () for one in state.slots)


def test_a_state_says_where_readers_are_and_what_they_missed():
    ring = tiny()
    with ring.reader() as slow, ring.reader() as quick:
        for _ in range(2):
            publish(ring).release()
        quick.next().release()
        state = ring.state()
        assert [(one.position, one.missed) for one in state.readers] == [(0, 0), (1, 0)]
        assert [state.unread(one) for one in state.slots] == [1, 2, 0]
        for _ in range(3):
            publish(ring).release()
        slow.next().release()
        assert ring.state().readers[0].missed == 2


def test_a_state_does_not_change_when_the_ring_does():
    ring = tiny()
    publish(ring).release()
    state = ring.state()
    publish(ring).release()
    assert state.published == 1
    assert [one.kind for one in state.slots] == ["frame", "empty", "empty"]


def test_a_state_is_taken_while_the_producer_has_the_lock():
    ring = tiny()
    taken = []
    with ring._lock:
        watcher = threading.Thread(target=lambda: taken.append(ring.state()))
        watcher.start()
        watcher.join(10)
        assert len(taken) == 1


def test_a_state_allocates_no_tensor_and_copies_nothing():
    ring = tiny()
    publish(ring).release()
    with profile() as session:
        ring.state()
        session.step()
    total = session.bill().whole.total
    assert (total.allocations, total.copy_count()) == (0, 0)


def test_states_taken_during_a_hundred_thousand_publishes_are_never_torn():
    ring = tiny(8)
    stop, faults, taken = threading.Event(), [], []

    def watch():
        newest = 0
        while not stop.is_set():
            state = ring.state()
            frames = [one for one in state.slots if one.kind == "frame"]
            if any(one.index != one.sequence for one in frames):  # told by the ring as one
                faults.append(("torn", frames))
            if len({one.number for one in state.slots}) != 8 or state.published < newest:
                faults.append(("counts", state))
            newest = state.published
            taken.append(len(frames))

    watchers = [threading.Thread(target=watch) for _ in range(2)]
    for one in watchers:
        one.start()
    try:
        for _ in range(PUBLISHES):
            publish(ring).release()
    finally:
        stop.set()
        for one in watchers:
            one.join()
    assert faults == []
    assert len(taken) > 100
    assert ring.stats.published == PUBLISHES
