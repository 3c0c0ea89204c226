"""Which corners can be recognised from afar and askew? Those described at their own scale and turn.

Corners are looked for in copies of the picture of many sizes; each is described by comparisons of
brightness in a patch that is turned the way its brightness points, in the copy where it was found.

Source:
    Rublee et al., ORB: an efficient alternative to SIFT or SURF, ICCV 2011.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import torch
from torch.nn import functional

from toolkit.stages.corners import cornerness, peak_offset
from toolkit.stages.declare import Choice, Features, Gray, InputSpec, Range, Reduction, stage
from toolkit.stages.descriptors import (
    REACH,
    angles_of,
    bits_of,
    comparison_pattern,
    disc,
    smoothed,
    turned_offsets,
)
from toolkit.stages.scales import Sheet, lay_out, render_sheet
from toolkit.stages.shapes import check_image
from toolkit.stages.sobel import sobel
from toolkit.stages.taps import gaussian_taps
from toolkit.stages.windows import sliding_max

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["features"]

HARRIS_K = 0.04
WINDOW = 1.5
"""Standard deviation of the window in which a corner is judged, px."""

TURNS = 90
"""Directions in which the pattern is laid; between them lie 4 degrees."""

MARGIN = REACH + 1
"""px of each copy in which no feature may lie: its patch would reach into the next copy."""


@stage("features", footprint=Reduction())
def features(
    gray: Gray,
    *,
    sheet: Sheet,
    response: dict[str, Any],
    cells: dict[str, Any],
    patch: dict[str, Any],
    way_back: dict[str, Tensor],
) -> Features:
    """The K strongest corners in all sizes, each with 256 bits, strongest first. No sync.

    Each size has its share of the places. Where it has fewer corners, places stay empty: score 0,
    position (0, 0), angle 0, scale 1 and no bit set.
    """
    copies = render_sheet(gray, sheet)
    judged = _response(copies, **response)
    score, place, level = _strongest(judged, **cells)
    is_there = score > 0
    angle, descriptor = _described(smoothed(copies), place, is_there, **patch)
    xy = _full_size(judged, place, level, **way_back)
    scale = way_back["scale"].index_select(0, level)
    return Features(
        (xy * is_there[:, None])[None],
        score[None],
        (angle * is_there)[None],
        torch.where(is_there, scale, 1.0)[None],
        descriptor[None],
    )


@features.prepare
def _(
    spec: InputSpec,
    *,
    count: Annotated[
        int, Range(16, 4096, 4, "features", doc="places, K; shapes depend on it")
    ] = 500,
    levels: Annotated[int, Range(1, 12, 1, "sizes", doc="how many copies are looked at")] = 8,
    factor: Annotated[
        float, Range(1.1, 1.5, 0.05, doc="how much smaller each copy is than the one before")
    ] = 1.2,
    response: Annotated[
        str, Choice("gftt", "harris", doc="smaller eigenvalue (Shi-Tomasi), or Harris' formula")
    ] = "harris",
    cell: Annotated[
        int, Range(2, 16, 1, "px", doc="no cell of this side has two, nor one beside a stronger")
    ] = 3,
    contrast: Annotated[
        float, Range(0.0005, 0.1, 0.0005, "1/px", doc="steepness below which nothing is a corner")
    ] = 0.005,
) -> dict[str, Any]:
    height, width = check_image("features", spec, channels=1)
    smallest = 2 * MARGIN + 1
    if min(height, width) < smallest:
        raise ValueError(
            f"features describes each corner by what lies up to {MARGIN} px around it, and a "
            f"picture of {width}x{height} px has no such corner; give it at least "
            f"{smallest}x{smallest} px"
        )
    sheet = lay_out(height, width, levels=levels, factor=factor, smallest=smallest, cell=cell)
    return {
        "sheet": sheet,
        "response": _response_constants(sheet, response, contrast, spec.device),
        "cells": _cell_constants(sheet, count, spec.device),
        "patch": _patch_constants(sheet, spec.device),
        "way_back": _way_back_constants(sheet, spec.device),
    }


def _response_constants(
    sheet: Sheet, response: str, contrast: float, device: torch.device
) -> dict[str, Any]:
    mask = torch.zeros(1, 1, sheet.height, sheet.width)
    for level in sheet.levels:
        copy = mask[..., level.rows, level.columns]
        copy[..., MARGIN:-MARGIN, MARGIN:-MARGIN] = 1.0
    # Steepness in both directions, squared, is the eigenvalue; Harris multiplies two of them.
    weakest = contrast**2 if response == "gftt" else (1 - 4 * HARRIS_K) * contrast**4
    return {
        "eighth": torch.tensor(0.125).to(device),
        "window": gaussian_taps(WINDOW, device=device),
        "harris": torch.tensor(HARRIS_K).to(device) if response == "harris" else None,
        "half": torch.tensor(0.5).to(device),
        "mask": mask.to(device),
        "weakest": weakest,
    }


def _response(
    copies: Tensor, *, eighth: Tensor, mask: Tensor, weakest: float, **judging: Any
) -> Tensor:
    """How much of a corner each px of the sheet is, (1, 1, H, W); 0 where none may be."""
    judged = cornerness(sobel(copies, eighth=eighth), **judging)
    judged.mul_(mask)
    return functional.threshold(judged, weakest, 0.0, inplace=True)


def _cell_constants(sheet: Sheet, count: int, device: torch.device) -> dict[str, Any]:
    """Each size's share of places and the first px of each of its cells; the px of a cell."""
    side = sheet.cell
    shares = _shares(sheet, count)
    span = torch.arange(side)
    corner_of = torch.arange(sheet.height // side)[:, None] * side * sheet.width
    corner_of = corner_of + torch.arange(sheet.width // side) * side
    views = [level.in_cells(side) for level in sheet.levels]
    return {
        "side": side,
        "shares": shares,
        "views": views,
        "corner_of": [corner_of[view].reshape(-1).to(device) for view in views],
        "level": torch.arange(len(shares)).repeat_interleave(torch.tensor(shares)).to(device),
        "inside": (span[:, None] * sheet.width + span).reshape(-1).to(device),
    }


def _shares(sheet: Sheet, count: int) -> list[int]:
    """How many of `count` places each size gets: in proportion to its width."""
    widths = [level.width for level in sheet.levels]
    bounds = [round(count * sum(widths[:end]) / sum(widths)) for end in range(len(widths) + 1)]
    return [bounds[end + 1] - bounds[end] for end in range(len(widths))]


def _strongest(
    judged: Tensor,
    *,
    side: int,
    shares: list[int],
    views: list[tuple[slice, slice]],
    corner_of: list[Tensor],
    level: Tensor,
    inside: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """Score, place on the sheet and size of the strongest corners, (K,) each, strongest first."""
    best = _largest_in_cells(judged[0, 0], side)
    around = sliding_max(functional.pad(best, (1, 1, 1, 1)), 3, 3)
    best = best * (best >= around)
    found: list[tuple[Tensor, Tensor]] = []
    for view, corner, share in zip(views, corner_of, shares, strict=True):
        cells = best[view].reshape(-1)
        score, order = cells.topk(min(share, cells.shape[0]))
        missing = (0, share - score.shape[0])
        place = corner.index_select(0, order)
        found.append((functional.pad(score, missing), functional.pad(place, missing)))
    score = torch.cat([one for one, _ in found])
    place = torch.cat([one for _, one in found])
    score, order = score.sort(descending=True)
    place, level = place.index_select(0, order), level.index_select(0, order)
    pixels = (place[:, None] + inside).view(-1)
    values = judged.view(-1).index_select(0, pixels).view(-1, side * side)
    return score, place + inside.index_select(0, values.argmax(-1)), level


def _largest_in_cells(values: Tensor, side: int) -> Tensor:
    """Largest value in each cell of side x side, (H / side, W / side). Whole rows first: faster."""
    rows = values.view(-1, side, values.shape[-1])
    largest = rows[:, 0]
    for at in range(1, side):
        largest = torch.maximum(largest, rows[:, at])
    columns = largest.view(largest.shape[0], -1, side)
    largest = columns[..., 0]
    for at in range(1, side):
        largest = torch.maximum(largest, columns[..., at])
    return largest


def _patch_constants(sheet: Sheet, device: torch.device) -> dict[str, Any]:
    disc_offsets, disc_positions = disc(sheet.width)
    turned = turned_offsets(comparison_pattern(), turns=TURNS, stride=sheet.width)
    shift = 3 * sheet.width + 3  # `smoothed` keeps the sum over 7x7 px where the first one is
    first = sheet.levels[0]
    middle = first.height // 2 * sheet.width + first.width // 2
    return {
        "disc_offsets": (disc_offsets - shift).to(device),
        "disc_positions": disc_positions.to(device),
        "turned": (turned - shift).to(device),
        "turn_radians": torch.tensor(2 * math.pi / TURNS).to(device),
        "packing": (2 ** torch.arange(8)).to(torch.uint8).to(device),
        "middle": torch.tensor(middle).to(device),
    }


def _described(
    soft: Tensor,
    place: Tensor,
    is_there: Tensor,
    *,
    disc_offsets: Tensor,
    disc_positions: Tensor,
    turned: Tensor,
    turn_radians: Tensor,
    packing: Tensor,
    middle: Tensor,
) -> tuple[Tensor, Tensor]:
    """Angle, (K,) radians, and bits, (K, 32) uint8, of each patch."""
    soft = soft.view(-1)
    place = torch.where(is_there, place, middle)  # an empty place may lie too near to the border
    angle = angles_of(soft, place, offsets=disc_offsets, positions=disc_positions)
    turn = torch.round(angle / turn_radians).long().remainder(turned.shape[0])
    bits = bits_of(soft, place, turn, offsets=turned) & is_there[:, None]
    return angle, (bits.view(-1, 32, 8) * packing).sum(-1, dtype=torch.uint8)


def _way_back_constants(sheet: Sheet, device: torch.device) -> dict[str, Tensor]:
    """How a px on the sheet becomes a px of the full picture, for each size."""
    first = sheet.levels[0]
    ratio = [(first.width / one.width, first.height / one.height) for one in sheet.levels]
    step = torch.tensor(ratio, dtype=torch.float64)
    origin = torch.tensor([(one.left, one.top) for one in sheet.levels], dtype=torch.float64)
    return {
        "step": step.float().to(device),
        "start": ((0.5 - origin) * step - 0.5).float().to(device),
        "scale": step.mean(-1).float().to(device),
    }


def _full_size(
    judged: Tensor, place: Tensor, level: Tensor, *, step: Tensor, start: Tensor, scale: Tensor
) -> Tensor:
    """Position of each corner in the full picture to a part of a px, (K, 2)."""
    width = judged.shape[-1]
    inner = place.clamp(width, judged.numel() - 1 - width)  # an empty place may have no neighbour
    y = torch.div(place, width, rounding_mode="floor")
    on_sheet = torch.stack((place - y * width, y), -1) + peak_offset(judged, inner)
    first = start.index_select(0, level)
    return torch.addcmul(first, on_sheet, step.index_select(0, level))
