import pytest
import torch
from kornia.filters import median_blur

from toolkit.stages import median


def test_a_speck_disappears_and_an_edge_stays(run, step_picture):
    speckled = step_picture.clone()
    speckled[..., 5, 3] = 1.0
    assert torch.equal(run(median, speckled), step_picture)


def test_a_picture_of_one_row_is_refused(run):
    with pytest.raises(ValueError, match="median looks 1 px around each pixel"):
        run(median, torch.rand(1, 1, 1, 9))


@pytest.mark.parametrize("shape", [(1, 1, 2, 2), (1, 3, 17, 20)])
def test_it_is_kornias_median(run, shape):
    picture = torch.rand(shape)
    assert torch.equal(run(median, picture), median_blur(picture, 3))


def test_the_middle_of_nine_by_hand(run):
    picture = torch.tensor([[1.0, 9.0, 3.0], [8.0, 2.0, 7.0], [5.0, 4.0, 6.0]])[None, None]
    assert run(median, picture)[0, 0, 1, 1] == 5.0


def test_two_passes_are_one_after_the_other(run):
    picture = torch.rand(1, 1, 17, 20)
    assert torch.equal(run(median, picture, passes=2), run(median, run(median, picture)))
