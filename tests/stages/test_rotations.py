"""Turns between directions, where they are many and where they are but one."""

import torch

from toolkit.stages.rotations import fit_turn, rotation_of, unit


def test_a_turn_is_found_from_directions():
    before = unit(torch.randn(3, 40, generator=torch.Generator().manual_seed(1)), dim=0)
    truth = rotation_of(torch.tensor([0.1, -0.2, 0.3]))
    turn = torch.eye(3)
    for _ in range(6):
        turn = fit_turn(turn, before, truth @ before, torch.ones(40))
    assert torch.allclose(turn, truth, atol=1e-6)


def test_one_direction_alone_is_turned_where_it_went_and_not_about_itself():
    ahead, aside = torch.tensor([0.0, 0.0, 1.0]), unit(torch.tensor([0.3, 0.0, 1.0]))
    before, after = ahead[:, None].expand(3, 40), aside[:, None].expand(3, 40)
    for weight in (0.0, 1.0, 1e5):
        turn = torch.eye(3)
        for _ in range(6):
            turn = fit_turn(turn, before, after, torch.full((40,), weight))
        assert torch.isfinite(turn).all()
        if weight:
            assert torch.allclose(turn @ ahead, aside, atol=1e-4)
            assert torch.allclose(turn[1], torch.tensor([0.0, 1.0, 0.0]), atol=1e-3)
