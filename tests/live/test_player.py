"""What does a player do, and when? Stepped by hand, on a clock that the test turns."""

import pytest
import torch

from toolkit import Frame, Pipeline, media
from toolkit.devices import resolve
from toolkit.live import decode_jpeg, jpeg_size
from toolkit.profiling import profile
from toolkit.stages import blur, gray, motion, rgb


@pytest.fixture
def pipeline():
    return Pipeline([gray, blur])


def calls(pipeline):
    return {name: timing.calls for name, timing in pipeline.timings.items()}


# -- what is shown, and when -----------------------------------------------------------------------


def test_a_view_gets_each_frame_at_its_time(make_player, pipeline, film, viewer):
    player = make_player(pipeline, film, want="gray")
    player.watch(viewer)
    player.run(0.35, acknowledge=[viewer])
    assert [header["index"] for header in viewer.frames] == [0, 1, 2, 3]
    assert [header["pts_seconds"] for header in viewer.frames] == pytest.approx([0, 0.1, 0.2, 0.3])
    first = viewer.frames[0]
    assert (first["name"], first["w"], first["h"], first["codec"]) == ("gray", 8, 6, "jpeg")


def test_the_picture_is_that_of_the_result(make_player, pipeline, film, viewer):
    player = make_player(pipeline, film, want="gray")
    player.watch(viewer)
    player.run(0.2, acknowledge=[viewer])
    decoded = torch.empty(6, 8, dtype=torch.uint8)
    decode_jpeg(viewer.sent[-1][1], decoded)
    assert (decoded.float() - 2).abs().max() <= 1


@pytest.mark.parametrize("height", [1, 2, 3, 4])
def test_a_picture_of_few_rows_is_a_picture_in_colour(make_player, height, viewer):
    red = torch.zeros(3, height, 8)
    red[0] = 1
    player = make_player(Pipeline([rgb]), [Frame.from_image(red)], want="rgb")
    player.watch(viewer)
    player.run()
    (header,) = viewer.frames
    assert (header["w"], header["h"]) == (8, height) == jpeg_size(viewer.sent[0][1])
    decoded = torch.empty(3, height, 8, dtype=torch.uint8)
    decode_jpeg(viewer.sent[0][1], decoded)
    assert (decoded[0] > 200).all()
    assert (decoded[1:] < 50).all()


def test_only_what_is_shown_is_computed(make_player, pipeline, film, viewer):
    player = make_player(pipeline, film, want="gray")
    player.watch(viewer)
    player.run(0.2, acknowledge=[viewer])
    assert calls(pipeline) == {"gray": 3, "blur": 0}


def test_without_a_view_nothing_is_taken_and_nothing_computed(make_player, pipeline, film):
    player = make_player(pipeline, film)
    player.run(5.0)
    assert film.taken == []
    assert not player.is_running


def test_a_hidden_view_costs_nothing(make_player, pipeline, film, viewer):
    player = make_player(pipeline, film, want="gray")
    player.watch(viewer)
    player.run(0.1, acknowledge=[viewer])
    player.say(viewer, t="see", visible=False)
    player.run(60.0)
    assert player.turn() is None
    assert len(film.taken) <= 3
    assert calls(pipeline)["gray"] == 2
    player.say(viewer, t="see", visible=True)
    player.run(0.0)
    assert [header["index"] for header in viewer.frames] == [0, 1, 2]


def test_a_camera_that_nobody_sees_for_a_while_is_let_go(make_player, pipeline, film, viewer):
    class Camera:
        is_live, opened, closed = True, 0, 0

        def __iter__(self):
            self.opened += 1
            try:
                while True:
                    yield from film
            finally:
                self.closed += 1

    camera = Camera()
    player = make_player(pipeline, camera, want="gray")
    player.watch(viewer)
    player.run()
    player.say(viewer, t="see", visible=False)
    player.run(19.0)
    assert (camera.opened, camera.closed) == (1, 0)  # somebody may scroll back
    player.run(2.0)
    assert (camera.opened, camera.closed) == (1, 1)
    assert film.ring.stats.leased == 0
    shown = player.shown
    player.say(viewer, t="see", visible=True)
    player.run()
    assert camera.opened == 2
    assert player.shown > shown


def test_a_view_says_what_it_wants_and_how_large(make_player, pipeline, film, viewer):
    player = make_player(pipeline, film, want="gray")
    player.watch(viewer, want="blur", width=4, height=100)
    player.run()
    assert [(h["name"], h["w"], h["h"]) for h in viewer.frames] == [("blur", 4, 3)]


def test_a_split_view_gets_both_pictures_of_one_frame(make_player, pipeline, film, viewer):
    player = make_player(pipeline, film)
    player.watch(viewer, want="blur", beside="gray")
    player.run()
    assert [(h["name"], h["id"], h["parts"]) for h in viewer.frames] == [
        ("gray", 1, 2),
        ("blur", 1, 2),
    ]


def test_a_hidden_half_is_not_encoded(make_player, pipeline, film, viewer):
    player = make_player(pipeline, film)
    player.watch(viewer, want="blur", beside="gray")
    player.run()
    player.say(viewer, t="see", beside=None)
    player.say(viewer, t="ack", id=1)
    player.run(0.1)
    assert [header["name"] for header in viewer.frames] == ["gray", "blur", "blur"]


# -- several views ---------------------------------------------------------------------------------


def test_two_views_cost_one_computation_and_one_encoding(make_player, pipeline, film, make_viewer):
    player = make_player(pipeline, film, want="blur")
    one, other = player.watch(make_viewer("a")), player.watch(make_viewer("b"))
    with profile(keep="all") as session:
        player.run(0.3, acknowledge=[one, other])
    assert len(one.frames) == len(other.frames) == 4
    assert calls(pipeline) == {"gray": 4, "blur": 4}
    assert [event.op for event in session.events].count("jpeg.encode") == 4


def test_views_that_differ_share_what_they_can(make_player, pipeline, film, make_viewer):
    player = make_player(pipeline, film, want="blur")
    player.watch(make_viewer("a"), quality=50)
    player.watch(make_viewer("b"), quality=90)
    player.watch(make_viewer("c"), width=4)
    with profile(keep="all") as session:
        player.run()
    assert calls(pipeline)["blur"] == 1
    assert [event.op for event in session.events].count("jpeg.encode") == 3


def test_each_view_has_its_own_stream_of_h264(make_player, pipeline, film, make_viewer):
    player = make_player(pipeline, film, want="gray")
    views = [player.watch(make_viewer(name), codec="h264") for name in "ab"]
    player.run(0.1, acknowledge=views)
    for view in views:
        assert [(h["codec"], h["key"]) for h in view.frames] == [("h264", True), ("h264", False)]


# -- flow control ----------------------------------------------------------------------------------


def test_two_pictures_are_on_their_way_and_the_rest_is_dropped_before_encoding(
    make_player, pipeline, film, viewer
):
    player = make_player(pipeline, film, want="gray")
    player.watch(viewer)
    player.run(0.5)
    assert [header["index"] for header in viewer.frames] == [0, 1]
    assert calls(pipeline)["gray"] == 2
    player.say(viewer, t="ack", id=1)
    player.run(0.1)
    assert viewer.frames[-1]["index"] == 6
    assert viewer.frames[-1]["dropped"] == 4


def test_an_answer_that_never_comes_does_not_stop_the_picture(
    make_player, pipeline, viewer, make_film
):
    player = make_player(pipeline, make_film(100), want="gray")
    player.watch(viewer)
    player.run(2.2)
    assert [header["index"] for header in viewer.frames] == [0, 1, 20, 21]


def test_of_a_live_source_the_next_frame_is_taken_when_somebody_can_have_it(
    make_player, pipeline, film, viewer
):
    film.is_live = True
    player = make_player(pipeline, film, want="gray")
    player.watch(viewer)
    player.run(1.0)
    assert film.taken == [0, 1]
    player.say(viewer, t="ack", id=1)
    player.run()
    assert film.taken == [0, 1, 2]


# -- controls --------------------------------------------------------------------------------------


def test_pause_step_and_play(make_player, pipeline, film, viewer):
    player = make_player(pipeline, film, want="gray")
    player.watch(viewer)
    player.run(0.1, acknowledge=[viewer])
    player.pause()
    player.run(1.0, acknowledge=[viewer])
    assert [header["index"] for header in viewer.frames] == [0, 1]
    player.step()
    player.run(acknowledge=[viewer])
    assert viewer.frames[-1]["index"] == 2
    player.play()
    player.run(0.1, acknowledge=[viewer])
    assert viewer.frames[-1]["index"] == 4  # one at once, and one at its time


def test_a_paused_player_shows_its_first_frame(make_player, pipeline, film, viewer):
    player = make_player(pipeline, film, want="gray")
    player.pause()
    player.watch(viewer)
    player.run(1.0, acknowledge=[viewer])
    assert [header["index"] for header in viewer.frames] == [0]


def test_seek_goes_there_while_it_plays_and_while_it_is_paused(make_player, pipeline, film, viewer):
    player = make_player(pipeline, film, want="gray")
    player.watch(viewer)
    player.seek(0.5)
    player.run(0.1, acknowledge=[viewer])
    assert [header["index"] for header in viewer.frames] == [5, 6]
    player.pause()
    player.seek(0.2)
    player.run(1.0, acknowledge=[viewer])
    assert [header["index"] for header in viewer.frames] == [5, 6, 2]
    assert player.position_seconds == pytest.approx(0.2)


def test_a_seek_that_fails_says_why_and_the_player_lives(make_player, pipeline, film, viewer):
    player = make_player(pipeline, film, want="gray")
    player.watch(viewer)
    player.seek(77.0)
    player.run()
    assert viewer.notes == ["77 s is after the end, 1 s"]
    player.play()
    player.run(acknowledge=[viewer])
    assert viewer.frames[-1]["index"] == 0
    assert player.fault == ""
    assert viewer.notes[-1] == ""


def test_a_source_without_other_times_says_that_it_cannot_seek(make_player, pipeline, viewer):
    frames = [Frame.from_image(torch.zeros(1, 6, 8))]
    player = make_player(pipeline, frames, want="gray")
    player.watch(viewer)
    assert not player.can_seek
    player.seek(1.0)
    player.run()
    assert viewer.notes == ["a source of type list cannot seek; open a file to jump in time"]


def test_double_speed_takes_half_the_time(make_player, pipeline, film, viewer):
    player = make_player(pipeline, film, want="gray")
    player.speed = 2.0
    player.watch(viewer)
    player.run(0.2, acknowledge=[viewer])
    assert len(viewer.frames) == 5
    with pytest.raises(ValueError, match=r"speed=0 is outside of 0\.1 to 8"):
        player.speed = 0.0


def test_it_stops_at_the_end_and_begins_anew(make_player, pipeline, viewer, make_film):
    player = make_player(pipeline, make_film(3), want="gray")
    player.watch(viewer)
    player.run(5.0, acknowledge=[viewer])
    assert [header["index"] for header in viewer.frames] == [0, 1, 2]
    assert player.is_ended
    assert not player.is_playing
    player.play()
    player.run(acknowledge=[viewer])
    assert not player.is_ended
    assert viewer.frames[-1]["index"] == 0


def test_a_loop_goes_on(make_player, pipeline, viewer, make_film):
    player = make_player(pipeline, make_film(3), want="gray", loop=True)
    player.watch(viewer)
    player.run(0.5, acknowledge=[viewer])
    assert [header["index"] for header in viewer.frames] == [0, 1, 2, 0, 1, 2]


def test_a_source_that_plays_once_ends_even_where_it_should_loop(make_player, pipeline, viewer):
    once = iter([Frame.from_image(torch.zeros(1, 6, 8))])
    player = make_player(pipeline, once, want="gray", loop=True)
    player.watch(viewer)
    player.run(1.0, acknowledge=[viewer])
    assert len(viewer.frames) == 1
    assert player.is_ended


def test_a_file_plays_and_seeks(make_player, viewer):
    with media.open(media.bundled_clip()) as video:
        player = make_player(Pipeline([rgb, gray]), video, want="rgb")
        player.watch(viewer, width=160)
        player.run(0.1, acknowledge=[viewer])
        player.seek(3.0)
        player.run(acknowledge=[viewer])
        assert viewer.frames[-1]["pts_seconds"] == pytest.approx(3.0, abs=0.02)
        assert (viewer.frames[-1]["w"], viewer.frames[-1]["h"]) == (160, 90)
        player.close()


# -- parameters ------------------------------------------------------------------------------------


def test_a_changed_parameter_changes_the_picture_that_stands(make_player, pipeline, film, viewer):
    player = make_player(pipeline, film, want="blur")
    player.pause()
    player.watch(viewer)
    player.run(acknowledge=[viewer])
    player.run(1.0, acknowledge=[viewer])
    assert len(viewer.frames) == 1
    pipeline.params["blur"].sigma = 0.6
    player.run(0.1, acknowledge=[viewer])
    assert [header["index"] for header in viewer.frames] == [0, 0]
    assert film.taken == [0]


def test_what_a_paused_view_asks_for_anew_it_gets(make_player, pipeline, film, viewer):
    player = make_player(pipeline, film, want="gray")
    player.pause()
    player.watch(viewer)
    player.run(acknowledge=[viewer])
    player.say(viewer, t="see", want="blur")
    player.run(0.1, acknowledge=[viewer])
    assert [header["name"] for header in viewer.frames] == ["gray", "blur"]
    assert calls(pipeline) == {"gray": 1, "blur": 1}


# -- what is kept and given back -------------------------------------------------------------------


def test_stages_that_look_back_see_every_frame(make_player, viewer, make_film):
    pipeline = Pipeline([gray, motion])
    player = make_player(pipeline, make_film(6), want="gray")
    player.watch(viewer)
    player.run(1.0)  # no answer comes: two frames are sent
    assert len(viewer.frames) == 2
    assert calls(pipeline)["motion"] == 6


def test_close_gives_back_every_slot(make_player, viewer):
    with media.open(media.bundled_clip()) as video:
        player = make_player(Pipeline([gray, motion]), video, want="motion")
        player.watch(viewer)
        player.run(0.2, acknowledge=[viewer])
        assert video.ring.stats.leased > 0
        player.close()
        assert video.ring.stats.leased == 0


def test_when_all_views_have_left_it_lets_go_and_later_goes_on_from_there(
    make_player, pipeline, film, make_viewer
):
    player = make_player(pipeline, film, want="gray")
    idle = []
    player.on_idle = lambda: idle.append(film.ring.stats.leased)
    first = player.watch(make_viewer("a"))
    player.run(0.3, acknowledge=[first])
    player.left(first)
    player.run(19.0)
    assert idle == []  # a page may come back
    player.run(2.0)
    assert idle == [0]
    second = player.watch(make_viewer("b"))
    player.run(acknowledge=[second])
    assert second.frames[0]["index"] == 3


@pytest.mark.parametrize("can_seek", [True, False])
def test_who_comes_back_to_a_film_at_its_end_sees_a_picture(
    make_player, pipeline, make_film, make_viewer, can_seek
):
    film = make_film(3)
    source = film if can_seek else list(film)
    player = make_player(pipeline, source, want="gray")
    first = player.watch(make_viewer("a"))
    player.run(1.0, acknowledge=[first])
    player.left(first)
    player.run(30.0)
    second = player.watch(make_viewer("b"))
    player.run(1.0, acknowledge=[second])
    shown = 2 if can_seek else 0  # what cannot seek begins anew
    assert [header["index"] for header in second.frames] == [shown]
    assert (player.is_ended, player.is_playing) == (True, False)
    player.play()
    player.run(0.15, acknowledge=[second])
    after = [0, 1] if can_seek else [1, 2]
    assert [header["index"] for header in second.frames] == [shown, *after]


def test_the_poster_is_the_first_frame_and_is_shown_again(make_player, pipeline, film, viewer):
    player = make_player(pipeline, film, want="gray")
    assert player.poster("gray").shape == (6, 8)
    assert film.taken == [0]
    player.watch(viewer)
    player.run(acknowledge=[viewer])
    assert [header["index"] for header in viewer.frames] == [0]


def test_a_snapshot_is_the_whole_picture_of_the_frame_that_stands(
    make_player, pipeline, film, viewer
):
    player = make_player(pipeline, film, want="gray")
    player.watch(viewer, width=4)
    player.run()
    taken = []
    player.snapshot("gray", lambda picture: taken.append(picture.copy()))
    player.snapshot("nothing", taken.append)
    player.turn()
    assert [picture.shape for picture in taken] == [(6, 8)]
    assert "nothing provides" in viewer.notes[0]


# -- the bill --------------------------------------------------------------------------------------


def test_a_shown_frame_of_a_device_is_one_copy_of_its_displayed_size(make_player, viewer):
    emu = resolve("emu")
    pictures = [torch.rand(3, 48, 64) for _ in range(5)]
    frames = [
        Frame.from_image(picture, device=emu, pts_seconds=number / 10)
        for number, picture in enumerate(pictures)
    ]
    pipeline = Pipeline([rgb, gray, blur])
    player = make_player(pipeline, frames, want="blur")
    player.watch(viewer, width=32)
    player.run(0.1, acknowledge=[viewer])
    with profile("exact", keep="all") as session:
        player.run(0.3, acknowledge=[viewer])
    assert len(viewer.frames) == 5
    down = [event for event in session.events if event.direction == "d2h"]
    assert [event.nbytes for event in down] == [32 * 24] * 3
    assert {event.stage for event in down} == {"display"}
    assert [e for e in session.events if e.kind == "alloc" and e.stage == "display"] == []
