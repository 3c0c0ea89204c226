"""ATE and RPE: known errors by hand, and the same numbers as evo's."""

import json

import numpy as np
import pytest
from evo.core import metrics, sync
from evo.tools import file_interface

from toolkit.evaluation import (
    BadData,
    Trajectory,
    absolute_errors,
    associate,
    read_tum_trajectory,
    relative_errors,
)

STATISTICS = ("rmse", "mean", "median", "std", "min", "max")


def way(positions, rotations=None, pts_seconds=None):
    count = len(positions)
    return Trajectory(
        np.arange(count, dtype=float) if pts_seconds is None else np.array(pts_seconds),
        np.tile(np.eye(3), (count, 1, 1)) if rotations is None else rotations,
        np.array(positions, dtype=float),
    )


def turn(degrees):
    """A rotation about z."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def a_walk(seed=3, count=40):
    random = np.random.default_rng(seed)
    angles = random.normal(size=count).cumsum() * 5
    return way(random.normal(size=(count, 3)).cumsum(0), np.stack([turn(one) for one in angles]))


@pytest.fixture(params=["rgbdslam", "ORB_kf_mono"])
def real(request, test_data):
    """The truth and an estimate from files, their paths, and what evo says of them."""
    folder = test_data / "trajectories"
    paths = [folder / f"freiburg1_xyz-{name}.txt" for name in ("groundtruth", request.param)]
    expected = json.loads((folder / "EXPECTED_evo.json").read_text())["results"]
    truth, estimate = map(read_tum_trajectory, paths)
    return truth, estimate, paths, expected[f"freiburg1_xyz {request.param}"]


def test_a_shifted_estimate_is_wrong_until_it_is_aligned():
    truth = a_walk()
    shifted = truth.positions + np.array([3.0, 4.0, 0.0])
    estimate = Trajectory(truth.pts_seconds, truth.rotations, shifted)
    assert absolute_errors(truth, estimate, alignment="none").translation.rmse == pytest.approx(5)
    assert absolute_errors(truth, estimate).translation.max < 1e-12


def test_errors_are_those_computed_by_hand():
    truth = way([(0, 0, 0), (1, 0, 0), (2, 0, 0)])
    estimate = way([(0, 0, 0), (1, 3, 0), (2, 0, 4)])
    errors = absolute_errors(truth, estimate, alignment="none").translation
    assert errors.mean == pytest.approx(7 / 3)
    assert (errors.median, errors.min, errors.max) == (3, 0, 4)
    assert errors.rmse == pytest.approx((25 / 3) ** 0.5)
    assert errors.std == pytest.approx((25 / 3 - 49 / 9) ** 0.5)


def test_only_sim3_forgives_another_scale():
    truth = a_walk()
    estimate = Trajectory(truth.pts_seconds, truth.rotations, truth.positions / 2.5)
    found = absolute_errors(truth, estimate, alignment="sim3")
    assert found.scale == pytest.approx(2.5)
    assert found.translation.max < 1e-12
    assert absolute_errors(truth, estimate, alignment="se3").translation.rmse > 0.1


def test_an_alignment_is_never_a_reflection():
    truth = a_walk()
    mirrored = Trajectory(truth.pts_seconds, truth.rotations, truth.positions * [1, 1, -1])
    assert absolute_errors(truth, mirrored).translation.rmse > 0.1


def test_rotation_errors_are_degrees():
    truth = a_walk()
    turned = Trajectory(truth.pts_seconds, truth.rotations @ turn(7.0), truth.positions)
    errors = absolute_errors(truth, turned, alignment="none").rotation
    assert errors.min == pytest.approx(7)
    assert errors.max == pytest.approx(7)


def test_a_drift_shows_in_proportion_to_delta():
    truth = way([(x, 0, 0) for x in range(13)])
    drifting = way([(1.1 * x, 0, 0) for x in range(13)], [turn(2.0 * x) for x in range(13)])
    one = relative_errors(truth, drifting, delta=1)
    four = relative_errors(truth, drifting, delta=4)
    assert (one.pairs, four.pairs) == (12, 3)
    assert one.rotation.mean == pytest.approx(2)
    assert four.rotation.mean == pytest.approx(8)
    assert relative_errors(truth, drifting, delta=4, all_pairs=True).pairs == 9


def test_a_rigid_alignment_changes_no_relative_error():
    truth, estimate = a_walk(1), a_walk(2)
    plain = relative_errors(truth, estimate)
    aligned = relative_errors(truth, estimate, alignment="se3")
    assert aligned.translation.rmse == pytest.approx(plain.translation.rmse, rel=1e-12)
    assert aligned.rotation.max == pytest.approx(plain.rotation.max, rel=1e-12)


@pytest.mark.parametrize("delta", [0, 40, -1])
def test_a_delta_that_fits_no_pair_is_refused(delta):
    with pytest.raises(BadData, match=f"delta = {delta} with 40 poses; it must be 1 to 39"):
        relative_errors(a_walk(), a_walk(), delta=delta)


def test_positions_on_a_line_cannot_be_aligned():
    line = way([(x, 0, 0) for x in range(5)])
    with pytest.raises(BadData, match="on a line or in one place"):
        absolute_errors(line, line)


def test_trajectories_of_two_lengths_have_to_be_associated_first():
    with pytest.raises(BadData, match="3 true poses, 2 estimated; associate"):
        absolute_errors(way(np.eye(3)), way(np.eye(3)[:2]))


def test_poses_go_to_the_nearest_in_time():
    truth = way(np.eye(3), pts_seconds=[0.0, 1.0, 2.0])
    estimate = way(np.eye(3)[:2], pts_seconds=[0.996, 2.011])
    one, other = associate(truth, estimate)
    assert (one.pts_seconds.tolist(), other.pts_seconds.tolist()) == ([1.0], [0.996])
    assert len(associate(estimate, truth, max_difference_seconds=0.02)[0]) == 2


def test_trajectories_of_two_clocks_are_refused_with_their_times():
    with pytest.raises(BadData, match=r"none of 3 poses.*0\.000 to 2\.000 s.*same clock"):
        associate(way(np.eye(3)), way(np.eye(3), pts_seconds=[50.0, 51.0, 52.0]))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"positions": np.zeros((2, 3))}, "have shapes"),
        ({"positions": np.full((3, 3), np.nan)}, "not finite"),
        ({"pts_seconds": np.array([0.0, 2.0, 1.0])}, "time runs back at pose 2"),
    ],
)
def test_a_trajectory_that_is_none_is_refused(change, sentence):
    fields = {
        "pts_seconds": np.arange(3.0),
        "rotations": np.tile(np.eye(3), (3, 1, 1)),
        "positions": np.zeros((3, 3)),
    }
    with pytest.raises(BadData, match=sentence):
        Trajectory(**{**fields, **change})


def close_to(mine, expected):
    for name in STATISTICS:
        assert getattr(mine, name) == pytest.approx(expected[name], abs=1e-6), name


@pytest.mark.parametrize("alignment", ["none", "se3", "sim3"])
def test_absolute_errors_of_real_trajectories_are_evo_s(real, alignment):
    truth, estimate, _, expected = real
    found = absolute_errors(*associate(truth, estimate), alignment=alignment)
    assert found.pairs == expected["pairs"]
    close_to(found.translation, expected[f"ape_trans_{alignment}"])
    close_to(found.rotation, expected[f"ape_rot_deg_{alignment}"])
    assert found.scale == pytest.approx(expected.get(f"{alignment}_scale", 1.0), abs=1e-6)


def test_relative_errors_of_real_trajectories_are_evo_s(real):
    truth, estimate, _, expected = real
    found = relative_errors(*associate(truth, estimate))
    close_to(found.translation, expected["rpe_trans_1frame"])
    close_to(found.rotation, expected["rpe_rot_deg_1frame"])


def test_the_length_of_the_true_way_is_evo_s(real):
    truth, estimate, _, expected = real
    reduced, _ = associate(truth, estimate)
    assert reduced.length_metres == pytest.approx(expected["path_len_ref_m"], abs=1e-6)


@pytest.mark.parametrize("all_pairs", [False, True])
@pytest.mark.parametrize("delta", [1, 5])
def test_evo_run_beside_it_finds_the_same_relative_errors(real, delta, all_pairs):
    truth, estimate, paths, _ = real
    theirs = sync.associate_trajectories(*map(file_interface.read_tum_trajectory_file, paths))
    found = relative_errors(*associate(truth, estimate), delta=delta, all_pairs=all_pairs)
    for mine, relation in (
        (found.translation, metrics.PoseRelation.translation_part),
        (found.rotation, metrics.PoseRelation.rotation_angle_deg),
    ):
        metric = metrics.RPE(relation, delta, metrics.Unit.frames, all_pairs=all_pairs)
        metric.process_data(theirs)
        close_to(mine, metric.get_all_statistics())
