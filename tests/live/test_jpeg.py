"""One picture as JPEG, and back into the slot that waits for it."""

import threading

import numpy as np
import pytest
import torch

from toolkit.live import CodecError, decode_jpeg, encode_jpeg, jpeg_size
from toolkit.profiling import profile

ROWS, COLUMNS = np.mgrid[:48, :64]
PICTURE = np.stack([COLUMNS * 3, ROWS * 4, (ROWS + COLUMNS) * 2]).astype(np.uint8)  # (3, 48, 64)
MIXED = np.ascontiguousarray(PICTURE.transpose(1, 2, 0))  # (48, 64, 3)
GRAY = PICTURE[0]


def decibel(one, other):
    difference = np.asarray(one, float) - np.asarray(other, float)
    return 10 * np.log10(255**2 / max(np.mean(difference**2), 1e-9))


def test_a_frame_of_a_ring_goes_through_jpeg_and_back():
    payload = encode_jpeg(torch.from_numpy(PICTURE))
    assert jpeg_size(payload) == (64, 48)
    slot = torch.zeros(3, 48, 64, dtype=torch.uint8)
    decode_jpeg(payload, slot)
    assert decibel(slot, PICTURE) > 40


@pytest.mark.parametrize("pixels", [PICTURE, MIXED, MIXED[::-1][::-1], np.asfortranarray(MIXED)])
def test_red_green_and_blue_may_lie_apart_or_mixed(pixels):
    place = torch.zeros(48, 64, 3, dtype=torch.uint8)
    decode_jpeg(encode_jpeg(pixels), place)
    assert decibel(place, MIXED) > 40


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 8), (3, 8), (8, 1), (8, 3), (3, 3)])
def test_a_slot_of_few_rows_or_columns_goes_through_jpeg_and_back(height, width):
    pixels = torch.zeros(3, height, width, dtype=torch.uint8)
    pixels[0] = 200
    payload = encode_jpeg(pixels)
    assert jpeg_size(payload) == (width, height)
    slot = torch.zeros(3, height, width, dtype=torch.uint8)
    decode_jpeg(payload, slot)
    assert (slot.int() - pixels.int()).abs().max() < 10


@pytest.mark.parametrize(
    "pixels", [GRAY, GRAY[None], GRAY[..., None], PICTURE.repeat(2, 2)[0][:, ::2]]
)
def test_gray_is_coded_as_gray(pixels):
    payload = encode_jpeg(pixels)
    assert len(payload) < len(encode_jpeg(PICTURE))
    for shape in [(48, 64), (1, 48, 64), (48, 64, 1)]:
        place = torch.zeros(shape, dtype=torch.uint8)
        decode_jpeg(payload, place)
        assert decibel(place.reshape(48, 64), GRAY) > 40


def test_a_picture_in_colour_may_be_decoded_as_gray_and_gray_as_colour():
    gray, colour = (torch.zeros(count, 48, 64, dtype=torch.uint8) for count in (1, 3))
    decode_jpeg(encode_jpeg(PICTURE), gray)
    assert decibel(gray[0], np.tensordot([0.299, 0.587, 0.114], PICTURE, 1)) > 35
    decode_jpeg(encode_jpeg(GRAY), colour)
    assert colour[0].equal(colour[2])


def test_a_place_with_gaps_between_its_rows_is_written_where_it_is():
    whole = torch.zeros(50, 70, dtype=torch.uint8)
    decode_jpeg(encode_jpeg(GRAY), whole[1:49, 3:67])
    assert decibel(whole[1:49, 3:67], GRAY) > 40
    assert whole[0].any() == whole[:, 67:].any() == torch.tensor(False)


def test_a_view_of_a_message_is_decoded_as_it_is():
    place = torch.zeros(48, 64, dtype=torch.uint8)
    decode_jpeg(memoryview(b"header" + encode_jpeg(GRAY))[6:], place)
    assert decibel(place, GRAY) > 40


def test_higher_quality_takes_more_bytes():
    assert len(encode_jpeg(PICTURE, 95)) > len(encode_jpeg(PICTURE, 30))


@pytest.mark.parametrize("channels", [1, 3])
def test_neither_way_allocates_a_tensor(channels):
    pixels = torch.from_numpy(PICTURE[:channels].copy())
    slot = torch.zeros(channels, 48, 64, dtype=torch.uint8)
    decode_jpeg(encode_jpeg(pixels), slot)
    with profile(level="exact", keep="all") as session:
        payload = encode_jpeg(pixels)
        decode_jpeg(payload, slot)
    events = [(event.kind, event.op, event.nbytes) for event in session.events]
    assert [event for event in events if event[0] == "alloc"] == []
    told = [event for event in events if event[0] in ("copy", "convert", "serialize")]
    nbytes = channels * 48 * 64
    apart = [("copy", "jpeg.mix", nbytes)] if channels == 3 else []
    parted = [("copy", "jpeg.part", nbytes)] if channels == 3 else []
    assert told == [
        *apart,
        ("serialize", "jpeg.encode", len(payload)),
        ("convert", "jpeg.decode", nbytes),
        *parted,
    ]


def test_threads_do_not_share_a_buffer():
    pictures = [np.full((3, 48, 64), value, np.uint8) for value in (10, 200)]
    wrong = []

    def work(picture):
        place = torch.zeros(3, 48, 64, dtype=torch.uint8)
        for _ in range(50):
            decode_jpeg(encode_jpeg(picture), place)
            if decibel(place, picture) < 35:
                wrong.append(picture[0, 0, 0])

    threads = [threading.Thread(target=work, args=(picture,)) for picture in pictures]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("payload", [b"", b"no picture", encode_jpeg(GRAY)[:40]])
def test_what_is_no_jpeg_is_an_error(payload):
    with pytest.raises(CodecError, match="no JPEG"):
        jpeg_size(payload)


def test_a_jpeg_that_was_cut_off_is_an_error():
    noise = np.random.default_rng(0).integers(0, 255, (48, 64), np.uint8)
    with pytest.raises(CodecError, match="damaged JPEG"):
        decode_jpeg(encode_jpeg(noise)[:1000], torch.zeros(48, 64, dtype=torch.uint8))


def test_a_jpeg_of_another_size_is_not_decoded():
    with pytest.raises(CodecError, match="a JPEG of 64x48 px, and a place for 64x40"):
        decode_jpeg(encode_jpeg(GRAY), torch.zeros(40, 64, dtype=torch.uint8))


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 4), np.float32),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((0, 4), np.uint8),
        np.zeros(4, np.uint8),
        torch.zeros(1, 1, 4, 4, dtype=torch.uint8),
    ],
)
def test_what_is_no_picture_is_an_error(pixels):
    with pytest.raises(CodecError, match="is not a picture here"):
        encode_jpeg(pixels)


def test_a_picture_on_a_device_is_an_error_that_says_where_it_is():
    with pytest.raises(CodecError, match="the picture is on meta; encoding is done on the host"):
        encode_jpeg(torch.zeros(4, 4, dtype=torch.uint8, device="meta"))


@pytest.mark.parametrize("quality", [0, 101])
def test_a_quality_outside_of_1_to_100_is_an_error(quality):
    with pytest.raises(CodecError, match="is not 1 to 100"):
        encode_jpeg(GRAY, quality)
