"""Which pixels are bright?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import torch

from toolkit.stages.declare import Gray, InputSpec, Mask, Pointwise, Range, stage
from toolkit.stages.shapes import check_image

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["threshold"]


@stage("threshold", footprint=Pointwise())
def threshold(gray: Gray, *, value: Tensor, invert: bool) -> Mask:
    """Mark what is above `value` with 1, (1, C, H, W) float32. One allocation, no sync."""
    compare = torch.le if invert else torch.gt
    # Written as float at once: a bool result takes longer to compute, and again to convert.
    return compare(gray, value, out=torch.empty_like(gray))


@threshold.prepare
def _(
    spec: InputSpec,
    *,
    value: Annotated[float, Range(0.0, 1.0, 0.01, doc="brightness; the value itself is 0")] = 0.5,
    invert: Annotated[bool, "mark dark pixels instead"] = False,
) -> dict[str, Any]:
    check_image("threshold", spec)
    return {"value": torch.tensor(value).to(spec.device), "invert": invert}
