import pytest
import torch

from toolkit.stages import overlay, overlay_corners, overlay_edges
from toolkit.stages.declare import Corners

GREEN, RED = torch.tensor([0.0, 1.0, 0.2]), torch.tensor([1.0, 0.1, 0.1])


@pytest.fixture
def picture():
    return torch.rand(1, 3, 10, 12)


@pytest.fixture
def no_edges():
    return torch.zeros(1, 1, 10, 12)


def place(*points):
    return Corners(
        torch.tensor([[point[:2] for point in points]]), torch.tensor([[p[2] for p in points]])
    )


def test_a_strong_edge_has_its_color(run, picture, no_edges):
    edges = no_edges.clone()
    edges[..., 4, 5] = 1.0
    drawn = run(overlay_edges, picture, edges, strength=1.0)
    assert torch.allclose(drawn[0, :, 4, 5], GREEN, atol=1e-6)
    changed = (drawn != picture).any(1)[0]
    assert changed.nonzero().tolist() == [[4, 5]]


def test_an_unknown_color_is_refused(run, picture, no_edges):
    with pytest.raises(ValueError, match="edge_color: 'pink' is not one of 'green'"):
        run(overlay_edges, picture, no_edges, edge_color="pink")


def test_a_gray_picture_is_refused(run, no_edges):
    with pytest.raises(ValueError, match=r"overlay takes one picture of shape \(1, 3, H, W\)"):
        run(overlay_edges, no_edges, no_edges)


def test_the_size_stays_and_the_picture_is_contiguous(run, picture, no_edges):
    drawn = run(overlay, picture, no_edges, place((5.0, 5.0, 1.0)))
    assert drawn.shape == picture.shape
    assert drawn.is_contiguous()


def test_a_weak_edge_is_half_as_strong(run, picture, no_edges):
    edges = no_edges.clone()
    edges[..., 4, 5] = 0.5
    drawn = run(overlay_edges, picture, edges, strength=0.8)
    expected = 0.6 * picture[0, :, 4, 5] + 0.4 * GREEN
    assert torch.allclose(drawn[0, :, 4, 5], expected, atol=1e-6)


def test_a_corner_has_a_ring(run, picture):
    drawn = run(overlay_corners, picture, place((5.2, 3.8, 0.7)), radius=1, corner_color="red")
    changed = (drawn != picture).any(1)[0].nonzero().tolist()
    ring = [[y, x] for y in (3, 4, 5) for x in (4, 5, 6) if (y, x) != (4, 5)]
    assert changed == ring
    assert torch.equal(drawn[0, :, 3, 5], RED)


def test_an_empty_place_draws_nothing(run, picture):
    drawn = run(overlay_corners, picture, place((5.0, 4.0, 0.0), (0.0, 0.0, 0.0)))
    assert torch.equal(drawn, picture)


def test_a_ring_at_the_border_is_cut_off(run, picture):
    drawn = run(overlay_corners, picture, place((0.0, 0.0, 1.0)), radius=1)
    changed = (drawn != picture).any(1)[0].nonzero().tolist()
    assert changed == [[0, 1], [1, 0], [1, 1]]


def test_both_are_one_after_the_other(run, picture):
    edges = (torch.rand(1, 1, 10, 12) * 3).floor() / 2
    found = place((5.0, 5.0, 1.0), (9.0, 2.0, 0.5))
    both = run(overlay, picture, edges, found)
    assert torch.equal(both, run(overlay_corners, run(overlay_edges, picture, edges), found))
