"""Are features found again as well as OpenCV's ORB finds its own? On real pictures, turned."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
import torch

from toolkit.stages import features, homography, matches

cv2 = pytest.importorskip("cv2")
WIDTH, HEIGHT, COUNT = 640, 480, 500


class Found(NamedTuple):
    """Points (N, 2) px and their bits (N, 32) uint8."""

    xy: np.ndarray
    bits: np.ndarray


@pytest.fixture(scope="module")
def ours_of(run) -> Callable[[np.ndarray], Found]:
    def find(picture):
        result = run(features, as_gray(picture), count=COUNT)
        is_there = result.score[0] > 0
        return Found(result.xy[0][is_there].numpy(), result.descriptor[0][is_there].numpy())

    return find


def as_gray(picture):
    return torch.from_numpy(picture).float().div(255)[None, None]


def orb_of(picture):
    points, bits = cv2.ORB_create(COUNT).detectAndCompute(picture, None)
    return Found(np.array([one.pt for one in points]), bits)


@pytest.fixture(scope="module")
def pictures(test_data, ours_of):
    """A face, a table and a garage, (480, 640) uint8, each with both kinds of features."""
    names = ("faces/astronaut.png", "faces/coffee.png", "flow/motorcycle_left.png")
    found = [cv2.imread(str(test_data / name), cv2.IMREAD_GRAYSCALE) for name in names]
    if any(one is None for one in found):
        pytest.skip(f"one of {', '.join(names)} is not in {test_data}")
    return [(one, ours_of(one), orb_of(one)) for one in map(_cut, found)]


def _cut(picture):
    scale = max(WIDTH / picture.shape[1], HEIGHT / picture.shape[0])
    size = [math.ceil(side * scale) for side in picture.shape[::-1]]
    return cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR)[:HEIGHT, :WIDTH].copy()


def turned(picture, degrees, scale):
    """The picture turned and resized about its middle, with some noise, and the (2, 3) map."""
    matrix = cv2.getRotationMatrix2D(((WIDTH - 1) / 2, (HEIGHT - 1) / 2), degrees, scale)
    soft = cv2.GaussianBlur(picture, (0, 0), 0.4 / scale) if scale < 1 else picture
    moved = cv2.warpAffine(soft, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC)
    noise = np.random.default_rng(0).normal(0, 2, moved.shape)
    return np.clip(moved + noise, 0, 255).astype(np.uint8), matrix


def landed(xy, matrix):
    return xy @ matrix[:, :2].T + matrix[:, 2]


def visible(xy):
    return ((xy >= 0) & (xy <= (WIDTH - 1, HEIGHT - 1))).all(1)


def matching_score(one, other, matrix, scale):
    """Mutual nearest that are right to 3 px, as a part of what is visible in both pictures."""
    there = landed(one.xy, matrix)
    back = visible(landed(other.xy, cv2.invertAffineTransform(matrix)))
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(one.bits, other.bits)
    errors = [np.linalg.norm(there[one.queryIdx] - other.xy[one.trainIdx]) for one in pairs]
    right = sum(error < 3 * max(scale, 1.0) for error in errors)
    return right / min(visible(there).sum(), back.sum())


@pytest.mark.parametrize("scale", [0.7, 0.85, 1.0, 1.2, 1.4])
@pytest.mark.parametrize("degrees", [15, 30, 45, 60])
def test_the_matching_score_is_within_five_percent_of_orb_s(
    pictures, ours_of, record_property, degrees, scale
):
    ours, orb = [], []
    for picture, by_us, by_orb in pictures:
        moved, matrix = turned(picture, degrees, scale)
        ours += [matching_score(by_us, ours_of(moved), matrix, scale)]
        orb += [matching_score(by_orb, orb_of(moved), matrix, scale)]
    record_property("score, ours and ORB's", f"{np.mean(ours):.3f} {np.mean(orb):.3f}")
    assert np.mean(ours) >= 0.95 * np.mean(orb)


def test_a_turned_picture_is_laid_over_the_other_by_its_features(pictures, run):
    for picture, *_ in pictures:
        moved, matrix = turned(picture, 40, 0.8)
        before, after = (run(features, as_gray(one), count=COUNT) for one in (picture, moved))
        model = run(homography, run(matches, after, before))
        assert bool(model.is_valid)
        corners = np.array([[0, 0], [WIDTH - 1, 0], [0, HEIGHT - 1], [WIDTH - 1, HEIGHT - 1.0]])
        ones = np.concatenate([corners, np.ones((4, 1))], 1) @ model.matrix[0].numpy().T
        error = np.linalg.norm(ones[:, :2] / ones[:, 2:] - landed(corners, matrix), axis=1)
        assert error.mean() < 1.0
