"""A seek gives the very frame that playing from the beginning gives."""

import hashlib
import random

import pytest

from toolkit import media

DAMAGED = "odd/no_timescale.mp4"


def note(frame):
    return frame.pts_seconds, hashlib.md5(frame.pixels.numpy().tobytes()).hexdigest()


def play(video, count=None):
    """Notes of the next `count` frames, or of all up to the end or a fault, which is the last."""
    notes = []
    try:
        for frame in video:
            notes.append(note(frame))
            if len(notes) == count:
                break
    except media.MediaError as error:
        notes.append(("fault", str(error.__cause__ or error)))
    return notes


def assert_exact(path, *, targets=5):
    """A seek gives what playing gave; answers how playing ended."""
    with media.open(path) as video:
        linear = play(video)
    times = [at for at, _ in linear if at != "fault"]
    generator = random.Random(7)
    places = [*generator.sample(range(len(times)), min(targets, len(times))), len(times) - 1]
    with media.open(path) as video:
        for place in places:
            video.seek(times[place])
            assert play(video, 3) == linear[place : place + 3]
    return linear[-1]


@pytest.mark.parametrize(
    "name",
    [
        "clips/big_buck_bunny_432_433.webm",
        "clips/bottle-detection.mp4",
        "clips/cup.mp4",
        "clips/thanks.mkv",
        "clips/tree.avi",
        "faces/head-pose-face-detection-female.gif",
        "odd/alpha_video_fixed.avif",
        "odd/av1_video.mkv",
        "odd/discard_first_keyframe.mp4",
        "odd/no_duration.webm",
        DAMAGED,
        "odd/sine_stereo_mp2.mpg",
        "odd/testsrc2_444_12bit_hevc.mp4",
        "odd/unordered.mov",
    ],
)
def test_seeking_in_real_files_is_exact(test_data, name):
    ended_at, _ = assert_exact(test_data / name)
    assert (ended_at == "fault") is (name == DAMAGED)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("open-gop.mp4", {"options": {"x264-params": "open-gop=1:bframes=3:keyint=8"}}),
        ("stream.ts", {"container": "mpegts"}),
        ("old.avi", {"codec": "mpeg4"}),
        ("intra.mkv", {"codec": "mjpeg", "layout": "yuvj420p"}),
        ("vp9.webm", {"codec": "libvpx-vp9"}),
        ("no-index.h264", {"container": "h264"}),
        ("one-keyframe.mp4", {"gop": 300}),
    ],
)
def test_seeking_is_exact_in_every_container(make_clip, name, options):
    ended_at, _ = assert_exact(make_clip(name, **{"count": 40, "gop": 8, **options}), targets=8)
    assert ended_at != "fault"


def test_a_time_between_two_frames_gives_the_later_one(make_clip):
    with media.open(make_clip("clip.mp4")) as video:
        video.seek(0.13)
        assert next(iter(video)).pts_seconds == 0.16


def test_a_time_after_the_end_gives_nothing_and_the_next_reading_begins_anew(make_clip):
    with media.open(make_clip("clip.mp4")) as video:
        video.seek(100.0)
        assert play(video) == []
        assert len(play(video)) == 12


def test_opening_at_a_time_is_a_seek(make_clip):
    with media.open(make_clip("clip.mp4"), start_seconds=0.2) as video:
        assert next(iter(video)).pts_seconds == 0.2


def test_a_seek_is_counted_and_frames_keep_counting(make_clip):
    with media.open(make_clip("clip.mp4")) as video:
        assert len(play(video, 3)) == 3
        video.seek(0.0)
        assert next(iter(video)).index == 3
        assert video.discontinuities == 1


def test_a_seek_goes_on_in_a_running_loop(make_clip):
    with media.open(make_clip("clip.mp4")) as video:
        frames = iter(video)
        next(frames)
        video.seek(0.4)
        assert [round(frame.pts_seconds, 2) for frame in frames] == [0.4, 0.44]


def test_a_graph_is_drawn_again_from_its_beginning():
    with media.open("lavfi:testsrc2=size=64x48:rate=10:duration=2") as video:
        linear = play(video)
        video.seek(1.2)
        assert play(video, 2) == linear[12:14]


def test_times_before_the_beginning_and_of_live_sources_are_refused(make_clip):
    with media.open(make_clip("clip.mp4")) as video, pytest.raises(ValueError, match="-1"):
        video.seek(-1)
    with (
        media.open("lavfi:testsrc2=size=64x48:rate=30,realtime") as video,
        pytest.raises(media.MediaError, match="is live and cannot seek"),
    ):
        video.seek(1.0)
