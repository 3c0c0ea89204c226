import pytest
import torch
from kornia import morphology as reference

from toolkit.stages import morphology

FUNCTIONS = {
    "dilate": reference.dilation,
    "erode": reference.erosion,
    "open": reference.opening,
    "close": reference.closing,
}


def element(radius, shape):
    side = 2 * radius + 1
    if shape == "square":
        return torch.ones(side, side)
    cross = torch.zeros(side, side)
    cross[radius], cross[:, radius] = 1.0, 1.0
    return cross


def test_a_point_grows_into_the_window(run):
    point = torch.zeros(1, 1, 5, 5)
    point[..., 2, 2] = 1.0
    grown = run(morphology, point, operation="dilate")
    assert torch.equal(grown[0, 0, 1:4, 1:4], torch.ones(3, 3))
    assert grown.sum() == 9
    assert run(morphology, point, operation="dilate", shape="cross").sum() == 5


def test_an_unknown_operation_is_refused(run):
    with pytest.raises(ValueError, match=r"morphology.operation: 'grow' is not one of 'dilate'"):
        run(morphology, torch.rand(1, 1, 5, 5), operation="grow")


def test_a_window_may_be_wider_than_the_picture(run):
    picture = torch.rand(1, 1, 4, 6)
    grown = run(morphology, picture, operation="dilate", radius=15)
    assert torch.equal(grown, picture.max().expand(1, 1, 4, 6))


@pytest.mark.parametrize("operation", FUNCTIONS)
@pytest.mark.parametrize("shape", ["square", "cross"])
@pytest.mark.parametrize("radius", [1, 2, 3, 7])
def test_it_is_kornias_morphology(run, operation, shape, radius):
    picture = torch.rand(1, 2, 21, 26)
    expected = FUNCTIONS[operation](picture, element(radius, shape), engine="unfold")
    result = run(morphology, picture, operation=operation, shape=shape, radius=radius)
    assert torch.equal(result, expected)


def test_opening_drops_a_speck_and_closing_fills_a_hole(run):
    field = torch.zeros(1, 1, 9, 9)
    field[..., 4, 4] = 1.0
    assert run(morphology, field, operation="open").sum() == 0
    assert run(morphology, 1 - field, operation="close").sum() == 81
