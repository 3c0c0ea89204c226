"""Trajectories in the formats of TUM, KITTI and EuRoC, as evo reads and writes them."""

import numpy as np
import pytest
from evo.core.trajectory import PosePath3D, PoseTrajectory3D
from evo.tools import file_interface

from toolkit import evaluation
from toolkit.evaluation import BadData, Trajectory
from toolkit.evaluation.rotations import matrices_of, quaternions_of

FORMATS = ("tum", "kitti", "euroc")


@pytest.fixture
def walk():
    random = np.random.default_rng(8)
    quaternions = random.normal(size=(20, 4))
    times = 1_403_636_579.76 + 0.005 * np.arange(20)
    return Trajectory(times, matrices_of(quaternions), random.normal(size=(20, 3)))


def read(name, path):
    return getattr(evaluation, f"read_{name}_trajectory")(path)


def write(name, path, trajectory):
    getattr(evaluation, f"write_{name}_trajectory")(path, trajectory)


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_written_is_read_again(name, walk, tmp_path):
    write(name, tmp_path / "way", walk)
    found = read(name, tmp_path / "way")
    times = 0.1 * np.arange(20) if name == "kitti" else walk.pts_seconds
    assert np.abs(found.pts_seconds - times).max() < 1e-6
    assert np.abs(found.rotations - walk.rotations).max() < 1e-12
    assert np.array_equal(found.positions, walk.positions)


@pytest.mark.parametrize("name", FORMATS)
def test_evo_reads_what_is_written_here(name, walk, tmp_path):
    write(name, tmp_path / "way", walk)
    readers = {
        "tum": file_interface.read_tum_trajectory_file,
        "kitti": file_interface.read_kitti_poses_file,
        "euroc": file_interface.read_euroc_csv_trajectory,
    }
    theirs = readers[name](str(tmp_path / "way"))
    poses = np.array(theirs.poses_se3)
    assert np.abs(poses[:, :3, :3] - walk.rotations).max() < 1e-12
    assert np.abs(poses[:, :3, 3] - walk.positions).max() < 1e-12
    if name != "kitti":
        assert np.abs(theirs.timestamps - walk.pts_seconds).max() < 1e-6


def test_what_evo_writes_is_read_here(walk, tmp_path):
    quaternions = np.roll(quaternions_of(walk.rotations), 1, axis=1)
    theirs = PoseTrajectory3D(walk.positions, quaternions, walk.pts_seconds)
    file_interface.write_tum_trajectory_file(str(tmp_path / "tum"), theirs)
    path = PosePath3D(walk.positions, quaternions)
    file_interface.write_kitti_poses_file(str(tmp_path / "kitti"), path)
    for name in ("tum", "kitti"):
        found = read(name, tmp_path / name)
        assert np.abs(found.rotations - walk.rotations).max() < 1e-9
        assert np.abs(found.positions - walk.positions).max() < 1e-9


def test_the_files_of_the_benchmark_are_read(test_data):
    truth = read("tum", test_data / "trajectories" / "freiburg1_xyz-groundtruth.txt")
    assert len(truth) == 3000
    assert truth.positions[0].tolist() == [1.3563, 0.6305, 1.6380]


def test_columns_of_euroc_behind_the_quaternion_are_left_out(tmp_path):
    line = "1403636580838555648,1,2,3,1,0,0,0,0.1,0.2,0.3,-0.01,0.0,0.02\n"
    (tmp_path / "data.csv").write_text("#timestamp,...\n" + line)
    found = read("euroc", tmp_path / "data.csv")
    assert found.pts_seconds[0] == pytest.approx(1403636580.838555648, abs=1e-6)
    assert found.positions.tolist() == [[1, 2, 3]]
    assert np.array_equal(found.rotations[0], np.eye(3))


def test_quaternions_of_half_turns_are_found():
    half_turns = np.diag([1.0, -1, -1]), np.diag([-1.0, 1, -1]), np.diag([-1.0, -1, 1])
    assert np.allclose(np.abs(quaternions_of(np.stack(half_turns))), np.eye(4)[:3])


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("tum", "", "holds no pose; lines like 't tx ty tz qx qy qz qw'"),
        ("tum", "# only a comment\n", "holds no pose"),
        ("tum", "0 1 2 3 0 0 0 1\n1 2 3\n", "line 2 is '1 2 3'; 8 numbers were expected"),
        ("tum", "0 1 2 nan 0 0 0 1\n", "line 1 is"),
        ("tum", "0 1 2 three 0 0 0 1\n", "8 numbers were expected"),
        ("tum", "0 1 2 3 0 0 0 0\n", "quaternion of pose 0 is"),
        ("tum", "1 1 2 3 0 0 0 1\n0 1 2 3 0 0 0 1\n", "way: time runs back at pose 1"),
        ("kitti", "0 1 2 3 0 0 0 1\n", "12 numbers were expected: r11"),
        ("kitti", "2 0 0 0 0 1 0 0 0 0 1 0\n", "pose 0 holds no rotation"),
        ("kitti", "-1 0 0 0 0 1 0 0 0 0 1 0\n", "pose 0 holds no rotation"),
        ("euroc", "1 2 3 4 5 6 7 8\n", "at least 8 numbers were expected: timestamp"),
    ],
)
def test_a_file_of_another_format_is_refused_with_the_line(name, text, sentence, tmp_path):
    (tmp_path / "way").write_text(text)
    with pytest.raises(BadData, match=sentence) as told:
        read(name, tmp_path / "way")
    assert told.value.path == tmp_path / "way"
