"""A part of the picture. A handle is enough: nothing is copied."""

from __future__ import annotations

from typing import Annotated, Any

from toolkit.stages.declare import Image, InputSpec, Pointwise, Range, stage
from toolkit.stages.shapes import check_image

__all__ = ["crop"]


@stage("crop", footprint=Pointwise())
def crop(rgb: Image, *, rows: slice, columns: slice) -> Image:
    """A rectangle of the picture, (1, C, h, w) float32, as a view. No allocation, no copy, no sync.

    It shares memory with the picture, and is not contiguous.
    """
    return rgb[..., rows, columns]


@crop.prepare
def _(
    spec: InputSpec,
    *,
    left: Annotated[int, Range(0, 7680, 1, "px", doc="first column")] = 0,
    top: Annotated[int, Range(0, 4320, 1, "px", doc="first row")] = 0,
    width: Annotated[int, Range(0, 7680, 1, "px", doc="columns; 0 takes all to the right")] = 0,
    height: Annotated[int, Range(0, 4320, 1, "px", doc="rows; 0 takes all below")] = 0,
) -> dict[str, Any]:
    rows, columns = check_image("crop", spec)
    right, bottom = left + width if width else columns, top + height if height else rows
    if left >= columns or top >= rows or right > columns or bottom > rows:
        raise ValueError(
            f"crop: columns {left}..{right - 1} and rows {top}..{bottom - 1} are not all inside "
            f"the "
            f"{columns}x{rows} px of the picture; move the rectangle, or make it smaller"
        )
    return {"rows": slice(top, bottom), "columns": slice(left, right)}
