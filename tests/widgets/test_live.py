"""What is a Live widget where no page shows it? Its output, its controls, what it leaves."""

import io
import shutil
import threading
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
import traitlets
from nbclient import NotebookClient
from PIL import Image

from toolkit import Frame, Pipeline, media
from toolkit.live import Player
from toolkit.stages import blur, corners, edges, gray, overlay, rgb, sobel
from widgets import Live
from widgets.live import Recording
from widgets.sources import open_source, source_text


@pytest.fixture
def pipeline():
    return Pipeline([rgb, gray, blur])


@pytest.fixture
def make_live(pipeline):
    made = []

    def make(*arguments, **options):
        made.append(Live(*(arguments or (pipeline,)), **options))
        return made[-1]

    yield make
    for live in made:
        live.close()


@pytest.fixture
def sent(monkeypatch):
    """What a widget says to its page, as header and buffers."""
    said = []
    monkeypatch.setattr(
        Live, "send", lambda self, about, buffers=None: said.append((about, buffers))
    )
    return said


def bundle(live):
    data, _ = live._repr_mimebundle_()
    return data


def ours():
    return [one.name for one in threading.enumerate() if one.name.startswith("downhill")]


# -- without a page --------------------------------------------------------------------------------


def test_its_output_is_a_picture_and_a_line_that_is_always_the_same(make_live):
    live = make_live(beside="rgb")
    data = bundle(live)
    assert data["text/plain"] == "Live(blur beside rgb of pipeline, source: webcam)"
    assert data["text/plain"] == bundle(make_live(beside="rgb"))["text/plain"]
    assert "application/vnd.jupyter.widget-view+json" in data
    picture = Image.open(io.BytesIO(live.still_png()))
    assert picture.size == (360, 202)


@pytest.mark.parametrize("kind", [Path, str])
def test_its_output_names_a_file_without_the_folder_it_lies_in(make_live, pipeline, kind):
    clip = media.bundled_clip()
    line = f"Live(blur of pipeline, source: {clip.name})"
    assert bundle(make_live(pipeline, kind(clip)))["text/plain"] == line


def test_an_address_is_named_without_its_password():
    assert source_text("network", "rtsp://ada:secret@cam:554/1?key=2") == "rtsp://cam:554/1"
    assert source_text("camera", "camera:0") == "camera:0"


def test_displaying_it_starts_no_thread_and_computes_the_poster_once(make_live, pipeline):
    live = make_live()
    for _ in range(3):
        bundle(live)
    live.pause()
    live.play()
    live.seek(1.0)
    assert ours() == []
    assert {name: one.calls for name, one in pipeline.timings.items()} == {
        "rgb": 0,
        "gray": 1,
        "blur": 1,
    }


def test_a_source_that_would_lose_its_first_frame_has_no_poster(make_live, pipeline):
    frames = iter([Frame.from_image(torch.zeros(1, 40, 40))])
    live = make_live(pipeline, frames)
    assert "image/png" not in bundle(live)
    assert next(frames).width == 40


def test_a_stage_that_fails_costs_the_poster_and_not_the_cell(make_live, pipeline):
    tiny = Frame.from_image(torch.zeros(1, 2, 2))
    live = make_live(pipeline, tiny)
    assert "image/png" not in bundle(live)


# -- what is shown ---------------------------------------------------------------------------------


def test_it_shows_the_last_picture_and_offers_all_of_them(make_live):
    live = make_live(Pipeline([rgb, gray, blur, sobel, edges, corners, overlay]))
    assert live.want == "overlay"
    assert live.names == ["pixels", "rgb", "gray", "blur", "sobel", "edges", "overlay"]


def test_a_name_that_is_no_picture_is_refused(make_live, pipeline):
    with pytest.raises(ValueError, match="'corners' is no picture of this pipeline: pixels, rgb"):
        Live(pipeline, want="corners")


@pytest.mark.parametrize("source", ["webcam", None, "synthetic"])
def test_a_scene_plays_until_somebody_wants_the_camera(make_live, pipeline, source):
    live = make_live(pipeline, source)
    assert live.webcam == (source != "synthetic")
    assert not getattr(live.player._engine.source, "is_live", False)
    assert live.seekable == (source == "synthetic")


def test_a_path_is_opened_and_closed(make_live, pipeline):
    live = make_live(pipeline, media.bundled_clip())
    assert live.seekable
    assert live.duration_seconds == pytest.approx(6.0, abs=0.1)
    video = live.player._engine.source
    live.close()
    with pytest.raises(RuntimeError, match="closed"):
        iter(video)


def test_what_was_handed_over_is_not_closed(make_live, pipeline):
    with media.open(media.bundled_clip()) as video:
        make_live(pipeline, video).close()
        next(iter(video)).release()


def test_a_frame_that_was_handed_over_stays_whole(make_live, pipeline):
    frame = Frame.from_image(torch.rand(3, 48, 64))
    for _ in range(2):  # the second run of a cell closes what the first one made
        live = make_live(pipeline, frame)
        assert "image/png" in bundle(live)
        live.close()
    assert frame.pixels.shape == (3, 48, 64)


def test_a_camera_of_the_kernel_is_open_only_while_frames_are_taken():
    def threads():
        return [one for one in threading.enumerate() if one.name.startswith("toolkit live")]

    source = open_source("lavfi:testsrc2=size=64x48:rate=100,realtime")
    assert not source.has_poster
    for _ in range(2):
        frames = iter(source.frames)
        next(frames).release()
        assert len(threads()) == 1
        del frames
        assert threads() == []
    frames = iter(source.frames)
    next(frames).release()
    source.close()
    assert next(frames, None) is None
    assert threads() == []
    assert list(source.frames) == []


def test_a_widget_that_could_not_be_made_leaves_nothing_open(make_live, pipeline):
    with pytest.raises(traitlets.TraitError, match="quality") as refused:
        make_live(pipeline, "synthetic", quality=1000)
    live = make_live(pipeline, "synthetic")
    frames = live._source.frames
    live.close()
    with pytest.raises(RuntimeError, match="is closed"):
        iter(frames)
    assert refused.traceback  # it holds the half-made widget, as a notebook does


def test_something_else_is_refused_with_what_would_do():
    with pytest.raises(TypeError, match="source=7 of type int gives no frames; give 'webcam'"):
        open_source(7)


def test_the_drawn_scene_holds_few_slots():
    source = open_source("synthetic")
    next(iter(source.frames)).release()
    assert source.frames.ring.nbytes < 3_000_000
    source.close()


# -- controls --------------------------------------------------------------------------------------


def test_state_and_player_follow_each_other(make_live):
    live = make_live()
    live.playing = False
    assert not live.player.is_playing
    live.play()
    assert live.playing
    live.speed = 2.0
    live.loop = True
    assert (live.player.speed, live.player.loop) == (2.0, True)
    live.player.speed = 0.5
    assert live.speed == 0.5


@pytest.mark.parametrize("kind", ["synthetic", "video", "scene"])
def test_loop_is_on_and_stays_on_where_the_source_begins_again_by_itself(make_live, pipeline, kind):
    sources = {
        "video": lambda: media.open(media.bundled_clip(), loop=True),
        "scene": lambda: media.Scene(loop=True, width=64, height=48),
    }
    live = make_live(pipeline, sources.get(kind, lambda: kind)())
    assert live.loop
    assert live.endless
    live.loop = False  # a page unticks the box
    assert live.loop


def test_loop_is_off_where_the_source_ends(make_live, pipeline):
    live = make_live(pipeline, media.bundled_clip())
    assert not live.loop
    assert not live.endless


def test_a_page_asks_for_steps_and_places(make_live):
    live = make_live()
    live._handle_custom_msg({"t": "step"}, [])
    assert not live.playing
    live._handle_custom_msg({"t": "seek", "seconds": 2.5}, [])
    live._handle_custom_msg({"t": "something new"}, [])
    live._handle_custom_msg("no message of ours", [])
    assert ours() == []


def test_a_view_gets_a_place_of_its_own_to_connect_to(make_live, sent):
    live = make_live()
    for view in ("a", "b", "a"):
        asked = {"t": "connect", "view": view, "origin": "http://localhost:8888"}
        live._handle_custom_msg(asked, [])
    (first, _), (second, _), (again, _) = sent
    assert first["t"] == "where"
    assert first["token"] != second["token"]
    assert first == again
    live._handle_custom_msg({"t": "forget", "view": "a"}, [])
    live._handle_custom_msg({"t": "forget", "view": "b"}, [])
    assert ours() == []


def test_a_page_that_hides_its_origin_is_sent_to_the_comm(make_live, sent):
    live = make_live()
    live._handle_custom_msg({"t": "connect", "view": "a", "origin": "null"}, [])
    assert sent[0][0]["port"] == 0


def test_close_ends_connections_and_thread(make_live, sent):
    live = make_live()
    asked = {"t": "connect", "view": "a", "origin": "http://localhost:8888"}
    live._handle_custom_msg(asked, [])
    live._handle_custom_msg({"t": "hello", "view": "over-comm", "visible": True}, [])
    assert len(ours()) == 2
    live.close()
    assert ours() == []
    live.close()


def test_pictures_reach_a_page_over_the_comm(make_live, monkeypatch):
    came = threading.Event()
    said = []

    def send(self, about, buffers=None):
        said.append(about)
        if about["t"] == "frame":
            came.set()

    monkeypatch.setattr(Live, "send", send)
    live = make_live()
    live._handle_custom_msg({"t": "hello", "view": "v1", "visible": True, "width": 64}, [])
    assert came.wait(30)
    assert [about["t"] for about in said[:2]] == ["welcome", "frame"]
    assert {about["view"] for about in said} == {"v1"}


def test_a_snapshot_is_a_png_of_the_whole_picture(make_live, monkeypatch):
    came = threading.Event()
    said = []

    def send(self, about, buffers=None):
        said.append((about, buffers))
        came.set()

    monkeypatch.setattr(Live, "send", send)
    live = make_live()
    live._handle_custom_msg({"t": "snapshot", "view": "v1", "name": "rgb"}, [])
    assert came.wait(30)
    about, (png,) = said[0]
    assert about == {"t": "picture", "view": "v1", "file": "rgb.png"}
    assert np.asarray(Image.open(io.BytesIO(png))).shape == (360, 640, 3)


def test_a_recording_gets_a_name_that_is_free(make_live, pipeline, tmp_path, monkeypatch):
    (tmp_path / "live-001.mp4").touch()
    live = make_live(pipeline, media.bundled_clip(), folder=tmp_path)
    asked = []
    monkeypatch.setattr(live.player, "record", asked.append)
    assert live.start_recording() == tmp_path / "live-002.mp4"
    assert live.recording == "live-002.mp4"
    live.stop_recording()
    recording, end = asked
    assert isinstance(recording, Recording)
    assert end is None
    recording.write(np.zeros((4, 6), np.uint8), 0.0)
    recording.close()
    assert live.recording == ""
    assert live.recorded == f"1 frames in {tmp_path / 'live-002.mp4'}"
    assert (tmp_path / "live-002.mp4").stat().st_size > 0


@pytest.fixture
def steps(monkeypatch):
    """What is asked of a player to record, done at once by hand: no thread."""
    monkeypatch.setattr(Player, "record", lambda self, film: self._engine.record(film))


def test_a_second_recording_ends_the_first_and_is_the_one_that_is_told(
    make_live, monkeypatch, tmp_path
):
    live = make_live()
    asked = []
    monkeypatch.setattr(live.player, "record", asked.append)
    live.start_recording(tmp_path / "first.mp4")
    live.start_recording(tmp_path / "second.mp4")
    for film in asked:  # as the player's thread does, a little later
        live.player._engine.record(film)
    assert live.recording == "second.mp4"
    live.player._engine.record(None)
    assert live.recording == ""


def test_a_recording_that_fails_at_once_is_not_told_to_go_on(make_live, monkeypatch):
    live = make_live()
    monkeypatch.setattr(live.player, "record", lambda film: film.close())
    live.start_recording()
    assert (live.recording, live.recorded) == ("", "nothing was recorded")


def test_two_recordings_that_begin_together_have_two_names(make_live, steps, tmp_path, pipeline):
    one = make_live(pipeline, "synthetic", folder=tmp_path)
    other = make_live(Pipeline([gray]), "synthetic", folder=tmp_path)
    assert one.start_recording() == tmp_path / "live-001.mp4"
    assert other.start_recording() == tmp_path / "live-002.mp4"
    one.stop_recording()
    assert one.start_recording() == tmp_path / "live-001.mp4"


def test_a_closed_widget_records_nothing_and_says_so(make_live):
    live = make_live()
    live.close()
    with pytest.raises(RuntimeError, match="this widget is closed"):
        live.start_recording()
    assert live.recording == ""


# -- two widgets of one pipeline -------------------------------------------------------------------


def test_two_widgets_of_one_pipeline_and_source_share_a_player(make_live, pipeline):
    one, other = make_live(pipeline, "webcam"), make_live(pipeline, want="gray")
    assert one.player is other.player
    one.pause()
    other.speed = 2.0
    assert not other.playing
    assert one.speed == 2.0
    one.close()
    assert next(iter(other.player._engine.source)).width == 640


def test_two_files_of_one_name_are_two_sources(make_live, pipeline, tmp_path, monkeypatch):
    players = []
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        shutil.copy(media.bundled_clip(), tmp_path / folder / "clip.mp4")
        monkeypatch.chdir(tmp_path / folder)
        players.append(make_live(pipeline, "clip.mp4").player)
    assert players[0] is not players[1]
    assert make_live(pipeline, tmp_path / "there" / "clip.mp4").player is players[1]


def test_the_last_widget_closes_what_they_share(make_live, pipeline):
    one, other = make_live(pipeline, "synthetic"), make_live(pipeline, "synthetic")
    video = one.player._engine.source
    one.close()
    iter(video)
    other.close()
    with pytest.raises(RuntimeError, match="closed"):
        iter(video)
    assert make_live(pipeline, "synthetic").player is not one.player


def test_another_source_or_pipeline_has_a_player_of_its_own(make_live, pipeline):
    players = {make_live(pipeline).player, make_live(pipeline, "synthetic").player}
    players.add(make_live(Pipeline([gray])).player)
    assert len(players) == 3


def test_views_of_two_widgets_cost_one_computation(make_live, pipeline, monkeypatch):
    answered = threading.Event()
    shown = {}

    def send(self, about, buffers=None):
        if about["t"] == "frame":
            shown.setdefault(about["view"], []).append(about["id"])
            self._handle_custom_msg({"t": "ack", "view": about["view"], "id": about["id"]}, [])
            if len(shown) == 2 and min(map(len, shown.values())) >= 3:
                answered.set()

    monkeypatch.setattr(Live, "send", send)
    for view in ("a", "b"):
        live = make_live(pipeline, "synthetic")
        live._handle_custom_msg({"t": "hello", "view": view, "visible": True, "width": 64}, [])
    assert answered.wait(30)
    live.player.close()
    assert pipeline.timings["blur"].calls == live.player.shown
    assert set(shown["b"]) <= set(shown["a"])


# -- a cell that runs again ------------------------------------------------------------------------


def test_what_a_cell_made_is_closed_when_it_runs_again(make_live, cell):
    cell("cell", 1)
    one, other = make_live(), make_live()
    assert one.comm is not None
    assert other.comm is not None
    cell("another cell", 2)
    kept = make_live()
    cell("cell", 3)
    new = make_live()
    assert one.comm is None
    assert other.comm is None
    assert kept.comm is not None
    assert new.comm is not None


def test_where_nobody_says_which_cell_runs_nothing_is_closed(make_live, cell):
    one, other = make_live(), make_live()
    assert one.comm is not None
    assert other.comm is not None


# -- a notebook without a page ---------------------------------------------------------------------

NOTEBOOK = (
    "from toolkit import Pipeline\nfrom toolkit.stages import gray, blur\nfrom widgets import Live",
    "live = Live(Pipeline([gray, blur]))\nlive",
    "import threading\nprint([t.name for t in threading.enumerate() if 'downhill' in t.name])",
    "live.step()\nlive.close()",
)


def test_a_notebook_runs_to_its_end_and_keeps_a_picture(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one) for one in NOTEBOOK])
    client = NotebookClient(
        notebook,
        timeout=120,
        kernel_name="python3",
        store_widget_state=False,
        resources={"metadata": {"path": str(tmp_path)}},
    )
    client.execute()
    (shown,) = notebook.cells[1].outputs
    assert shown["data"]["text/plain"] == "Live(blur of pipeline, source: webcam)"
    assert "image/png" in shown["data"]
    assert notebook.cells[2].outputs[0]["text"] == "[]\n"
    assert "widgets" not in notebook.metadata
