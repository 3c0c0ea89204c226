"""Which points can be found again in the next frame? Those that change along both axes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import torch
from torch.nn import functional

from toolkit.stages.bands import bands, rows_per_band, windows
from toolkit.stages.declare import (
    Choice,
    Corners,
    Gradient,
    InputSpec,
    Range,
    Reduction,
    stage,
)
from toolkit.stages.shapes import check_image, check_radius
from toolkit.stages.taps import gaussian_radius, gaussian_taps, shifted, weigh
from toolkit.stages.windows import sliding_max

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["cornerness", "corners", "peak_offset"]


@stage("corners", footprint=Reduction())
def corners(
    sobel: Gradient,
    *,
    window: Tensor,
    harris: Tensor | None,
    half: Tensor,
    distance: int,
    count: int,
    quality: Tensor,
    subpixel: bool,
) -> Corners:
    """The strongest corners, K of them on every frame, strongest first. No sync, fixed shapes.

    A corner is the largest response within `distance` px, as `kornia.geometry.subpix.nms2d` of a
    window of 2 distance + 1 finds it; the outermost `distance` px have none. Where there are fewer
    than K, the rest of the places is empty: score 0, position (0, 0).
    """
    response = cornerness(sobel, window=window, harris=harris, half=half)  # (1, 1, H, W)
    side = 2 * distance + 1
    largest = sliding_max(response, side, side)  # (1, 1, H - 2 distance, W - 2 distance)
    inner = response[..., distance:-distance, distance:-distance]
    # A cell of distance + 1 px holds at most one corner, and that is its maximum: so look at one
    # pixel per cell only (Neubeck and Van Gool, Efficient Non-Maximum Suppression, ICPR 2006).
    cell = distance + 1
    best, place = functional.max_pool2d(inner, cell, cell, ceil_mode=True, return_indices=True)
    best, place = best.flatten(), place.flatten()
    is_corner = best >= largest.view(-1).index_select(0, place)
    score, order = (best * is_corner).topk(min(count, best.shape[0]))
    score = score * (score > score[:1] * quality)
    place = place.index_select(0, order)

    width = inner.shape[-1]
    y = torch.div(place, width, rounding_mode="floor")
    xy = torch.stack((place - y * width, y), -1) + distance  # (K, 2)
    place_in_response = xy[:, 1] * response.shape[-1] + xy[:, 0]
    xy = xy.to(torch.float32)
    if subpixel:
        xy = xy + peak_offset(response, place_in_response)
    xy = xy * (score > 0)[:, None]
    missing = count - score.shape[0]
    if missing:
        xy, score = functional.pad(xy, (0, 0, 0, missing)), functional.pad(score, (0, missing))
    return Corners(xy[None], score[None])


@corners.prepare
def _(
    spec: InputSpec,
    *,
    count: Annotated[
        int, Range(16, 4096, 16, "corners", doc="places, K; shapes depend on it")
    ] = 256,
    response: Annotated[
        str, Choice("gftt", "harris", doc="smaller eigenvalue (Shi-Tomasi), or Harris' formula")
    ] = "gftt",
    distance: Annotated[int, Range(1, 30, 1, "px", doc="no two corners are nearer, per axis")] = 7,
    quality: Annotated[
        float, Range(0.0, 0.5, 0.005, doc="weakest corner, as a part of the strongest one")
    ] = 0.01,
    window: Annotated[
        float, Range(0.5, 3.0, 0.1, "px", doc="standard deviation of the window that is judged")
    ] = 1.0,
    harris_k: Annotated[
        float, Range(0.01, 0.24, 0.01, doc="Harris: how much edges are punished")
    ] = 0.04,
    subpixel: Annotated[bool, "refine positions by a parabola through the response"] = False,
) -> dict[str, Any]:
    height, width = check_image("corners", spec, channels=2)
    check_radius("corners", gaussian_radius(window), height, width)
    if min(height, width) < 2 * distance + 1:
        raise ValueError(
            f"corners: no pixel of a {width}x{height} px picture is {distance} px away from its "
            f"border; "
            f"set distance to {max((min(height, width) - 1) // 2, 1)} or less, or give a larger "
            f"picture"
        )
    on_device = {
        "harris": torch.tensor(harris_k).to(spec.device) if response == "harris" else None,
        "half": torch.tensor(0.5).to(spec.device),
        "quality": torch.tensor(quality).to(spec.device),
    }
    return {
        **on_device,
        "window": gaussian_taps(window, device=spec.device),
        "distance": distance,
        "count": count,
        "subpixel": subpixel,
    }


def cornerness(gradient: Tensor, *, window: Tensor, harris: Tensor | None, half: Tensor) -> Tensor:
    """How much the picture changes along both axes around each pixel, (1, 1, H, W), not negative.

    The structure tensor is averaged over a Gaussian window, border mirrored. Its smaller eigenvalue
    is `kornia.feature.gftt_response`; with `harris` it is `kornia.feature.harris_response`, cut off
    at zero.
    """
    radius = window.shape[0] // 2
    mirrored = functional.pad(gradient, (radius, radius, radius, radius), mode="reflect")[0]
    height, width = gradient.shape[-2:]
    response = gradient.new_empty((1, 1, height, width))
    rows = rows_per_band(mirrored, height, planes=3)
    products = mirrored.new_empty((3, rows + 2 * radius, width + 2 * radius))
    spare = mirrored.new_empty((3, rows, width + 2 * radius))
    tensor = mirrored.new_empty((3, rows, width))
    squares, xy = products[:2], products[2]
    above_each_other = shifted(products, rows, axis=-2)
    side_by_side = shifted(spare, width, axis=-1)
    planes = tensor.unbind()
    weights = window.unbind()
    parts = windows(mirrored, rows, radius)  # (2, rows + 2 radius, W + 2 radius) each
    for part, (found,) in zip(parts, bands(rows, response[0, 0]), strict=True):
        torch.mul(part, part, out=squares)
        torch.mul(*part.unbind(), out=xy)
        weigh(above_each_other, weights, out=spare)
        weigh(side_by_side, weights, out=tensor)
        _judge(found, *planes, harris=harris, half=half)
    return response


def _judge(
    response: Tensor, xx: Tensor, yy: Tensor, xy: Tensor, *, harris: Tensor | None, half: Tensor
) -> None:
    """Write the response of structure tensors to `response`; overwrites `xx`. No allocation."""
    if harris is None:
        # The smaller eigenvalue, (xx + yy - sqrt((xx - yy)^2 + 4 xy^2)) / 2.
        torch.sub(xx, yy, out=response)
        response.mul_(response).addcmul_(xy, xy, value=4).sqrt_()
        torch.sub(xx.add_(yy), response, out=response).mul_(half)
    else:
        torch.add(xx, yy, out=response)
        response.mul_(response).mul_(harris)
        torch.sub(xx.mul_(yy).addcmul_(xy, xy, value=-1), response, out=response)
    response.clamp_(min=0.0)  # roundoff, and Harris along edges, go below


def peak_offset(response: Tensor, place: Tensor) -> Tensor:
    """Where the parabola through a maximum and its neighbours peaks, (K, 2) px within +-0.5."""
    flat, width = response.view(-1), response.shape[-1]
    center = flat.index_select(0, place)
    offsets: list[Tensor] = []
    for step in (1, width):
        before, after = flat.index_select(0, place - step), flat.index_select(0, place + step)
        bend = (2 * center - before - after).clamp_(min=math.ulp(1.0) * 1e-6)
        offsets.append(((after - before) / (2 * bend)).clamp_(-0.5, 0.5))
    return torch.stack(offsets, -1)
