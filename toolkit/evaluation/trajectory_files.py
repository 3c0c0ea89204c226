"""In which formats do trajectories travel? TUM, KITTI and EuRoC: text, one pose a line.

| format | a line | time |
|---|---|---|
| TUM | `t tx ty tz qx qy qz qw`, spaces | seconds |
| KITTI | the 12 numbers of [R t], row by row, spaces | none: the line's number |
| EuRoC | `t, px, py, pz, qw, qx, qy, qz, ...`, commas | whole nanoseconds |

All hold the camera in the world: X_world = R X_camera + t. Lines that begin with # are comments.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from toolkit.evaluation.errors import BadData
from toolkit.evaluation.rotations import matrices_of, quaternions_of
from toolkit.evaluation.trajectory import Trajectory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = [
    "read_euroc_trajectory",
    "read_kitti_trajectory",
    "read_tum_trajectory",
    "write_euroc_trajectory",
    "write_kitti_trajectory",
    "write_tum_trajectory",
]

_NS = 1_000_000_000
_EUROC_HEADER = (
    "#timestamp [ns],p_RS_R_x [m],p_RS_R_y [m],p_RS_R_z [m],q_RS_w [],q_RS_x [],q_RS_y [],q_RS_z []"
)
_MOST_SKEW = 1e-2  # of R R^T from the identity; files print few digits


def read_tum_trajectory(path: str | Path) -> Trajectory:
    """A trajectory in the format of the TUM RGB-D benchmark.

    Raises:
        BadData: a line is not eight numbers, a quaternion has no length, or time runs back.
        OSError: it cannot be read.
    """
    rows = _read_numbers(path, None, 8, "t tx ty tz qx qy qz qw")
    return _trajectory(path, rows[:, 0], _rotations(path, rows[:, 4:8]), rows[:, 1:4])


def write_tum_trajectory(path: str | Path, trajectory: Trajectory) -> None:
    """Write a trajectory in the format of the TUM RGB-D benchmark; nothing is rounded.

    Raises:
        OSError: the file cannot be written.
    """
    quaternions = quaternions_of(trajectory.rotations)
    rows = np.column_stack([trajectory.positions, quaternions]).tolist()
    times = trajectory.pts_seconds.tolist()
    lines = [_line(" ", time, *row) for time, row in zip(times, rows, strict=True)]
    _write_lines(path, ["# timestamp tx ty tz qx qy qz qw", *lines])


def read_kitti_trajectory(path: str | Path, *, fps: float = 10.0) -> Trajectory:
    """A trajectory in the format of KITTI odometry, which has no times.

    Args:
        path: of the file.
        fps: the poses are that many a second, from 0 on; KITTI's cameras took 10.

    Raises:
        BadData: a line is not twelve numbers, or they hold no rotation.
        OSError: it cannot be read.
    """
    rows = _read_numbers(path, None, 12, "r11 r12 r13 tx r21 r22 r23 ty r31 r32 r33 tz")
    matrices = rows.reshape(-1, 3, 4)
    rotations = matrices[:, :, :3]
    skew = np.abs(rotations @ np.swapaxes(rotations, 1, 2) - np.eye(3)).max((1, 2))
    if (skew > _MOST_SKEW).any() or (np.linalg.det(rotations) < 0).any():
        pose = int(np.argmax((skew > _MOST_SKEW) | (np.linalg.det(rotations) < 0)))
        raise BadData(
            f"pose {pose} holds no rotation: R R^T is off the identity by {skew[pose]:.3g}. The "
            "12 numbers of a line are [R t], row by row.",
            path=path,
        )
    return _trajectory(path, np.arange(len(rows)) / fps, rotations, matrices[:, :, 3])


def write_kitti_trajectory(path: str | Path, trajectory: Trajectory) -> None:
    """Write the poses of a trajectory in the format of KITTI odometry; times are left out.

    Raises:
        OSError: the file cannot be written.
    """
    poses = np.concatenate([trajectory.rotations, trajectory.positions[:, :, None]], 2)
    _write_lines(path, [_line(" ", *row) for row in poses.reshape(-1, 12).tolist()])


def read_euroc_trajectory(path: str | Path) -> Trajectory:
    """A trajectory in the format of the EuRoC MAV data set: `state_groundtruth_estimate0/data.csv`.

    What stands behind the quaternion, such as velocities, is left out.

    Raises:
        BadData: a line has fewer than eight numbers, a quaternion no length, or time runs back.
        OSError: it cannot be read.
    """
    rows = _read_numbers(path, ",", 8, "timestamp,px,py,pz,qw,qx,qy,qz", is_open=True)
    rotations = _rotations(path, np.roll(rows[:, 4:8], -1, axis=1))
    return _trajectory(path, rows[:, 0] / _NS, rotations, rows[:, 1:4])


def write_euroc_trajectory(path: str | Path, trajectory: Trajectory) -> None:
    """Write a trajectory in the format of the EuRoC MAV data set, without velocities.

    Raises:
        OSError: the file cannot be written.
    """
    quaternions = np.roll(quaternions_of(trajectory.rotations), 1, axis=1)
    rows = np.column_stack([trajectory.positions, quaternions]).tolist()
    stamps = [_nanoseconds(one) for one in trajectory.pts_seconds.tolist()]
    lines = [f"{stamp},{_line(',', *row)}" for stamp, row in zip(stamps, rows, strict=True)]
    _write_lines(path, [_EUROC_HEADER, *lines])


def _nanoseconds(seconds: float) -> int:
    whole = int(seconds // 1)
    return whole * _NS + round((seconds - whole) * _NS)


def _line(separator: str, *values: float) -> str:
    return separator.join(map(repr, values))


def _write_lines(path: str | Path, lines: list[str]) -> None:
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _read_numbers(
    path: str | Path, separator: str | None, count: int, layout: str, *, is_open: bool = False
) -> Floats:
    """The numbers of every line, (N, count); where `is_open`, a line may have more."""
    rows = []
    for number, text in _lines(path):
        words = text.split(separator)
        fits = len(words) >= count if is_open else len(words) == count
        try:
            row = [float(word) for word in words[:count]] if fits else []
        except ValueError:
            row = []
        if not row or not np.isfinite(row).all():
            at_least = "at least " if is_open else ""
            raise BadData(
                f"line {number} is {text[:80]!r}; {at_least}{count} numbers were expected: "
                f"{layout}. Is it a file of another format?",
                path=path,
            )
        rows.append(row)
    if not rows:
        raise BadData(f"holds no pose; lines like {layout!r} were expected.", path=path)
    return np.array(rows, dtype=np.float64)


def _lines(path: str | Path) -> Iterator[tuple[int, str]]:
    """Number and text of every line that is neither empty nor a comment."""
    content = Path(path).read_text(encoding="utf-8", errors="replace")
    for number, line in enumerate(content.splitlines(), start=1):
        text = line.strip()
        if text and not text.startswith("#"):
            yield number, text


def _rotations(path: str | Path, quaternions: Floats) -> Floats:
    length = np.linalg.norm(quaternions, axis=1)
    if (length < 1e-6).any():
        raise BadData(
            f"the quaternion of pose {int(np.argmin(length))} is {quaternions[np.argmin(length)]}, "
            "which has no direction; leave that pose out.",
            path=path,
        )
    return matrices_of(quaternions)


def _trajectory(
    path: str | Path, times: Floats, rotations: Floats, positions: Floats
) -> Trajectory:
    try:
        return Trajectory(times, rotations, positions)
    except BadData as error:
        raise BadData(str(error), path=path) from None
