"""What is broken gives the frames before the fault, then says file, packet and cause."""

import re

import av
import pytest

from toolkit import media
from toolkit.frame import Frame

NO_FRAMES = {
    "bipbop_480wp_1001kbps-cenc-video-key1-init.mp4": "no picture could be decoded",
    "heapbof.png": "Invalid data",
    "sine_16ch_s16.wav": "has no video stream that can be decoded; its streams: 0 audio",
    "truncated.jpg": "Invalid data",
    "zero_byte.webm": "is empty: 0 bytes",
}
FRAMES = {
    "alpha_video_fixed.avif": 48,
    "alpha_video_moov_is_moop.avif": 1,
    "av1_video.mkv": 125,
    "bbb_sunflower_QCIF_30fps_h263_noaudio_1f.3gp": 1,
    "bitmap.mp4": 5,
    "cmyk.jpg": 1,
    "corrupt.jpg": 1,
    "discard_first_keyframe.mp4": 25,
    "frame_exceeds_screen.gif": 1,
    "h264_10bits.mp4": 30,
    "metadata.mp4": 1,
    "minimal.mp4": 1,
    "no-ftyp.avif": 1,
    "no_duration.webm": 74,
    "rgba.webp": 1,
    "sine_stereo_mp2.mpg": 100,
    "testsrc2_444_12bit_hevc.mp4": 25,
    "testsrc2_mpeg4.mp4": 1,
    "testsrc2_odd_height_and_width_vp9.mp4": 25,
    "unordered.mov": 4,
    "video_colr_nclx_hdr10.mp4": 3,
    "white.mp4": 300,
}


def play(path, **options):
    """How many frames came, and the error after them, if any."""
    count, error = 0, None
    try:
        with media.open(path, **options) as video:
            for frame in video:
                assert isinstance(frame, Frame)
                count += 1
    except media.MediaError as caught:
        error = caught
    return count, error


@pytest.mark.parametrize("name", FRAMES)
def test_odd_files_give_every_frame(test_data, name):
    assert play(test_data / "odd" / name) == (FRAMES[name], None)


@pytest.mark.parametrize("name", NO_FRAMES)
def test_broken_files_say_what_is_wrong(test_data, name):
    count, error = play(test_data / "odd" / name)
    assert count == 0
    assert NO_FRAMES[name] in str(error)
    assert name in str(error)
    assert str(error.path).endswith(name)


def test_no_odd_file_was_forgotten(test_data):
    names = {path.name for path in (test_data / "odd").iterdir()}
    assert names <= {*FRAMES, *NO_FRAMES, "no_timescale.mp4"}


def test_frames_before_a_fault_are_delivered_and_the_packet_is_named(test_data):
    path = test_data / "odd/no_timescale.mp4"
    outcomes = {
        (count, error.packet) for count, error in (play(path, threads=n) for n in (0, 1, 4))
    }
    assert outcomes == {(10, 11)}  # whatever the number of threads
    _, error = play(path)
    assert re.search(r"no_timescale\.mp4', decoding packet 11: Invalid data", str(error))
    assert isinstance(error.cause, av.FFmpegError)


def test_faults_can_be_skipped_and_are_counted(test_data):
    with media.open(test_data / "odd/no_timescale.mp4", skip_faults=True) as video:
        assert len([frame.index for frame in video]) > 70
        skipped = video.stats.skipped_packets
        assert skipped > 3
        assert f"skipped {skipped} packets; the last: " in video.notes[0]


@pytest.mark.parametrize("name", ["clips/cup.mp4", "clips/tree.avi", "clips/thanks.mkv"])
def test_a_cut_file_gives_its_frames_and_then_an_error(test_data, tmp_path, name):
    content = (test_data / name).read_bytes()
    cut = tmp_path / name.rpartition("/")[2]
    cut.write_bytes(content[: len(content) * 6 // 10])
    whole, _ = play(test_data / name)
    count, error = play(cut)
    assert 0.3 * whole < count < whole
    assert re.search("cut off|ends inside packet", str(error))


def test_an_image_that_was_cut_off_is_refused(test_data, tmp_path):
    content = (test_data / "faces/grace_hopper.jpg").read_bytes()
    cut = tmp_path / "half.jpg"
    cut.write_bytes(content[: len(content) // 2])
    with pytest.raises(media.MediaError, match="the JPEG has no end marker"):
        media.open_image(cut)


@pytest.mark.parametrize("suffix", [".mp4", ".txt", ".png", ".mkv", ""])
def test_text_is_no_video(tmp_path, suffix):
    path = tmp_path / f"notes{suffix}"
    path.write_text("One does not simply decode this.\n" * 40)
    count, error = play(path)
    assert count == 0
    assert path.name in str(error)


def test_noise_is_no_video(tmp_path):
    import random

    path = tmp_path / "noise.mp4"
    path.write_bytes(random.Random(3).randbytes(50_000))
    assert "cannot open" in str(play(path)[1])


def test_a_picture_that_is_too_large_is_refused_before_memory_is_taken(make_clip):
    clip = make_clip("clip.mp4", width=320, height=240)
    count, error = play(clip, max_pixels=320 * 239)
    assert count == 0
    assert "320x240 px, more than max_pixels = 76480" in str(error)


def test_a_header_that_claims_a_huge_picture_is_refused(test_data, tmp_path):
    content = bytearray((test_data / "faces/astronaut.png").read_bytes())
    content[16:24] = (60_000).to_bytes(4, "big") * 2
    path = tmp_path / "bomb.png"
    path.write_bytes(content)
    count, error = play(path)
    assert count == 0
    assert error is not None


def test_a_growing_picture_is_refused_where_it_grows(tmp_path, make_clip):
    small = make_clip("small.h264", count=5, container="h264")
    large = make_clip("large.h264", width=320, height=240, count=5, container="h264")
    both = tmp_path / "both.h264"
    both.write_bytes(small.read_bytes() + large.read_bytes())
    count, error = play(both, max_pixels=10_000)
    assert count == 5
    assert error.packet == 6


def test_a_broken_graph_and_a_silent_sender_are_named():
    _, error = play("lavfi:nonsense=3")
    assert "'lavfi:nonsense=3'" in str(error)
    assert "filters' names" in str(error)
    _, error = play("udp://127.0.0.1:23991", timeout_seconds=0.2)
    assert "nothing came for 0.2 s. Check the address and that the sender runs" in str(error)
    _, error = play("http://127.0.0.1:9/clip.mp4", timeout_seconds=5)
    assert "refused" in str(error)


def test_images_of_every_kind_become_frames(test_data, tmp_path):
    from PIL import Image

    picture = Image.open(test_data / "faces/astronaut.png").convert("RGB").resize((64, 48))
    for kind in ("png", "jpeg", "webp", "gif", "bmp", "avif"):
        path = tmp_path / f"picture.{kind}"
        picture.save(path)
        frame = media.open_image(path)
        assert (frame.width, frame.height, frame.pixel_format) == (64, 48, "rgb")
        assert frame.pixels.float().mean().item() == pytest.approx(115, abs=8)
        assert not frame.is_released


def test_a_png_arrives_bit_by_bit(test_data):
    import numpy as np
    from PIL import Image

    path = test_data / "faces/coffee.png"
    expected = np.asarray(Image.open(path).convert("RGB")).transpose(2, 0, 1)
    assert np.array_equal(media.open_image(path).pixels.numpy(), expected)


def test_the_orientation_of_a_photo_becomes_rotation(test_data, tmp_path):
    from PIL import Image

    picture = Image.open(test_data / "faces/grace_hopper.jpg")
    exif = picture.getexif()
    exif[0x0112] = 6  # turn clockwise by 90 degrees to show
    picture.save(tmp_path / "turned.jpg", exif=exif)
    assert media.open_image(tmp_path / "turned.jpg").rotation == 270
