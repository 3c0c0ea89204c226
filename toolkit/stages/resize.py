"""Another size. The cheapest pixel is the one that no later stage has to touch."""

from __future__ import annotations

from typing import Annotated, Any

from torch.nn import functional

from toolkit.stages.declare import Choice, Gather, Image, InputSpec, Range, stage
from toolkit.stages.shapes import check_image

__all__ = ["resize"]


@stage("resize", footprint=Gather())
def resize(rgb: Image, *, size: tuple[int, int], mode: str, antialias: bool) -> Image:
    """Scale to another size, (1, C, h, w) float32. No sync; the input itself for the same size.

    Pixels are areas (`align_corners=False`), as in `kornia.geometry.resize`. Without `antialias`, a
    picture made much smaller keeps one pixel in many, and flickers.
    """
    if rgb.shape[-2:] == size:
        return rgb
    align = False if mode in ("bilinear", "bicubic") else None
    return functional.interpolate(
        rgb, size=size, mode=mode, align_corners=align, antialias=antialias
    )


@resize.prepare
def _(
    spec: InputSpec,
    *,
    width: Annotated[int, Range(8, 7680, 8, "px", doc="width of the result")] = 640,
    height: Annotated[
        int, Range(0, 4320, 8, "px", doc="height of the result; 0 keeps the proportions")
    ] = 0,
    mode: Annotated[
        str, Choice("bilinear", "bicubic", "area", "nearest", doc="how pixels are mixed")
    ] = "bilinear",
    antialias: Annotated[bool, "average what falls together, when the picture gets smaller"] = True,
) -> dict[str, Any]:
    old_height, old_width = check_image("resize", spec)
    new_height = height or max(1, round(width * old_height / old_width))
    can_antialias = mode in ("bilinear", "bicubic")
    return {
        "size": (new_height, width),
        "mode": mode,
        "antialias": antialias and can_antialias,
    }
