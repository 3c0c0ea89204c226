"""A calm picture from a shaking hand: the camera's path is smoothed, and the picture moved to it.

Two stages. `camera_path` looks at tracks and keeps a dozen numbers from frame to frame: how the
picture moves on average, and how far it should be moved now. `stabilise` moves it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import torch
from torch.nn import functional

from toolkit.stages.declare import Gather, Global, Image, InputSpec, Range, Tracks, stage
from toolkit.stages.shapes import check_image
from toolkit.stages.similarity import compose, fit_similarity, guesses, invert

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["CameraPath", "camera_path", "stabilise"]


class CameraPath(NamedTuple):
    """Motion of the whole picture: similarities as changes of the identity, about its centre.

    A point z moves to s z + t; the four numbers are the two parts of s - 1, then t in px.

    Attributes:
        motion: (1, 4) float32: from the previous frame to this one; zero where nothing is known.
        drift: (1, 4) float32: its mean of late, which is taken for what the hand means to do.
        correction: (1, 4) float32: what to do to this picture so that it does not shake.
        is_valid: (1,) bool: whether enough points agree on the motion.
        frames: (1,) float32: how many motions have been seen.
    """

    motion: Tensor
    drift: Tensor
    correction: Tensor
    is_valid: Tensor
    frames: Tensor


def _at_rest(tracks: Tracks) -> CameraPath:
    """No motion yet."""
    still = tracks.error.new_zeros((3, 1, 4))
    frames = still[0, :, 0]
    return CameraPath(still[0], still[1], still[2], frames > 0, frames.clone())


@stage("camera_path", footprint=Global(), first=_at_rest)
def camera_path(
    tracks: Tracks,
    prev_camera_path: CameraPath,
    *,
    center: Tensor,
    draws: Tensor,
    tolerance_px: float,
    smooth_seconds: float,
    gap_seconds: float = 1 / 30,
) -> CameraPath:
    """How the camera moves, and what would calm it: a dozen numbers. No sync, fixed shapes.

    The motion is the similarity that most tracks agree with. Its running mean is what is meant; the
    rest is shake, and shake is undone: the correction sums it up, and forgets it over
    `smooth_seconds`, so that the picture stays near the middle. Where too few points agree, the
    picture is taken to move on as it did. Allocates some 64 numbers a track.
    """
    before = prev_camera_path
    fit = fit_similarity(tracks.pairs, center=center, draws=draws, tolerance_px=tolerance_px)
    frames = before.frames + fit.is_valid
    memory = math.exp(-gap_seconds / smooth_seconds)
    news = (1 / frames.clamp(min=1.0)).clamp_(min=1 - memory) * fit.is_valid  # (1,)
    drift = torch.lerp(before.drift[0], fit.change, news)
    motion = torch.where(fit.is_valid, fit.change, drift)
    # What this picture shows at z lay at motion^-1 z; drift says where it was meant to go.
    shaken = compose(before.correction[0], compose(drift, invert(motion)))
    correction = shaken * memory
    return CameraPath(fit.change[None], drift[None], correction[None], fit.is_valid.view(1), frames)


@camera_path.prepare
def _(
    spec: InputSpec,
    *,
    smooth: Annotated[
        float, Range(0.1, 5.0, 0.1, "s", doc="over how long the path is smoothed")
    ] = 0.5,
    tolerance: Annotated[
        float, Range(0.5, 10.0, 0.5, "px", doc="a point agrees that is off by less")
    ] = 2.0,
) -> dict[str, Any]:
    width, height = spec.frame.display_width, spec.frame.display_height
    return {
        "center": torch.tensor([(width - 1) / 2, (height - 1) / 2]).to(spec.device),
        "draws": guesses(spec.device),
        "tolerance_px": tolerance,
        "smooth_seconds": smooth,
    }


@stage("stabilise", footprint=Gather())
def stabilise(
    rgb: Image, camera_path: CameraPath, *, corners: Tensor, room: Tensor, axes: tuple[Tensor, ...]
) -> Image:
    """The picture, moved so that it does not shake, (1, C, H, W) float32. No sync.

    It is enlarged, to have a margin to move in. Where the correction would show what lies outside
    of the picture, only as much of it is done as does not. Bilinear. Allocates the result and two
    planes for where its pixels come from.
    """
    back = invert(camera_path.correction[0])
    back = back * _share(back, corners, room)
    a, b, shift_x, shift_y = back.unbind()
    x, y = axes[0], axes[1]  # (1, W) and (H, 1), px from the centre, in the input
    grid = rgb.new_empty((1, rgb.shape[-2], rgb.shape[-1], 2))
    scale_x, scale_y = (1 / (room + 1e-6)).unbind()
    torch.add((x + a * x + shift_x) * scale_x, (b * y) * -scale_x, out=grid[0, ..., 0])
    torch.add((y + a * y + shift_y) * scale_y, (b * x) * scale_y, out=grid[0, ..., 1])
    return functional.grid_sample(
        rgb, grid, mode="bilinear", padding_mode="border", align_corners=True
    )


@stabilise.prepare
def _(
    spec: InputSpec,
    *,
    zoom: Annotated[
        float, Range(1.0, 2.0, 0.01, doc="how much larger, for a margin to move in")
    ] = 1.1,
) -> dict[str, Any]:
    height, width = check_image("stabilise", spec)
    half = torch.tensor([(width - 1) / 2, (height - 1) / 2])
    signs = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    x = (torch.arange(width) - half[0]) / zoom
    y = (torch.arange(height) - half[1]) / zoom
    return {
        "corners": (signs * half / zoom).to(spec.device),
        "room": half.to(spec.device),
        "axes": (x[None].to(spec.device), y[:, None].to(spec.device)),
    }


def _share(back: Tensor, corners: Tensor, room: Tensor) -> Tensor:
    """How much of a correction keeps all corners inside of the picture, () in [0, 1]."""
    a, b, _, _ = back.unbind()
    x, y = corners.unbind(-1)
    way = torch.stack((a * x - b * y, b * x + a * y), -1) + back[2:]  # (4, 2) px
    left = torch.where(way > 0, room - corners, room + corners).clamp_(min=0.0)
    return (left / way.abs().clamp_(min=1e-6)).amin().clamp(max=1.0)
