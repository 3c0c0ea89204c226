"""Odometry over a sequence as users unpack it: ATE, RPE, a file and a plot."""

import io
import json

import cv2
import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from toolkit.demos import BadInput, WrongUse
from toolkit.demos.evaluate_pose import run_pose
from toolkit.evaluation import BadData, Trajectory, read_tum_trajectory, write_tum_trajectory

COUNT, SCALE = 12, 2.5


@pytest.fixture
def evaluate(tmp_path):
    """Run it; returns its answer and what it printed."""

    def run(**options):
        printed = io.StringIO()
        console = Console(file=printed, width=100)
        return run_pose(out=tmp_path, console=console, **options), printed.getvalue()

    return run


@pytest.fixture
def sequence(tmp_path):
    """A folder whose truth is the circle that the stage `circling` says, 2.5 times as large."""
    root = tmp_path / "rgbd_dataset_freiburg1_round"
    (root / "rgb").mkdir(parents=True)
    lines = []
    for number in range(COUNT):
        seconds = 1305031102.0 + number / 30
        name = f"rgb/{seconds:.6f}.png"
        cv2.imwrite(str(root / name), np.full((24, 32, 3), 10 * number, np.uint8))
        lines.append(f"{seconds:.6f} {name}")
    (root / "rgb.txt").write_text("\n".join(lines))
    angle = 0.2 * np.arange(COUNT)
    c, s, zero, one = np.cos(angle), np.sin(angle), np.zeros(COUNT), np.ones(COUNT)
    rotations = np.moveaxis(np.array([[c, -s, zero], [s, c, zero], [zero, zero, one]]), -1, 0)
    truth = Trajectory(
        1305031102.003 + np.arange(COUNT) / 30, rotations, SCALE * np.stack([c, s, s**2], 1)
    )
    write_tum_trajectory(root / "groundtruth.txt", truth)
    return root


def test_a_sequence_is_evaluated_up_to_its_scale(evaluate, circling, sequence, tmp_path):
    result, printed = evaluate(data=sequence)
    ours = result["metrics"]["toolkit"]
    assert ours["ate"]["translation_m"]["max"] < 1e-5
    assert ours["ate"]["rotation_degrees"]["max"] < 1e-3
    assert ours["ate"]["scale"] == pytest.approx(SCALE, rel=1e-5)
    assert ours["ate"]["pairs"] == COUNT - 1  # on the first frame it knows nothing
    assert ours["rpe_1_frame"]["translation_m"]["max"] < 1e-5
    assert ours["tracked_percent"] == pytest.approx(100 * (COUNT - 1) / COUNT)
    assert ours["backend"] == "torch"
    assert result["frames"] == COUNT
    assert "odometry on rgbd_dataset_freiburg1_round: back end torch" in printed
    assert len(read_tum_trajectory(result["trajectory"])) == COUNT - 1
    with Image.open(result["plots"][0]) as picture:
        assert len(picture.convert("RGB").getcolors(1 << 24) or []) > 20
    json.dumps(result, allow_nan=False)


def test_the_stage_is_told_the_camera_of_the_sequence(evaluate, circling, sequence):
    evaluate(data=sequence)
    assert circling[0][0] == (517.3, 0, 318.6)


def test_only_the_first_frames_are_read_where_that_is_asked_for(evaluate, circling, sequence):
    assert evaluate(data=sequence, frames=6)[0]["frames"] == 6


def test_too_few_poses_are_refused(evaluate, circling, sequence):
    with pytest.raises(BadInput, match="found 2 poses in 3 frames, and 3 are needed"):
        evaluate(data=sequence, frames=3)


def test_an_interrupt_ends_with_the_frames_that_were_finished(
    evaluate, circling, sequence, monkeypatch
):
    from toolkit.demos import evaluate_odometry

    read = evaluate_odometry.read_picture

    def interrupted(path):
        if len(circling) == 7:
            raise KeyboardInterrupt
        return read(path)

    monkeypatch.setattr(evaluate_odometry, "read_picture", interrupted)
    result, printed = evaluate(data=sequence)
    assert (result["interrupted"], result["frames"]) == (True, 8)
    assert result["metrics"]["toolkit"]["ate"]["pairs"] == 7
    assert "Interrupted" in printed


def test_a_damaged_picture_is_named(evaluate, circling, sequence):
    path = sorted((sequence / "rgb").iterdir())[3]
    path.write_bytes(b"no picture")
    with pytest.raises(BadData, match=path.name):
        evaluate(data=sequence)


def test_a_truth_of_another_time_is_refused(evaluate, circling, sequence):
    (sequence / "groundtruth.txt").write_text("1 0 0 0 0 0 0 1\n")
    with pytest.raises(BadInput, match=r"none of 1 poses has one within 0\.01 s"):
        evaluate(data=sequence)


def test_a_back_end_that_no_stage_offers_is_wrong_use(evaluate, circling, sequence):
    with pytest.raises(WrongUse, match="--backend opencv: no stage of odometry offers a choice"):
        evaluate(data=sequence, backend="opencv")
