"""Frames on a device: through staging, or decoded there; and software when it refuses."""

import av
import numpy as np
import pytest
import torch

from toolkit import hooks, media
from toolkit.media.hardware import choose
from toolkit.media.upload import Uploader
from toolkit.slot import make_slots
from toolkit.spec import FrameSpec


class Ledger:
    def __init__(self):
        self.events = []

    def event(self, event):
        self.events.append(event)


@pytest.fixture
def ledger():
    ledger = Ledger()
    hooks.listen(ledger)
    yield ledger
    hooks.unlisten(ledger)


def test_a_device_frame_costs_one_copy_on_the_host_and_one_upload(make_clip, ledger):
    with media.open(make_clip("clip.mp4"), device="meta", hardware=None) as video:
        assert {str(frame.device) for frame in video} == {"meta"}
    copies = [(one.direction, one.nbytes, one.stage) for one in ledger.events if one.kind == "copy"]
    assert copies == [("h2h", 64 * 72, "decode"), ("h2d", 64 * 72, "decode")] * 12


def test_staging_has_two_buffers_and_takes_turns():
    spec = FrameSpec(4, 2)
    _, slots = make_slots(3, spec)
    uploader = Uploader(spec)
    addresses = []
    for value, slot in enumerate(slots):
        planes = uploader.next_planes()
        addresses.append(planes[0].data_ptr())
        for plane in planes:
            plane.fill_(value)
        uploader.send(slot)
    assert addresses[0] == addresses[2] != addresses[1]
    assert [set(slot.pixels.flatten().tolist()) for slot in slots] == [{0}, {1}, {2}]


def test_software_is_chosen_for_the_host():
    assert choose("auto", torch.device("cpu")) == (None, "")
    assert choose(None, torch.device("cuda")) == (None, "")


def test_pictures_stay_on_a_cuda_device_and_come_to_the_host_from_others():
    if "cuda" not in av.codec.hwaccel.hwdevices_available():
        pytest.skip("this build of PyAV has no CUDA")
    accelerator, note = choose("auto", torch.device("cuda", 1))
    assert (accelerator.is_hw_owned, accelerator.device_id, note) == (True, 1, "")
    accelerator, _ = choose("cuda", torch.device("cpu"))
    assert not accelerator.is_hw_owned


def test_an_accelerator_that_is_not_there_is_noted_and_software_decodes(make_clip):
    with media.open(make_clip("clip.mp4"), hardware="no-such-thing") as video:
        assert len([frame.index for frame in video]) == 12
        assert video.decoder == "software"
        assert "no no-such-thing decoder in this build of PyAV" in video.notes[0]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is one here")
def test_a_hardware_decoder_that_refuses_is_noted_and_software_decodes(make_clip):
    with media.open(make_clip("clip.mp4"), hardware="cuda") as video:
        assert len([frame.index for frame in video]) == 12
        assert video.decoder == "software"
        assert "decoding in software" in video.notes[0]


@pytest.mark.needs_cuda
@pytest.mark.parametrize("hardware", ["auto", None])
def test_frames_on_a_gpu_equal_those_on_the_host(test_data, hardware):
    path = test_data / "clips/cup.mp4"
    with (
        media.open(path, device="cuda", hardware=hardware) as there,
        media.open(path, hardware=None) as here,
    ):
        for device_frame, frame in zip(there, here, strict=True):
            assert np.array_equal(device_frame.pixels.cpu(), frame.pixels)
        assert there.decoder == ("cuda" if hardware else "software")


@pytest.mark.needs_cuda
def test_decoding_on_the_gpu_sends_no_pixels_to_it(test_data, ledger):
    with media.open(test_data / "clips/cup.mp4", device="cuda") as video:
        assert len([frame.index for frame in video]) == 217
    directions = {one.direction for one in ledger.events if one.kind == "copy"}
    assert directions == {"d2d"}
