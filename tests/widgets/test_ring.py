"""Does the picture of a ring say what its slots are, and who holds them?"""

import threading

import pytest

from toolkit import FrameRing
from widgets import Ring
from widgets.ring import KINDS


@pytest.fixture
def ring():
    return FrameRing(4, width=4, height=2, pixel_format="gray")


def publish(ring):
    return ring.publish(ring.acquire(), pts_seconds=0.0)


def shown(widget):
    """What the page got last, with the kinds by name."""
    (message,) = widget.told("ring")[-1]
    return message | {"kinds": [KINDS[kind] for kind in message["kinds"]]}


def test_each_slot_is_told_as_what_it_is(by_hand, ring):
    widget = by_hand(Ring, ring)
    held = publish(ring)
    for _ in range(2):
        publish(ring).release()
    writing = ring.acquire()
    widget.see()
    widget.tick()
    told = shown(widget)
    assert told["kinds"] == ["held", "free", "newest", "writing"]
    assert told["frames"] == [0, 1, 2, -1]
    assert told["newest"] == 2
    assert told["counts"] == [3, 0, 0]
    ring.discard(writing)
    held.release()


def test_a_reader_has_a_place_and_what_it_has_not_read_is_unread(by_hand, ring):
    widget = by_hand(Ring, ring)
    with ring.reader() as reader:
        for _ in range(3):
            publish(ring).release()
        reader.next().release()
        widget.see()
        widget.tick()
        told = shown(widget)
        assert told["kinds"] == ["free", "unread", "newest", "empty"]
        assert told["readers"] == [[1, 2, 0]]
        for _ in range(2):
            reader.next().release()
        widget.tick_after(0.1)
        assert shown(widget)["readers"] == [[-1, 0, 0]]


def test_a_reader_that_missed_frames_stands_at_the_oldest_that_is_there(by_hand, ring):
    widget = by_hand(Ring, ring)
    with ring.reader():
        for _ in range(6):
            publish(ring).release()
        widget.see()
        widget.tick()
        told = shown(widget)
    assert told["counts"] == [6, 2, 0]
    assert told["readers"] == [[2, 6, 0]]


def test_a_lease_is_told_with_its_thread_and_how_long_it_was_seen(by_hand, ring):
    widget = by_hand(Ring, ring)
    frame = publish(ring)
    widget.see()
    widget.tick()
    assert shown(widget)["holds"] == [[0, 0, threading.current_thread().name, 0.0]]
    widget.tick_after(2.5)
    assert shown(widget)["holds"][0][3] == 2.5
    frame.release()
    widget.tick_after(0.3)
    assert shown(widget)["holds"] == []


def test_a_lease_of_a_thread_that_ended_is_still_told(by_hand, ring):
    widget = by_hand(Ring, ring)
    widget.see()
    kept = []
    worker = threading.Thread(target=lambda: kept.append(publish(ring)), name="worker")
    worker.start()
    worker.join()
    widget.tick()
    assert shown(widget)["holds"][0][2] == "a thread that has ended"
    kept.pop().release()


def test_nothing_is_sent_while_nothing_changes(by_hand, ring):
    widget = by_hand(Ring, ring)
    publish(ring).release()
    widget.see()
    widget.tick()
    widget.told("ring")
    for _ in range(5):
        widget.tick_after(0.1)
    assert widget.sent == ()


def test_ages_change_four_times_a_second_at_most(by_hand, ring):
    widget = by_hand(Ring, ring)
    frame = publish(ring)
    widget.see()
    widget.tick()
    widget.told("ring")
    for _ in range(10):
        widget.tick_after(0.1)
    assert 3 <= len(widget.told("ring")) <= 4
    frame.release()


def test_a_second_view_gets_all_of_it(by_hand, ring):
    widget = by_hand(Ring, ring)
    widget.see()
    widget.tick()
    widget.told("ring")
    widget.see(view="b")
    widget.tick_after(0.1)
    assert len(widget.told("ring")) == 1


def test_more_leases_than_fit_are_counted(by_hand):
    ring = FrameRing(20, width=4, height=2, pixel_format="gray")
    frames = [publish(ring) for _ in range(15)]
    widget = by_hand(Ring, ring)
    widget.see()
    widget.tick()
    told = shown(widget)
    assert len(told["holds"]) == 12
    assert told["more"] == 3
    for frame in frames:
        frame.release()


def test_a_ring_stands_as_one_stable_line(by_hand, ring):
    publish(ring).release()
    text = "Ring(4 slots of 4x2 gray on cpu, 32 B, drop='oldest')"
    assert by_hand(Ring, ring).still_text() == text
    assert by_hand(Ring, ring).still_png() is None
