import pytest
import torch

from toolkit.stages import threshold

ROW = torch.tensor([0.2, 0.5, 0.7]).view(1, 1, 1, 3)


def test_what_is_above_is_marked(run):
    assert run(threshold, ROW).flatten().tolist() == [0.0, 0.0, 1.0]


def test_a_value_outside_of_its_range_is_refused(run):
    with pytest.raises(ValueError, match=r"threshold.value: 2 is outside 0..1"):
        run(threshold, ROW, value=2.0)


def test_a_mask_is_float_and_has_the_size(run):
    mask = run(threshold, torch.rand(1, 1, 4, 6))
    assert mask.shape == (1, 1, 4, 6)
    assert mask.dtype == torch.float32


def test_inverted_marks_the_rest(run):
    assert run(threshold, ROW, invert=True).flatten().tolist() == [1.0, 1.0, 0.0]
