"""On a device, levels have streams of their own: a thought follows what computed its inputs."""

import pytest
import torch

from toolkit import FrameRing
from toolkit.devices import LevelStreams, emu
from toolkit.scheduler import Level
from toolkit.thoughts import Annotator


@pytest.fixture
def streams():
    emu.enable()
    return LevelStreams("emu").streams


@pytest.fixture
def published():
    """A frame on the device, with a product that its stream has not computed yet."""
    emu.enable()
    ring = FrameRing(2, width=8, height=8, pixel_format="gray", device="emu")
    frame = ring.publish(ring.acquire(), pts_seconds=0.0)
    ones = torch.ones(256, 256).to("emu")
    frame.attach("product", ones @ ones)
    return frame


@pytest.fixture
def annotator_of(by_hand):
    """Annotators that answer with the time at which their stream may go on."""

    def build(**options):
        def look(_):
            return emu.current_stream().queue.ready_ns

        return Annotator("ready_ns", look, scheduler=by_hand, kind="think", **options)

    return build


def test_a_thought_on_another_stream_follows_what_computed_its_inputs(
    by_hand, streams, published, annotator_of
):
    annotator = annotator_of(needs=["product"])
    queued_ns = emu.current_stream().queue.ready_ns
    annotator.offer(published)
    with emu.stream(streams[Level.LOW]):
        by_hand.run()
    assert published["ready_ns"] >= queued_ns


def test_the_next_writer_of_a_slot_follows_a_thought_that_read_it(
    by_hand, streams, published, annotator_of
):
    annotator = annotator_of(needs=["pixels"], takes="frame")
    annotator.offer(published)
    with emu.stream(streams[Level.LOW]):
        by_hand.run()
    assert streams[Level.LOW] in published._slot.streams


def test_what_lies_in_a_slot_of_a_device_is_not_taken_by_reference(published, annotator_of):
    annotator = annotator_of(needs=["pixels"])
    annotator.offer(published)
    assert "lies in the slot" in annotator.fault
