"""Every frame of a file, once, with its time, where it belongs."""

import gc
import json
import threading
import weakref

import av
import numpy as np
import pytest
import torch

from toolkit import hooks, media
from toolkit.ring import RingFull

CLIPS = {
    "big_buck_bunny_432_433.webm": 24,
    "bottle-detection.mp4": 1189,
    "cup.mp4": 217,
    "nasa_13013.mp4": 390,
    "thanks.mkv": 51,
    "tree.avi": 68,
    "video_0.mov": 3,
    "video_90.mov": 3,
    "walk.mkv": 89,
}


class Ledger:
    def __init__(self):
        self.events = []
        self.scopes = []

    def event(self, event):
        self.events.append(event)

    def scope_begin(self, scope):
        self.scopes.append(scope)

    def of(self, kind):
        return [event for event in self.events if event.kind == kind]


@pytest.fixture
def ledger():
    ledger = Ledger()
    hooks.listen(ledger)
    yield ledger
    hooks.unlisten(ledger)


def test_the_example_of_the_module(make_clip):
    with media.open(make_clip("clip.mp4")) as video:
        shapes = [(frame.index, frame.pts_seconds, tuple(frame.pixels.shape)) for frame in video]
    assert shapes[:2] == [(0, 0.0, (72, 64)), (1, 0.04, (72, 64))]
    assert len(shapes) == 12


@pytest.mark.parametrize("name", CLIPS)
def test_every_frame_of_every_clip_is_delivered(test_data, name):
    path = test_data / "clips" / name
    with media.open(path) as video:
        pts = [frame.pts_seconds for frame in video]
        assert video.stats.decoded == len(pts) == CLIPS[name]
        assert video.stats.dropped == video.stats.repaired_pts == 0
        assert video.ring.stats.leased == 0
        index = video._deck.decoder.tape.stream.index
    with av.open(str(path)) as container:
        stream = container.streams[index]
        assert pts == [float(frame.pts * frame.time_base) for frame in container.decode(stream)]


@pytest.mark.parametrize("index", [0, 3])
def test_times_are_those_of_an_independent_decoder(test_data, index):
    path = test_data / "clips" / "nasa_13013.mp4"
    oracle = json.loads(
        path.with_name(f"{path.name}.stream{index}.all_frames_info.json").read_text()
    )
    with media.open(path, video_stream=index) as video:
        times = [(frame.pts_seconds, frame.duration_seconds) for frame in video]
    expected = [(float(one["pts_time"]), float(one["duration_time"])) for one in oracle]
    assert np.abs(np.array(times) - np.array(expected)).max() < 1e-6


@pytest.mark.parametrize(
    "name", ["clips/cup.mp4", "clips/thanks.mkv", "clips/big_buck_bunny_432_433.webm"]
)
def test_pixels_are_those_of_the_decoder(test_data, name):
    with media.open(test_data / name) as video, av.open(str(test_data / name)) as container:
        for frame, truth in zip(video, container.decode(video=0), strict=True):
            assert np.array_equal(frame.pixels.numpy(), truth.to_ndarray())


def test_odd_sizes_are_padded_by_the_edge_and_keep_their_true_size(test_data):
    path = test_data / "odd" / "testsrc2_odd_height_and_width_vp9.mp4"
    with media.open(path) as video, av.open(str(path)) as container:
        for frame, truth in zip(video, container.decode(video=0), strict=True):
            luma, u, _ = frame.planes
            assert (frame.width, frame.height, tuple(luma.shape)) == (321, 241, (242, 322))
            plane = truth.planes[0]
            expected = np.frombuffer(plane, np.uint8).reshape(241, plane.line_size)[:, :321]
            assert np.array_equal(luma[:241, :321], expected)
            assert np.array_equal(luma, np.pad(expected, ((0, 1), (0, 1)), "edge"))
            assert tuple(u.shape) == (121, 161)


def test_a_display_matrix_becomes_metadata_and_leaves_pixels_alone(test_data):
    with media.open(test_data / "clips/video_90.mov") as turned:
        frame = next(iter(turned))
        assert (frame.width, frame.height, frame.rotation) == (568, 320, 270)
        assert (frame.spec.display_width, frame.spec.display_height) == (320, 568)
    with media.open(test_data / "clips/video_0.mov") as straight:
        assert next(iter(straight)).rotation == 0


def test_cover_art_is_not_taken_for_the_video(test_data):
    with media.open(test_data / "odd/metadata.mp4") as video:
        assert (video.codec, video.width, video.height) == ("h264", 320, 240)
        assert len([frame.index for frame in video]) == 1
    with media.open(test_data / "odd/metadata.mp4", video_stream=2) as cover:
        assert (cover.codec, cover.width, cover.height) == ("mjpeg", 413, 414)


def test_a_moving_stream_is_preferred_to_a_still_one(test_data):
    with media.open(test_data / "odd/alpha_video_fixed.avif") as video:
        assert len([frame.index for frame in video]) == 48


def test_a_stream_that_is_not_there_is_named_with_those_that_are(test_data):
    with pytest.raises(media.MediaError, match=r"no video stream with index 1 .*0 video, 1 audio"):
        media.open(test_data / "clips/nasa_13013.mp4", video_stream=1)


def test_a_variable_rate_keeps_every_time(make_clip):
    ticks = [0, 40, 41, 200, 1000, 1033, 1400]
    clip = make_clip("vfr.mkv", codec="mpeg4", count=7, ticks=ticks)
    with media.open(clip) as video:
        assert [round(frame.pts_seconds * 1000) for frame in video] == ticks


def test_what_it_says_about_itself_needs_no_frame_and_shows_no_pixels(test_data):
    with media.open(test_data / "clips/cup.mp4") as video:
        assert (video.width, video.height, video.codec) == (640, 480, "h264")
        assert video.fps == pytest.approx(26.777)
        assert video.duration_seconds == pytest.approx(8.104, abs=1e-3)
        assert video.frame_count_hint == 217
        assert video.decoder == "software"
        assert video.ring is None
        assert not video.is_live
        assert "640x480, 26.78 fps, h264, software, 0 decoded" in repr(video)


def test_a_frame_is_charged_to_its_decode_stage(make_clip, ledger):
    with media.open(make_clip("clip.mp4")) as video:
        for frame in video:
            frame.release()
    copies = ledger.of("copy")
    assert [(one.stage, one.frame, one.nbytes, one.direction) for one in copies] == [
        ("decode", index, 64 * 72, "h2h") for index in range(12)
    ]
    assert {one.stage for one in ledger.of("io")} == {"decode"}
    assert len(ledger.of("io")) == 12
    assert not ledger.of("convert")
    assert all(one.duration_ns > 0 for one in copies)


def test_ten_bits_are_converted_once_and_that_stands_on_the_bill(test_data, ledger):
    path = test_data / "odd/h264_10bits.mp4"
    with media.open(path) as video, av.open(str(path)) as container:
        for frame, truth in zip(video, container.decode(video=0), strict=True):
            luma = frame.planes[0].numpy().astype(float)
            plane = np.frombuffer(truth.planes[0], np.uint16).reshape(200, -1)[:, :200]
            assert np.abs(luma - plane / 4).max() <= 1.0
        assert video.stats.converted == 30
    converts = ledger.of("convert")
    assert len(converts) == 30
    assert converts[0].op == "swscale yuv420p10le->yuv420p"


def test_reading_again_begins_anew_and_counts_it(make_clip):
    with media.open(make_clip("clip.mp4")) as video:
        first = [frame.pts_seconds for frame in video]
        second = [frame.pts_seconds for frame in video]
        assert first == second
        assert video.discontinuities == video.stats.discontinuities == 1


def test_an_iteration_goes_on_where_the_last_one_stopped(make_clip):
    with media.open(make_clip("clip.mp4")) as video:
        for frame in video:
            if frame.index == 4:
                break
        assert [frame.index for frame in video] == [5, 6, 7, 8, 9, 10, 11]


def test_a_loop_begins_again_and_frames_keep_counting(make_clip):
    with media.open(make_clip("clip.mp4"), loop=True) as video:
        frames = iter(video)
        seen = [(f.index, round(f.pts_seconds, 2)) for f in (next(frames) for _ in range(30))]
        assert seen[11:13] == [(11, 0.44), (12, 0.0)]
        assert seen[-1][0] == 29
        assert video.discontinuities == 2


def test_a_file_that_holds_nothing_does_not_loop_for_ever(test_data):
    name = "bipbop_480wp_1001kbps-cenc-video-key1-init.mp4"
    with (
        media.open(test_data / "odd" / name, loop=True) as video,
        pytest.raises(media.MediaError, match="no picture could be decoded"),
    ):
        next(iter(video))


def test_a_change_of_size_makes_a_new_ring(tmp_path, make_clip):
    small = make_clip("small.h264", width=64, height=48, count=6, container="h264")
    large = make_clip("large.h264", width=96, height=80, count=6, container="h264")
    both = tmp_path / "both.h264"
    both.write_bytes(small.read_bytes() + large.read_bytes())
    with media.open(both) as video:
        frames = [(frame, frame.width) for frame in video]
        assert [width for _, width in frames] == [64] * 6 + [96] * 6
        assert video.stats.ring_changes == video.discontinuities == 1
        assert (video.width, video.height) == (96, 80)
        assert frames[0][0].pixels.shape == (72, 64)  # a held frame of the old ring stays


def test_holding_every_slot_says_who_holds_on_and_loses_no_frame(make_clip):
    with media.open(make_clip("clip.mp4"), slots=4, timeout_seconds=0.05) as video:
        frames = iter(video)
        held = [next(frames) for _ in range(4)]
        with pytest.raises(RingFull, match="4 of 4 slots are held"):
            next(frames)
        held.clear()
        assert next(frames).index == 4


def test_a_policy_that_drops_counts_what_it_dropped(make_clip):
    with media.open(make_clip("clip.mp4"), slots=4, drop="newest") as video:
        held = list(video)
        assert [frame.index for frame in held] == [0, 1, 2, 3]
        assert video.stats.dropped == 8
        assert video.stats.decoded == 12


def test_closing_releases_everything(make_clip):
    video = media.open(make_clip("clip.mp4"))
    frame = next(iter(video))
    container = weakref.ref(video._deck.decoder)
    ring = video.ring
    video.close()
    video.close()
    assert frame.pixels.shape == (72, 64)
    frame.release()
    assert ring.stats.leased == 0
    with pytest.raises(RuntimeError, match="is closed; open it again"):
        iter(video)
    del video
    gc.collect()
    assert container() is None


def test_a_video_that_is_only_dropped_leaves_nothing_behind(make_clip):
    video = media.open(make_clip("clip.mp4"))
    decoder = weakref.ref(video._deck.decoder)
    assert next(iter(video)).index == 0
    gc.disable()
    try:
        del video
        assert decoder() is None  # at once, without the collector
    finally:
        gc.enable()


def test_a_second_thread_gets_a_clear_error(make_clip):
    errors = []

    def intrude(video):
        try:
            iter(video)
        except RuntimeError as error:
            errors.append(str(error))

    with media.open(make_clip("clip.mp4")) as video:
        frames = iter(video)
        next(frames)
        thread = threading.Thread(target=intrude, args=(video,))
        thread.start()
        thread.join()
        assert [frame.index for frame in frames] == list(range(1, 12))
    assert "one thread at a time" in errors[0]
    assert "Open the source a second time" in errors[0]


def test_a_worker_may_go_on_where_another_stopped(make_clip):
    seen = []
    with media.open(make_clip("clip.mp4")) as video:
        frames = iter(video)
        for _ in range(3):
            thread = threading.Thread(target=lambda: seen.append(next(frames).index))
            thread.start()
            thread.join()
    assert seen == [0, 1, 2]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"drop": "maybe"}, "'oldest', 'newest', 'block', 'error'"),
        ({"pixel_format": "bgr"}, "'i420', 'rgb', 'gray'"),
        ({"slots": 1}, "needs 2 or more"),
    ],
)
def test_a_wrong_option_lists_the_right_ones(make_clip, options, text):
    clip = make_clip("clip.mp4")
    with pytest.raises(ValueError, match=text), media.open(clip, **options) as video:
        next(iter(video))


def test_frames_can_be_rgb_and_gray(make_clip):
    clip = make_clip("clip.mp4")
    with media.open(clip, pixel_format="rgb") as video, av.open(str(clip)) as container:
        frame, truth = next(iter(video)), next(container.decode(video=0))
        expected = truth.to_ndarray(format="rgb24").transpose(2, 0, 1).astype(int)
        assert frame.spec.full_range
        assert np.abs(frame.pixels.numpy() - expected).mean() < 3.0  # chroma is scaled otherwise
    with media.open(clip, pixel_format="gray") as video:
        assert next(iter(video)).pixels.shape == (1, 48, 64)


def test_the_default_ring_is_bounded_in_bytes_and_a_still_has_few_slots(make_clip, test_data):
    clip = make_clip("large.mp4", codec="mpeg4", width=3840, height=2160, count=1)
    with media.open(clip) as video:
        assert next(iter(video)) is not None
        assert video.ring.slots == 43
        assert video.ring.nbytes <= 512 << 20
    with media.open(test_data / "faces/astronaut.png") as still:
        assert next(iter(still)) is not None
        assert still.ring.slots == 4
        assert (still.fps, still.duration_seconds, still.frame_count_hint) == (None, None, 1)


def test_torch_is_never_handed_memory_of_the_decoder(make_clip):
    with media.open(make_clip("clip.mp4")) as video:
        frames = [frame.keep() for frame in video]
        copies = [frame.pixels.clone() for frame in frames]
        for frame in frames:
            with frame.exclusive() as pixels:
                pixels.fill_(0)  # the decoder predicts from its own memory, not from ours
        again = [frame.pixels.clone() for frame in video]
    assert all(torch.equal(a, b) for a, b in zip(copies, again, strict=True))
