import pytest
import torch
from kornia.geometry import warp_affine, warp_perspective

from toolkit.stages import warp

SHIFT = ((1.0, 0.0, 2.0), (0.0, 1.0, 1.0), (0.0, 0.0, 1.0))
TILT = ((1.01, 0.05, -3.0), (-0.02, 0.97, 4.0), (1e-4, 2e-4, 1.0))


def test_a_shift_moves_pixels(run, is_near):
    picture = torch.rand(1, 1, 8, 9)
    moved = run(warp, picture, matrix=SHIFT)
    assert is_near(moved[..., 1:, 2:], picture[..., :-1, :-2], 1e-5)
    assert moved[..., 0, :].abs().max() < 1e-6


def test_a_matrix_that_cannot_be_turned_around_is_refused(run):
    flat = ((1.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0))
    with pytest.raises(ValueError, match="determinant 0, so it flattens the picture"):
        run(warp, torch.rand(1, 1, 8, 9), matrix=flat)
    with pytest.raises(ValueError, match="a matrix of 2x3 is not a 3x3 matrix"):
        run(warp, torch.rand(1, 1, 8, 9), matrix=SHIFT[:2])


@pytest.mark.parametrize("shape", [(1, 1, 8, 9), (1, 3, 1, 5)])
def test_the_size_stays(run, shape):
    assert run(warp, torch.rand(shape), matrix=TILT).shape == shape


@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
def test_the_identity_changes_nothing(run, is_near, mode):
    picture = torch.rand(1, 3, 20, 30)
    assert is_near(run(warp, picture, mode=mode), picture, 1e-4)


@pytest.mark.parametrize("outside", ["zeros", "border", "reflection"])
def test_it_is_kornias_warp(run, is_near, outside):
    picture = torch.rand(1, 3, 48, 64)
    matrix = torch.tensor([TILT])
    expected = warp_perspective(picture, matrix, (48, 64), padding_mode=outside)
    assert is_near(run(warp, picture, matrix=TILT, outside=outside), expected, 1e-4)


def test_an_affine_matrix_is_kornias_affine_warp(run, is_near):
    picture = torch.rand(1, 3, 48, 64)
    affine = (*TILT[:2], (0.0, 0.0, 1.0))
    expected = warp_affine(picture, torch.tensor([TILT[:2]]), (48, 64))
    assert is_near(run(warp, picture, matrix=affine), expected, 1e-4)
