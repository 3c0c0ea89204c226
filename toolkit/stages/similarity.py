"""How did the whole picture move? Shifted, turned and scaled, by what most points say.

A similarity takes a point z of the plane, seen as a complex number, to s z + t. Two pairs of points
give one. Many such guesses are made at once, each from two pairs; the one that most pairs agree
with is refined from all of them, a pair counting less the further it is off. The number of guesses
and of refinements is fixed, so nothing depends on the data but the numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from toolkit.stages.robust import draw_places, stratified_draws

if TYPE_CHECKING:
    from torch import Tensor

    from toolkit.stages.declare import Pairs

__all__ = ["Fit", "apply_similarity", "compose", "fit_similarity", "guesses", "invert"]

GUESSES, REFINEMENTS, LEAST_PAIRS = 64, 6, 6


class Fit(NamedTuple):
    """A similarity and who agrees with it.

    Attributes:
        change: (4,) float32: what is added to the identity: real and imaginary part of s - 1,
            then t in px. All zero where `is_valid` is False.
        is_inlier: (K,) bool.
        is_valid: () bool: whether at least six pairs, and half of all, agree.
    """

    change: Tensor
    is_inlier: Tensor
    is_valid: Tensor


def guesses(device: torch.device) -> Tensor:
    """Which two pairs each guess takes, (GUESSES, 2) float32 in [0, 1), the same every time."""
    return stratified_draws(GUESSES, 2, seed=7).to(device)


def fit_similarity(pairs: Pairs, *, center: Tensor, draws: Tensor, tolerance_px: float) -> Fit:
    """The similarity that most pairs agree with, in px from the picture's centre. No sync.

    Args:
        pairs: K pairs.
        center: (2,) float32, px: the point that is taken for 0.
        draws: by `guesses`.
        tolerance_px: a pair agrees that is off by less.
    """
    before, after = pairs.before[0] - center, pairs.after[0] - center  # (K, 2)
    is_there = pairs.is_valid[0]
    two = draw_places(is_there, draws).mT
    change = _best_guess(before, after, is_there, two, tolerance_px)
    for _ in range(REFINEMENTS):
        off = (apply_similarity(change, before) - after).square().sum(-1)  # (K,) px^2
        weight = is_there / (1 + off / tolerance_px**2).square()
        change = _weighted(before, after, weight)
    off = (apply_similarity(change, before) - after).square().sum(-1)
    is_inlier = is_there & (off < tolerance_px**2)
    agree = is_inlier.sum()
    is_valid = (agree >= LEAST_PAIRS) & (2 * agree >= is_there.sum())
    return Fit(change.masked_fill(~is_valid, 0.0), is_inlier & is_valid, is_valid)


def apply_similarity(change: Tensor, xy: Tensor) -> Tensor:
    """Move points, (..., 2) px; `change` is (..., 4), and both are broadcast."""
    x, y = xy.unbind(-1)
    a, b, shift_x, shift_y = change.unbind(-1)
    return torch.stack((x + a * x - b * y + shift_x, y + b * x + a * y + shift_y), -1)


def compose(second: Tensor, first: Tensor) -> Tensor:
    """The change that does `first`, then `second`, (4,)."""
    a, b, _, _ = second.unbind()
    c, d, _, _ = first.unbind()
    turn = torch.stack((a + c + a * c - b * d, b + d + a * d + b * c))
    return torch.cat((turn, apply_similarity(second, first[2:])))


def invert(change: Tensor) -> Tensor:
    """The change that undoes another, (4,). One without size is taken for a tiny one."""
    a, b, x, y = change.unbind()
    size = ((1 + a).square() + b * b).clamp_(min=1e-6)
    real, imaginary = (1 + a) / size, -b / size
    return torch.stack(
        (real - 1, imaginary, -(real * x - imaginary * y), -(imaginary * x + real * y))
    )


def _best_guess(
    before: Tensor, after: Tensor, is_there: Tensor, two: Tensor, tolerance_px: float
) -> Tensor:
    """The guess with the least sum of squares, each cut off at the tolerance, (4,)."""
    here, there = before[two], after[two]  # (2, G, 2)
    span, new_span = here[1] - here[0], there[1] - there[0]
    change = _from_spans(span, new_span, span.square().sum(-1), here[0], there[0])  # (G, 4)
    off = (apply_similarity(change[:, None], before) - after).square().sum(-1)  # (G, K)
    cost = (off.clamp_(max=tolerance_px**2) * is_there).sum(-1)
    return change.index_select(0, cost.argmin(keepdim=True))[0]


def _weighted(before: Tensor, after: Tensor, weight: Tensor) -> Tensor:
    """The similarity with the least weighted sum of squares, (4,)."""
    total = weight.sum().clamp_(min=1e-6)
    middle = (weight[:, None] * before).sum(0) / total
    new_middle = (weight[:, None] * after).sum(0) / total
    spread, new_spread = before - middle, after - new_middle
    dot = weight * (spread * new_spread).sum(-1)
    cross = weight * (spread[:, 0] * new_spread[:, 1] - spread[:, 1] * new_spread[:, 0])
    size = (weight * spread.square().sum(-1)).sum()
    return _with_shift(dot.sum() - size, cross.sum(), size, middle, new_middle)


def _from_spans(
    span: Tensor, new_span: Tensor, size: Tensor, here: Tensor, there: Tensor
) -> Tensor:
    """Similarities that take one span to another and one point to another, (..., 4)."""
    dot = (span * (new_span - span)).sum(-1)
    cross = span[..., 0] * new_span[..., 1] - span[..., 1] * new_span[..., 0]
    return _with_shift(dot, cross, size, here, there)


def _with_shift(dot: Tensor, cross: Tensor, size: Tensor, here: Tensor, there: Tensor) -> Tensor:
    """Turn and scale by products of spans, then the shift that takes one point to another."""
    size = size.clamp(min=1e-6)
    turn = torch.stack((dot / size, cross / size), -1).clamp_(-4.0, 4.0)
    a, b = turn.unbind(-1)
    x, y = here.unbind(-1)
    moved = torch.stack((x + a * x - b * y, y + b * x + a * y), -1)
    return torch.cat((turn, there - moved), -1)
