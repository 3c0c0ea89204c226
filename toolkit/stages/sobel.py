"""How steep is the picture, and in which direction?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from toolkit.stages.declare import Gradient, Gray, InputSpec, Pointwise, Stencil, stage
from toolkit.stages.shapes import check_image

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["magnitude", "sobel"]


@stage("sobel", footprint=Stencil(radius=1))
def sobel(blur: Gray, *, eighth: Tensor) -> Gradient:
    """Derivatives d/dx and d/dy by Sobel, (1, 2, H, W) float32 per px. Two allocations, no sync.

    A ramp that rises by `s` per px answers `s`, as `kornia.filters.spatial_gradient` does. The
    border is replicated.
    """
    image = blur[0, 0]
    gradient = blur.new_empty((1, 2, *image.shape))
    along_x, along_y = gradient[0]
    rows = torch.empty_like(image)

    # d/dx: smooth down the columns (1 2 1), then take differences along the rows.
    torch.add(image[:-2], image[2:], out=rows[1:-1]).add_(image[1:-1], alpha=2)
    torch.add(image[1], image[0], alpha=3, out=rows[0])
    torch.add(image[-2], image[-1], alpha=3, out=rows[-1])
    torch.sub(rows[:, 2:], rows[:, :-2], out=along_x[:, 1:-1])
    torch.sub(rows[:, 1], rows[:, 0], out=along_x[:, 0])
    torch.sub(rows[:, -1], rows[:, -2], out=along_x[:, -1])

    # d/dy: differences down the columns, then smooth along the rows. `rows` is free again.
    torch.sub(image[2:], image[:-2], out=rows[1:-1])
    torch.sub(image[1], image[0], out=rows[0])
    torch.sub(image[-1], image[-2], out=rows[-1])
    torch.add(rows[:, :-2], rows[:, 2:], out=along_y[:, 1:-1]).add_(rows[:, 1:-1], alpha=2)
    torch.add(rows[:, 1], rows[:, 0], alpha=3, out=along_y[:, 0])
    torch.add(rows[:, -2], rows[:, -1], alpha=3, out=along_y[:, -1])
    return gradient.mul_(eighth)


@sobel.prepare
def _(spec: InputSpec) -> dict[str, Any]:
    height, width = check_image("sobel", spec, channels=1)
    if min(height, width) < 3:
        raise ValueError(
            f"sobel compares three rows and three columns, and this picture has {width}x{height} "
            f"px; "
            "give it at least 3x3"
        )
    return {"eighth": torch.tensor(0.125).to(spec.device)}


@stage("magnitude", footprint=Pointwise())
def magnitude(sobel: Gradient) -> Gray:
    """Steepness, sqrt(gx^2 + gy^2), (1, 1, H, W) float32 per px. One allocation, no sync."""
    steepness = sobel[:, :1] * sobel[:, :1]
    return steepness.addcmul_(sobel[:, 1:], sobel[:, 1:]).sqrt_()
