"""What does a page get to see? Hand-computed pictures, and what they take to make."""

import numpy as np
import pytest
import torch

from toolkit import Frame, FrameRing, Pipeline, media
from toolkit.devices import resolve
from toolkit.live.display import Display, NotAPicture
from toolkit.profiling import profile
from toolkit.stages import rgb


@pytest.fixture
def display():
    return Display()


def test_a_result_becomes_bytes_on_the_host(display):
    gray = torch.tensor([[[[0.0, 0.5, 1.0], [-1.0, 2.0, float("nan")]]]])
    assert display.picture(gray).tolist() == [[0, 128, 255], [0, 255, 0]]


def test_three_channels_come_mixed(display):
    rgb = torch.tensor([[[1.0, 0.0]], [[0.5, 0.0]], [[0.0, 1.0]]])
    assert display.picture(rgb).tolist() == [[[255, 128, 0], [0, 0, 255]]]


@pytest.mark.parametrize(
    "value",
    [
        torch.tensor([[0, 255]], dtype=torch.uint8),
        torch.tensor([[False, True]]),
        torch.tensor([[0.0, 1.0]], dtype=torch.float64),
        torch.tensor([[0.0, 1.0]], dtype=torch.float16),
    ],
    ids=lambda value: str(value.dtype),
)
def test_bytes_masks_and_other_floats_are_pictures(display, value):
    assert display.picture(value).tolist() == [[0, 255]]


def test_a_flow_is_shown_by_its_length(display):
    flow = torch.tensor([[[[3.0, 0.0]], [[4.0, 2.5]]]])
    assert display.picture(flow).tolist() == [[255, 128]]


def test_a_picture_is_no_larger_than_it_is_shown_and_keeps_its_proportions(display):
    picture = torch.rand(1, 3, 48, 64)
    assert display.picture(picture, size=(32, 1000)).shape == (24, 32, 3)
    assert display.picture(picture, size=(1000, 12)).shape == (12, 16, 3)
    assert display.picture(picture, size=(1000, 1000)).shape == (48, 64, 3)
    assert display.picture(picture, size=(0, 0)).shape == (48, 64, 3)


def test_a_smaller_picture_is_the_mean_of_what_falls_together(display):
    gray = torch.tensor([[0, 100, 20, 20], [0, 100, 60, 60]], dtype=torch.uint8)
    assert display.picture(gray, size=(2, 1)).tolist() == [[50, 40]]


def test_the_own_pixels_of_a_frame_have_their_colours(display):
    ring = FrameRing(2, width=4, height=2, matrix="bt601")
    slot = ring.acquire()
    luma, u, v = slot.planes
    luma.fill_(81)  # pure red of BT.601, limited range
    u.fill_(90)
    v.fill_(240)
    with ring.publish(slot, pts_seconds=0.0) as frame:
        picture = display.picture(frame.pixels, spec=frame.spec)
    assert picture.shape == (2, 4, 3)
    assert np.abs(picture.astype(int) - [254, 0, 0]).max() <= 1


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_frame_is_turned_as_it_says(display, rotation):
    pixels = torch.arange(6, dtype=torch.uint8).view(1, 2, 3) * 40
    ring = FrameRing(2, width=3, height=2, pixel_format="gray", rotation=rotation)
    with ring.copy_in(pixels, pts_seconds=0.0) as frame:
        picture = display.picture(frame.pixels, spec=frame.spec)
    assert picture.tolist() == np.rot90(pixels[0].numpy(), rotation // 90).tolist()


def test_colours_are_those_of_the_stage():
    with media.open(media.bundled_clip()) as video:
        frame = next(iter(video))
        shown = Display().picture(frame.pixels, spec=frame.spec)
        with Pipeline([rgb]).bind(frame) as bound:
            wanted = Display().picture(bound["rgb"])
    assert np.abs(shown.astype(int) - wanted).max() <= 2


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ((1, 2), "it is tuple, which is no picture"),
        (torch.zeros(5, 40, 2), "shape (5, 40, 2)"),
        (torch.zeros(2, 3, 4, 4), "shape (2, 3, 4, 4)"),
        (torch.zeros(4, 4, dtype=torch.int64), "torch.int64"),
        (torch.zeros(1, 1, 0, 4), "shape (1, 1, 0, 4)"),
    ],
)
def test_what_is_no_picture_says_what_it_is(display, value, sentence):
    with pytest.raises(NotAPicture) as caught:
        display.picture(value)
    assert sentence in str(caught.value)


SHOWN = {
    "rgb": torch.rand(1, 3, 48, 64),
    "gray": torch.rand(1, 1, 48, 64),
    "flow": torch.randn(1, 2, 48, 64),
    "mask": torch.rand(1, 1, 48, 64) > 0.5,
    "bytes": torch.randint(0, 256, (3, 48, 64), dtype=torch.uint8),
}


@pytest.mark.parametrize("size", [(0, 0), (40, 40)])
@pytest.mark.parametrize("name", SHOWN)
@pytest.mark.parametrize("device", ["cpu", "emu"])
def test_nothing_is_allocated_and_one_copy_leaves_the_device(display, device, name, size):
    value = SHOWN[name].to(resolve(device))
    shown = display.picture(value, size=size)
    with profile("exact", keep="all") as session:
        again = display.picture(value, size=size)
    assert again is shown
    assert [event for event in session.events if event.kind == "alloc"] == []
    crossing = [e.nbytes for e in session.events if e.direction in ("d2h", "h2d")]
    assert crossing == ([] if device == "cpu" else [shown.nbytes])
    assert sum(event.kind == "sync" for event in session.events) == (device == "emu")


def test_the_emulated_device_gives_the_picture_of_the_host():
    for value in SHOWN.values():
        here = Display().picture(value, size=(40, 40))
        there = Display().picture(value.to(resolve("emu")), size=(40, 40))
        assert np.abs(here.astype(int) - there).max() <= 1


def test_pixels_of_a_frame_are_shown_without_an_allocation(display):
    ring = FrameRing(2, width=64, height=48)
    with ring.publish(ring.acquire(), pts_seconds=0.0) as frame:
        display.picture(frame.pixels, spec=frame.spec, size=(40, 0))
        with profile("exact", keep="all") as session:
            display.picture(frame.pixels, spec=frame.spec, size=(40, 0))
    assert [event for event in session.events if event.kind == "alloc"] == []


def test_means_for_a_few_kinds_of_picture_are_kept(display):
    frame = Frame.from_image(torch.zeros(3, 40, 40))
    first = display.picture(frame.pixels, size=(40, 0))
    for width in range(1, 13):
        display.picture(frame.pixels, size=(width, 0))
    assert display.picture(frame.pixels, size=(40, 0)) is not first


def test_many_kinds_of_picture_cost_the_memory_of_one(display):
    picture = torch.rand(1, 3, 120, 160)
    display.picture(picture, size=(150, 0))
    before = display.nbytes
    for width in range(149, 139, -1):
        display.picture(picture, size=(width, 0))
    own = 10 * 3 * 150 * 113  # what each kind gives
    assert display.nbytes <= before + own
    assert own < before


def test_a_larger_kind_of_picture_leaves_no_smaller_blocks_behind(display):
    small, large = torch.rand(1, 3, 40, 60), torch.rand(1, 3, 80, 120)
    before = display.picture(small, size=(30, 20)).copy()
    display.picture(large, size=(60, 40))
    after = display.nbytes
    assert np.array_equal(display.picture(small, size=(30, 20)), before)
    assert display.nbytes == after + before.nbytes
