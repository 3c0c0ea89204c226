import pytest
import torch
from kornia.geometry import resize as kornia_resize

from toolkit.stages import resize


def test_a_picture_gets_another_size(run):
    assert run(resize, torch.rand(1, 3, 90, 160), width=80).shape == (1, 3, 45, 80)


def test_a_width_outside_of_its_range_is_refused(run):
    with pytest.raises(ValueError, match=r"resize.width: 4 px is outside 8..7680 px"):
        run(resize, torch.rand(1, 3, 9, 16), width=4)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic", "area", "nearest"])
def test_both_sizes_can_be_given(run, mode):
    result = run(resize, torch.rand(1, 1, 90, 160), width=32, height=24, mode=mode)
    assert result.shape == (1, 1, 24, 32)


def test_the_same_size_is_the_same_tensor(run):
    picture = torch.rand(1, 3, 90, 160)
    assert run(resize, picture, width=160) is picture


def test_half_the_size_averages_four_pixels(run, is_near):
    picture = torch.rand(1, 1, 16, 32)
    expected = torch.nn.functional.avg_pool2d(picture, 2)
    assert is_near(run(resize, picture, width=16, antialias=False), expected)


def test_without_antialias_it_is_kornias_resize(run, is_near):
    picture = torch.rand(1, 3, 90, 160)
    result = run(resize, picture, width=64, antialias=False)
    assert is_near(result, kornia_resize(picture, (36, 64)))


def test_antialias_does_not_let_fine_stripes_through(run):
    stripes = (torch.arange(160) % 2).float().expand(1, 1, 90, 160).contiguous()
    rough = run(resize, stripes, width=56, antialias=False)
    smooth = run(resize, stripes, width=56)
    assert smooth[..., 2:-2].std() < 0.2 * rough[..., 2:-2].std()
