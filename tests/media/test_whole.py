"""A file that was cut off is told from one that ends."""

import pytest

from toolkit import media
from toolkit.media.whole import missing_part

REAL = [
    "clips/nasa_13013.mp4",
    "clips/thanks.mkv",
    "clips/big_buck_bunny_432_433.webm",
    "clips/tree.avi",
    "clips/video_0.mov",
    "faces/grace_hopper.jpg",
    "faces/head-pose-face-detection-female.gif",
    "odd/rgba.webp",
    "odd/av1_video.mkv",
    "odd/alpha_video_fixed.avif",
]


@pytest.mark.parametrize("name", REAL)
def test_a_whole_file_misses_nothing_and_a_cut_one_does(test_data, tmp_path, name):
    path = test_data / name
    assert missing_part(path) == ""
    content = path.read_bytes()
    cut = tmp_path / path.name
    cut.write_bytes(content[: len(content) * 7 // 10])
    assert missing_part(cut)


def test_the_message_has_both_sizes(tmp_path):
    path = tmp_path / "a.avi"
    path.write_bytes(b"RIFF" + (92).to_bytes(4, "little") + b"AVI " + bytes(38))
    assert missing_part(path) == "it ends at byte 50 of 100 that its header claims"


@pytest.mark.parametrize(
    "content", [b"\x00", b"plain text", bytes(64), b"\x1a\x45\xdf\xa3", b"\x1a\x45\xdf\xa3\x00\x00"]
)
def test_nothing_is_claimed_of_what_is_not_known(tmp_path, content):
    path = tmp_path / "x"
    path.write_bytes(content)
    assert missing_part(path) == ""


def test_a_recording_of_unknown_length_is_whole(tmp_path):
    path = tmp_path / "live.webm"
    path.write_bytes(b"\x1a\x45\xdf\xa3\x80" + b"\x18\x53\x80\x67\x01" + b"\xff" * 7 + bytes(9))
    assert missing_part(path) == ""


def test_a_box_of_64_bit_length_and_a_last_one_without(tmp_path):
    path = tmp_path / "big.mp4"
    head = (16).to_bytes(4, "big") + b"ftypisom" + bytes(4)
    large = (1).to_bytes(4, "big") + b"mdat" + (40).to_bytes(8, "big")
    path.write_bytes(head + large + bytes(4))
    assert missing_part(path) == "it ends at byte 36 of 56 that its header claims"
    path.write_bytes(head + (0).to_bytes(4, "big") + b"mdat" + bytes(4))
    assert missing_part(path) == ""


def test_a_cut_file_delivers_what_is_left_and_then_says_so(make_clip, tmp_path):
    clip = make_clip("clip.mkv", count=30)
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(clip.read_bytes()[:-200])
    seen = []
    with (
        media.open(cut) as video,
        pytest.raises(media.MediaError, match="cut off") as caught,
    ):
        seen.extend(frame.index for frame in video)
    assert 20 <= len(seen) < 30
    assert caught.value.packet
    assert "that its header claims" in str(caught.value)
