import pytest
import torch
from kornia.filters import unsharp_mask

from toolkit.stages import unsharp


def test_an_edge_gets_steeper(run, step_picture):
    sharp = run(unsharp, step_picture)
    assert sharp[0, 0, 6, 7] < 0.0
    assert sharp[0, 0, 6, 8] > 1.0


def test_a_window_wider_than_the_picture_is_refused(run):
    with pytest.raises(ValueError, match="unsharp looks 10 px around"):
        run(unsharp, torch.rand(1, 3, 9, 9), sigma=5.0)


def test_the_size_stays(run):
    assert run(unsharp, torch.rand(1, 3, 12, 30)).shape == (1, 3, 12, 30)


def test_amount_one_is_kornias_mask(run, is_near):
    picture = torch.rand(1, 3, 20, 30)
    assert is_near(run(unsharp, picture), unsharp_mask(picture, (5, 5), (1.0, 1.0)))


def test_amount_zero_changes_nothing(run, is_near):
    picture = torch.rand(1, 3, 20, 30)
    assert is_near(run(unsharp, picture, amount=0.0), picture)
