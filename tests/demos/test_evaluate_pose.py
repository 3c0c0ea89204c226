"""Our pose and that of others from the same points, to a table, plots and one JSON object."""

import io
import json

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from toolkit.demos import WrongUse, evaluate_pose
from toolkit.demos.evaluate_pose import run_pose
from toolkit.demos.pose_cases import draw_views
from toolkit.demos.pose_rivals import opencv_methods, toolkit_method


@pytest.fixture
def evaluate(tmp_path, monkeypatch):
    """Run it; returns its answer and what it printed. Plots are drawn where they are looked at."""

    def run(*, draws=False, **options):
        for plot in () if draws else ("plot_bars", "plot_shares"):
            monkeypatch.setattr(evaluate_pose, plot, lambda *what, **how: None)
        printed = io.StringIO()
        console = Console(file=printed, width=100)
        return run_pose(out=tmp_path, console=console, **options), printed.getvalue()

    return run


def test_drawn_scenes_are_evaluated_with_every_method(evaluate, opencv_pose):
    result, printed = evaluate(scenes=4, seed=3)
    assert set(result["metrics"]) == {"toolkit", "opencv_ransac", "opencv_magsac"}
    ours = result["metrics"]["toolkit"]
    assert ours["rotation_degrees_median"] < 0.2
    assert ours["direction_degrees_median"] < 10
    assert ours["flagged_planes_percent"] == ours["flagged_rotations_percent"] == 100
    flags = [one["errors"]["toolkit"]["is_degenerate"] for one in result["scenes"]]
    assert ours["false_alarms_percent"] == 100 * sum(flags[:2]) / 2
    assert ours["ms"] > 0
    assert ours["backend"] == "torch"
    ransac = result["metrics"]["opencv_ransac"]
    assert (ransac["backend"], ransac["false_alarms_percent"]) == ("opencv", None)
    groups = [one["group"] for one in result["scenes"]]
    assert groups == ["general", "general", "plane", "rotation"]
    assert "4 drawn scenes with 20% wrong pairs, seed 3: back end torch" in printed
    json.dumps(result, allow_nan=False)


def test_the_table_fits_a_terminal_of_80_columns(opencv_pose, tmp_path):
    printed = io.StringIO()
    run_pose(out=tmp_path, console=Console(file=printed, width=80), scenes=1, seed=4)
    rows = [line for line in printed.getvalue().splitlines() if "│ opencv" in line]
    assert len(rows) == 2
    assert not [row for row in rows if "…" in row]


def test_the_same_seed_gives_the_same_errors(evaluate, opencv_pose):
    first, second = (evaluate(scenes=2, seed=9)[0]["scenes"] for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert one["name"] == other["name"]
        for name, error in one["errors"].items():
            assert error["rotation_degrees"] == other["errors"][name]["rotation_degrees"]


def test_without_a_seed_a_fresh_one_is_drawn_and_printed(evaluate, opencv_pose):
    (one, said), (other, _) = evaluate(scenes=1), evaluate(scenes=1)
    assert one["seed"] != other["seed"]
    assert f"seed {one['seed']}" in said


def test_the_plots_are_pictures_with_something_on_them(evaluate, opencv_pose):
    plots = evaluate(scenes=2, seed=5, draws=True)[0]["plots"]
    assert len(plots) == 4
    for path in plots:
        with Image.open(path) as picture:
            assert len(picture.convert("RGB").getcolors(1 << 24) or []) > 20


def test_a_fifth_of_the_pairs_is_wrong_and_the_rest_fits_the_truth():
    for views in draw_views(4, seed=3):
        inverse = np.linalg.inv(views.intrinsics)
        before, after = (
            np.column_stack([one, np.ones(len(one))]) @ inverse.T
            for one in (views.before, views.after)
        )
        if views.group == "rotation":
            turned = before @ views.rotation.T
            off = (turned / turned[:, 2:] - after)[:, :2]
            error = np.linalg.norm(off, axis=1)
            assert np.abs(views.translation).max() < 1e-12
        else:
            normal = np.cross(views.translation, before @ views.rotation.T)
            error = np.abs((normal * after).sum(1)) / np.linalg.norm(normal[:, :2], axis=1)
        is_right = error * views.intrinsics[0, 0] < 0.6
        assert 0.79 < is_right.mean() < 0.85  # some of the wrong ones lie on their line by chance


def test_a_method_that_finds_nothing_is_as_wrong_as_no_motion(monkeypatch):
    import cv2

    monkeypatch.setattr(cv2, "findEssentialMat", lambda *given: (None, None))
    found = opencv_methods()["opencv_ransac"](next(draw_views(1, seed=3)))
    assert np.array_equal(found.rotation, np.eye(3))
    assert not found.translation.any()


def test_an_interrupt_ends_with_the_scenes_that_were_finished(evaluate, opencv_pose, monkeypatch):
    method, left = toolkit_method("torch"), [3]  # the first one is warmed up with

    def interrupted(views):
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return method(views)

    monkeypatch.setattr(evaluate_pose, "toolkit_method", lambda backend: interrupted)
    result, printed = evaluate(scenes=6, seed=1)
    assert result["interrupted"] is True
    assert len(result["scenes"]) == 2
    assert result["metrics"]["toolkit"]["flagged_planes_percent"] is None
    assert "Interrupted" in printed
    nothing, _ = evaluate(scenes=6, seed=1)
    assert (nothing["metrics"], nothing["plots"]) == ({}, [])


def test_options_that_cannot_be_are_wrong_use(evaluate, opencv_pose, tmp_path):
    with pytest.raises(WrongUse, match="--frames: that is for a data set"):
        evaluate(frames=3)
    with pytest.raises(WrongUse, match="--data is not drawn"):
        evaluate(data=tmp_path, scenes=3)
    with pytest.raises(WrongUse, match="stage 'pose' has no backend, so it cannot be 'opencv'"):
        evaluate(scenes=3, backend="opencv")


def test_a_stage_that_is_not_there_is_named_with_those_that_are(evaluate, monkeypatch):
    monkeypatch.delattr("toolkit.stages.pose", raising=False)
    with pytest.raises(WrongUse, match="no stage is called 'pose'; there are blur, "):
        evaluate(scenes=3)
