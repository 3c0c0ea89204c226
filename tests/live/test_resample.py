"""How does a picture get smaller? By areas, which are computed by hand here."""

import pytest
import torch
from torch.nn import functional

from toolkit.live.resample import Resampler, area_taps, fit
from toolkit.live.scratch import Scratch

CPU = torch.device("cpu")


def test_half_the_size_is_the_mean_of_pairs():
    assert area_taps(4, 2) == [([0, 2], [0.5, 0.5]), ([1, 3], [0.5, 0.5])]


def test_twice_the_size_repeats_each_pixel():
    assert area_taps(2, 4) == [([0, 0, 1, 1], [1.0, 1.0, 1.0, 1.0])]


def test_three_become_two_by_shares():
    (first, share), (second, rest) = area_taps(3, 2)
    assert (first, second) == ([0, 1], [1, 2])
    assert share == pytest.approx([2 / 3, 1 / 3])
    assert rest == pytest.approx([1 / 3, 2 / 3])


@pytest.mark.parametrize(("source", "target"), [(640, 333), (7, 3), (1080, 1), (5, 5), (3, 8)])
def test_the_shares_of_a_pixel_are_one_whole_and_inside(source, target):
    taps = area_taps(source, target)
    for pixel in range(target):
        assert sum(weights[pixel] for _, weights in taps) == pytest.approx(1.0)
        assert all(0 <= places[pixel] < source for places, _ in taps)


def test_it_is_what_torch_calls_area_where_that_is_exact():
    picture = torch.rand(3, 12, 20)
    made = Resampler(3, (12, 20), (4, 5), Scratch(CPU))(picture)
    assert torch.allclose(made, functional.interpolate(picture[None], (4, 5), mode="area")[0])


def test_the_same_size_is_the_same_picture():
    picture = torch.rand(1, 4, 4)
    resample = Resampler(1, (4, 4), (4, 4), Scratch(CPU))
    assert resample.is_idle
    assert resample(picture) is picture


def test_rows_and_columns_come_out_in_the_opposite_order():
    picture = torch.arange(6.0).view(1, 2, 3)
    turned = Resampler(1, (2, 3), (2, 3), Scratch(CPU), (True, True))(picture)
    assert turned.tolist() == picture.flip(1, 2).tolist()


@pytest.mark.parametrize(
    ("box", "size"),
    [((320, 0), (320, 240)), ((0, 120), (160, 120)), ((9000, 9000), (640, 480)), ((1, 1), (1, 1))],
)
def test_a_picture_fits_into_its_box_and_is_not_enlarged(box, size):
    assert fit(640, 480, *box) == size
