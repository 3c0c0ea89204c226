"""Where do points go over time? Followed from frame to frame, and replaced where they are lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import torch

from toolkit.stages.declare import (
    Choice,
    Corners,
    Global,
    InputSpec,
    Pyramid,
    Range,
    Tracks,
    stage,
)
from toolkit.stages.lucas_kanade import Readers, follow, iterations_of, readers, with_margins
from toolkit.stages.lucas_kanade_opencv import check_opencv, follow_by_opencv
from toolkit.stages.replenish import Cells, cells, fill, is_oldest, is_remote

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["tracks"]

TRAIL = 16
"""Positions that a new trail has: on the first frame parameters are not known yet."""

SAME_PX = 2
"""Side of the cells in which two points are taken for one."""


class _Seek(NamedTuple):
    """How points are sought, and what they must keep to.

    Attributes:
        levels: constants to read windows with.
        forward: steps on each level, finest first.
        backward: the same on the way back, which uses the finest levels only.
        window: side of a window, px.
        slope: root mean square change a px that a window must have along each direction.
        mismatch_px: how far a window may seem to be off, by what still differs.
        back_error_px: how far from its beginning a point may come back.
        by_opencv: whether OpenCV does it.
    """

    levels: tuple[Readers, ...]
    forward: tuple[int, ...]
    backward: tuple[int, ...]
    window: int
    slope: float
    mismatch_px: float
    back_error_px: float
    by_opencv: bool


class _Room(NamedTuple):
    """Where points may be.

    Attributes:
        last: (2,) float32: the last x and y of the picture.
        same: cells in which two points are taken for one.
        spacing: cells that keep new points away from others.
        places: (K,) int64: 0, 1, 2, ...
    """

    last: Tensor
    same: Cells
    spacing: Cells
    places: Tensor


def _begin(pyramid: Pyramid, corners: Corners) -> Tracks:
    """All corners become tracks."""
    return _restart(corners, corners.score.new_zeros(1, dtype=torch.int64), TRAIL)


@stage("tracks", footprint=Global(), first=_begin)
def tracks(
    pyramid: Pyramid,
    corners: Corners,
    prev_pyramid: Pyramid,
    prev_tracks: Tracks,
    *,
    seek: _Seek,
    room: _Room,
    trail: int,
) -> Tracks:
    """Points followed from frame to frame, K places for K corners. No sync, fixed shapes.

    A point is followed by pyramidal Lucas-Kanade, and back again. It is lost when it does not come
    back to where it was, when it leaves the picture, when its window has no texture or no longer
    looks the same. A lost point's place goes to the strongest corner that is not near a point which
    is still followed, under a new id. Of two points that run into each other the older one stays.
    On the first frame, after a seek, and where size or K changed, all corners are new points.

    Allocates a copy of each level of both pyramids, half a plane to find points that met, and
    windows of all points as `follow` says.
    """
    count = corners.score.shape[1]
    if prev_tracks.id.shape[1] != count or prev_pyramid[0].shape != pyramid[0].shape:
        return _restart(corners, prev_tracks.next_id, trail)
    found, error, is_found = _there_and_back(prev_pyramid, pyramid, prev_tracks.xy[0], seek)
    is_found = is_found & (prev_tracks.id[0] >= 0) & (error <= seek.back_error_px)
    is_found = is_found & ((found >= 0) & (found <= room.last)).all(-1)
    is_kept = is_oldest(found, prev_tracks.id[0], is_found, room.same)
    return _refilled(prev_tracks, found, error, is_kept, corners, room=room, trail=trail)


@tracks.prepare
def _(
    spec: InputSpec,
    *,
    window: Annotated[int, Range(5, 31, 2, "px", doc="side of the windows; odd")] = 15,
    iterations: Annotated[
        int, Range(2, 20, 1, "steps", doc="on each level; four times that on the coarsest")
    ] = 5,
    back_error: Annotated[
        float, Range(0.05, 5.0, 0.05, "px", doc="how far off a point may come back")
    ] = 1.0,
    mismatch: Annotated[
        float, Range(0.5, 10.0, 0.1, "px", doc="how far off what still differs may put a window")
    ] = 2.2,
    slope: Annotated[
        float, Range(0.0, 0.05, 0.00025, "1/px", doc="least change of a window, each direction")
    ] = 0.00125,
    spacing: Annotated[
        int, Range(2, 60, 1, "px", doc="new points are further from others, along x or y")
    ] = 7,
    trail: Annotated[int, Range(1, 64, 1, "frames", doc="positions kept of each point")] = TRAIL,
    backend: Annotated[
        str, Choice("torch", "opencv", doc="who follows: any device, or OpenCV on the CPU")
    ] = "torch",
) -> dict[str, Any]:
    if window % 2 == 0:
        raise ValueError(
            f"tracks: a window of {window} px has no pixel in its middle; use {window + 1} px"
        )
    levels = spec.inputs[0]
    sizes = [(one.shape[-2], one.shape[-1]) for one in levels]
    height, width = sizes[0]
    if backend == "opencv":
        check_opencv("tracks", spec.device)
    forward = iterations_of(iterations, len(levels))
    seek = _Seek(
        levels=readers(window, sizes, spec.device),
        forward=forward,
        # The way back only judges. It begins where the point was: one that stays there, on the two
        # finest levels, after half of the steps, would have come back the whole way, too.
        backward=tuple(-(-one // 2) for one in forward[:2]),
        window=window,
        slope=slope,
        mismatch_px=mismatch,
        back_error_px=back_error,
        by_opencv=backend == "opencv",
    )
    room = _Room(
        last=torch.tensor([width - 1.0, height - 1.0]).to(spec.device),
        same=cells(SAME_PX, height, width, spec.device),
        spacing=cells(spacing, height, width, spec.device),
        places=torch.arange(spec.inputs[1][0].shape[1]).to(spec.device),
    )
    return {"seek": seek, "room": room, "trail": trail}


def _there_and_back(
    before: Pyramid, after: Pyramid, xy: Tensor, seek: _Seek
) -> tuple[Tensor, Tensor, Tensor]:
    """Where points are, (K, 2); how far they come back from `xy`, (K,) px; whether it can be so."""
    if seek.by_opencv:
        return follow_by_opencv(
            before[0], after[0], xy, window=seek.window, levels=len(after), slope=seek.slope
        )
    common = min(len(before), len(after))  # they differ once, after `levels` was changed
    levels = seek.levels[:common]
    then, now = (with_margins(one[:common], levels) for one in (before, after))
    there = follow(then, now, xy, levels=levels, iterations=seek.forward[:common])
    back = follow(now, then, there.xy, levels=levels, iterations=seek.backward, guess=xy)
    error = (back.xy - xy).square_().sum(-1).sqrt_()
    is_found = (there.slope >= seek.slope) & (there.mismatch <= seek.mismatch_px)
    return there.xy, error, is_found


def _restart(corners: Corners, next_id: Tensor, trail: int) -> Tracks:
    """Each corner a new point, and nothing else."""
    is_new = corners.score > 0  # (1, K)
    turn = is_new.cumsum(1)
    return Tracks(
        xy=corners.xy.clone(),
        previous_xy=corners.xy.clone(),
        id=(turn + (next_id - 1)).masked_fill(~is_new, -1),
        age=torch.zeros_like(corners.score, dtype=torch.int32),
        error=torch.zeros_like(corners.score),
        next_id=next_id + turn[:, -1],
        trail=corners.xy[:, :, None].repeat(1, 1, trail, 1),
    )


def _refilled(
    earlier: Tracks,
    found: Tensor,
    error: Tensor,
    is_kept: Tensor,
    corners: Corners,
    *,
    room: _Room,
    trail: int,
) -> Tracks:
    """The points that are kept, in their places, and new ones in the others."""
    is_remote_one = is_remote(corners.xy[0], found, is_kept, room.spacing)
    is_offered = (corners.score[0] > 0) & is_remote_one
    is_new, offer, turn = fill(~is_kept, is_offered, room.places)
    fresh = corners.xy[0].index_select(0, offer).masked_fill(~is_new[:, None], 0.0)
    kept = is_kept[:, None]  # (K, 1)
    xy = torch.where(kept, found, fresh)
    identity = (turn + earlier.next_id).masked_fill(~is_new, -1)
    return Tracks(
        xy=xy[None],
        previous_xy=torch.where(kept, earlier.xy[0], fresh)[None],
        id=torch.where(is_kept, earlier.id[0], identity)[None],
        age=(earlier.age + 1).masked_fill(~is_kept, 0),
        error=error.masked_fill(~is_kept, 0.0)[None],
        next_id=earlier.next_id + is_new.sum(),
        trail=_longer_trail(earlier.trail[0], xy, kept, trail)[None],
    )


def _longer_trail(earlier: Tensor, xy: Tensor, is_kept: Tensor, length: int) -> Tensor:
    """Positions with the newest one in front, (K, length, 2); of a new point only that one."""
    known = earlier[:, : length - 1]
    missing = length - 1 - known.shape[1]  # after `trail` was set to more
    if missing > 0:
        known = torch.cat((known, known[:, -1:].expand(-1, missing, -1)), 1)
    past = torch.where(is_kept[:, None], known, xy[:, None])
    return torch.cat((xy[:, None], past), 1)
