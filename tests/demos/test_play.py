"""The main job: a video through the pipeline, to a bill, a report and a video."""

import io
import json

import av
import pytest
from rich.console import Console

from toolkit import Pipeline
from toolkit.demos import BadInput, WrongUse
from toolkit.demos.compose import DEFAULT_STAGES, compose, picture_of, point_camera
from toolkit.demos.play import run_demo
from toolkit.media import MediaError
from toolkit.pipeline import StageError
from toolkit.profiling.reporters import html
from toolkit.stages import gray
from toolkit.stages.declare import stage
from toolkit.stages.footprints import Pointwise

CLIPS = {
    "nasa_13013.mp4": 390,
    "thanks.mkv": 51,
    "walk.mkv": 89,
    "bottle-detection.mp4": 1189,
    "tree.avi": 68,
    "cup.mp4": 217,
    "big_buck_bunny_432_433.webm": 24,
    "video_90.mov": 3,
    "video_0.mov": 3,
}


def play(tmp_path, **options):
    return run_demo(out=tmp_path, console=Console(file=io.StringIO()), **options)


def decoded(path):
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def test_the_bundled_clip_plays_without_arguments(tmp_path):
    result = play(tmp_path, frames=12)
    assert result["frames"] == 12
    assert result["dropped"] == 0
    stages = {one["name"]: one for one in result["stages"]}
    assert set(DEFAULT_STAGES) <= set(stages)
    assert stages["blur"]["allocations_per_frame"] > 0
    assert stages["blur"]["allocated_bytes_per_frame"] > 640 * 360
    assert result["copies"]["h2h"] >= 12
    assert result["copies"]["h2d"] == result["copies"]["d2h"] == 0
    assert len(decoded(tmp_path / "annotated.mp4")) == 12
    report = (tmp_path / "report.html").read_text()
    for word in ("<svg", "corners", "sobel"):
        assert word in report
    assert "http://" not in report.replace("http://www.w3.org", "")
    assert "https://" not in report
    json.dumps(result, allow_nan=False)


def test_on_a_real_clip_every_byte_has_stage_operator_and_line(tmp_path, monkeypatch):
    kept = []
    write = html.write
    monkeypatch.setattr(
        html, "write", lambda session, *a, **k: (kept.append(session), write(session, *a, **k))
    )
    play(tmp_path, frames=35)
    lines = kept[0].lines()
    assert lines.frames == 2  # one in thirty, from the second on
    assert lines.attributed_share >= 0.999
    named = sum(row.counts.allocated_bytes for row in lines if row.stage and row.op and row.chain)
    assert named >= 0.999 * lines.allocated_bytes > 10_000_000
    assert all("play.py" in row.user_line for row in lines if row.stage in DEFAULT_STAGES)


@pytest.mark.parametrize("clip", CLIPS)
def test_every_frame_of_every_clip_is_processed(clip, test_data, tmp_path):
    result = play(tmp_path, video=str(test_data / "clips" / clip))
    assert result["frames"] == CLIPS[clip]
    assert result["dropped"] == 0
    assert len(decoded(tmp_path / "annotated.mp4")) == CLIPS[clip]


def test_a_turned_video_is_written_upright(test_data, tmp_path):
    play(tmp_path, video=str(test_data / "clips" / "video_90.mov"))
    frame = decoded(tmp_path / "annotated.mp4")[0]
    assert (frame.width, frame.height) == (320, 568)


def test_a_graph_stands_in_for_a_camera(tmp_path):
    result = play(tmp_path, video="lavfi:testsrc2=size=320x240:rate=30", frames=5)
    assert result["frames"] == 5


def test_named_stages_bring_what_they_need(tmp_path):
    result = play(tmp_path, stages=("threshold",), frames=3)
    names = {one["name"] for one in result["stages"]}
    assert {"gray", "threshold"} <= names
    assert "corners" not in names


def test_an_unknown_stage_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(WrongUse, match=r"no stage is called 'sharpen'; there are .*unsharp"):
        play(tmp_path, stages=("sharpen",))


def test_frames_before_a_fault_are_on_the_report(test_data, tmp_path):
    with pytest.raises(MediaError, match=r"no_timescale\.mp4"):
        play(tmp_path, video=str(test_data / "odd" / "no_timescale.mp4"))
    assert len(decoded(tmp_path / "annotated.mp4")) >= 8
    assert (tmp_path / "report.html").exists()


def test_every_odd_file_gives_frames_or_says_in_a_sentence_why_not(test_data, tmp_path):
    refused = {}
    for path in sorted((test_data / "odd").iterdir()):
        try:
            assert play(tmp_path, video=str(path), frames=5)["frames"] > 0, path.name
        except (MediaError, BadInput) as error:
            refused[path.name] = str(error)
    assert "more than 2 px" in refused["bitmap.mp4"]  # 1x1 px
    assert len(refused) < len(list((test_data / "odd").iterdir())) / 2
    assert all(len(text.splitlines()) == 1 for text in refused.values())


def test_a_defect_of_a_stage_is_no_bad_input(tmp_path, monkeypatch):
    def broken(stages, name):
        @stage("rgb", footprint=Pointwise())
        def fails(gray):
            raise RuntimeError("a defect")

        return Pipeline([gray, fails])

    monkeypatch.setattr("toolkit.demos.play.compose", broken)
    with pytest.raises(StageError, match="a defect") as told:
        play(tmp_path, stages=("gray",))
    assert isinstance(told.value.__cause__, RuntimeError)


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (("edges", "corners"), "overlay"),
        (("edges",), "overlay_edges"),
        (("corners",), "overlay_corners"),
        (("rgb", "unsharp"), "unsharp"),
        (("gray",), "rgb"),
        (("flow", "tracks"), "overlay_flow"),
        (("tracks", "corners"), "overlay_tracks"),
        (("tracks", "odometry"), "overlay_world"),
        (("overlay_tracks", "flow"), "overlay_tracks"),
        (("tracks", "stabilise"), "stabilise"),
    ],
)
def test_the_picture_that_is_shown_fits_the_stages(names, shown):
    assert picture_of(names) == shown


def test_every_stage_that_sees_through_a_camera_is_told_which():
    pipeline = compose(("odometry", "pose", "undistort", "overlay_world"))
    camera = ((500.0, 0.0, 320.0), (0.0, 500.0, 180.0), (0.0, 0.0, 1.0))
    assert set(point_camera(pipeline, camera)) == {"odometry", "pose", "overlay_world"}
    assert pipeline.params["pose"].camera == camera
    assert pipeline.params["undistort"].camera != camera  # it is told of a lens, or does nothing


def test_composing_by_name_adds_what_is_required():
    assert set(compose(("edges",)).order()) >= {"gray", "blur", "sobel", "edges"}


def test_a_stage_that_looks_back_at_itself_can_be_composed(offer):
    @stage("trail", footprint=Pointwise(), first=lambda gray: gray)
    def trail(gray, prev_trail, prev_blur):
        return gray + prev_trail + prev_blur

    offer(trail)
    assert set(compose(("trail",)).order()) == {"gray", "blur", "trail"}
