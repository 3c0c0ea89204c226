import pytest
import torch
from kornia.filters import canny

from toolkit.stages import blur, edges, linked_edges, sobel


@pytest.fixture
def gradient(run):
    def make(picture):
        return run(sobel, run(blur, picture))

    return make


def test_a_step_is_one_line(run, gradient, step_picture):
    found = run(edges, gradient(step_picture))
    # The step lies between columns 7 and 8, equally steep on both: the left one is kept.
    expected = torch.zeros_like(step_picture)
    expected[..., 7] = 1.0
    assert torch.equal(found, expected)


@pytest.mark.parametrize("sigma", [0.7, 1.0, 1.3, 2.0])
@pytest.mark.parametrize("turned", [False, True])
def test_rounding_makes_no_edge_thick_and_none_vanish(run, sigma, turned):
    picture = torch.zeros(1, 1, 200, 24)
    # Each row has its own contrast and rounds in its own way; rows differ too little to show.
    picture[..., 12:] = torch.linspace(0.3, 1.0, 200)[:, None]
    picture = picture.transpose(2, 3).contiguous() if turned else picture
    found = run(edges, run(sobel, run(blur, picture, sigma=sigma)))
    lines = found.sum(2 if turned else 3).flatten()
    assert torch.equal(lines, torch.ones(200))


def test_a_low_threshold_above_the_high_one_is_refused(run, gradient, step_picture):
    with pytest.raises(ValueError, match=r"low=0.1 is above high=0.05 1/px.*lower low"):
        run(edges, gradient(step_picture), low=0.1, high=0.05)


def test_a_picture_instead_of_a_gradient_is_refused(run, step_picture):
    with pytest.raises(ValueError, match=r"edges takes one picture of shape \(1, 2, H, W\)"):
        run(edges, step_picture)


@pytest.mark.parametrize("size", [(3, 3), (24, 31)])
def test_one_value_per_pixel(run, size):
    found = run(edges, torch.rand(1, 2, *size) - 0.5)
    assert found.shape == (1, 1, *size)
    assert set(found.unique().tolist()) <= {0.0, 0.5, 1.0}


def test_thresholds_by_hand(run):
    # One row of slopes along x: only local maxima count, and each by its own steepness.
    slopes = torch.tensor([0.0, 0.02, 0.0, 0.2, 0.1, 0.0, 0.04, 0.0, 0.0])
    gradient = torch.stack((slopes.expand(3, 9), torch.zeros(3, 9)))[None]
    found = run(edges, gradient, low=0.03, high=0.1)
    assert found[0, 0, 1].tolist() == [0, 0, 0, 1.0, 0, 0, 0.5, 0, 0]


def test_a_flat_picture_has_no_edges(run, gradient):
    assert run(edges, gradient(torch.full((1, 1, 16, 16), 0.5))).sum() == 0


@pytest.mark.parametrize("picture", [torch.rand(1, 1, 60, 80), torch.rand(1, 1, 60, 80) * 0.1])
def test_it_is_kornias_canny(run, gradient, picture):
    expected = canny(picture, hysteresis=False)[1]
    agrees = run(edges, gradient(picture)) == expected
    # Kornia rounds an angle where products are compared here: one pixel in ten thousand may differ.
    assert agrees.float().mean() > 0.9999


def test_linking_declares_its_sync():
    assert linked_edges.syncs
    assert not edges.syncs
    assert linked_edges.requires == ("edges",)


def test_a_weak_line_is_kept_if_it_reaches_a_strong_pixel(run):
    weak = torch.zeros(1, 1, 5, 40)
    weak[..., 1, 2:38] = 0.5
    weak[..., 3, 2:38] = 0.5
    weak[..., 1, 2] = 1.0
    expected = torch.zeros_like(weak)
    expected[..., 1, 2:38] = 1.0
    assert torch.equal(run(linked_edges, weak), expected)


def test_linking_is_kornias_hysteresis(run, gradient):
    picture = 0.15 * torch.rand(1, 1, 60, 80)
    weak = run(edges, gradient(picture))
    found = run(linked_edges, weak)
    assert 0 < found.sum() < (weak > 0).sum()
    assert (found == canny(picture)[1]).float().mean() > 0.999
