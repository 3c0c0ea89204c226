import numpy as np
import pytest
import torch

from toolkit.stages import homography
from toolkit.stages.declare import Pairs
from toolkit.stages.matches import Matches

TRUTH = torch.tensor([[1.1, -0.3, 20.0], [0.35, 0.95, -12.0], [2e-4, -1e-4, 1.0]])
CORNERS = torch.tensor([[0.0, 0.0], [639.0, 0.0], [0.0, 479.0], [639.0, 479.0]])


def moved(points, matrix=TRUTH):
    """Points (..., 2) where a 3x3 matrix takes them, in float64."""
    ones = torch.ones_like(points[..., :1])
    there = torch.cat((points, ones), -1).double() @ matrix.double().T
    return (there[..., :2] / there[..., 2:]).float()


def pairs_of(count=200, wrong=0, noise=0.0, seed=0, matrix=TRUTH):
    """Pairs that a plane explains, of which the first `wrong` land anywhere."""
    generator = torch.Generator().manual_seed(seed)
    size = torch.tensor([640.0, 480.0])
    before = torch.rand(1, count, 2, generator=generator) * size
    after = moved(before, matrix)
    after += noise * torch.randn(after.shape, generator=generator)
    after[:, :wrong] = torch.rand(1, wrong, 2, generator=generator) * size
    return Pairs(before, after, torch.ones(1, count, dtype=torch.bool))


def error_px(model, matrix=TRUTH):
    """How far the corners of the picture land from where they should, px, on average."""
    return float((moved(CORNERS, model.matrix[0]) - moved(CORNERS, matrix)).norm(dim=-1).mean())


def test_exact_pairs_give_the_matrix(run):
    model = run(homography, pairs_of())
    assert bool(model.is_valid)
    assert model.is_inlier.all()
    assert error_px(model) < 0.01
    assert float(model.matrix[0, 2, 2]) == 1.0


def test_wrong_pairs_are_told_apart(run):
    model = run(homography, pairs_of(300, wrong=150, noise=0.3))
    assert error_px(model) < 0.25
    assert int(model.is_inlier[0, :150].sum()) <= 3
    assert model.is_inlier[0, 150:].all()


@pytest.mark.parametrize("seed", range(5))
def test_two_thirds_of_wrong_pairs_are_endured(run, seed):
    assert error_px(run(homography, pairs_of(450, wrong=300, noise=0.3, seed=seed))) < 0.5


def test_a_picture_is_refused(run):
    with pytest.raises(ValueError, match=r"homography takes pairs of points, \(1, K, 2\) each"):
        run(homography, (torch.rand(1, 1, 40, 50),))


def test_three_places_are_refused(run):
    with pytest.raises(ValueError, match="needs four pairs, and there is room for 3 only"):
        run(homography, pairs_of(3))


@pytest.mark.parametrize("count", [4, 16, 1000])
def test_shapes_do_not_depend_on_what_is_found(run, count):
    for wrong in (0, count):
        model = run(homography, pairs_of(count, wrong=wrong))
        assert model.matrix.shape == (1, 3, 3)
        assert model.is_inlier.shape == (1, count)
        assert model.is_valid.shape == (1,)


def test_four_pairs_are_enough_if_one_says_so(run):
    corners = CORNERS[None]
    pairs = Pairs(corners, moved(corners), torch.ones(1, 4, dtype=torch.bool))
    assert not run(homography, pairs).is_valid
    model = run(homography, pairs, least=4)
    assert bool(model.is_valid)
    assert error_px(model) < 0.01


def test_empty_places_do_not_count(run):
    pairs = pairs_of(100, wrong=60)
    is_valid = torch.arange(100)[None] >= 60
    nonsense = pairs.after.masked_fill(~is_valid[..., None], float("nan"))
    model = run(homography, pairs._replace(after=nonsense, is_valid=is_valid))
    assert error_px(model) < 0.01
    assert torch.equal(model.is_inlier, is_valid)


@pytest.mark.parametrize("there", [0, 1, 3, 5])
def test_too_few_pairs_are_no_result(run, there):
    pairs = pairs_of(50)
    model = run(homography, pairs._replace(is_valid=torch.arange(50)[None] < there))
    assert not model.is_valid
    assert torch.equal(model.matrix[0], torch.eye(3))
    assert not model.is_inlier.any()


def test_wrong_pairs_alone_are_no_result(run):
    model = run(homography, pairs_of(60, wrong=60))
    assert not model.is_valid
    assert torch.equal(model.matrix[0], torch.eye(3))


def on_a_line():
    along = torch.linspace(0, 400, 80)
    line = torch.stack((along, 0.5 * along + 30), -1)[None]
    return Pairs(line, line + 7, torch.ones(1, 80, dtype=torch.bool))


def in_one_point():
    point = torch.full((1, 80, 2), 100.0)
    return Pairs(point, point + 7, torch.ones(1, 80, dtype=torch.bool))


@pytest.mark.parametrize("noise", [0.0, 0.5])
@pytest.mark.parametrize("degenerate", [on_a_line, in_one_point])
def test_pairs_on_a_line_or_in_a_point_are_no_result(run, degenerate, noise):
    pairs = degenerate()
    jitter = noise * torch.randn(1, 80, 2, generator=torch.Generator().manual_seed(0))
    model = run(homography, pairs._replace(after=pairs.after + jitter))
    assert not model.is_valid
    assert torch.equal(model.matrix[0], torch.eye(3))


def test_nothing_moved_is_the_identity(run):
    still = pairs_of(matrix=torch.eye(3))
    model = run(homography, still._replace(after=still.before))
    assert torch.allclose(model.matrix[0], torch.eye(3), atol=1e-4)


def test_a_mirrored_picture_is_no_view_of_a_plane(run):
    mirror = torch.tensor([[-1.0, 0.0, 639.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    assert not run(homography, pairs_of(matrix=mirror)).is_valid


def test_matches_are_taken_for_pairs(run):
    pairs = pairs_of(64)
    unused = torch.zeros(1, 64, dtype=torch.int64)
    found = Matches(*pairs, unused, unused)
    model = run(homography, found)
    assert torch.equal(model.matrix, run(homography, pairs).matrix)


def test_the_same_pairs_give_the_same_model(run):
    pairs = pairs_of(wrong=80, noise=0.5)
    assert torch.equal(run(homography, pairs).matrix, run(homography, pairs).matrix)


def test_the_homography_is_as_near_as_ransac_s(run):
    cv2 = pytest.importorskip("cv2")
    generator = np.random.default_rng(5)
    ours, theirs = [], []
    truth = np.array([[0.8, -0.5, 200.0], [0.5, 0.9, -60.0], [3e-4, -2e-4, 1.0]])
    for _ in range(10):
        before = generator.uniform((0, 0), (640, 480), (300, 2))
        exact = np.concatenate([before, np.ones((300, 1))], 1) @ truth.T
        after = exact[:, :2] / exact[:, 2:] + generator.normal(0, 0.5, (300, 2))
        after[:120] = generator.uniform((0, 0), (640, 480), (120, 2))
        given = (torch.from_numpy(one).float()[None] for one in (before, after))
        model = run(homography, Pairs(*given, torch.ones(1, 300, dtype=torch.bool)))
        ours.append(_distance(model.matrix[0].numpy().astype(float), truth))
        theirs.append(_distance(cv2.findHomography(before, after, cv2.RANSAC, 3.0)[0], truth))
    assert np.median(ours) <= 1.1 * np.median(theirs)


def _distance(matrix, truth):
    """Mean distance of the corners of the picture under two homographies, px."""
    corners = np.array([[0, 0, 1], [640, 0, 1], [0, 480, 1], [640, 480, 1.0]]).T
    one, other = matrix @ corners, truth @ corners
    return np.linalg.norm(one[:2] / one[2] - other[:2] / other[2], axis=0).mean()
