import pytest
import torch
from kornia.geometry import build_pyramid

from toolkit.stages import pyramid


def test_each_level_is_half_the_one_before(run):
    picture = torch.rand(1, 1, 48, 64)
    levels = run(pyramid, picture, levels=3)
    assert levels[0] is picture
    assert [tuple(one.shape[-2:]) for one in levels] == [(48, 64), (24, 32), (12, 16)]


def test_more_levels_than_the_picture_has_are_refused(run):
    with pytest.raises(ValueError, match=r"16x9 px cannot be halved 4 times.* set levels to 3 or"):
        run(pyramid, torch.rand(1, 1, 9, 16), levels=5)


def test_a_picture_that_has_no_half_is_refused_without_a_number_of_levels(run):
    with pytest.raises(ValueError, match=r"2x40 px cannot be halved 1 times.* px; give a larger"):
        run(pyramid, torch.rand(1, 1, 40, 2), levels=2)


def test_as_many_levels_as_the_message_allows_work(run):
    assert len(run(pyramid, torch.rand(1, 1, 9, 16), levels=3)) == 3


def test_for_even_sizes_it_is_kornias_pyramid(run, is_near):
    picture = torch.rand(1, 1, 64, 96)
    for one, expected in zip(run(pyramid, picture), build_pyramid(picture, 4), strict=True):
        assert is_near(one, expected)


@pytest.mark.parametrize("width", [32, 33])
def test_a_pixel_lies_between_two_of_the_level_below(run, is_near, width):
    ramp = torch.arange(float(width)).expand(1, 1, 12, width).contiguous()
    level = run(pyramid, ramp, levels=2)[1]
    expected = 2 * torch.arange(float(width // 2)) + 0.5
    assert is_near(level[0, 0, 3, 1:-1], expected[1:-1], 1e-5)
