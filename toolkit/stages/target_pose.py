"""Where is a flat target whose size is known? Of the two poses that look alike, the right one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import torch

from toolkit.stages.declare import Global, InputSpec, Matrix, Pose, Range, stage
from toolkit.stages.plane_pose import fit_homography, mirrored_view, view_of_plane
from toolkit.stages.resection import View, refine_view, view_error
from toolkit.stages.robust import masked_median, measured_noise, soft_weights, stratified_draws
from toolkit.stages.views import DEFAULT_CAMERA, Camera, CameraMatrix, camera_rays, prepare_camera

if TYPE_CHECKING:
    from torch import Tensor

    from toolkit.stages.declare import Tracks

__all__ = ["target_pose"]

FIRST_STEPS = 4
STEPS = 8
SOFT = 36.0
SURE = 9.0
"""How much worse the other pose must fit, in variances of the noise: odds of e^4.5, some 90."""

OTHER = 0.1
"""Tilts less than this apart, in radians, are one pose that was found twice."""


@stage("target_pose", footprint=Global())
def target_pose(
    matches: Tracks,
    *,
    camera: Camera,
    to_metres: Tensor,
    threshold: float,
    fewest: int,
    draws: Tensor,
) -> Pose:
    """Pose of a flat target: X_camera = R X_target + t, in metres, the target at Z = 0. No sync.

    Reads `matches.pairs`: `before` is where a point is on the target, `after` where it is seen.
    A robust homography gives one pose; the plane mirrored about the line of sight gives the other,
    which looks alike from afar. Both are refined, and the one that fits better is the result.
    `parallax_px` is the median distance between where the two poses put the points, 0 where there
    is but one, and `is_degenerate` says that they fit equally well, given the noise: then the tilt
    may be the other one. Some 4000 dispatches, views included; the largest tensor is
    (hypotheses, 3, K).

    Source: T. Collins and A. Bartoli, Infinitesimal Plane-Based Pose Estimation, IJCV 2014.
    """
    pairs = matches.pairs
    is_valid = pairs.is_valid[0]
    points, middle, size = _plane_points(pairs.before[0], is_valid, to_metres)
    rays = camera_rays(pairs.after[0], is_valid, camera)
    square = threshold * threshold

    on_plane = torch.cat((points[:2], torch.ones_like(points[:1])))
    plane = fit_homography(on_plane, rays, is_valid, threshold=threshold, draws=draws)
    both, noise = _both_views(view_of_plane(plane), points, rays[:2], is_valid, square)

    error = view_error(both, points, rays[:2])  # (2, K)
    misfit = (error.clamp(max=square) * is_valid).sum(-1)
    best = misfit.argmin(keepdim=True)
    error = error[best][0]
    is_inlier = is_valid & (error < square)
    rotation = both.rotation[best][0]
    translation = both.translation[best][0] * size - rotation @ middle

    is_found = (is_inlier.sum() >= fewest) & torch.isfinite(translation).all()
    apart = _median_distance(both, points, is_inlier)
    tilts_apart = (both.rotation[0, :, 2] - both.rotation[1, :, 2]).norm()
    is_alike = ((misfit[0] - misfit[1]).abs() < SURE * noise) & (tilts_apart > OTHER)
    identity = torch.zeros_like(rotation)
    identity.diagonal().add_(1)
    return Pose(
        torch.where(is_found, rotation, identity)[None],
        torch.where(is_found, translation, 0.0)[None],
        (is_inlier & is_found)[None],
        is_found[None],
        (is_alike & is_found)[None],
        torch.where(is_found, apart * camera.focal_px, 0.0)[None],
    )


@target_pose.prepare
def _(
    spec: InputSpec,
    *,
    camera: CameraMatrix = DEFAULT_CAMERA,
    to_metres: Annotated[
        tuple, Matrix(2, 3, doc="from (x, y, 1) of `before`, such as px, to metres on the target")
    ] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
    threshold: Annotated[
        float, Range(0.1, 20.0, 0.1, "px", doc="distance at which a point no longer agrees")
    ] = 3.0,
    fewest: Annotated[
        int, Range(4, 256, 1, "points", doc="agreeing points below which nothing is claimed")
    ] = 8,
    hypotheses: Annotated[
        int, Range(32, 2048, 32, "planes", doc="how many are tried; more stand more wrong points")
    ] = 256,
) -> dict[str, Any]:
    (a, b, _), (c, d, _) = to_metres
    if a * d - b * c == 0:
        raise ValueError(
            f"target_pose: {to_metres = } maps the target onto a line; for a picture of W x H px "
            "that is w x h metres it is ((w / W, 0, -w / 2), (0, h / H, -h / 2))"
        )
    view = prepare_camera("target_pose", camera, spec.device)
    return {
        "camera": view,
        "to_metres": torch.tensor(to_metres).to(spec.device),
        "threshold": threshold / view.focal_px,
        "fewest": fewest,
        "draws": stratified_draws(hypotheses, 4, seed=9).to(spec.device),
    }


def _plane_points(xy: Tensor, is_valid: Tensor, to_metres: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Points (3, N) around 0 and of unit size; their middle (3,) and the size (), in metres."""
    places = torch.where(is_valid, to_metres[:, :2] @ xy.mT + to_metres[:, 2:], 0.0)
    count = is_valid.sum().clamp(min=1)
    middle = places.sum(-1, keepdim=True) / count
    centred = (places - middle) * is_valid
    size = (centred.square().sum() / count).sqrt().clamp(min=1e-9)
    flat = torch.zeros_like(centred[:1])
    return torch.cat((centred / size, flat)), torch.cat((middle[:, 0], flat[0, :1])), size


def _both_views(
    view: View, points: Tensor, seen: Tensor, is_valid: Tensor, square: float
) -> tuple[View, Tensor]:
    """The two poses (2, 3, 3), (2, 3) that fit, each at its own best, and the noise's variance."""
    for _ in range(FIRST_STEPS):
        weights = soft_weights(view_error(view, points, seen), is_valid, square)
        view = refine_view(view, points, seen, weights, damping=1e-3)
    error = view_error(view, points, seen)
    noise = measured_noise(error, is_valid & (error < square), median=1.386)
    mirrored = mirrored_view(view)
    both = View(*(torch.stack(pair) for pair in zip(view, mirrored, strict=True)))
    for index in range(STEPS):
        # Wide at first: a mirrored pose is off by what perspective does to the target.
        scale = square if index < STEPS // 2 else (noise * SOFT).clamp(max=square)
        weights = soft_weights(view_error(both, points, seen), is_valid, scale)
        both = refine_view(both, points, seen, weights, damping=1e-3)
    return both, noise


def _median_distance(both: View, points: Tensor, is_inlier: Tensor) -> Tensor:
    there = both.rotation @ points + both.translation[..., None]
    place = there[:, :2] / there[:, 2:].clamp(min=1e-3)
    return masked_median((place[0] - place[1]).norm(dim=0), is_inlier)
