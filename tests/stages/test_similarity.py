import math

import pytest
import torch

from toolkit.stages.declare import Pairs
from toolkit.stages.similarity import (
    apply_similarity,
    compose,
    fit_similarity,
    guesses,
    invert,
)

CENTER = torch.tensor([160.0, 120.0])


def similarity(degrees=0.0, scale=1.0, x=0.0, y=0.0):
    angle = math.radians(degrees)
    return torch.tensor([scale * math.cos(angle) - 1, scale * math.sin(angle), x, y])


def pairs_of(change, count=100, wrong=0.0, empty=0.0, noise=0.0):
    generator = torch.Generator().manual_seed(0)
    before = torch.rand(count, 2, generator=generator) * torch.tensor([319.0, 239.0])
    after = apply_similarity(change, before - CENTER) + CENTER
    after += noise * torch.randn(count, 2, generator=generator)
    anywhere = torch.rand(count, 2, generator=generator) * 240
    is_wrong = torch.rand(count, generator=generator) < wrong
    after = torch.where(is_wrong[:, None], anywhere, after)
    is_valid = torch.rand(count, generator=generator) >= empty
    return Pairs(before[None], after[None], is_valid[None]), is_wrong


def fit(pairs):
    return fit_similarity(
        pairs,
        center=CENTER,
        draws=guesses(CENTER.device),
        tolerance_px=2.0,
    )


@pytest.mark.parametrize(
    "change", [similarity(), similarity(5, 1.1, 12, -7), similarity(-30, 0.8, -40, 3)]
)
def test_the_motion_of_all_points_is_found(change):
    found = fit(pairs_of(change)[0])
    assert torch.allclose(found.change, change, atol=1e-4)
    assert found.is_inlier.all()
    assert found.is_valid


@pytest.mark.parametrize("wrong", [0.2, 0.45])
def test_wrong_pairs_do_not_count(wrong):
    change = similarity(3, 1.05, 10, -6)
    pairs, is_wrong = pairs_of(change, 200, wrong=wrong, empty=0.3, noise=0.1)
    found = fit(pairs)
    assert torch.allclose(found.change[:2], change[:2], atol=2e-3)
    assert torch.allclose(found.change[2:], change[2:], atol=0.2)
    expected = pairs.is_valid[0] & ~is_wrong
    assert (found.is_inlier == expected).float().mean() > 0.98


def test_where_pairs_contradict_each_other_there_is_no_motion():
    found = fit(pairs_of(similarity(), 100, wrong=1.0)[0])
    assert not found.is_valid
    assert found.change.abs().sum() == 0
    assert not found.is_inlier.any()


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_too_few_pairs_give_no_motion(count):
    pairs, _ = pairs_of(similarity(3, 1.05, 10, -6), 16)
    few = pairs._replace(is_valid=(torch.arange(16) < count)[None])
    found = fit(few)
    assert not found.is_valid
    assert torch.isfinite(found.change).all()


def test_pairs_in_one_place_give_finite_numbers():
    point = torch.full((1, 20, 2), 50.0)
    found = fit(Pairs(point, point + 3, torch.ones(1, 20, dtype=torch.bool)))
    assert torch.isfinite(found.change).all()


def test_one_after_the_other_is_their_composition():
    first, second = similarity(20, 1.2, 5, -3), similarity(-7, 0.9, 1, 8)
    xy = torch.rand(10, 2) * 100
    expected = apply_similarity(second, apply_similarity(first, xy))
    assert torch.allclose(apply_similarity(compose(second, first), xy), expected, atol=1e-4)


def test_the_inverse_undoes_it():
    change = similarity(20, 1.2, 5, -3)
    assert torch.allclose(compose(invert(change), change), torch.zeros(4), atol=1e-5)
    assert torch.allclose(compose(change, invert(change)), torch.zeros(4), atol=1e-5)
    assert torch.isfinite(invert(torch.tensor([-1.0, 0.0, 1.0, 1.0]))).all()
