import pytest
import torch

from toolkit.stages import overlay_tracks
from toolkit.stages.declare import Tracks

GREEN, YELLOW = torch.tensor([0.0, 1.0, 0.2]), torch.tensor([1.0, 0.9, 0.0])


@pytest.fixture
def picture():
    return torch.full((1, 3, 20, 30), 0.5)


def made(*trails):
    """Tracks with these trails, newest position first; an empty list is an empty place."""
    length = max(map(len, trails))
    rows = [trail + trail[-1:] * (length - len(trail)) or [[0.0, 0.0]] * length for trail in trails]
    trail = torch.tensor([rows])
    count = len(trails)
    return Tracks(
        xy=trail[:, :, 0],
        previous_xy=trail[:, :, 0],
        id=torch.tensor([[index if one else -1 for index, one in enumerate(trails)]]),
        age=torch.zeros(1, count, dtype=torch.int32),
        error=torch.zeros(1, count),
        next_id=torch.tensor([count]),
        trail=trail,
    )


def test_a_track_is_a_dot_with_a_tail(run, picture):
    drawn = run(overlay_tracks, picture, made([[20.0, 10.0], [14.0, 10.0]]), radius=0)
    assert torch.allclose(drawn[0, :, 10, 20], YELLOW)
    assert torch.allclose(drawn[0, :, 10, 17], GREEN)
    changed = (drawn != picture).any(1)[0].nonzero()
    assert (changed[:, 0] == 10).all()
    assert {14, 15, 16, 17, 18, 19, 20} >= set(changed[:, 1].tolist()) >= {15, 16, 17, 18, 19, 20}


def test_a_gray_picture_is_refused(run):
    with pytest.raises(ValueError, match=r"overlay_tracks takes one picture of shape \(1, 3, H"):
        run(overlay_tracks, torch.rand(1, 1, 20, 30), made([[5.0, 5.0]]))


def test_a_tail_fades(run, picture):
    black = torch.zeros_like(picture)
    tail = [[4.0 + 4 * step, 10.0] for step in range(5, -1, -1)]
    drawn = run(overlay_tracks, black, made(tail), radius=0, tail_color="white")
    brightness = drawn[0, 0, 10, [23, 19, 15, 11, 7]]
    assert (brightness.diff() < 0).all()
    assert brightness[-1] > 0.1


def test_an_empty_place_draws_nothing(run, picture):
    drawn = run(overlay_tracks, picture, made([[15.0, 10.0]], []), radius=1)
    changed = (drawn != picture).any(1)[0].nonzero()
    assert changed[:, 0].min() >= 9
    assert len(changed) > 1


def test_what_lies_outside_of_the_picture_is_cut_off(run, picture):
    drawn = run(overlay_tracks, picture, made([[0.0, 0.0], [-20.0, -8.0]]), radius=1)
    changed = (drawn != picture).any(1)[0].nonzero().tolist()
    assert changed == [[0, 0], [0, 1], [1, 0], [1, 1]]


def test_a_dot_has_its_radius(run, picture):
    drawn = run(overlay_tracks, picture, made([[15.0, 10.0]]), radius=3, dot_color="white")
    y, x = (drawn[0] == 1.0).all(0).nonzero().unbind(-1)
    assert (x.min(), x.max(), y.min(), y.max()) == (12, 18, 7, 13)


def test_where_tails_cross_the_stronger_one_shows_in_any_order(run, picture):
    one = [[20.0, 10.0], [12.0, 10.0], [4.0, 10.0]]
    other = [[16.0, 16.0], [16.0, 9.0], [16.0, 2.0]]
    drawn = run(overlay_tracks, picture, made(one, other))
    assert torch.equal(drawn, run(overlay_tracks, picture, made(other, one)))
