"""Roughly where did each patch go? Many small patches look for themselves, all at the same time.

A patch of the first picture is compared with the second picture where the flow so far leads. The
patch, its gradient and the 2x2 matrix of its normal equations stay the same in every step, which is
the inverse in inverse search; only the second picture is sampled anew. Before, each patch tries the
flow of its neighbours and takes what fits better, so that a good guess spreads.

Brightness is compared after its mean over the patch is taken off, so a change of exposure does not
look like motion. At the end, the flow of a cell of 4x4 px is the mean of the four patches that
cover it, weighed by how well each of them fits, and what lies between cells is interpolated.

Source: Kroeger, Timofte, Dai, Van Gool, Fast optical flow using dense inverse search, ECCV 2016.
There, pixels weigh patches, and the implementation in OpenCV has neighbours tried one after the
other in the order of pixels. Here all patches try theirs at once, several times: that needs no
order and runs on any device.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["PATCH", "PatchGrid", "patch_grid", "search"]

PATCH = 8
"""Side of a patch, px."""
STRIDE = 4
"""From patch to patch, px: half a patch, so that four of them cover a cell."""
AREA = PATCH * PATCH
MARGIN = 16
"""For so many px beyond its border the picture goes on as it is there."""
LONGEST_STEP = 1.5
"""px, along each axis; the picture is no straight line further than that."""
DAMPING = 50 / 255**2
"""Added to the sum of squared gradients of a patch: one without texture stays where it is."""
NOISE = 1 / 255
"""Mean differences below this do not tell a better patch from a worse one."""
SIDES = (((1, 0), (1, 2)), ((0, 1), (2, 1)))
"""Where neighbours lie in the padded grid, row and column: to the sides, then above and below."""


@dataclass(frozen=True, slots=True)
class PatchGrid:
    """Constants of `search` for pictures of one size: N patches, row by row.

    Attributes:
        rows: of patches.
        columns: of patches.
        padding: left, right, top, bottom, px: patches fill what is within the margin.
        origin: (2, N) px, x and y of the first pixel of each patch in the padded picture.
        center: (N,) int64, the pixel whose flow a patch begins with.
        highest: (2, 1) px, the last place for a patch in the padded picture.
        strides: (2, 1) from window to window, to the right and down.
        steps: how many steps follow on each trial of neighbours; they alternate between those to
            the sides and those above and below.
    """

    rows: int
    columns: int
    padding: tuple[int, int, int, int]
    origin: Tensor
    center: Tensor
    highest: Tensor
    strides: Tensor
    steps: tuple[int, ...]


def patch_grid(
    height: int, width: int, *, steps: tuple[int, ...], device: torch.device
) -> PatchGrid:
    """Make the constants for pictures of a size. Allocates on the host, then moves."""
    rows, columns = (max(-(-(size - PATCH) // STRIDE), 0) + 1 for size in (height, width))
    below = (rows - 1) * STRIDE + PATCH - height
    right = (columns - 1) * STRIDE + PATCH - width
    padded_height, padded_width = height + below + 2 * MARGIN, width + right + 2 * MARGIN
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    x, y = x.flatten() * STRIDE, y.flatten() * STRIDE
    half = PATCH // 2
    center = (y + half).clamp(max=height - 1) * width + (x + half).clamp(max=width - 1)
    # Not quite the last place, so that there is one more row and column to mix with.
    highest = torch.tensor([[padded_width - PATCH - 1.001], [padded_height - PATCH - 1.001]])
    return PatchGrid(
        rows,
        columns,
        (MARGIN, MARGIN + right, MARGIN, MARGIN + below),
        (torch.stack((x, y)).float() + MARGIN).to(device),
        center.to(device),
        highest.to(device),
        torch.tensor([[float(padded_height)], [1.0]]).to(device),
        steps,
    )


def search(here: Tensor, there: Tensor, flow: Tensor, *, grid: PatchGrid) -> Tensor:
    """Improve a flow by patches, (1, 2, H, W) px. No sync.

    Args:
        here: (1, 1, H, W) the picture whose pixels move, in [0, 1].
        there: (1, 1, H, W) where they move to.
        flow: (1, 2, H, W) px, the guess.
        grid: constants for this size.
    """
    patches = _Patches(here, there, grid)
    found = flow[0].flatten(1).index_select(1, grid.center)  # (2, N)
    cost = patches.cost(found)  # (N,)
    for number, steps in enumerate(grid.steps):
        for other in _neighbours(found, grid, SIDES[number % 2]):
            found, cost = _better(found, cost, other, patches.cost(other))
        moved = found
        for _ in range(steps):
            moved = patches.step(moved)
        # One that went further than its own size followed something else.
        moved = torch.where((moved - found).abs().amax(0) <= PATCH, moved, found)
        found, cost = _better(found, cost, moved, patches.cost(moved))
    return _spread(found, cost, grid)[..., : here.shape[-2], : here.shape[-1]]


class _Patches:
    """The patches of a picture, and another picture that is sampled where they went.

    Patches overlap, so that N of them hold four times a picture: all this takes some 45 planes.
    After that, sampling allocates nothing of that size.
    """

    def __init__(self, here: Tensor, there: Tensor, grid: PatchGrid) -> None:
        self.grid = grid
        self.height = here.shape[-2] + grid.padding[2] + grid.padding[3]
        self.windows = _windows(functional.pad(there, grid.padding, mode="replicate")[0, 0])
        padded = functional.pad(here, grid.padding, mode="replicate")[0, 0]
        cut = here.new_empty((3, grid.rows * grid.columns, AREA))
        _cut(padded, grid, out=cut)
        cut -= cut.mean(2, keepdim=True)
        self.template = cut[0]  # (N, 64)
        self.ascent = _ascent(cut[1:])  # (2, N, 64)
        self.products = here.new_empty((2, *self.template.shape))
        self.offset = self._climb(self.template)  # (2, N)
        self.upper, self.lower = here.new_empty((2, cut.shape[1], AREA + PATCH))
        self.sampled = here.new_empty((cut.shape[1], AREA))

    def sample(self, flow: Tensor) -> Tensor:
        """The other picture where the patches are after `flow`, (N, 64); overwritten next time."""
        place = torch.minimum((flow + self.grid.origin).clamp_(min=0.0), self.grid.highest)
        whole = place.floor()
        rest = place.sub_(whole)
        index = whole.mul_(self.grid.strides).sum(0).to(torch.int64)
        torch.index_select(self.windows, 0, index, out=self.upper)
        torch.index_select(self.windows, 0, index.add_(self.height), out=self.lower)
        mixed = self.upper.lerp_(self.lower, rest[0, :, None])
        return torch.lerp(mixed[:, :AREA], mixed[:, PATCH:], rest[1, :, None], out=self.sampled)

    def cost(self, flow: Tensor) -> Tensor:
        """Sum of squared differences after `flow`, without what the mean differs, (N,)."""
        misfit = self.sample(flow).sub_(self.template)
        mean = misfit.sum(1)
        squares = torch.mul(misfit, misfit, out=self.products[0])
        return squares.sum(1).addcmul_(mean, mean, value=-1 / AREA)

    def step(self, flow: Tensor) -> Tensor:
        """One step of Gauss and Newton from `flow`, (2, N) px."""
        step = self._climb(self.sample(flow)).sub_(self.offset)
        return torch.sub(flow, step.clamp_(-LONGEST_STEP, LONGEST_STEP))

    def _climb(self, patches: Tensor) -> Tensor:
        """What patches say of the flow, (2, N) px."""
        return torch.mul(self.ascent, patches, out=self.products).sum(2)


def _windows(padded: Tensor) -> Tensor:
    """Every window 8 px wide and 9 px high of a picture as a row of 72 numbers: a view.

    Strips 8 px wide are copied out, one for each column, so that a window is contiguous in memory:
    to look windows up is then ten times faster on a CPU than to look their pixels up. Rows are in
    the order of columns of the picture. One allocation, of eight times the picture.
    """
    strips = padded.unfold(1, PATCH, 1).transpose(0, 1).contiguous()  # (W - 7, H, 8)
    return strips.view(-1).unfold(0, AREA + PATCH, PATCH)


def _cut(padded: Tensor, grid: PatchGrid, *, out: Tensor) -> None:
    """Write patches of the picture and of its two derivatives to `out`, (3, N, 64)."""
    left, _, top, _ = grid.padding
    height, width = ((count - 1) * STRIDE + PATCH for count in (grid.rows, grid.columns))
    picture = padded[top - 1 : top + height + 1, left - 1 : left + width + 1]
    dx = (picture[1:-1, 2:] - picture[1:-1, :-2]).mul_(0.5)
    dy = (picture[2:, 1:-1] - picture[:-2, 1:-1]).mul_(0.5)
    shape = (grid.rows, grid.columns, PATCH, PATCH)
    for one, plane in zip((picture[1:-1, 1:-1], dx, dy), out, strict=True):
        plane.view(shape).copy_(one.unfold(0, PATCH, STRIDE).unfold(1, PATCH, STRIDE))


def _ascent(gradient: Tensor) -> Tensor:
    """What a difference in each pixel says of the flow: (2, N, 64), the pseudo-inverse."""
    dx, dy = gradient
    xx, yy = torch.linalg.vecdot(gradient, gradient)
    xy = torch.linalg.vecdot(dx, dy)
    damping = (xx + yy).mul_(1e-3).add_(DAMPING)
    xx, yy = xx + damping, yy + damping
    scale = (xx * yy).addcmul_(xy, xy, value=-1).reciprocal_()
    xx, xy, yy = (xx * scale)[:, None], (xy * scale)[:, None], (yy * scale)[:, None]
    ascent = torch.empty_like(gradient)
    torch.mul(dx, yy, out=ascent[0]).addcmul_(dy, xy, value=-1)
    torch.mul(dy, xx, out=ascent[1]).addcmul_(dx, xy, value=-1)
    return ascent


def _neighbours(found: Tensor, grid: PatchGrid, sides: tuple[tuple[int, int], ...]) -> list[Tensor]:
    """The flow of the patch on each of two sides, (2, N); beyond the border, a patch's own."""
    shape = (2, grid.rows, grid.columns)
    padded = functional.pad(found.view(1, *shape), (1, 1, 1, 1), mode="replicate")[0]
    return [
        padded[:, row : row + grid.rows, column : column + grid.columns].reshape(2, -1)
        for row, column in sides
    ]


def _better(
    found: Tensor, cost: Tensor, other: Tensor, other_cost: Tensor
) -> tuple[Tensor, Tensor]:
    return torch.where(other_cost < cost, other, found), torch.minimum(other_cost, cost)


def _spread(found: Tensor, cost: Tensor, grid: PatchGrid) -> Tensor:
    """The flow of every pixel from that of patches, (1, 2, >= H, >= W)."""
    rows, columns = grid.rows, grid.columns
    weight = cost.div(AREA).clamp_(min=NOISE**2).reciprocal_().view(1, rows, columns)
    weighed = found.view(2, rows, columns) * weight
    total = found.new_zeros((1, rows + 1, columns + 1))
    flow = found.new_zeros((2, rows + 1, columns + 1))
    for y in (0, 1):
        for x in (0, 1):
            total[:, y : y + rows, x : x + columns] += weight
            flow[:, y : y + rows, x : x + columns] += weighed
    return functional.interpolate(
        flow.div_(total)[None], scale_factor=STRIDE, mode="bilinear", align_corners=False
    )
