"""Show where everything goes: colours for all pixels, arrows for some, drawn on the device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import torch

from toolkit.stages.color_wheel import color_wheel, paint_flow
from toolkit.stages.declare import Choice, Flow, Global, InputSpec, Range, Rgb, stage
from toolkit.stages.dots import COLORS
from toolkit.stages.shapes import check_image

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["overlay_flow"]

HEAD = (0.35, 0.2)
"""How far the head of an arrow reaches back and to the side, of the arrow's length."""


class _Arrows(NamedTuple):
    """Where arrows begin, and what they look like.

    Attributes:
        place: (A,) int64: the pixel that each one begins in.
        xy: (A, 1, 2) float32, px: the same.
        stroke: (P, 2) float32: points of an arrow, along it and across, of its length.
        last: (2,) float32: the last x and y of the picture.
        strides: (2,) int64: from a pixel to the next one along x, and along y.
        spare: () int64: the number after all pixels; what is outside of the picture goes there.
        color: (3, 1, 1) float32.
    """

    place: Tensor
    xy: Tensor
    stroke: Tensor
    last: Tensor
    strides: Tensor
    spare: Tensor
    color: Tensor


@stage("overlay_flow", footprint=Global())
def overlay_flow(
    rgb: Rgb,
    flow: Flow,
    *,
    wheel: Tensor,
    strength: float,
    longest: float,
    arrows: _Arrows | None,
    scale: float,
    limit: float,
) -> Rgb:
    """Draw a flow over the picture, (1, 3, H, W) float32. No sync, fixed shapes.

    Hue says where a pixel goes to, in the colour code of the Middlebury benchmark, and the faster
    it is the less of the picture shows. An arrow begins where a pixel of the previous frame was.
    """
    color, length = paint_flow(flow, wheel, longest=longest)
    painted = torch.lerp(rgb, color, length.clamp_(max=1.0).mul_(strength))
    if arrows is None:
        return painted
    height, width = rgb.shape[-2:]
    plane = rgb.new_zeros(height * width + 1)
    plane.index_fill_(0, _pixels(flow, arrows, scale, limit), 1.0)
    # A plane of zeros and ones, so that it does not matter which of two arrows is drawn first.
    return painted.lerp_(arrows.color, plane[:-1].view(1, 1, height, width))


@overlay_flow.prepare
def _(
    spec: InputSpec,
    *,
    strength: Annotated[
        float, Range(0.0, 1.0, 0.05, doc="how much of the picture the colours hide")
    ] = 0.7,
    longest: Annotated[
        float, Range(0.5, 100.0, 0.5, "px", doc="flow of full colour; longer is darker")
    ] = 8.0,
    spacing: Annotated[int, Range(0, 128, 4, "px", doc="from arrow to arrow; 0 for none")] = 24,
    scale: Annotated[
        float, Range(0.5, 20.0, 0.5, doc="length of an arrow, in lengths of the flow")
    ] = 2.0,
    arrow_color: Annotated[str, Choice(*COLORS, doc="colour of the arrows")] = "white",
) -> dict[str, Any]:
    height, width = check_image("overlay_flow", spec, channels=3)
    if check_image("overlay_flow", spec, channels=2, index=1) != (height, width):
        raise ValueError(
            f"overlay_flow: the picture has {width}x{height} px and the flow "
            f"{spec.inputs[1].shape[3]}x{spec.inputs[1].shape[2]}; draw it on the picture that it "
            "was found in: overlay_flow.using(rgb=...)"
        )
    return {
        "wheel": color_wheel(spec.device),
        "strength": strength,
        "longest": longest,
        "arrows": _prepare_arrows(spec, max(spacing, 4), arrow_color) if spacing else None,
        "scale": scale,
        "limit": 2.0 * max(spacing, 4),
    }


def _prepare_arrows(spec: InputSpec, spacing: int, color: str) -> _Arrows:
    height, width = spec.height, spec.width
    y, x = torch.meshgrid(
        torch.arange(min(spacing // 2, height - 1), height, spacing),
        torch.arange(min(spacing // 2, width - 1), width, spacing),
        indexing="ij",
    )
    x, y = x.flatten(), y.flatten()
    # An arrow is at most two spacings long, so that many points leave no gap.
    shaft = torch.linspace(0, 1, 2 * spacing + 1)
    back = torch.linspace(0, 1, spacing + 1)
    flat = torch.zeros_like(shaft)
    along = torch.cat((shaft, 1 - HEAD[0] * back, 1 - HEAD[0] * back))
    across = torch.cat((flat, HEAD[1] * back, -HEAD[1] * back))
    arrows = _Arrows(
        place=y * width + x,
        xy=torch.stack((x, y), -1).float()[:, None],
        stroke=torch.stack((along, across), -1),
        last=torch.tensor([width - 1.0, height - 1.0]),
        strides=torch.tensor([1, width]),
        spare=torch.tensor(height * width),
        color=torch.tensor(COLORS[color]).view(3, 1, 1),
    )
    return _Arrows(*(one.to(spec.device) for one in arrows))


def _pixels(flow: Tensor, arrows: _Arrows, scale: float, limit: float) -> Tensor:
    """Every pixel that an arrow covers, (A P,) int64, some several times."""
    reach = flow[0].flatten(1).index_select(1, arrows.place).mul_(scale)  # (2, A)
    length = torch.hypot(reach[0], reach[1])
    reach = reach.mul_(limit / length.clamp_(min=limit)).T[:, None]  # (A, 1, 2)
    side = torch.cat((-reach[..., 1:], reach[..., :1]), -1)
    place = arrows.xy + arrows.stroke[:, :1] * reach + arrows.stroke[:, 1:] * side
    place = place.round_()
    is_inside = ((place >= 0) & (place <= arrows.last)).all(-1)
    flat = (place.to(torch.int64) * arrows.strides).sum(-1)
    return torch.where(is_inside, flat, arrows.spare).flatten()
