import pytest
import torch
from torch.nn import functional

from toolkit.stages.inverse_search import patch_grid, search

CPU = torch.device("cpu")


@pytest.fixture
def texture():
    coarse = torch.rand(1, 1, 12, 16, generator=torch.Generator().manual_seed(0))
    return functional.interpolate(coarse, size=(48, 64), mode="bicubic").clamp(0, 1)


def find(before, after, guess=(0.0, 0.0), steps=(1, 1, 1, 1)):
    height, width = before.shape[-2:]
    flow = torch.tensor(guess).view(1, 2, 1, 1).expand(1, 2, height, width)
    return search(before, after, flow, grid=patch_grid(height, width, steps=steps, device=CPU))


def distance(found, right, down, border=12):
    """How far the flow is from a shift, px, within the picture."""
    inner = found[0, :, border:-border, border:-border]
    return (inner - torch.tensor([right, down]).view(2, 1, 1)).norm(dim=0)


def test_patches_find_where_they_went(texture):
    found = find(texture, texture.roll((1, 2), (2, 3)), steps=(2,) * 8)
    assert distance(found, 2.0, 1.0).max() < 0.05


@pytest.mark.parametrize(
    ("height", "width", "rows", "columns"), [(8, 8, 1, 1), (9, 8, 2, 1), (48, 64, 11, 15)]
)
def test_patches_cover_every_pixel(height, width, rows, columns):
    grid = patch_grid(height, width, steps=(1,), device=CPU)
    assert (grid.rows, grid.columns) == (rows, columns)
    assert grid.origin.shape == (2, rows * columns)
    assert (rows - 1) * 4 + 8 >= height
    picture = torch.rand(1, 1, height, width)
    assert search(picture, picture, torch.zeros(1, 2, height, width), grid=grid).shape == (
        *(1, 2),
        *(height, width),
    )


@pytest.mark.parametrize(("trials", "reach"), [(2, 1), (6, 3)])
def test_a_good_guess_spreads_by_a_patch_a_trial(texture, trials, reach):
    flow = torch.zeros(1, 2, 48, 64)
    flow[:, 0, :, 32:] = 5.0
    grid = patch_grid(48, 64, steps=(0,) * trials, device=CPU)
    found = search(texture, texture.roll(5, 3), flow, grid=grid)[0, 0, 16:-16]
    # Every other trial is one to the sides. A patch that began at column 28 has its centre at 32.
    first = 28 - 4 * reach
    assert (found[:, first + 4 : 52] - 5).abs().max() < 0.02
    assert found[:, : first - 2].abs().max() < 0.02


def test_a_brighter_picture_is_no_motion(texture):
    assert distance(find(texture * 0.5, texture * 0.5 + 0.4), 0.0, 0.0).max() < 1e-3


def test_a_patch_without_texture_stays_where_the_guess_is(texture):
    found = find(torch.zeros_like(texture), texture, guess=(3.0, -2.0), steps=(1,))
    assert distance(found, 3.0, -2.0).max() < 1e-5


def test_far_outside_there_is_the_border_and_no_error(texture):
    found = find(texture, texture, guess=(500.0, -500.0))
    assert found.isfinite().all()
