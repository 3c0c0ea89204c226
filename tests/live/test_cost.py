"""What does looking cost? No tensor after warm-up, one copy from the device, one computation."""

import pytest
import torch

from toolkit import Frame, Pipeline
from toolkit.devices import resolve
from toolkit.profiling import profile
from toolkit.stages import blur, gray, rgb

WARM, MEASURED = 2, 4  # frames
FPS = 10


@pytest.fixture
def pipeline():
    return Pipeline([rgb, gray, blur])


@pytest.fixture
def play(make_player, pipeline):
    """Play a few frames to views that answer at once; the bill of all but the first ones."""

    def play(device, *viewers, **hello):
        frames = [
            Frame.from_image(picture, device=resolve(device), pts_seconds=number / FPS)
            for number, picture in enumerate(torch.rand(WARM + MEASURED, 3, 480, 640))
        ]
        player = make_player(pipeline, frames, want="rgb")
        for viewer in viewers:
            player.watch(viewer, **hello)
        player.run((WARM - 1) / FPS, acknowledge=viewers)
        for viewer in viewers:
            viewer.sent.clear()
        with profile("exact", keep="all") as session:
            player.run(MEASURED / FPS, acknowledge=viewers)
            player.close()  # a frame is on the bill when it was given back
        for viewer in viewers:
            assert len({header["id"] for header in viewer.frames}) == MEASURED
        return [event for event in session.events if event.stage == "display"], session

    return play


@pytest.mark.parametrize("size", [(640, 480), (320, 240)], ids=["whole", "smaller"])
@pytest.mark.parametrize("codec", ["jpeg", "h264"])
@pytest.mark.parametrize("device", ["cpu", "emu"])
def test_no_tensor_is_allocated_after_warm_up(play, viewer, device, codec, size):
    display, _ = play(device, viewer, codec=codec, width=size[0], height=size[1])
    assert display != []
    assert [event for event in display if event.kind == "alloc"] == []


def test_a_shown_frame_is_one_copy_from_the_device_of_the_displayed_size(play, viewer):
    display, session = play("emu", viewer, width=320, height=240)
    assert [(one["w"], one["h"]) for one in viewer.frames] == [(320, 240)] * MEASURED
    crossing = [event for event in session.events if event.direction in ("d2h", "h2d")]
    assert [event.nbytes for event in crossing] == [320 * 240 * 3] * MEASURED
    assert {event.direction for event in crossing} == {"d2h"}
    assert all(event in display for event in crossing)


def test_a_split_view_is_one_copy_for_each_half(play, viewer):
    _, session = play("emu", viewer, want="blur", beside="gray", width=320)
    crossing = [event.nbytes for event in session.events if event.direction == "d2h"]
    assert crossing == [320 * 240] * 2 * MEASURED


def test_two_views_of_one_pipeline_run_it_once(play, make_viewer):
    display, session = play("emu", make_viewer("a"), make_viewer("b"), want="blur")
    assert [runs(session, stage) for stage in ("gray", "blur")] == [MEASURED, MEASURED]
    assert len([event for event in display if event.direction == "d2h"]) == MEASURED
    assert len([event for event in display if event.op == "jpeg.encode"]) == MEASURED


def test_a_view_that_shows_less_computes_less(play, viewer):
    _, session = play("cpu", viewer, want="rgb")
    assert [runs(session, stage) for stage in ("rgb", "blur")] == [MEASURED, 0]


def runs(session, stage):
    """How many frames this stage ran on."""
    return sum(stage in {name for _, name in one.stages} for one in session.frames)
