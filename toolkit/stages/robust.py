"""How does one wrong pair in five not mislead? Few points at a time, many times, and soft weights.

Hypotheses are drawn by numbers that were made once, so the same points give the same result, and
no draw waits for the device. Errors are squared distances.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = [
    "best_of",
    "draw_places",
    "masked_median",
    "measured_noise",
    "msac_score",
    "soft_weights",
    "stratified_draws",
    "valid_first",
]


def stratified_draws(hypotheses: int, size: int, seed: int) -> Tensor:
    """(M, size) float32 in [0, 1), one in each of `size` equal parts, so no two are the same."""
    generator = torch.Generator().manual_seed(seed)
    return (torch.arange(size) + torch.rand(hypotheses, size, generator=generator)) / size


def valid_first(is_valid: Tensor) -> Tensor:
    """All places (K,) int64, the valid ones first, otherwise in their order. No sync."""
    return is_valid.to(torch.uint8).argsort(descending=True, stable=True)


def draw_places(is_valid: Tensor, draws: Tensor, order: Tensor | None = None) -> Tensor:
    """Places (M, size) int64 among the valid ones of (K,), no sync; any places where none is.

    Where fewer are valid than a draw takes, some are taken twice. `order` is `valid_first`, if it
    is known, or any other order that has the valid ones first.
    """
    order = valid_first(is_valid) if order is None else order
    at = (draws * is_valid.sum()).long().clamp_(max=is_valid.shape[0] - 1)
    return order[at]


def msac_score(error: Tensor, is_valid: Tensor, square: Tensor | float) -> Tensor:
    """How well errors (..., N) speak for a model, (...): 1 for a perfect pair, 0 from `square` on.

    Source: P. H. S. Torr and A. Zisserman, MLESAC, CVIU 2000.
    """
    return (1 - error / square).clamp_(min=0).mul_(is_valid).sum(-1)


def best_of(models: Tensor, score: Tensor, count: int) -> Tensor:
    """The `count` models, (count, ...), of the highest score, the best first."""
    return models[score.topk(min(count, score.shape[0])).indices]


def soft_weights(error: Tensor, is_valid: Tensor, square: Tensor | float) -> Tensor:
    """Geman and McClure's weights, (..., N): 1 at 0, a quarter at `square` / 4, none from 4 on."""
    weights = (1 + error * (4 / square)).square_().reciprocal_()
    return weights * (is_valid & (error < 4 * square))


def masked_median(values: Tensor, mask: Tensor) -> Tensor:
    """The lower median, (), of those of (N,) that a mask picks; infinite where it picks none."""
    ordered = torch.where(mask, values, torch.inf).sort().values
    middle = (mask.sum(dtype=torch.int64) - 1).clamp_(min=0).div(2, rounding_mode="floor")
    return ordered.gather(0, middle[None])[0]


def measured_noise(error: Tensor, is_inlier: Tensor, *, median: float) -> Tensor:
    """Variance, (), of the noise in one direction, in units of the errors; at least 1e-10.

    Args:
        error: (N,) squared distances, in focal lengths^2: below 1e-10 they are roundoff.
        is_inlier: (N,) bool, which ones to go by.
        median: of the error, where that variance is 1: 0.455 for one direction, 1.386 for two.
    """
    return (masked_median(error, is_inlier) / median).clamp(1e-10, 1e-2)
