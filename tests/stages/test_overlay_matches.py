import pytest
import torch

from toolkit.stages import overlay_matches
from toolkit.stages.declare import Pairs
from toolkit.stages.matches import Matches

RED = torch.tensor([1.0, 0.1, 0.1])


@pytest.fixture
def picture():
    return torch.rand(1, 3, 12, 16) * 0.5


def pair(before, after, is_valid=True):
    return Pairs(torch.tensor([[before]]), torch.tensor([[after]]), torch.tensor([[is_valid]]))


def changed(drawn, picture):
    """Which pixels differ, as y, x."""
    return [tuple(one) for one in (drawn != picture).any(1)[0].nonzero().tolist()]


def test_a_line_goes_from_before_to_after(run, picture):
    drawn = run(overlay_matches, picture, pair((2.0, 3.0), (8.0, 3.0)), color="red", radius=0)
    assert changed(drawn, picture) == [(3, x) for x in range(2, 9)]
    assert torch.equal(drawn[0, :, 3, 5], RED)


def test_it_ends_in_a_square(run, picture):
    drawn = run(overlay_matches, picture, pair((2.0, 3.0), (8.0, 3.0)), radius=1)
    square = {(y, x) for y in (2, 3, 4) for x in (7, 8, 9)}
    assert set(changed(drawn, picture)) == square | {(3, x) for x in range(2, 8)}


def test_a_gray_picture_is_refused(run):
    with pytest.raises(ValueError, match=r"overlay_matches takes one picture of shape \(1, 3, H"):
        run(overlay_matches, torch.rand(1, 1, 12, 16), pair((0.0, 0.0), (1.0, 1.0)))


def test_the_size_stays_and_the_picture_is_contiguous(run, picture):
    drawn = run(overlay_matches, picture, pair((0.0, 0.0), (3.0, 3.0)))
    assert drawn.shape == picture.shape
    assert drawn.is_contiguous()


def test_an_empty_place_draws_nothing_whatever_it_holds(run, picture):
    nothing = pair((2.0, float("nan")), (float("inf"), 3.0), is_valid=False)
    assert torch.equal(run(overlay_matches, picture, nothing), picture)


def test_a_line_out_of_the_picture_is_cut_off(run, picture):
    drawn = run(overlay_matches, picture, pair((13.0, 5.0), (40.0, 5.0)), dots=28)
    assert changed(drawn, picture) == [(5, 13), (5, 14), (5, 15)]


def test_a_line_of_more_px_than_dots_is_dotted(run, picture):
    drawn = run(overlay_matches, picture, pair((0.0, 0.0), (10.0, 0.0)), dots=3, radius=0)
    assert changed(drawn, picture) == [(0, 0), (0, 5), (0, 10)]


def test_matches_are_taken_for_pairs(run, picture):
    pairs = pair((2.0, 3.0), (8.0, 7.0))
    unused = torch.zeros(1, 1, dtype=torch.int64)
    drawn = run(overlay_matches, picture, Matches(*pairs, unused, unused))
    assert torch.equal(drawn, run(overlay_matches, picture, pairs))
