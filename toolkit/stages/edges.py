"""Where are the edges? On the ridges of the gradient, if they are steep enough (Canny)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import torch
from torch.nn import functional

from toolkit.stages.bands import bands, rows_per_band, windows
from toolkit.stages.declare import Edges, Global, Gradient, InputSpec, Range, Stencil, stage
from toolkit.stages.shapes import check_image
from toolkit.stages.taps import shifted
from toolkit.stages.windows import sliding_max

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["edges", "linked_edges"]

TRIFLE = 1e-5
"""Squared slopes that differ by less than this part count as equal."""

ROUNDS_PER_LOOK = 8
"""How many px a linked edge grows before the host looks whether it still does."""


@stage("edges", footprint=Stencil(radius=1))
def edges(
    sobel: Gradient,
    *,
    cosine2: Tensor,
    above: Tensor,
    below: Tensor,
    low2: Tensor,
    high2: Tensor,
    half: Tensor,
    zero: Tensor,
) -> Edges:
    """Ridges of the gradient, (1, 1, H, W) float32: 1 strong, 0.5 weak, 0 none. No sync.

    Canny's non-maximum suppression and double threshold on the gradient that is attached; nothing
    is blurred or differentiated again. Edges that touch a strong one are joined by the stage
    `linked_edges`, which syncs. As in `kornia.filters.canny(hysteresis=False)`, of two equal pixels
    across an edge the left or upper one is kept. Squares are compared instead of roots, and no
    branch depends on a pixel: masks are numbers that blend, because a kernel that branches takes
    ten times as long on noise. Works in bands; four allocations, two of
    them of a band.
    """
    gx, gy = sobel[0].unbind()
    height, width = gx.shape
    # Squared steepness, with a border of zeros: outside of the picture nothing is steep.
    steep = sobel.new_zeros((height + 2, width + 2))
    torch.mul(gx, gx, out=steep[1:-1, 1:-1]).addcmul_(gy, gy)
    result = sobel.new_empty((1, 1, height, width))
    rows = rows_per_band(gx, height, planes=2)
    rival, other, mask, square = sobel.new_empty((4, rows, width))
    lesser = steep.new_empty((rows + 2, width + 2))
    lesser_right, lesser_below = lesser[1:-1, 2:], lesser[2:, 1:-1]
    upper, same, lower = (shifted(row, width, axis=-1) for row in shifted(steep, height, axis=-2))
    neighbours = (*upper, *same[:2], lower[0], lower[2])
    for around, (dx, dy, found, nw, n, ne, w, center, sw, se) in zip(
        windows(steep, rows, 1), bands(rows, gx, gy, result[0, 0], *neighbours), strict=True
    ):
        torch.mul(around, below, out=lesser)
        # The larger of the two neighbours along the gradient, rounded to 45 degrees. Diagonals
        # first: dx and dy of one sign point down right, of two signs up right.
        torch.maximum(ne, sw, out=rival)
        torch.maximum(nw, se, out=other)
        torch.mul(dx, dy, out=mask)
        rival.lerp_(other, torch.gt(mask, zero, out=mask))
        # Along an axis, one of two equal neighbours wins: it must beat what is before it by a
        # trifle, and may lose to what comes after it by one. So rounding makes no edge thick, and
        # none vanish.
        limit = torch.mul(center, cosine2, out=mask)
        torch.mul(dx, dx, out=square)
        torch.maximum(w, lesser_right, out=other).mul_(above)
        rival.lerp_(other, torch.gt(square, limit, out=square))
        torch.mul(dy, dy, out=square)
        torch.maximum(n, lesser_below, out=other).mul_(above)
        rival.lerp_(other, torch.gt(square, limit, out=square))

        torch.gt(center, torch.maximum(rival, low2, out=other), out=found)
        torch.gt(center, torch.maximum(rival, high2, out=other), out=other)
        found.add_(other).mul_(half)
    return result


@edges.prepare
def _(
    spec: InputSpec,
    *,
    low: Annotated[
        float, Range(0.001, 0.5, 0.0005, "1/px", doc="steepness of a weak edge; Kornia's value / 8")
    ] = 0.0125,
    high: Annotated[
        float, Range(0.001, 0.5, 0.0005, "1/px", doc="steepness of a strong edge; Kornia's / 8")
    ] = 0.025,
) -> dict[str, Any]:
    check_image("edges", spec, channels=2)
    if low > high:
        raise ValueError(
            f"edges: low={low:g} is above high={high:g} 1/px, so that no edge would be weak; "
            "lower low, or raise high first"
        )
    return {
        name: torch.tensor(value).to(spec.device)
        for name, value in (
            ("cosine2", math.cos(math.pi / 8) ** 2),
            ("above", 1 + TRIFLE),
            ("below", (1 - TRIFLE) / (1 + TRIFLE)),
            ("low2", low * low),
            ("high2", high * high),
            ("half", 0.5),
            ("zero", 0.0),
        )
    }


@stage("linked_edges", footprint=Global(), syncs=True)
def linked_edges(edges: Edges) -> Edges:
    """Syncs. Keep weak edges that reach a strong one, (1, 1, H, W) float32, 0 or 1 (hysteresis).

    Strong edges grow along weak ones by one pixel a round, until nothing changes; the host looks
    every eighth round, and allocates as it goes. Works in bytes, not floats. As
    `kornia.filters.canny(hysteresis=True)`.
    """
    candidate = (edges > 0).view(torch.uint8)
    linked = (edges == 1).view(torch.uint8)
    while True:
        grown = linked
        for _ in range(ROUNDS_PER_LOOK):
            bordered = functional.pad(grown, (1, 1, 1, 1))
            grown = torch.minimum(sliding_max(bordered, 3, 3), candidate)
        if torch.equal(grown, linked):
            return grown.to(torch.float32)
        linked = grown
