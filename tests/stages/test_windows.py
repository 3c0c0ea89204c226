import pytest
import torch
from torch.nn.functional import max_pool2d

from toolkit.stages.windows import sliding_max, sliding_min


@pytest.mark.parametrize("height", [1, 2, 3, 7])
@pytest.mark.parametrize("width", [1, 4, 5, 15])
def test_each_window_answers_its_extremes(height, width):
    values = torch.rand(1, 2, 20, 24)
    assert torch.equal(sliding_max(values, height, width), max_pool2d(values, (height, width), 1))
    expected = -max_pool2d(-values, (height, width), 1)
    assert torch.equal(sliding_min(values, height, width), expected)


def test_a_row_by_hand():
    row = torch.tensor([[3, 1, 2, 5, 4]], dtype=torch.uint8)
    assert sliding_max(row, 1, 3).tolist() == [[3, 5, 5]]
    assert sliding_min(row, 1, 3).tolist() == [[1, 1, 2]]
