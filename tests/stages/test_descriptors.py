import math
import sys

import pytest
import torch
from torch.nn import functional

from toolkit.demos.learn_pattern import learn_pattern
from toolkit.stages.descriptors import (
    BITS,
    PATCH_RADIUS,
    angles_of,
    bits_of,
    comparison_pattern,
    disc,
    smoothed,
    turned_offsets,
    unpacked,
)

SIDE = 64
MIDDLE = torch.tensor([SIDE // 2 * SIDE + SIDE // 2])


def test_each_comparison_is_of_two_places_in_the_patch():
    pattern = comparison_pattern()
    assert pattern.shape == (BITS, 2, 2)
    assert float(pattern.norm(dim=-1).max()) <= PATCH_RADIUS
    assert float((pattern[:, 0] - pattern[:, 1]).norm(dim=-1).min()) >= 2
    assert len(pattern.flatten(1).unique(dim=0)) == BITS


@pytest.mark.parametrize("turns", [1, 4, 90])
def test_the_turned_pattern_stays_in_the_patch(turns):
    offsets = turned_offsets(comparison_pattern(), turns=turns, stride=1000) + 500 * 1000 + 500
    y, x = offsets // 1000 - 500, offsets % 1000 - 500
    assert float(torch.hypot(x.float(), y.float()).max()) <= PATCH_RADIUS + 0.5


def test_a_quarter_turn_takes_x_to_y():
    pattern = torch.tensor([[[3.0, 1.0], [-2.0, 5.0]]], dtype=torch.float64)
    offsets = turned_offsets(pattern, turns=4, stride=100)
    assert offsets[:2].tolist() == [[103, 498], [300 - 1, -200 - 5]]


def test_the_sum_over_a_window_is_where_the_window_begins():
    picture = torch.zeros(1, 1, 20, 24)
    picture[..., 10, 12] = 1.0
    taps = torch.tensor([1.0, 1.0, 1.0, 2.0, 1.0, 1.0, 1.0])
    expected = functional.conv2d(picture, torch.outer(taps, taps)[None, None])
    assert torch.equal(smoothed(picture)[..., :14, :18], expected)


@pytest.mark.parametrize("degrees", [0, 30, 90, 200, 345])
def test_a_patch_points_to_where_it_is_bright(degrees):
    angle = math.radians(degrees)
    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    ramp = (x - SIDE // 2) * math.cos(angle) + (y - SIDE // 2) * math.sin(angle)
    offsets, positions = disc(SIDE)
    found = angles_of(ramp.reshape(-1).float(), MIDDLE, offsets=offsets, positions=positions)
    assert math.isclose(float(found) % (2 * math.pi), angle, abs_tol=0.01)


def test_a_bit_is_set_where_the_first_place_is_darker():
    picture = torch.arange(float(SIDE * SIDE))  # brighter along rows, and from row to row
    pattern = torch.tensor([[[0, 0], [1, 0]], [[2, 0], [-1, 0]], [[0, -1], [0, 1]]]).double()
    offsets = turned_offsets(pattern, turns=2, stride=SIDE)
    bits = bits_of(picture, MIDDLE.repeat(2), torch.tensor([0, 1]), offsets=offsets)
    assert bits.tolist() == [[True, False, True], [False, True, False]]


def test_unpacked_bits_are_minus_and_plus_one():
    weights = (2 ** torch.arange(8)).to(torch.uint8)
    signs = unpacked(torch.tensor([[5, 128]], dtype=torch.uint8), weights)
    assert signs.tolist() == [[1, -1, 1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 1]]


def test_what_is_learned_leaves_out_what_says_the_same(monkeypatch):
    """Every second candidate answers as another one does: of the two, one is taken at most."""
    module = sys.modules[learn_pattern.__module__]
    generator = torch.Generator().manual_seed(0)
    answers = torch.rand(400, 600, generator=generator) < 0.5
    doubled = torch.cat((answers, answers), 1)
    monkeypatch.setattr(module, "_answers", lambda *_: (doubled, doubled))
    one = torch.arange(600)
    named = torch.stack((one // 100, one % 100), -1).view(600, 1, 2).expand(600, 2, 2)
    monkeypatch.setattr(module, "_candidates", lambda _: torch.cat((named, named)))
    chosen = learn_pattern()
    assert chosen.shape == (BITS, 2, 2)
    assert len(chosen.flatten(1).unique(dim=0)) == BITS
