"""What is wrong, to whom is it said, and how long? A player that goes on whatever fails."""

import pytest
import torch

from toolkit import Frame, Pipeline, media
from toolkit.live import BrowserCamera
from toolkit.stages import blur, gray
from toolkit.stages.declare import Gray, Pointwise, stage


@pytest.fixture
def pipeline():
    return Pipeline([gray, blur])


@stage("picky", footprint=Pointwise())
def picky(gray: Gray, *, allowed: bool) -> Gray:
    """Fails unless it is allowed not to."""
    if not allowed:
        raise ValueError("this is not allowed")
    return gray


@picky.prepare
def _(spec, *, allowed: bool = False):
    return {"allowed": allowed}


@stage("points", footprint=Pointwise())
def points(gray: Gray) -> tuple:
    """No picture."""
    return (gray.shape,)


def test_a_stage_that_fails_is_told_once_and_tried_again(make_player, film, viewer):
    pipeline = Pipeline([gray, picky])
    player = make_player(pipeline, film, want="picky")
    player.watch(viewer)
    player.run(0.2, acknowledge=[viewer])
    assert viewer.frames == []
    assert len(viewer.notes) == 1
    assert "this is not allowed" in viewer.notes[0]
    assert player.is_playing
    pipeline.params["picky"].allowed = True
    player.run(0.1, acknowledge=[viewer])
    assert viewer.frames
    assert viewer.notes[1:] == [""]


def test_a_parameter_changed_while_a_frame_waits_for_its_time_counts(make_player, film, viewer):
    pipeline = Pipeline([gray, picky])
    pipeline.params["picky"].allowed = True
    player = make_player(pipeline, film, want="picky")
    player.watch(viewer)
    player.run(acknowledge=[viewer])
    assert film.taken == [0, 1]  # the second one is taken, and waits
    pipeline.params["picky"].allowed = False
    player.run(0.1, acknowledge=[viewer])
    assert len(viewer.frames) == 1
    assert "not allowed" in viewer.notes[0]


def test_one_view_s_fault_is_not_another_s(make_player, film, make_viewer):
    player = make_player(Pipeline([gray, picky]), film)
    failing, fine = player.watch(make_viewer("a"), want="picky"), make_viewer("b")
    player.watch(fine, want="gray")
    player.run()
    assert len(failing.notes) == 1
    assert fine.notes == []
    assert len(fine.frames) == 1


def test_a_codec_that_cannot_is_the_fault_of_its_view_alone(make_player, pipeline, make_viewer):
    low = [Frame.from_image(torch.zeros(1, 1, 8)) for _ in range(2)]
    player = make_player(pipeline, low, want="gray")
    one = player.watch(make_viewer("a"), codec="h264")
    other = player.watch(make_viewer("b"))
    player.run(1.0, acknowledge=[one, other])
    assert one.notes == ["gray: 8x0 px is too small for H.264"]
    assert other.notes == []
    assert len(other.frames) == 2


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("points", "points cannot be shown: it is tuple"), ("nothing", "nothing provides")],
)
def test_what_cannot_be_shown_says_so(make_player, film, viewer, name, sentence):
    player = make_player(Pipeline([gray, points]), film)
    player.watch(viewer, want=name)
    player.run()
    assert sentence in viewer.notes[0]


def test_a_source_that_fails_is_told_and_play_tries_again(make_player, pipeline, viewer):
    class Flaky:
        tries = 0

        def __iter__(self):
            self.tries += 1
            if self.tries == 1:
                raise OSError("the cable is loose")
            return iter([Frame.from_image(torch.zeros(1, 6, 8))])

    player = make_player(pipeline, Flaky(), want="gray")
    player.watch(viewer)
    player.run()
    assert viewer.notes == ["the cable is loose"]
    assert (player.fault, player.is_playing) == ("the cable is loose", False)
    player.play()
    player.run()
    assert len(viewer.frames) == 1


def test_a_view_that_comes_later_hears_what_is_wrong(make_player, pipeline, film, make_viewer):
    player = make_player(pipeline, film)
    player.watch(make_viewer("a"))
    player.seek(77.0)
    player.run()
    late = player.watch(make_viewer("b"))
    player.run()
    assert late.notes == ["77 s is after the end, 1 s"]


def test_what_is_wrong_with_the_source_is_said_until_it_goes_on(make_player, pipeline, viewer):
    class Damaged:
        def __iter__(self):
            yield Frame.from_image(torch.zeros(1, 6, 8))
            raise OSError("damaged from here on")

    player = make_player(pipeline, Damaged(), want="gray")
    player.watch(viewer)
    player.run(0.5, acknowledge=[viewer])
    player.say(viewer, t="see", width=4)
    player.run(0.5, acknowledge=[viewer])
    assert len(viewer.frames) == 2
    assert viewer.notes == ["damaged from here on"]
    player.play()
    player.run(0.0, acknowledge=[viewer])
    assert viewer.notes[1] == ""


def test_play_after_a_fault_begins_anew(make_player, pipeline, viewer, tmp_path):
    clip = bytearray(media.bundled_clip().read_bytes())
    middle = len(clip) // 2
    clip[middle : middle + 20_000] = bytes(20_000)
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(clip)
    with media.open(damaged) as video:
        player = make_player(pipeline, video, want="gray")
        player.watch(viewer)
        player.run(10.0, acknowledge=[viewer])
        assert "decoding packet" in player.fault
        shown, position = player.shown, player.position_seconds
        player.play()
        player.run(0.1, acknowledge=[viewer])
        assert not player.fault
        assert shown < player.shown < shown + 10
        assert player.position_seconds < position


def test_what_is_wrong_with_a_snapshot_is_said_until_the_next_one(
    make_player, pipeline, film, viewer
):
    player = make_player(pipeline, film, want="gray")
    player.watch(viewer)
    player.run(0.1, acknowledge=[viewer])
    player.snapshot("nothing", lambda picture: None)
    player.run(0.3, acknowledge=[viewer])
    assert len(viewer.frames) == 5
    assert [note.partition(":")[0] for note in viewer.notes] == ["no snapshot of nothing"]
    player.snapshot("gray", lambda picture: None)
    player.turn()
    assert viewer.notes[1:] == [""]


def test_a_snapshot_of_nothing_says_so(make_player, pipeline, viewer):
    with BrowserCamera() as camera:
        player = make_player(pipeline, camera, want="gray")
        player.watch(viewer)
        player.snapshot("gray", lambda picture: None)
        player.run()
    assert viewer.notes == ["no snapshot of gray: there is no picture yet"]
