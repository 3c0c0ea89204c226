"""What is in a sequence of the TUM RGB-D benchmark? Pictures with times, and the camera's way.

sequence = open_tum_rgbd("rgbd_dataset_freiburg1_xyz")
for picture in sequence.pictures:
    frame = Frame.from_image(read_picture(picture.path), pts_seconds=picture.pts_seconds)
truth = sequence.truth
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from toolkit.evaluation.errors import BadData
from toolkit.evaluation.layouts import found_in
from toolkit.evaluation.trajectory_files import read_tum_trajectory

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from toolkit.evaluation.trajectory import Trajectory

__all__ = ["TimedPicture", "TumSequence", "open_tum_rgbd"]

# fx, fy, cx, cy of each camera, as the benchmark's page on file formats states them.
_INTRINSICS = {
    "1": (517.3, 516.5, 318.6, 255.3),
    "2": (520.9, 521.0, 325.1, 249.7),
    "3": (535.4, 539.2, 320.1, 247.6),
}
_DEFAULT_INTRINSICS = (525.0, 525.0, 319.5, 239.5)


class TimedPicture(NamedTuple):
    """A picture of a sequence.

    Attributes:
        pts_seconds: when it was taken, on the clock of the ground truth.
        path: of the file.
    """

    pts_seconds: float
    path: Path


@dataclass(frozen=True)
class TumSequence:
    """One sequence.

    Attributes:
        name: of the folder.
        pictures: in order of time.
        truth: where the camera was.
        intrinsics: (3, 3) float64 K of the colour camera, without its distortion: of freiburg1, 2
            or 3 where the folder's name says so, else the values that the camera came with.
    """

    name: str
    pictures: tuple[TimedPicture, ...]
    truth: Trajectory
    intrinsics: NDArray[np.float64]


def open_tum_rgbd(folder: str | Path) -> TumSequence:
    """A sequence that was downloaded and unpacked. Reads the lists, and no picture.

    Raises:
        BadData: a list is missing or not as it should be, or none of its pictures is there.
    """
    root = Path(folder)
    if not root.is_dir():
        raise BadData("is no folder. Name the one that a sequence was unpacked to.", path=folder)
    for name in ("rgb.txt", "groundtruth.txt"):
        if not (root / name).is_file():
            raise BadData(
                "is no TUM RGB-D sequence: rgb.txt, groundtruth.txt and rgb/*.png were expected. "
                f"{found_in(root)}",
                path=folder,
            )
    pictures = _read_list(root / "rgb.txt")
    missing = [one.path for one in pictures if not one.path.is_file()]
    if missing:
        raise BadData(
            f"{len(missing)} of {len(pictures)} pictures that rgb.txt names are not there, the "
            f"first {missing[0].relative_to(root)}. Unpack the whole archive.",
            path=folder,
        )
    truth = read_tum_trajectory(root / "groundtruth.txt")
    return TumSequence(root.resolve().name, pictures, truth, _intrinsics(root.resolve().name))


def _read_list(path: Path) -> tuple[TimedPicture, ...]:
    """Time and file of each line, in order of time."""
    pictures = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        words = text.split()
        try:
            seconds, name = float(words[0]), words[1]
        except (ValueError, IndexError):
            raise BadData(
                f"line {number} is {text[:80]!r}; a time and a file were expected, such as "
                "'1305031102.175304 rgb/1305031102.175304.png'.",
                path=path,
            ) from None
        pictures.append(TimedPicture(seconds, path.parent / name))
    if not pictures:
        raise BadData("names no picture. Unpack the archive again.", path=path)
    return tuple(sorted(pictures))


def _intrinsics(name: str) -> NDArray[np.float64]:
    found = re.search(r"freiburg([123])", name)
    fx, fy, cx, cy = _INTRINSICS[found[1]] if found else _DEFAULT_INTRINSICS
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
