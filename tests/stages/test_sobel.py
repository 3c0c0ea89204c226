import pytest
import torch
from kornia.filters import sobel as kornia_sobel
from kornia.filters import spatial_gradient

from toolkit.stages import magnitude, sobel


def test_a_ramp_answers_its_slope(run):
    ramp = 0.01 * torch.arange(8.0).expand(5, 8)[None, None]
    gradient = run(sobel, ramp)
    assert gradient.shape == (1, 2, 5, 8)
    assert torch.allclose(gradient[0, 0, :, 1:-1], torch.full((5, 6), 0.01), atol=1e-7)
    assert torch.allclose(gradient[0, 0, :, 0], torch.full((5,), 0.005), atol=1e-7)
    assert gradient[0, 1].abs().max() < 1e-7


def test_colors_are_refused(run):
    with pytest.raises(ValueError, match=r"sobel takes one picture of shape \(1, 1, H, W\)"):
        run(sobel, torch.rand(1, 3, 8, 8))


def test_a_picture_of_two_rows_is_refused(run):
    with pytest.raises(ValueError, match="this picture has 8x2 px; give it at least 3x3"):
        run(sobel, torch.rand(1, 1, 2, 8))


@pytest.mark.parametrize("shape", [(1, 1, 3, 3), (1, 1, 20, 31)])
def test_it_is_kornias_gradient(run, is_near, shape):
    picture = torch.rand(shape)
    assert is_near(run(sobel, picture), spatial_gradient(picture)[:, 0])


def test_magnitude_is_kornias_sobel(run, is_near):
    picture = torch.rand(1, 1, 20, 31)
    assert is_near(magnitude(run(sobel, picture)), kornia_sobel(picture, eps=0.0))


def test_magnitude_by_hand():
    gradient = torch.tensor([3.0, 4.0]).view(1, 2, 1, 1)
    assert magnitude(gradient).item() == 5.0
