"""Where are the pairs in a folder of flow data? In one of the layouts that data sets come in.

    for pair in find_flow_pairs("MPI-Sintel-complete"):
        before, after = pair.read_pictures()        # (3, H, W) uint8 each
        truth = pair.read_truth()                   # flow and is_valid

Which layout it is, is read off the folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from toolkit.evaluation.errors import BadData
from toolkit.evaluation.flo import read_flo
from toolkit.evaluation.kitti_flow import read_kitti_flow
from toolkit.evaluation.layouts import found_in
from toolkit.evaluation.pictures import read_picture

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from toolkit.evaluation.flow_field import FlowField

__all__ = ["LAYOUTS", "FlowPair", "find_flow_pairs"]

LAYOUTS = {
    "sintel": "training/clean/SEQUENCE/frame_0001.png with training/flow/SEQUENCE/frame_0001.flo",
    "kitti2015": "training/image_2/000000_10.png and _11.png with training/flow_occ/000000_10.png",
    "kitti2012": "training/colored_0 or image_0/000000_10.png and _11.png with training/flow_occ",
    "pairs": "NAME_img1.png (or .ppm) and NAME_img2.png with NAME_flow.flo, as FlyingChairs has it",
}
"""Each layout that is known, and the files that it is recognised by."""

_PICTURES = (".png", ".ppm", ".jpg")


@dataclass(frozen=True, slots=True)
class FlowPair:
    """Two pictures, and the flow from the first to the second.

    Attributes:
        name: for people.
        before: path of the first picture.
        after: path of the second.
        truth: path of the flow.
        invalid: path of a picture that is not black where the flow is not known; None for none.
    """

    name: str
    before: Path
    after: Path
    truth: Path
    invalid: Path | None = None

    def read_pictures(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Both pictures, (3, H, W) uint8 RGB each.

        Raises:
            BadData: one is missing or damaged, or their sizes differ.
        """
        before, after = read_picture(self.before), read_picture(self.after)
        if before.shape != after.shape:
            raise BadData(
                f"has shape {after.shape}, and {self.before.name} {before.shape}; both pictures "
                "of a pair have one size.",
                path=self.after,
            )
        return before, after

    def read_truth(self) -> FlowField:
        """The flow, and where it is known.

        Raises:
            BadData: the file is missing or damaged.
        """
        if not self.truth.is_file():
            raise BadData("is not there, but its pictures are. Fetch it.", path=self.truth)
        field = read_flo(self.truth) if self.truth.suffix == ".flo" else read_kitti_flow(self.truth)
        if self.invalid is None or not self.invalid.is_file():
            return field
        return field._replace(is_valid=field.is_valid & (read_picture(self.invalid).max(0) == 0))


def find_flow_pairs(
    folder: str | Path, *, rendering: Literal["clean", "final"] = "final"
) -> list[FlowPair]:
    """The pairs of a data set that was downloaded and unpacked, in order of name. Reads no picture.

    Args:
        folder: of MPI Sintel, KITTI flow 2012 or 2015, or of pairs named as in FlyingChairs; it or
            the `training` in it.
        rendering: of Sintel: `"clean"`, or `"final"` with blur and fog.

    Raises:
        BadData: no known layout, or one without a pair; the message says which are known and what
            was found.
    """
    root = Path(folder)
    if not root.is_dir():
        raise BadData("is no folder. Name the one that a data set was unpacked to.", path=folder)
    inner = root / "training" if (root / "training").is_dir() else root
    finders: tuple[Callable[[Path], list[FlowPair]], ...] = (
        lambda where: _find_sintel(where, rendering),
        lambda where: _find_kitti(where, "image_2"),
        lambda where: _find_kitti(where, "colored_0"),
        lambda where: _find_kitti(where, "image_0"),
        _find_named,
    )
    for find in finders:
        if pairs := find(inner):
            return pairs
    known = "; ".join(f"{name}: {files}" for name, files in LAYOUTS.items())
    raise BadData(f"holds no flow data. Known are {known}. {found_in(inner)}", path=folder)


def _find_sintel(root: Path, rendering: str) -> list[FlowPair]:
    pictures = root / rendering
    return [
        FlowPair(
            name=f"{truth.parent.name}/{truth.stem}",
            before=pictures / truth.parent.name / f"{truth.stem}.png",
            after=pictures / truth.parent.name / f"{_next_name(truth.stem)}.png",
            truth=truth,
            invalid=root / "invalid" / truth.parent.name / f"{truth.stem}.png",
        )
        for truth in sorted(root.glob("flow/*/frame_*.flo"))
    ]


def _next_name(stem: str) -> str:
    """`frame_0001` to `frame_0002`."""
    head, _, number = stem.rpartition("_")
    if not number.isdigit():
        raise BadData(f"{stem}.flo has no number; Sintel's files are named frame_0001.flo.")
    return f"{head}_{int(number) + 1:0{len(number)}d}"


def _find_kitti(root: Path, camera: str) -> list[FlowPair]:
    if not (root / camera).is_dir():
        return []
    return [
        FlowPair(
            name=truth.stem,
            before=root / camera / truth.name,
            after=root / camera / truth.name.replace("_10.png", "_11.png"),
            truth=truth,
        )
        for truth in sorted(root.glob("flow_occ/*_10.png"))
    ]


def _find_named(root: Path) -> list[FlowPair]:
    pairs = []
    for truth in sorted(root.glob("*_flow.flo")):
        name = truth.name.removesuffix("_flow.flo")
        before, after = (_picture(root, f"{name}_img{number}") for number in (1, 2))
        pairs.append(FlowPair(name=name, before=before, after=after, truth=truth))
    return pairs


def _picture(root: Path, stem: str) -> Path:
    """The picture of that name with the ending it has; as PNG where there is none."""
    paths = [root / f"{stem}{ending}" for ending in _PICTURES]
    return next((path for path in paths if path.is_file()), paths[0])
