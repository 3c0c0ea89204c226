"""Are features found again, and told apart? Repeatability and matching score.

Both need to know where each feature of the first picture really lies in the second: a homography,
or true flow sampled at it (`truth_from_homography`, `truth_from_flow`).

Source: Mikolajczyk and Schmid, "A performance evaluation of local descriptors", IEEE TPAMI 27(10),
2005, with points instead of regions as in Heinly, Dunn and Frahm, "Comparative evaluation of
binary features", ECCV 2012: a correspondence is a pair within a few px, one to one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from toolkit.evaluation.errors import BadData

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]

__all__ = [
    "MATCH_PX",
    "FeatureErrors",
    "feature_errors",
    "truth_from_flow",
    "truth_from_homography",
]

MATCH_PX = 2.5


@dataclass(frozen=True, slots=True)
class FeatureErrors:
    """How well features of two pictures go together; each share is in [0, 1].

    Attributes:
        repeatability: correspondences over the lesser number of features in the part that both
            pictures show.
        matching_score: right matches over that number: detector and descriptor together.
        precision: right matches over matches.
        recall: right matches over correspondences: the descriptor alone.
        correspondences: features that were found again, one to one.
        matches: pairs that the matcher gave, of features in the part that both pictures show.
        correct: those of them that are right.
    """

    repeatability: float
    matching_score: float
    precision: float
    recall: float
    correspondences: int
    matches: int
    correct: int


def truth_from_homography(
    xy: ArrayLike, homography: ArrayLike, *, width: int, height: int
) -> tuple[Floats, Bools]:
    """Where points (N, 2) of the first picture lie in the second, and which lie inside of it."""
    points = np.asarray(xy, dtype=np.float64)
    mapped = np.column_stack([points, np.ones(len(points))]) @ np.asarray(homography, float).T
    is_ahead = mapped[:, 2] > 1e-12
    there = mapped[:, :2] / np.where(is_ahead, mapped[:, 2], 1.0)[:, None]
    return there, is_ahead & _is_inside(there, width, height)


def truth_from_flow(xy: ArrayLike, flow: ArrayLike, is_visible: ArrayLike) -> tuple[Floats, Bools]:
    """Where points (N, 2) of the first picture lie in the second, and which are seen there.

    Flow is taken from the nearest pixel, so this is exact to the flow's change within half a pixel.

    Args:
        xy: (N, 2) px.
        flow: (2, H, W) px to the second picture.
        is_visible: (H, W) bool: what the second picture shows, too.
    """
    points, field = np.asarray(xy, dtype=np.float64), np.asarray(flow, dtype=np.float64)
    height, width = field.shape[1:]
    column = np.rint(points[:, 0]).astype(int).clip(0, width - 1)
    row = np.rint(points[:, 1]).astype(int).clip(0, height - 1)
    there = points + field[:, row, column].T
    seen = np.asarray(is_visible, bool)[row, column]
    return there, seen & _is_inside(points, width, height) & _is_inside(there, width, height)


def feature_errors(
    before: tuple[ArrayLike, ArrayLike],
    after: tuple[ArrayLike, ArrayLike],
    matches: ArrayLike,
    *,
    match_px: float = MATCH_PX,
) -> FeatureErrors:
    """Repeatability and matching score of the features of two pictures.

    Args:
        before: where the N features of the first picture really lie in the second, (N, 2) px, and
            which of them it shows, (N,) bool.
        after: where the M features of the second picture are, (M, 2) px, and which of them the
            first picture shows, (M,) bool.
        matches: (L, 2) whole numbers: pairs of places in the two lists.
        match_px: how far apart a pair may lie and still be one point.

    Raises:
        BadData: a match names a feature that is not there.
    """
    there, is_shared = np.asarray(before[0], float).reshape(-1, 2), np.asarray(before[1], bool)
    here, is_shared_after = np.asarray(after[0], float).reshape(-1, 2), np.asarray(after[1], bool)
    pairs = np.asarray(matches, dtype=int).reshape(-1, 2)
    _check_places(pairs, len(there), len(here))
    pairs = pairs[is_shared[pairs[:, 0]] & is_shared_after[pairs[:, 1]]]
    off = np.linalg.norm(there[pairs[:, 0]] - here[pairs[:, 1]], axis=1)
    correct = int((off <= match_px).sum())
    found = _one_to_one(there[is_shared], here[is_shared_after], match_px)
    possible = min(int(is_shared.sum()), int(is_shared_after.sum()))
    return FeatureErrors(
        repeatability=_share(found, possible),
        matching_score=_share(correct, possible),
        precision=_share(correct, len(pairs)),
        recall=_share(correct, found),
        correspondences=found,
        matches=len(pairs),
        correct=correct,
    )


def _one_to_one(there: Floats, here: Floats, match_px: float) -> int:
    """How many pairs within `match_px` there are, the nearest taken first, each point once."""
    distance = np.linalg.norm(there[:, None] - here[None], axis=2)
    rows, columns = np.nonzero(distance <= match_px)
    order = np.argsort(distance[rows, columns], kind="stable")
    used_rows: set[int] = set()
    used_columns: set[int] = set()
    for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if row not in used_rows and column not in used_columns:
            used_rows.add(row)
            used_columns.add(column)
    return len(used_rows)


def _is_inside(xy: Floats, width: int, height: int) -> Bools:
    x, y = xy.T
    return (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _check_places(pairs: NDArray[np.int_], first: int, second: int) -> None:
    if pairs.size and ((pairs < 0).any() or (pairs >= (first, second)).any()):
        worst = pairs.max(0).tolist()
        raise BadData(
            f"matches name places up to {worst} of {first} and {second} features; leave out the "
            "empty ones."
        )
