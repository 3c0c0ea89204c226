"""When do two views make a map? When points moved, and not as turning or a plane would have it."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from toolkit.stages.essential import (
    fit_motion,
    make_draws,
    sampson_error,
    triangulated_depths,
)
from toolkit.stages.plane_pose import explains_as_well, refine_homography, transfer_error
from toolkit.stages.pose import common_turn, left_by_turn
from toolkit.stages.resection import View
from toolkit.stages.robust import masked_median, stratified_draws

__all__ = ["Apart", "Baseline", "compare_views", "prepare_baseline"]

FEWEST = 24
"""Agreeing pairs below which no map is made."""
SHARE = 0.6
"""Of all pairs, how many must agree before a map is made."""
PLANE_STEPS = 6


class Baseline(NamedTuple):
    """What two views are judged by.

    Attributes:
        threshold: distance at which a pair no longer agrees, in focal lengths.
        parallax: median shift that turning does not explain, from which on depths are known.
        motions: draws for `fit_motion`, on the device.
        turns: draws for `common_turn`.
    """

    threshold: float
    parallax: float
    motions: dict[str, Tensor]
    turns: Tensor


class Apart(NamedTuple):
    """What two views tell.

    Attributes:
        view: where the second camera is, the scale such that the median depth is as wished.
        turned: the same, if the camera only turned.
        depths: (N,) of each point, as the first camera sees it.
        is_inlier: (N,) bool.
        is_ready: () bool: whether they make a map.
    """

    view: View
    turned: View
    depths: Tensor
    is_inlier: Tensor
    is_ready: Tensor


def prepare_baseline(
    *, threshold: float, parallax: float, hypotheses: int, device: torch.device
) -> Baseline:
    """A `Baseline` whose draws live on a device. Uploads."""
    turns = stratified_draws(max(hypotheses // 4, 16), 2, seed=7).to(device)
    return Baseline(threshold, parallax, make_draws(hypotheses, device), turns)


def compare_views(
    first: Tensor, second: Tensor, is_shared: Tensor, view: View, depth: Tensor, by: Baseline
) -> Apart:
    """What rays (3, N) of a known view and of another tell of that other. No sync.

    Args:
        first: (3, N).
        second: (3, N).
        is_shared: (N,) bool, which points both see.
        view: where the first camera is.
        depth: (), what the median depth shall be.
        by: what to go by.
    """
    square = by.threshold**2
    turn = common_turn(first, second, is_shared, by.turns)
    motion = fit_motion(first, second, is_shared, turn, threshold=by.threshold, **by.motions)
    error = sampson_error(motion, first, second)
    depths, there = triangulated_depths(motion, first, second)
    is_inlier = is_shared & (error < square) & (depths > 0) & (there > 0)
    parallax = masked_median(left_by_turn(turn, first, second, is_inlier), is_inlier)

    plane = turn
    for _ in range(PLANE_STEPS):
        plane = refine_homography(plane, first, second, is_shared, square)
    is_plane = explains_as_well(transfer_error(plane, first, second), error, is_shared, square)

    count = is_inlier.sum()
    is_enough = (count >= FEWEST) & (count >= SHARE * is_shared.sum())
    scale = depth / masked_median(depths, is_inlier).clamp(min=1e-3)
    scale = torch.where(count > 0, scale, 1.0)
    there = motion.rotation @ view.translation + motion.direction * scale
    return Apart(
        view=View(motion.rotation @ view.rotation, there),
        turned=View(turn @ view.rotation, turn @ view.translation),
        depths=depths * scale,
        is_inlier=is_inlier,
        is_ready=is_enough & ~is_plane & (parallax > by.parallax),
    )
