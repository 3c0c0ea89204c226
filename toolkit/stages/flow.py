"""Where did every pixel go? Roughly by patches, from coarse to fine, then exactly, all at once.

The flow is that of the pixels of the previous frame: what was at (x, y) there is now at (x, y) +
flow(x, y). It begins with no motion in the smallest level of a pyramid. In each level patches look
for themselves (`inverse_search`), then neighbouring pixels agree (`variational`), and the flow
found is where the next larger level begins. Patches stop before the largest levels, where they cost
most; agreement goes on to the last, and takes half of the error away there.

    Pipeline([gray, pyramid, flow])
    Pipeline([gray, flow.using(pyramid="gray", prev_pyramid="gray")])    # a pyramid of its own
"""

from __future__ import annotations

import importlib.util
import math
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from torch import Tensor
from torch.nn import functional

from toolkit.stages.declare import Choice, Flow, Global, InputSpec, Pyramid, Range, stage
from toolkit.stages.inverse_search import PATCH, PatchGrid, patch_grid, search
from toolkit.stages.pyramid import TAPS, halve
from toolkit.stages.taps import correlate, gaussian_taps
from toolkit.stages.variational import PLANES, Refinement, refine, refinement

__all__ = ["PRESETS", "flow"]

SMALLEST = 24
"""Shorter side of the smallest level, px: three patches."""
SMALLEST_OPENCV = 16
"""Shorter side, px, from which on OpenCV's presets work."""
SIGMA = 0.5
"""The pictures of the largest level are blurred by as much as halving blurs those of the others."""


@dataclass(frozen=True, slots=True)
class Preset:
    """How much work is done.

    Attributes:
        finest_search: the largest level in which patches search; 0 is the picture itself.
        steps: for each trial of neighbours, how many steps follow.
        refinements: warps, reweights and sweeps in levels 0, 1, ...; the last holds for all that
            are coarser.
        dis: name of OpenCV's preset and its finest scale, for `backend="opencv"`.
    """

    finest_search: int
    steps: tuple[int, ...]
    refinements: tuple[tuple[int, int, int], ...]
    dis: tuple[str, int]


PRESETS = {
    "fast": Preset(2, (1,) * 4, ((1, 1, 5), (1, 2, 8)), ("FAST", 2)),
    "balanced": Preset(1, (1,) * 6, ((1, 1, 10), (1, 2, 6), (2, 2, 8)), ("MEDIUM", 1)),
    "best": Preset(1, (1,) * 8, ((2, 3, 10), (2, 3, 10), (2, 2, 8)), ("MEDIUM", 0)),
}


@dataclass(frozen=True, slots=True)
class Level:
    """Constants of one level: its size in px, patches if they search there, and the refinement."""

    height: int
    width: int
    patches: PatchGrid | None
    refinement: Refinement


def _no_motion(pyramid: Pyramid) -> Flow:
    picture = _levels(pyramid)[0]
    return picture.new_zeros((1, 2, *picture.shape[-2:]))


@stage("flow", footprint=Global(), first=_no_motion)
def flow(
    pyramid: Pyramid,
    prev_pyramid: Pyramid,
    *,
    levels: tuple[Level, ...],
    halving: Tensor,
    smoothing: Tensor,
    dis: Any,
) -> Flow:
    """Where each pixel of the previous frame went, (1, 2, H, W) float32, px right and down.

    Zero on the first frame and after a seek, and where nothing has texture. A pixel that is hidden
    or leaves the picture goes on as its neighbours do. Levels that the pyramid lacks are made here.

    Works in memory of 29 planes of the picture's size, and of about 45 of a level's size for the
    patches of each level; on a CPU, `toolkit.memory.tune_allocator` keeps that from frame to frame.
    No sync, fixed shapes.

    With `backend="opencv"`, three copies: both pictures to 8 bits, and the result from the layout
    of OpenCV; what OpenCV allocates is not on the bill, and its threads are its own.
    """
    here, there = _levels(prev_pyramid), _levels(pyramid)
    if dis is not None:
        return _by_opencv(dis, here[0], there[0])
    while len(here) < len(levels):
        here = (*here, halve(here[-1], halving))
        there = (*there, halve(there[-1], halving))
    scratch = there[0].new_empty(PLANES * levels[0].height * levels[0].width)
    found = there[0].new_zeros((1, 2, levels[-1].height, levels[-1].width))
    for number, level in reversed(tuple(enumerate(levels))):
        before, after = here[number], there[number]
        if level is not levels[-1]:
            found = _enlarge(found, level)
        if level.patches is not None:
            found = search(before, after, found, grid=level.patches)
        if number == 0:
            before, after = correlate(before, smoothing), correlate(after, smoothing)
        found = refine(before, after, found, by=level.refinement, scratch=scratch)
    # The scratch memory goes with this frame, and its flow stays.
    return found.clone(memory_format=torch.contiguous_format)


@flow.prepare
def _(
    spec: InputSpec,
    *,
    preset: Annotated[str, Choice(*PRESETS, doc="work for accuracy")] = "balanced",
    smoothness: Annotated[
        float, Range(0.2, 5.0, 0.1, doc="how strongly neighbouring pixels go the same way")
    ] = 1.2,
    backend: Annotated[
        str, Choice("torch", "opencv", doc="opencv: its DIS, where it is installed, on a CPU")
    ] = "torch",
) -> dict[str, Any]:
    height, width = _check_pictures(spec)
    chosen = PRESETS[preset]
    count = max(1, int(math.log2(2 * min(height, width) / SMALLEST)))
    return {
        "levels": tuple(
            _prepare_level(spec, chosen, number, count, smoothness) for number in range(count)
        ),
        "halving": (torch.tensor(TAPS) / 32.0).to(spec.device),
        "smoothing": gaussian_taps(SIGMA, device=spec.device),
        "dis": _prepare_dis(spec, chosen) if backend == "opencv" else None,
    }


def _prepare_level(
    spec: InputSpec, chosen: Preset, number: int, count: int, smoothness: float
) -> Level:
    height, width = spec.height >> number, spec.width >> number
    searches = number >= min(chosen.finest_search, count - 1)
    warps, reweights, sweeps = chosen.refinements[min(number, len(chosen.refinements) - 1)]
    return Level(
        height,
        width,
        patch_grid(height, width, steps=chosen.steps, device=spec.device) if searches else None,
        refinement(
            height,
            width,
            device=spec.device,
            smoothness=smoothness,
            warps=warps,
            reweights=reweights,
            sweeps=sweeps,
        ),
    )


def _prepare_dis(spec: InputSpec, chosen: Preset) -> Any:
    """OpenCV's dense inverse search, which keeps its own memory from frame to frame."""
    if importlib.util.find_spec("cv2") is None:
        raise ValueError(
            'flow: backend="opencv" needs OpenCV, which is not installed here; '
            'install opencv-python-headless, or take backend="torch"'
        )
    if spec.device.type != "cpu":
        raise ValueError(
            f'flow: backend="opencv" computes on the CPU, and the pictures are on {spec.device}; '
            'take backend="torch", which runs there'
        )
    if min(spec.height, spec.width) < SMALLEST_OPENCV:
        raise ValueError(
            f"flow: OpenCV finds no flow in a picture of {spec.width}x{spec.height} px; give one "
            f'of at least {SMALLEST_OPENCV} px on each side, or take backend="torch"'
        )
    import cv2

    name, finest = chosen.dis
    # The package's type hints lack what OpenCV makes up from its C++ classes.
    dis = getattr(cv2, "DISOpticalFlow_create")(  # noqa: B009 - as said above
        getattr(cv2, f"DISOPTICAL_FLOW_PRESET_{name}")
    )
    dis.setFinestScale(finest)
    return dis


def _check_pictures(spec: InputSpec) -> tuple[int, int]:
    """Height and width, after checking that both inputs are such pyramids or pictures.

    Raises:
        ValueError: they are not, or they are smaller than a patch.
    """
    for given in spec.inputs:
        largest = given if hasattr(given, "dtype") else given[0]
        shape = tuple(largest.shape)
        if len(shape) != 4 or shape[:2] != (1, 1) or largest.dtype != torch.float32:
            raise ValueError(
                f"flow takes gray pictures of shape (1, 1, H, W) in float32, or a pyramid of such, "
                f"and got {shape} in {largest.dtype}; "
                'for another input: flow.using(pyramid="gray", prev_pyramid="gray")'
            )
        if min(shape[2:]) < PATCH:
            raise ValueError(
                f"flow: a picture of {shape[3]}x{shape[2]} px is smaller than one patch of "
                f"{PATCH}x{PATCH} px; give a larger one"
            )
    return spec.height, spec.width


def _levels(pyramid: Pyramid | Tensor) -> tuple[Tensor, ...]:
    return (pyramid,) if isinstance(pyramid, Tensor) else pyramid


def _enlarge(found: Tensor, level: Level) -> Tensor:
    """Twice as large, and twice as far: pixel x lies at 2 x + 0.5 of the level below."""
    found = functional.interpolate(found, scale_factor=2, mode="bilinear", align_corners=False)
    right, below = level.width - found.shape[-1], level.height - found.shape[-2]
    if right or below:  # an odd size was rounded down
        found = functional.pad(found, (0, right, 0, below), mode="replicate")
    return found.mul_(2.0)


def _by_opencv(dis: Any, here: Tensor, there: Tensor) -> Tensor:
    pictures = [one[0, 0].mul(255).add_(0.5).to(torch.uint8).numpy() for one in (here, there)]
    found = torch.from_numpy(dis.calc(*pictures, None))  # (H, W, 2)
    return found.permute(2, 0, 1).contiguous()[None]
