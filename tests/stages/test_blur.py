import pytest
import torch
from kornia.filters import gaussian_blur2d

from toolkit.stages import blur


def test_a_point_becomes_a_gaussian(run):
    picture = torch.zeros(1, 1, 9, 9)
    picture[..., 4, 4] = 1.0
    soft = run(blur, picture, sigma=1.0)
    weights = torch.exp(-(torch.arange(-2.0, 3.0) ** 2) / 2)
    weights /= weights.sum()
    assert torch.allclose(soft[0, 0, 2:7, 2:7], weights[:, None] * weights, atol=1e-6)


def test_a_window_wider_than_the_picture_is_refused(run):
    with pytest.raises(ValueError, match=r"looks 10 px around.*8x40 px.*more than 10 px"):
        run(blur, torch.rand(1, 1, 40, 8), sigma=5.0)


def test_what_is_no_picture_is_refused(run):
    with pytest.raises(ValueError, match=r"blur takes one picture .* got \(5, 5\)"):
        run(blur, torch.rand(5, 5))
    with pytest.raises(ValueError, match=r"float32 and got torch.uint8"):
        run(blur, torch.zeros(1, 1, 9, 9, dtype=torch.uint8))


@pytest.mark.parametrize("sigma", [0.1, 5.5])
def test_sigma_outside_of_its_range_is_refused(run, sigma):
    with pytest.raises(ValueError, match=r"blur.sigma: .* outside 0.3..5 px"):
        run(blur, torch.rand(1, 1, 40, 40), sigma=sigma)


@pytest.mark.parametrize("shape", [(1, 1, 12, 30), (1, 3, 31, 12)])
def test_the_size_stays(run, shape):
    assert run(blur, torch.rand(shape)).shape == shape


@pytest.mark.parametrize(("sigma", "size"), [(0.3, 3), (1.0, 5), (1.2, 7), (5.0, 21)])
def test_it_is_kornias_blur(run, is_near, sigma, size):
    picture = torch.rand(1, 3, 40, 37)
    expected = gaussian_blur2d(picture, (size, size), (sigma, sigma))
    assert is_near(run(blur, picture, sigma=sigma), expected)


def test_a_flat_picture_stays_flat(run, is_near):
    picture = torch.full((1, 1, 24, 24), 0.7)
    assert is_near(run(blur, picture, sigma=3.0), picture)
