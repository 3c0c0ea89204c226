"""How did the camera move? Rotation and direction of travel, from points seen twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import torch

from toolkit.stages.declare import Global, InputSpec, Pose, Range, Tracks, stage
from toolkit.stages.essential import fit_motion, make_draws, sampson_error
from toolkit.stages.plane_pose import explains_as_well, fit_homography, transfer_error
from toolkit.stages.robust import (
    best_of,
    draw_places,
    masked_median,
    msac_score,
    soft_weights,
    stratified_draws,
)
from toolkit.stages.rotations import fit_turn, turn_by_two, unit
from toolkit.stages.views import DEFAULT_CAMERA, Camera, CameraMatrix, camera_rays, prepare_camera

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["common_turn", "left_by_turn", "pose"]

FEWEST = 10
"""Agreeing pairs below which nothing is claimed: five agree with something always."""
FREE = 5
SHARE = 0.4
"""Beside the five that always do, as many of all pairs must agree: of pairs that are noise, the
best of hundreds of motions makes a third agree: all that it asks is that they lie near a line.
"""
TURN_STEPS = 4
WIDE = 0.1
"""How far from a turn a point may move, in focal lengths, and still speak for it."""


@stage("pose", footprint=Global())
def pose(
    tracks: Tracks,
    *,
    camera: Camera,
    threshold: float,
    parallax: float,
    motions: dict[str, Tensor],
    turns: Tensor,
    planes: Tensor,
) -> Pose:
    """How the camera moved since the previous frame: `Pose`, its translation of length 1. No sync.

    Reads `tracks.pairs`, so `pose.using(tracks="matches")` works on matches. Five-point hypotheses,
    the best refined with robust weights; beside them a homography and a mere turn. Where the plane
    explains the pairs as well as the motion does (Torr's GRIC, with the noise measured from the
    pairs), or where a turn leaves less than `parallax`, which a tracker's noise leaves, too,
    `is_degenerate` is set: the rotation of a camera that only turned is good even then, before a
    plane it is no better than the direction. Where fewer than 10 pairs agree, or so few of all
    (40 %, beside five) that chance would do, it is the identity, not valid.
    A fixed number of steps: some 5000 dispatches, views included; the largest tensor is
    (hypotheses, 3, K).

    Source: P. H. S. Torr, Geometric motion segmentation and model selection, 1998.
    """
    pairs = tracks.pairs
    is_valid = pairs.is_valid[0]
    before = camera_rays(pairs.before[0], is_valid, camera)  # (3, K)
    after = camera_rays(pairs.after[0], is_valid, camera)
    square = threshold * threshold

    turn = common_turn(before, after, is_valid, turns)
    motion = fit_motion(before, after, is_valid, turn, threshold=threshold, **motions)
    error = sampson_error(motion, before, after)
    is_inlier = is_valid & (error < square)
    plane = fit_homography(before, after, is_valid, threshold=threshold, draws=planes)
    off_plane = transfer_error(plane, before, after)
    left = masked_median(left_by_turn(turn, before, after, is_inlier), is_inlier)

    is_degenerate = explains_as_well(off_plane, error, is_valid, square) | (left < parallax)
    agree = is_inlier.sum()
    is_found = (agree >= FEWEST) & (agree >= FREE + SHARE * is_valid.sum())
    identity = torch.zeros_like(motion.rotation)
    identity.diagonal().add_(1)
    return Pose(
        torch.where(is_found, motion.rotation, identity)[None],
        torch.where(is_found, motion.direction, 0.0)[None],
        (is_inlier & is_found)[None],
        is_found[None],
        (is_degenerate & is_found)[None],
        torch.where(is_found, left * camera.focal_px, 0.0)[None],
    )


@pose.prepare
def _(
    spec: InputSpec,
    *,
    camera: CameraMatrix = DEFAULT_CAMERA,
    threshold: Annotated[
        float, Range(0.1, 10.0, 0.1, "px", doc="distance at which a pair no longer agrees")
    ] = 1.0,
    parallax: Annotated[
        float, Range(0.0, 10.0, 0.05, "px", doc="shift, turning aside, that may be mere noise")
    ] = 0.15,
    hypotheses: Annotated[
        int, Range(32, 2048, 32, "motions", doc="how many are tried; more stand more wrong pairs")
    ] = 256,
) -> dict[str, Any]:
    view = prepare_camera("pose", camera, spec.device)
    return {
        "camera": view,
        "threshold": threshold / view.focal_px,
        "parallax": parallax / view.focal_px,
        "motions": make_draws(hypotheses, spec.device),
        "turns": stratified_draws(max(hypotheses // 4, 16), 2, seed=7).to(spec.device),
        "planes": stratified_draws(max(hypotheses // 2, 32), 4, seed=8).to(spec.device),
    }


def common_turn(before: Tensor, after: Tensor, is_valid: Tensor, draws: Tensor) -> Tensor:
    """The turn (3, 3) that explains most of what moved, whatever else the camera did."""
    here, there = unit(before, dim=0), unit(after, dim=0)
    places = draw_places(is_valid, draws)
    turns = turn_by_two(here[:, places].transpose(0, 1), there[:, places].transpose(0, 1))
    error = (turns @ here - there).square().sum(-2)  # (M, K)
    turn = best_of(turns, msac_score(error, is_valid, WIDE**2), 1)[0]
    for _ in range(TURN_STEPS):
        error = (turn @ here - there).square().sum(-2)
        turn = fit_turn(turn, here, there, soft_weights(error, is_valid, WIDE**2 / 4))
    return turn


def left_by_turn(turn: Tensor, before: Tensor, after: Tensor, is_inlier: Tensor) -> Tensor:
    """Shift of each pair, (K,), in focal lengths, that is left after the turn that leaves least."""
    here, there = unit(before, dim=0), unit(after, dim=0)
    for _ in range(TURN_STEPS):
        shift = (turn @ here - there).norm(dim=-2)
        turn = fit_turn(turn, here, there, is_inlier / shift.clamp(min=1e-5))
    turned = turn @ before
    return (turned[:2] / turned[2:].clamp(min=1e-3) - after[:2]).norm(dim=0)
