"""How far off is a flow field? End-point error, and the share of pixels that KITTI calls wrong.

errors = end_point_errors(estimate, truth)      # (H, W) px
flow_errors(estimate, truth, is_valid).fl_all   # percent
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from toolkit.evaluation.errors import BadData

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["FlowErrors", "end_point_errors", "flow_errors", "is_outlier"]

OUTLIER_PX = 3.0
OUTLIER_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class FlowErrors:
    """What a flow field is off by, over the pixels whose truth is known.

    Attributes:
        epe_mean: mean end-point error, px.
        epe_median: median end-point error, px.
        fl_all: percent of pixels that are off by more than 3 px and by more than 5 % of the truth.
        pixels: how many were looked at.
    """

    epe_mean: float
    epe_median: float
    fl_all: float
    pixels: int

    def to_dict(self) -> dict[str, float]:
        """The fields as plain values."""
        return asdict(self)


def end_point_errors(estimate: ArrayLike, truth: ArrayLike) -> NDArray[np.float64]:
    """Distance between two flow vectors at every pixel, (H, W) float64, px. Allocates.

    Args:
        estimate: (2, H, W) or (1, 2, H, W), px right and down, on the host.
        truth: the same shape.

    Raises:
        BadData: the shapes differ, or are no flow.
    """
    one, other = _as_flow(estimate, "estimate"), _as_flow(truth, "truth")
    if one.shape != other.shape:
        raise BadData(
            f"the estimate has shape {one.shape} and the truth {other.shape}; give both at the "
            "size of the pictures."
        )
    with np.errstate(invalid="ignore", over="ignore"):  # where no truth is known stand huge values
        return np.hypot(one[0] - other[0], one[1] - other[1])


def is_outlier(errors: ArrayLike, truth: ArrayLike) -> NDArray[np.bool_]:
    """Which pixels count as wrong in Fl-all: off by > 3 px and > 5 % of the true length.

    Source: Menze and Geiger, "Object scene flow for autonomous vehicles", CVPR 2015, section 5.

    Args:
        errors: (H, W) px, from `end_point_errors`.
        truth: (2, H, W) px.
    """
    flow = _as_flow(truth, "truth")
    with np.errstate(invalid="ignore", over="ignore"):
        length = np.hypot(flow[0], flow[1])
        far = np.asarray(errors) > OUTLIER_SHARE * length
    return (np.asarray(errors) > OUTLIER_PX) & far


def flow_errors(
    estimate: ArrayLike, truth: ArrayLike, is_valid: ArrayLike | None = None
) -> FlowErrors:
    """Mean and median end-point error and Fl-all over the valid pixels.

    Args:
        estimate: (2, H, W) or (1, 2, H, W), px right and down, on the host.
        truth: the same shape.
        is_valid: (H, W) bool, where the truth is known; everywhere where left out.

    Raises:
        BadData: shapes differ, no pixel is valid, or the estimate is not finite where it counts.
    """
    errors = end_point_errors(estimate, truth)
    mask = np.ones(errors.shape, bool) if is_valid is None else np.asarray(is_valid, bool)
    if mask.shape != errors.shape:
        raise BadData(f"is_valid has shape {mask.shape}, the flow {errors.shape}; give one mask.")
    chosen = errors[mask]
    if not chosen.size:
        raise BadData(f"none of {mask.size} pixels has a known truth; leave this pair out.")
    bad = int(chosen.size - np.isfinite(chosen).sum())
    if bad:
        raise BadData(f"{bad} of {chosen.size} errors are not finite; the estimate has NaN or inf.")
    return FlowErrors(
        epe_mean=float(chosen.mean()),
        epe_median=float(np.median(chosen)),
        fl_all=100 * float(is_outlier(errors, truth)[mask].mean()),
        pixels=int(chosen.size),
    )


def _as_flow(flow: ArrayLike, name: str) -> NDArray[np.float64]:
    array = np.asarray(flow, dtype=np.float64)
    if array.ndim == 4 and array.shape[0] == 1:
        array = array[0]
    if array.ndim != 3 or array.shape[0] != 2:
        raise BadData(f"the {name} has shape {array.shape}; flow is (2, H, W) or (1, 2, H, W).")
    return array
