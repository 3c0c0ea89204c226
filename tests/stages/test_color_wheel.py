import pytest
import torch

from toolkit.stages.color_wheel import color_wheel, paint_flow

RIGHT, DOWN, LEFT, UP = (1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0)


@pytest.fixture
def color_of():
    """Colour of one vector, longest 1 px."""

    def paint(u, v):
        flow = torch.tensor([u, v]).view(1, 2, 1, 1)
        color, _ = paint_flow(flow, color_wheel(flow.device), longest=1.0)
        return color.flatten()

    return paint


def test_the_wheel_has_55_hues_from_red_over_green_and_blue(color_of):
    wheel = color_wheel(torch.device("cpu"))
    assert wheel.shape == (1, 3, 1, 55)
    places = {0: (1, 0, 0), 15: (1, 1, 0), 21: (0, 1, 0), 25: (0, 1, 1), 36: (0, 0, 1)}
    for place, color in places.items():
        assert wheel[0, :, 0, place].tolist() == list(color)
    assert torch.allclose(wheel[0, :, 0, 7], torch.tensor([1.0, 7 / 15, 0.0]))


def test_to_the_right_is_red_and_standing_still_is_white(color_of):
    assert torch.allclose(color_of(*RIGHT), torch.tensor([1.0, 0.0, 0.0]), atol=1e-6)
    assert torch.allclose(color_of(0.0, 0.0), torch.ones(3))


def test_other_directions_lie_between_hues(color_of):
    # Down is a quarter of the way from hue 0 to hue 54, left is half of it.
    assert torch.allclose(color_of(*DOWN), torch.tensor([1.0, 13.5 / 15, 0.0]), atol=1e-5)
    assert torch.allclose(color_of(*LEFT), torch.tensor([0.0, 9 / 11, 1.0]), atol=1e-5)
    assert torch.allclose(color_of(*UP), torch.tensor([4.5 / 13, 0.0, 1.0]), atol=1e-5)


def test_half_as_far_is_half_as_pale_and_too_far_is_darker(color_of):
    assert torch.allclose(color_of(0.5, 0.0), torch.tensor([1.0, 0.5, 0.5]), atol=1e-6)
    assert torch.allclose(color_of(3.0, 0.0), torch.tensor([0.75, 0.0, 0.0]), atol=1e-6)


def test_it_is_the_colour_code_that_came_with_the_benchmark(color_of):
    """The program `colorcode`, pixel by pixel."""
    wheel = color_wheel(torch.device("cpu"))[0, :, 0].T.double()
    generator = torch.Generator().manual_seed(0)
    for u, v in (torch.rand(50, 2, generator=generator) * 2.4 - 1.2).tolist():
        u, v = torch.tensor(u).double(), torch.tensor(v).double()
        length = torch.hypot(u, v)
        place = (torch.atan2(-v, -u) / torch.pi + 1) / 2 * 54
        first = int(place)
        part = place - first
        hue = (1 - part) * wheel[first] + part * wheel[(first + 1) % 55]
        expected = 1 - length * (1 - hue) if length <= 1 else hue * 0.75
        assert torch.allclose(color_of(float(u), float(v)).double(), expected, atol=1e-4)
