"""Addresses: how a result that comes late finds its frame, or lands on nothing."""

import gc
import weakref

import pytest
import torch

from toolkit import Frame, FramePool, FrameRing, Pipeline
from toolkit.attachments import Attachments
from toolkit.frame import AlreadyAttached, FrameReleased
from toolkit.stages.declare import Pointwise, stage


def ring_of(slots, **options):
    return FrameRing(slots, width=2, height=2, pixel_format="gray", **options)


def published(ring, number=0):
    return ring.publish(ring.acquire(), pts_seconds=number / 10, index=number)


def test_a_result_that_comes_late_lands_on_its_frame_with_its_age():
    ring = ring_of(3)
    frame = published(ring, 7)
    address = frame.address("pose")
    published(ring, 8).release()
    assert (address.name, address.index) == ("pose", 7)
    assert address.attach("nodding")
    assert frame["pose"] == "nodding"
    assert 0 < frame.age_seconds("pose") <= address.age_seconds


def test_a_frame_that_nobody_holds_is_reached_while_it_is_in_its_ring():
    ring = ring_of(3)
    frame = published(ring)
    address = frame.address("pose")
    frame.release()
    assert address.is_current
    assert address.attach(1)
    assert ring.latest()["pose"] == 1


def test_a_result_for_a_recycled_frame_lands_on_nothing():
    ring = ring_of(2)
    frame = published(ring)
    address = frame.address("pose")
    frame.release()
    later = [published(ring, number) for number in (1, 2)]
    assert not address.is_current
    assert not address.attach(1)
    assert all(one.get("pose") is None for one in later)


def test_a_frame_that_is_recycled_in_that_very_moment_answers_false():
    ring = ring_of(2)
    frame = published(ring)
    address = frame.address("pose")
    frame.release()
    published(ring, 1).release()

    class RecycledMeanwhile(Attachments):
        def attach(self, key, value):
            ring.acquire()
            return super().attach(key, value)

    frame._slot.attachments = RecycledMeanwhile(frame._slot.lock)
    assert not address.attach(1)


def test_a_slot_that_is_being_written_is_not_the_frame_before():
    ring = ring_of(2)
    frame = published(ring)
    address = frame.address("pose")
    frame.release()
    published(ring, 1).release()
    slot = ring.acquire()
    assert not address.attach(1)
    ring.discard(slot)
    assert not address.attach(1)


def test_a_pooled_frame_that_was_given_back_is_out_of_reach():
    pool = FramePool(1, width=2, height=2, pixel_format="gray")
    frame = pool.acquire()
    address = frame.address("pose")
    assert address.is_current
    frame.release()
    assert not address.attach(1)
    assert pool.acquire().get("pose") is None


def test_an_address_keeps_neither_a_picture_nor_a_ring_alive():
    frame = Frame.from_image(torch.zeros(2, 2, dtype=torch.uint8))
    ring = ring_of(2)
    addresses = frame.address("pose"), published(ring).address("pose")
    memory = weakref.ref(ring._memory)
    del frame, ring
    gc.collect()
    assert memory() is None
    assert [one.attach(1) for one in addresses] == [False, False]


def test_an_address_holds_no_slot():
    ring = ring_of(2, drop="error")
    addresses = []
    for number in range(5):
        frame = published(ring, number)
        addresses.append(frame.address("pose"))
        frame.release()
    assert [one.is_current for one in addresses] == [False, False, False, True, True]
    assert ring.stats.leased == 0


def test_what_is_attached_is_not_attached_again():
    frame = published(ring_of(2))
    address = frame.address("pose")
    frame.attach("pose", "first")
    assert not address.attach("second")
    assert frame["pose"] == "first"


def test_who_waits_for_a_result_is_woken_through_its_address():
    frame = published(ring_of(2))
    request = frame.request("pose")
    frame.address("pose").attach(5)
    assert request.result() == 5


def test_a_provided_name_has_no_address():
    @stage("luma", footprint=Pointwise())
    def luma(pixels):
        return pixels

    bound = Pipeline([luma]).bind(published(ring_of(2)))
    with pytest.raises(AlreadyAttached, match=r"'luma' is provided by the frame's pipeline"):
        bound.address("luma")
    with pytest.raises(AlreadyAttached, match="the frame's own"):
        bound.address("pixels")


def test_a_released_frame_gives_no_address():
    frame = published(ring_of(2))
    frame.release()
    with pytest.raises(FrameReleased):
        frame.address("pose")


def test_an_address_says_whose_it_is():
    frame = published(ring_of(2), 4)
    address = frame.address("pose")
    assert repr(address) == "Address('pose' on frame 4, current)"
