"""How steep is the picture, and in which direction?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from toolkit.stages.declare import Gradient, Gray, InputSpec, Pointwise, Stencil, stage
from toolkit.stages.shapes import check_image
from toolkit.stages.taps import shifted

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
    height, width = image.shape
    gradient = blur.new_empty((1, 2, height, width))
    along_x, along_y = gradient[0].unbind()
    rows = torch.empty_like(image)
    down, smoothed = _neighbours(image, height, axis=0), _ends_and_middle(rows, height, axis=0)
    across = _neighbours(rows, width, axis=1)

    # d/dx: smooth down the columns (1 2 1), then take differences along the rows.
    _add(down, out=smoothed)
    _subtract(across, out=_ends_and_middle(along_x, width, axis=1))
    # d/dy: differences down the columns, then smooth along the rows. `rows` is free again.
    _subtract(down, out=smoothed)
    _add(across, out=_ends_and_middle(along_y, width, axis=1))
    return gradient.mul_(eighth)


def _neighbours(image: Tensor, size: int, *, axis: int) -> tuple[Tensor, ...]:
    """Views along an axis: what is before, at and after the middle px; and the two at each end."""
    middle = shifted(image, size - 2, axis=axis)
    return (*middle, *(image.narrow(axis, at, 1) for at in (0, 1, size - 2, size - 1)))


def _ends_and_middle(image: Tensor, size: int, *, axis: int) -> tuple[Tensor, ...]:
    return image.split_with_sizes((1, size - 2, 1), axis)


def _add(views: tuple[Tensor, ...], *, out: tuple[Tensor, ...]) -> None:
    """Weigh each px by 2 and its neighbours by 1, the border replicated."""
    before, here, after, first, second, last_but_one, last = views
    torch.add(before, after, out=out[1]).add_(here, alpha=2)
    torch.add(second, first, alpha=3, out=out[0])
    torch.add(last_but_one, last, alpha=3, out=out[2])


def _subtract(views: tuple[Tensor, ...], *, out: tuple[Tensor, ...]) -> None:
    """What is after each px less what is before it, the border replicated."""
    before, _, after, first, second, last_but_one, last = views
    torch.sub(after, before, out=out[1])
    torch.sub(second, first, out=out[0])
    torch.sub(last, last_but_one, out=out[2])


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
