import pytest
import torch
from kornia.enhance import equalize_clahe

from toolkit.stages import clahe


def test_a_dark_picture_gets_contrast(run):
    dark = 0.2 * torch.rand(1, 1, 64, 64)
    bright = run(clahe, dark)
    assert bright.std() > 1.5 * dark.std()
    assert 0.0 <= bright.min() <= bright.max() <= 1.0


def test_more_tiles_than_pixels_are_refused(run):
    with pytest.raises(ValueError, match=r"8x8 px has no 8x8 tiles .* set grid to 7 or less"):
        run(clahe, torch.rand(1, 1, 8, 8))


@pytest.mark.parametrize("size", [(64, 64), (64, 72), (61, 70), (40, 100)])
@pytest.mark.parametrize("clip_limit", [0.0, 2.0, 40.0])
def test_it_is_kornias_clahe(run, is_near, size, clip_limit):
    picture = torch.rand(1, 1, *size) ** 2
    assert is_near(
        run(clahe, picture, clip_limit=clip_limit), equalize_clahe(picture, clip_limit, (8, 8))
    )


def test_another_grid_is_kornias_too(run, is_near):
    picture = torch.rand(1, 1, 50, 60)
    assert is_near(run(clahe, picture, grid=3), equalize_clahe(picture, 2.0, (3, 3)))


def test_values_outside_count_as_black_and_white(run):
    picture = torch.rand(1, 1, 32, 32) * 1.4 - 0.2
    assert torch.equal(run(clahe, picture), run(clahe, picture.clamp(0, 1)))
