"""Frames: a container for metadata, results attached once, and who may use them."""

import copy

import numpy as np
import pytest
import torch

from toolkit import Frame, FrameRing
from toolkit.frame import (
    AlreadyAttached,
    FrameBusy,
    FrameMoved,
    FrameRecycled,
    FrameReleased,
    MissingAttachment,
)


def picture():
    """2 px high, 3 px wide."""
    return np.arange(18, dtype=np.uint8).reshape(2, 3, 3)


def test_a_picture_becomes_a_frame_and_carries_a_result():
    frame = Frame.from_image(picture())
    frame.attach("brightness", 0.25)
    assert frame["brightness"] == 0.25
    assert frame.names() == ("brightness",)
    assert repr(frame) == ("Frame(0, 0.000 s, 3x2 rgb uint8 on cpu, attached: brightness)")


def test_the_repr_of_a_frame_never_shows_pixels():
    assert "tensor" not in repr(Frame.from_image(picture()))


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        ((2, 3), "gray"),
        ((2, 3, 1), "gray"),
        ((1, 2, 3), "gray"),
        ((2, 3, 3), "rgb"),
        ((3, 2, 3), "rgb"),
    ],
)
def test_arrays_and_tensors_of_every_usual_shape_become_frames(shape, kind):
    for image in (np.ones(shape, np.uint8), torch.ones(shape), torch.ones(shape).double()):
        frame = Frame.from_image(image)
        assert (frame.width, frame.height, frame.pixel_format) == (3, 2, kind)
    assert frame.pixels.unique().tolist() == [255]


def test_channels_last_pixels_are_planar_in_the_slot():
    frame = Frame.from_image(picture())
    assert frame.pixels.shape == (3, 2, 3)
    assert frame.pixels[0].tolist() == [[0, 3, 6], [9, 12, 15]]


def test_a_pil_image_becomes_a_frame():
    image = pytest.importorskip("PIL.Image")
    frame = Frame.from_image(image.fromarray(picture()))
    assert torch.equal(frame.pixels, torch.from_numpy(picture()).permute(2, 0, 1))
    with pytest.raises(ValueError, match=r"mode 'RGBA'.*convert\('RGB'\)"):
        Frame.from_image(image.new("RGBA", (3, 2)))


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.full((2, 3), 2.0), r"from 2 to 2; a picture of floats runs from 0 to 1"),
        (np.full((2, 3), np.nan), r"from nan to nan"),
        (np.zeros((2, 3, 4), np.uint8), r"shape \(2, 3, 4\).*without alpha"),
        (np.zeros((1, 3, 2, 3), np.uint8), r"without the batch axis"),
        (np.zeros((0, 3), np.uint8), r"shape \(1, 0, 3\)"),
        (np.zeros((2, 3), np.int32), r"dtype torch.int32 is not a picture"),
    ],
)
def test_what_is_no_picture_is_refused_with_its_values(image, message):
    with pytest.raises(ValueError, match=message):
        Frame.from_image(image)


def test_a_path_is_refused_and_points_to_the_media_layer():
    with pytest.raises(TypeError, match=r"str is not a picture.*toolkit\.media\.open"):
        Frame.from_image("clip.mp4")


def test_a_result_is_attached_once():
    frame = Frame.from_image(picture())
    frame.attach("pose", 1)
    with pytest.raises(AlreadyAttached, match=r"'pose' is attached already to frame 0"):
        frame.attach("pose", 2)
    assert frame["pose"] == 1


def test_get_answers_none_for_what_has_not_arrived():
    frame = Frame.from_image(picture())
    assert frame.get("thought") is None
    assert "thought" not in frame
    with pytest.raises(MissingAttachment, match=r"nothing provides 'thought'"):
        frame["thought"]


def test_a_late_result_tells_its_age():
    frame = Frame.from_image(picture())
    frame.attach("thought", "a cat")
    assert 0.0 < frame.age_seconds("thought") < 60.0
    with pytest.raises(MissingAttachment):
        frame.age_seconds("other")


def test_a_moved_frame_cannot_be_used():
    frame = Frame.from_image(picture())
    moved = frame.move()
    for use in (
        lambda: frame.pixels,
        lambda: frame["x"],
        lambda: frame.attach("x", 1),
        lambda: frame.move(),
        lambda: frame.index,
        lambda: "x" in frame,
    ):
        with pytest.raises(FrameMoved, match=r"was moved"):
            use()
    assert moved.pixels.shape == (3, 2, 3)
    assert repr(frame) == "Frame(moved)"


def test_a_released_frame_cannot_be_used_and_release_may_be_repeated():
    frame = Frame.from_image(picture())
    frame.release()
    frame.release()
    with pytest.raises(FrameReleased, match=r"keep\(\) it"):
        frame.pixels  # noqa: B018


def test_a_with_block_ends_the_lease():
    with Frame.from_image(picture()) as frame:
        assert not frame.is_released
    assert frame.is_released


def test_a_recycled_slot_never_shows_somebody_elses_pixels():
    ring = FrameRing(2, width=3, height=2, pixel_format="gray")
    first = ring.publish(ring.acquire(), pts_seconds=0.0)
    first.release()
    for number in range(1, 3):
        ring.publish(ring.acquire(), pts_seconds=float(number)).release()
    with pytest.raises(FrameRecycled, match=r"holds another frame now"):
        first.pixels  # noqa: B018


def test_a_clone_is_the_only_duplicate_and_starts_with_nothing_attached():
    frame = Frame.from_image(picture(), pts_seconds=1.5)
    frame.attach("pose", 1)
    frame.metadata["exposure"] = 3
    twin = frame.clone()
    with frame.exclusive() as pixels:
        pixels.zero_()
    assert torch.equal(twin.pixels, torch.from_numpy(picture()).permute(2, 0, 1))
    assert twin.names() == ()
    assert (twin.pts_seconds, twin.metadata) == (1.5, {"exposure": 3})
    for accident in (copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match=r"clone\(\) to duplicate"):
            accident(frame)


def test_there_is_one_writer_at_a_time_and_it_does_not_wait():
    frame = Frame.from_image(picture())
    other = frame.lease()
    with (
        frame.exclusive(),
        pytest.raises(FrameBusy, match=r"being written"),
        other.exclusive(),
    ):
        pass
    with other.exclusive() as pixels:
        pixels.fill_(9)
    assert frame.pixels.unique().tolist() == [9]


def test_a_failed_writer_gives_the_frame_back():
    frame = Frame.from_image(picture())
    with pytest.raises(ZeroDivisionError), frame.exclusive():
        raise ZeroDivisionError
    with frame.exclusive():
        pass


def test_attaching_needs_no_exclusivity():
    frame = Frame.from_image(picture())
    with frame.exclusive():
        frame.lease().attach("note", 1)
    assert frame["note"] == 1


def test_other_libraries_see_the_pixels_without_a_copy():
    frame = Frame.from_image(picture())
    array = np.asarray(frame)
    tensor = torch.from_dlpack(frame)
    with frame.exclusive() as pixels:
        pixels.fill_(7)
    assert array.ravel().tolist() == [7] * 18
    assert tensor.data_ptr() == frame.pixels.data_ptr()
    assert np.asarray(frame, dtype=np.float32).dtype == np.float32
    with pytest.raises(ValueError, match=r"copy=False"):
        frame.__array__(np.dtype(np.float32), copy=False)


def test_pixels_on_a_device_are_not_downloaded_by_accident():
    frame = Frame.from_image(torch.ones(2, 3, dtype=torch.uint8, device="meta"), device="meta")
    with pytest.raises(TypeError, match=r"live on meta.*frame\.pixels\.cpu"):
        np.asarray(frame)


def test_planes_of_i420_are_views_of_one_allocation_with_odd_sizes_padded():
    ring = FrameRing(2, width=5, height=3)
    frame = ring.publish(ring.acquire(), pts_seconds=0.0)
    luma, u, v = frame.planes
    assert frame.pixels.shape == (6, 6)
    assert (luma.shape, u.shape, v.shape) == ((4, 6), (2, 3), (2, 3))
    assert (frame.width, frame.height) == (5, 3)
    with frame.exclusive() as pixels:
        pixels.zero_()
        v.fill_(1)
    assert frame.pixels.flatten().tolist() == [0] * 30 + [1] * 6


def test_a_request_waits_for_nobody_and_is_settled_by_attach():
    frame = Frame.from_image(picture())
    request = frame.request("thought")
    called = []
    request.add_done_callback(called.append)
    assert not request.is_done
    with pytest.raises(TimeoutError, match=r"'thought' was not attached within 0"):
        request.result(timeout_seconds=0)
    frame.attach("thought", 42)
    assert request.result() == 42
    assert called == [request]
    assert frame.request("thought").is_done


def test_the_name_of_the_pixels_is_taken():
    frame = Frame.from_image(torch.zeros(2, 2, dtype=torch.uint8))
    with pytest.raises(AlreadyAttached, match="'pixels' are the frame's own"):
        frame.attach("pixels", 1)
