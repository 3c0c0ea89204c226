"""Are points followed as well as by OpenCV's pyramidal Lucas-Kanade, both there and back?"""

import pytest
import torch

from toolkit.stages import blur, corners, pyramid, sobel, tracks
from toolkit.stages.declare import Corners

pytest.importorskip("cv2")
REAL = ["RubberWhale", "Motorcycle", "Flying Chair"]


@pytest.fixture
def both_errors(run):
    """How far the points that are kept are off where the flow is known, px, of both back ends."""

    def measure(pair):
        levels = 4 if min(pair.before.shape[-2:]) >= 64 else 3
        before, after = (run(pyramid, one, levels=levels) for one in pair[:2])
        found = run(corners, run(sobel, run(blur, pair.before)), count=512)
        nothing_new = Corners(torch.zeros_like(found.xy), torch.zeros_like(found.score))
        inputs = (after, nothing_new, before, tracks.first(before, found))
        return [off(pair, run(tracks, *inputs, backend=one)) for one in ("torch", "opencv")]

    return measure


def off(pair, found):
    before, after, is_valid = (one[0] for one in found.pairs)
    x, y = before.round().long().unbind(-1)
    errors = (after - before - pair.flow[:, y, x].T).norm(dim=-1)
    return errors[is_valid & pair.is_known[y, x]]


@pytest.fixture
def assert_as_good(record_property):
    def check(ours, theirs):
        for name, of in (("ours", ours), ("OpenCV", theirs)):
            figures = f"{of.median():.4f} {int((of > 1).sum())} {len(of)}"
            record_property(f"median px, outliers and kept, {name}", figures)
        assert ours.median() <= theirs.median() + 0.02
        assert (ours > 1).sum() <= (theirs > 1).sum()
        assert len(ours) >= 0.97 * len(theirs)

    return check


def test_on_drawn_scenes(both_errors, drawn, assert_as_good):
    assert_as_good(*(torch.cat(of) for of in zip(*map(both_errors, drawn), strict=True)))


def test_on_the_real_pairs(both_errors, real, assert_as_good):
    errors = [both_errors(real(name)) for name in REAL]
    assert_as_good(*(torch.cat(of) for of in zip(*errors, strict=True)))


@pytest.mark.parametrize("name", REAL[:2])
def test_on_a_real_pair_alone(both_errors, real, assert_as_good, name):
    assert_as_good(*both_errors(real(name)))
