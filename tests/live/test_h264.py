"""Pictures as H.264, each out before the next one comes in, and back."""

import random
import threading

import numpy as np
import pytest
import torch

from toolkit.live import CodecError, H264Decoder, H264Encoder
from toolkit.profiling import profile

ROWS, COLUMNS = np.mgrid[:96, :128]


def picture(step=0, channels=3, height=96, width=128):
    """A soft picture that moves by one px a step."""
    planes = [COLUMNS * 1.5 + step, ROWS * 2 + step, (ROWS + COLUMNS) * 0.9]
    return np.stack(planes).astype(np.uint8)[:channels, :height, :width]


def place(channels=3, height=96, width=128):
    return torch.zeros(channels, height, width, dtype=torch.uint8)


def decibel(one, other):
    difference = np.asarray(one, float) - np.asarray(other, float)
    return 10 * np.log10(255**2 / np.mean(difference**2))


@pytest.fixture
def encoder():
    return H264Encoder(bitrate=4_000_000)


@pytest.fixture
def decoder():
    return H264Decoder()


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_go_through_one_by_one_without_delay(encoder, decoder, channels):
    slot = place(channels)
    for step in range(10):
        unit = encoder.encode(picture(step, channels), pts_seconds=step / 30)
        assert unit.is_key == (step == 0)
        assert (unit.width, unit.height) == (128, 96)
        assert decoder.decode(unit.payload, slot, key=unit.is_key)
        assert decibel(slot, picture(step, channels)) > 35


def test_a_unit_is_annex_b_and_a_keyframe_carries_its_parameters(encoder):
    payload = encoder.encode(picture(), pts_seconds=0).payload
    kinds = [part[0] & 31 for part in payload.split(b"\x00\x00\x01")[1:]]
    assert payload.startswith(b"\x00\x00\x00\x01")
    assert kinds[:2] == [7, 8]  # sequence and picture parameters, ITU-T H.264, table 7-1
    assert 5 in kinds  # decoding can start at it


def test_a_keyframe_can_be_asked_for(encoder):
    units = [
        encoder.encode(picture(step), pts_seconds=step / 30, key=step == 2) for step in range(4)
    ]
    assert [unit.is_key for unit in units] == [True, False, True, False]


def test_another_size_makes_a_new_codec_at_both_ends(encoder, decoder):
    first = encoder.encode(picture(), pts_seconds=0)
    decoder.decode(first.payload, place(), key=True)
    second = encoder.encode(picture(height=64, width=100), pts_seconds=1 / 30)
    assert (second.is_key, second.width, second.height) == (True, 100, 64)
    slot = place(height=64, width=100)
    assert decoder.decode(second.payload, slot, key=True)
    assert decibel(slot, picture(height=64, width=100)) > 35


def test_another_bitrate_makes_a_new_codec(encoder):
    encoder.encode(picture(), pts_seconds=0)
    encoder.bitrate = 100_000
    assert encoder.encode(picture(1), pts_seconds=1 / 30).is_key


def test_of_an_odd_size_the_last_column_and_row_are_left_out(encoder):
    unit = encoder.encode(picture(height=95, width=127), pts_seconds=0)
    assert (unit.width, unit.height) == (126, 94)


@pytest.mark.parametrize("pts_seconds", [5.0, 4.0, -1.0])
def test_a_time_that_goes_back_counts_as_just_after(encoder, decoder, pts_seconds):
    encoder.encode(picture(), pts_seconds=5.0)
    assert encoder.encode(picture(1), pts_seconds=pts_seconds) is not None


def test_nothing_is_decoded_before_a_keyframe(encoder, decoder):
    encoder.encode(picture(), pts_seconds=0)
    unit = encoder.encode(picture(1), pts_seconds=1 / 30)
    slot = place()
    assert not decoder.decode(unit.payload, slot, key=False)
    assert decoder.needs_key
    assert not slot.any()


def test_a_picture_of_another_size_than_its_place_is_an_error(encoder, decoder):
    unit = encoder.encode(picture(), pts_seconds=0)
    with pytest.raises(CodecError, match="a picture of 128x96 px, and a place for 64x48"):
        decoder.decode(unit.payload, place(height=48, width=64), key=True)


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_picture_is_an_error_or_a_picture_and_the_next_keyframe_heals(
    encoder, decoder, seed
):
    chance = random.Random(seed)
    noise = np.random.default_rng(seed).integers(0, 255, (3, 96, 128), np.uint8)
    damaged = bytearray(encoder.encode(noise, pts_seconds=0).payload)
    for _ in range(20):
        damaged[chance.randrange(len(damaged))] = chance.randrange(256)
    cut = bytes(damaged[: chance.randrange(1, len(damaged))])
    for payload in (bytes(damaged), cut, b"", b"\x00\x00\x01", b"no picture at all"):
        try:
            decoder.decode(payload, place(), key=True)
        except CodecError as fault:
            assert decoder.needs_key, fault  # noqa: PT017 - which it is, is chance
    unit = encoder.encode(picture(), pts_seconds=1, key=True)
    slot = place()
    assert H264Decoder().decode(unit.payload, slot, key=True)
    assert decibel(slot, picture()) > 35


def test_what_is_no_h264_is_an_error(decoder):
    with pytest.raises(CodecError, match="damaged"):
        decoder.decode(b"\x00\x00\x00\x01\x67" + bytes(100), place(), key=True)
    assert decoder.needs_key


@pytest.mark.parametrize(
    ("make", "use"),
    [
        (H264Encoder, lambda codec: codec.encode(picture(), pts_seconds=0)),
        (H264Decoder, lambda codec: codec.decode(b"", place(), key=False)),
    ],
)
def test_a_second_thread_is_refused(make, use):
    codec = make()
    use(codec)
    refusals = []

    def work():
        with pytest.raises(RuntimeError, match="belongs to thread") as refusal:
            use(codec)
        refusals.append(str(refusal.value))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert "by a queue" in refusals[0]


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((4, 4), np.float32), np.zeros((1, 1), np.uint8), np.zeros((8, 8, 8), np.uint8)],
)
def test_what_is_no_picture_cannot_be_encoded(encoder, pixels):
    with pytest.raises(CodecError):
        encoder.encode(pixels, pts_seconds=0)


def test_neither_way_allocates_a_tensor(encoder, decoder):
    pixels, slot = picture(), place()
    decoder.decode(encoder.encode(pixels, pts_seconds=0).payload, slot, key=True)
    with profile(level="exact", keep="all") as session:
        unit = encoder.encode(pixels, pts_seconds=1 / 30)
        decoder.decode(unit.payload, slot, key=False)
    kinds = [(event.kind, event.op) for event in session.events]
    assert [kind for kind, _ in kinds].count("alloc") == 0
    told = ("copy", "convert", "serialize")
    assert [one for one in kinds if one[0] in told] == [
        ("copy", "h264.picture"),
        ("convert", "swscale gbrp->yuv420p"),
        ("serialize", "h264.encode"),
        ("convert", "h264.decode"),
        ("convert", "swscale ->gbrp"),
        ("copy", "h264.part"),
    ]
