"""Where has the camera been? Frame by frame, in one world, by the points that are followed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import torch

from toolkit.stages.declare import Global, InputSpec, Odometry, Range, Tracks, stage
from toolkit.stages.landmarks import (
    Landmarks,
    begin_landmarks,
    center_of,
    covariance_of,
    look_again,
    seen_covariance,
)
from toolkit.stages.resection import View, refine_view, view_error, whitening_of
from toolkit.stages.robust import masked_median, measured_noise, soft_weights
from toolkit.stages.two_views import Baseline, compare_views, prepare_baseline
from toolkit.stages.views import DEFAULT_CAMERA, Camera, CameraMatrix, camera_rays, prepare_camera

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["odometry"]

FEWEST = 12
"""Landmarks in sight below which the camera is lost."""
SHARE = 0.4
"""Of the landmarks in sight, how many must agree; fewer, and the camera is lost."""
STEPS = 6
SOFT = 36.0
NOISE_PX = 0.3
"""What a track is taken to be wrong by, before there is anything to measure it from."""


def _begin(tracks: Tracks) -> Odometry:
    """The world begins here; no landmark is known."""
    xy = tracks.xy
    rotation = xy.new_zeros((1, 3, 3))
    rotation.diagonal(dim1=1, dim2=2).add_(1)
    translation, no = xy.new_zeros((1, 3)), xy.new_zeros(1, dtype=torch.bool)
    return Odometry(
        rotation=rotation,
        translation=translation,
        is_inlier=torch.zeros_like(tracks.id, dtype=torch.bool),
        is_valid=no,
        is_keyframe=~no,
        id=torch.zeros_like(tracks.id) - 1,
        landmark=xy.new_zeros((1, xy.shape[1], 3)),
        information=xy.new_zeros((1, xy.shape[1], 3, 3)),
        depth=xy.new_zeros(1) + 1,
        keyframe_rotation=rotation,
        keyframe_translation=translation,
        keyframe_xy=xy,
        keyframe_id=tracks.id,
    )


@stage("odometry", footprint=Global(), first=_begin)
def odometry(
    tracks: Tracks,
    prev_odometry: Odometry,
    *,
    camera: Camera,
    square: float,
    noise: float,
    share: float,
    baseline: Baseline,
) -> Odometry:
    """Where the camera is, in a world that begins with it: `Odometry`. No sync, fixed shapes.

    Two views with enough parallax between them make a map; from then on each frame's pose is fitted
    to the landmarks in sight, weighted by what is known of them, and keyframes sharpen them in
    turn. New tracks become landmarks of a guessed depth. Until there is a map, and where too few
    landmarks are seen again, `is_valid` is False and only the rotation is followed, until two views
    make a new map of the old one's scale. Where the number of tracks changed, a new world begins.
    What is kept from frame to frame is compact: some 70 bytes a track. A fixed number of steps:
    some 7000 dispatches, views included.
    """
    prev = prev_odometry
    if prev.id.shape != tracks.id.shape:
        return _begin(tracks)
    is_there = tracks.id[0] >= 0
    rays = camera_rays(tracks.xy[0], is_there, camera)
    is_known = is_there & (tracks.id == prev.id)[0]
    old = Landmarks(prev.landmark[0], prev.information[0])
    here = View(prev.rotation[0], prev.translation[0])
    located, is_seen = _locate(here, old, rays, is_known, square, noise)
    count = is_seen.sum()
    is_found = prev.is_valid[0] & (count >= FEWEST) & (count >= SHARE * is_known.sum())

    keyframe = View(prev.keyframe_rotation[0], prev.keyframe_translation[0])
    is_shared = is_there & (tracks.id == prev.keyframe_id)[0]
    first = camera_rays(prev.keyframe_xy[0], is_shared, camera)
    apart = compare_views(first, rays, is_shared, keyframe, prev.depth[0], baseline)
    is_start = apart.is_ready & ~is_found
    view = _choose(is_found, located, _choose(is_start, apart.view, apart.turned))

    is_kept = torch.where(is_found, is_seen, apart.is_inlier & is_start)
    depths = apart.depths.clamp(min=1e-2, max=1e3)
    begun = begin_landmarks(keyframe, first, depths, noise)
    known = Landmarks(*(torch.where(is_found, *both) for both in zip(old, begun, strict=True)))
    depth = _median_depth(known, view, is_kept, prev.depth[0])
    is_valid = is_found | is_start
    moved = (center_of(view) - center_of(keyframe)).norm() / depth
    is_few = is_shared.sum() < share * (prev.keyframe_id[0] >= 0).sum()
    is_lost = prev.is_valid[0] & ~is_valid
    is_keyframe = is_start | is_few | is_lost | (is_found & (moved > baseline.parallax))
    # Only from elsewhere does a look say more: a camera that rests must not grow sure of its map.
    seen = look_again(known, view, rays, is_kept & is_keyframe)
    fresh = begin_landmarks(view, rays, depth, noise)
    return Odometry(
        rotation=view.rotation[None],
        translation=view.translation[None],
        is_inlier=is_kept[None],
        is_valid=is_valid[None],
        is_keyframe=is_keyframe[None],
        id=torch.where(is_valid, tracks.id, -1),
        landmark=torch.where(is_kept[:, None], seen.position, fresh.position)[None],
        information=torch.where(is_kept[:, None, None], seen.information, fresh.information)[None],
        depth=depth[None],
        keyframe_rotation=torch.where(is_keyframe, view.rotation, keyframe.rotation)[None],
        keyframe_translation=torch.where(is_keyframe, view.translation, keyframe.translation)[None],
        keyframe_xy=torch.where(is_keyframe, tracks.xy, prev.keyframe_xy),
        keyframe_id=torch.where(is_keyframe, tracks.id, prev.keyframe_id),
    )


@odometry.prepare
def _(
    spec: InputSpec,
    *,
    camera: CameraMatrix = DEFAULT_CAMERA,
    threshold: Annotated[
        float, Range(0.1, 10.0, 0.1, "px", doc="distance at which a point no longer agrees")
    ] = 2.0,
    parallax: Annotated[
        float, Range(1.0, 100.0, 0.5, "px", doc="shift, turning aside, from which depths are known")
    ] = 5.0,
    share: Annotated[
        float, Range(0.1, 0.95, 0.05, doc="part of a keyframe's points that must be left")
    ] = 0.6,
    hypotheses: Annotated[
        int, Range(32, 1024, 32, "motions", doc="how many are tried to make a map")
    ] = 64,
) -> dict[str, Any]:
    view = prepare_camera("odometry", camera, spec.device)
    return {
        "camera": view,
        "square": (threshold / view.focal_px) ** 2,
        "noise": (NOISE_PX / view.focal_px) ** 2,
        "share": share,
        "baseline": prepare_baseline(
            threshold=threshold / view.focal_px,
            parallax=parallax / view.focal_px,
            hypotheses=hypotheses,
            device=spec.device,
        ),
    }


def _choose(condition: Tensor, one: View, other: View) -> View:
    return View(*(torch.where(condition, *both) for both in zip(one, other, strict=True)))


def _locate(
    view: View, landmarks: Landmarks, rays: Tensor, is_known: Tensor, square: float, noise: float
) -> tuple[View, Tensor]:
    """The pose that fits what is seen of the landmarks, and (K,) which of them agree with it."""
    covariance = covariance_of(landmarks)
    points, seen = landmarks.position.mT, rays[:2]
    for _ in range(STEPS):
        whitening = whitening_of(seen_covariance(landmarks.position, covariance, view))
        error = view_error(view, points, seen, whitening)
        weights = soft_weights(error, is_known, _tolerated(error, is_known).clamp(min=noise))
        view = refine_view(view, points, seen, weights, damping=1e-4, whitening=whitening)
    whitening = whitening_of(seen_covariance(landmarks.position, covariance, view))
    error = view_error(view, points, seen, whitening)
    depth = landmarks.position @ view.rotation[2] + view.translation[2]
    limit = _tolerated(error, is_known).clamp(min=noise, max=square)
    return view, is_known & (error < limit) & (depth > 0)


def _tolerated(error: Tensor, is_known: Tensor) -> Tensor:
    """Squared distance, (), that the landmarks' own scatter makes credible."""
    return measured_noise(error, is_known, median=1.386) * SOFT


def _median_depth(landmarks: Landmarks, view: View, is_seen: Tensor, otherwise: Tensor) -> Tensor:
    depth = masked_median(landmarks.position @ view.rotation[2] + view.translation[2], is_seen)
    return torch.where(is_seen.any(), depth.clamp(min=1e-3, max=1e3), otherwise)
