"""How do a page's pictures become frames? Pushed by the test, and pulled as a player does."""

import sys
import threading

import pytest
import torch

from toolkit import Pipeline, media
from toolkit.devices import resolve
from toolkit.live import H264Encoder, encode_jpeg
from toolkit.live.browser_camera import BrowserCamera
from toolkit.profiling import profile
from toolkit.stages import gray, rgb

GREEN = torch.tensor([0, 200, 0], dtype=torch.uint8).view(3, 1, 1).expand(3, 48, 64)


@pytest.fixture
def camera():
    with BrowserCamera() as camera:
        yield camera


@pytest.fixture
def push(camera, viewer):
    """Send one picture as a page does."""

    def send(number, *, to=camera, sink=viewer, pixels=GREEN, payload=None, **fields):
        height, width = pixels.shape[1:]
        header = {"t": "camera", "id": number, "w": width, "h": height, "codec": "jpeg"}
        header |= {"captured_ms": 1000.0 + number * 40, **fields}
        coded = encode_jpeg(pixels.contiguous()) if payload is None else payload
        to.offer(header, memoryview(coded), sink)

    return send


def taken(viewer):
    return [header["id"] for header in viewer.of("taken")]


def test_a_picture_becomes_a_frame_and_its_page_is_told(camera, push, viewer):
    push(7)
    assert taken(viewer) == []
    with next(camera) as frame:
        assert (frame.width, frame.height, frame.pixel_format, frame.index) == (64, 48, "rgb", 0)
        assert frame.metadata["captured_ms"] == 1280.0
        assert (frame.pixels[:, 20, 20].int() - GREEN[:, 0, 0].int()).abs().max() <= 3
    assert taken(viewer) == [7]


def test_the_newest_wins_before_anything_is_decoded(camera, push, viewer):
    with profile(keep="all") as session:
        for number in range(3):
            push(number)
        assert taken(viewer) == [0, 1]
        with next(camera) as frame:
            assert frame.metadata["captured_ms"] == 1080.0
    assert [event.op for event in session.events].count("jpeg.decode") == 1
    assert camera.dropped == 2


def test_times_count_from_the_first_picture(camera, push):
    times = []
    for number in range(3):
        push(number)
        times.append(next(camera).pts_seconds)
    assert times == pytest.approx([0.0, 0.04, 0.08])


def test_slots_are_used_again(camera, push):
    for number in range(20):
        push(number)
        next(camera).release()
    assert camera.ring.stats.leased == 0
    assert camera.ring.stats.slots == 8


def test_nothing_is_allocated_for_a_picture(camera, push):
    for number in range(20):
        push(number)
        next(camera).release()
    push(20)
    with profile("exact", keep="all") as session:
        next(camera).release()
    assert [event for event in session.events if event.kind == "alloc"] == []


def test_a_picture_goes_to_the_device_with_one_copy(push):
    with BrowserCamera(device=resolve("emu")) as camera:
        push(0, to=camera)
        next(camera).release()
        push(1, to=camera)
        with profile(keep="all") as session:
            next(camera).release()
    across = [event for event in session.events if event.direction in ("h2d", "d2h")]
    assert [(event.direction, event.nbytes) for event in across] == [("h2d", 3 * 48 * 64)]


def test_the_standby_plays_until_a_camera_comes_and_after_it_went(push, viewer, film):
    with BrowserCamera(film) as camera:
        assert not camera.is_live
        assert [next(camera).index for _ in range(2)] == [0, 1]
        push(0, to=camera)
        assert camera.is_live
        assert next(camera).width == 64
        assert camera.try_next() is None
        before = camera.discontinuities
        camera.stop(viewer)
        assert next(camera).index == 2
        assert camera.discontinuities == before + 1


def test_a_standby_begins_again_at_its_end(make_film):
    with BrowserCamera(make_film(2)) as camera:
        assert [next(camera).index for _ in range(5)] == [0, 1, 0, 1, 0]


def test_one_page_s_camera_at_a_time(camera, push, viewer, make_viewer):
    other = make_viewer("b")
    push(0)
    push(5, sink=other)
    assert "another view's camera" in viewer.notes[0]
    assert taken(viewer) == [0]
    next(camera).release()
    assert taken(other) == [5]
    camera.stop(viewer)  # it is not its camera any more
    assert camera.is_live


def test_a_damaged_picture_is_an_error_and_the_next_one_is_fine(camera, push, viewer):
    push(0, payload=b"no picture")
    with pytest.raises(ValueError, match="no JPEG"):
        next(camera)
    assert taken(viewer) == [0]
    push(1)
    next(camera).release()
    assert camera.ring.stats.leased == 0


def test_a_picture_that_claims_another_size_is_refused(camera, push):
    push(0, w=4000, h=9000)
    with pytest.raises(ValueError, match="4000x9000 px; at most"):
        next(camera)
    push(1, w=32)
    with pytest.raises(ValueError, match="a JPEG of 64x48 px, and a place for 32x48"):
        next(camera)


def test_another_size_makes_another_ring(camera, push):
    push(0)
    first = next(camera)
    push(1, pixels=GREEN[:, :24])
    assert next(camera).height == 24
    assert first.height == 48


def test_h264_is_decoded_in_order_and_the_newest_is_the_frame(camera, push, viewer):
    encoder = H264Encoder()
    units = [encoder.encode(GREEN.contiguous(), pts_seconds=n / 30) for n in range(3)]
    for number, unit in enumerate(units):
        push(number, payload=unit.payload, codec="h264", key=unit.is_key)
    with next(camera) as frame:
        assert frame.metadata["captured_ms"] == 1080.0
        assert (frame.pixels[:, 20, 20].int() - GREEN[:, 0, 0].int()).abs().max() <= 6
    assert taken(viewer) == [0, 1, 2]
    assert camera.dropped == 2


def test_a_stream_that_begins_in_its_middle_asks_for_a_keyframe(camera, push, viewer):
    encoder = H264Encoder()
    units = [encoder.encode(GREEN.contiguous(), pts_seconds=n / 30) for n in range(2)]
    push(1, payload=units[1].payload, codec="h264", key=False)
    assert camera.try_next() is None
    assert viewer.of("taken") == [{"t": "taken", "id": 1, "key": True}]


def test_a_stream_that_found_no_slot_goes_on_with_a_keyframe(push, viewer):
    encoder = H264Encoder()
    units = [encoder.encode(GREEN.contiguous(), pts_seconds=n / 30) for n in range(4)]
    with BrowserCamera(slots=2) as camera:

        def send(number):
            unit = units[number]
            push(number, to=camera, payload=unit.payload, codec="h264", key=unit.is_key)

        send(0)
        with next(camera):
            send(1)
            with next(camera):
                send(2)
                assert camera.try_next() is None
        send(3)
        assert camera.try_next() is None
        assert [header["key"] for header in viewer.of("taken")] == [False, False, True, True]
        assert camera.dropped == 2


def test_a_stream_that_nobody_takes_begins_anew(camera, push, viewer):
    encoder = H264Encoder()
    units = [encoder.encode(GREEN.contiguous(), pts_seconds=n / 30) for n in range(2)]
    push(0, payload=units[0].payload, codec="h264", key=True)
    for number in range(1, 34):
        push(number, payload=units[1].payload, codec="h264", key=False)
    told = viewer.of("taken")
    assert [header["id"] for header in told] == list(range(33))  # and the last one waits
    assert all(header["key"] for header in told)
    assert camera.try_next() is None  # for it is made from those that went
    push(34, payload=units[0].payload, codec="h264", key=True)
    assert camera.try_next() is not None
    assert camera.dropped == 34


def test_a_closed_camera_takes_no_picture(camera, push, viewer):
    camera.close()
    push(0)
    assert not camera.is_live
    assert camera.try_next() is None
    assert viewer.sent == []


def test_close_ends_an_iteration_that_waits():
    camera = BrowserCamera()
    ended = []
    waiting = threading.Thread(target=lambda: ended.extend(camera))
    waiting.start()
    camera.close()
    waiting.join(10)
    assert not waiting.is_alive()
    assert ended == []


def test_a_player_shows_the_standby_and_then_the_camera(make_player, push, viewer, film):
    with BrowserCamera(film) as camera:
        player = make_player(Pipeline([gray]), camera, want="gray")
        player.watch(viewer)
        player.run(0.1, acknowledge=[viewer])
        assert [header["index"] for header in viewer.frames] == [0, 1]
        push(0, to=camera)
        player.run(acknowledge=[viewer])  # at once, and not when the film's next frame is due
        assert viewer.frames[-1]["w"] == 64
        assert viewer.frames[-1]["captured_ms"] == 1000.0
        player.run(10.0)
        assert len(viewer.frames) == 3
        player.say(viewer, t="see", camera=False)
        player.run(acknowledge=[viewer])
        assert viewer.frames[-1]["w"] == 8


def test_a_film_goes_on_at_once_after_a_camera(make_player, push, viewer, make_film):
    film = make_film(30)
    film.seek(2.0)
    with BrowserCamera(film) as camera:
        player = make_player(Pipeline([gray]), camera, want="gray")
        player.watch(viewer)
        push(0, to=camera)
        player.run(acknowledge=[viewer])
        player.say(viewer, t="see", camera=False)
        player.run(acknowledge=[viewer])
        assert [header["w"] for header in viewer.frames] == [64, 8]
        player.run(0.1, acknowledge=[viewer])  # and from there at its own pace
        assert [header["index"] for header in viewer.frames[1:]] == [20, 21]


def test_what_a_camera_took_is_given_back_once_when_it_went(make_player, push, viewer, film):
    with BrowserCamera(film) as camera:
        player = make_player(Pipeline([gray]), camera, want="gray")
        with profile(keep="all") as session:
            player.watch(viewer)
            push(0, to=camera)
            player.run(0.2, acknowledge=[viewer])
            assert trims(session) == 0
            player.say(viewer, t="see", camera=False)
            player.run(0.5, acknowledge=[viewer])
        assert trims(session) == (1 if sys.platform.startswith("linux") else 0)


def trims(session):
    return [event.op for event in session.events].count("malloc_trim")


def test_a_page_that_leaves_takes_its_camera_along(make_player, push, viewer, film):
    with BrowserCamera(film) as camera:
        player = make_player(Pipeline([gray]), camera)
        player.watch(viewer)
        player.run()
        push(0, to=camera)
        player.left(viewer)
        player.turn()
        assert not camera.is_live


def test_a_player_survives_a_damaged_picture(make_player, push, viewer, film):
    with BrowserCamera(film) as camera:
        player = make_player(Pipeline([gray]), camera, want="gray")
        player.watch(viewer)
        push(0, to=camera, payload=b"no picture")
        player.run(acknowledge=[viewer])
        assert "no JPEG" in viewer.notes[0]
        push(1, to=camera)
        player.run(acknowledge=[viewer])
        assert viewer.frames[-1]["w"] == 64
        assert viewer.notes[-1] == ""


def test_the_bundled_clip_stands_by(push, viewer):
    with media.open(media.bundled_clip(), loop=True) as clip, BrowserCamera(clip) as camera:
        for frame in Pipeline([rgb]).run(camera, want=["rgb"]):
            assert frame["rgb"].shape == (1, 3, 360, 640)
            break
