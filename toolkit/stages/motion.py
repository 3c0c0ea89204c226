"""What moved? What differs from the previous frame."""

from __future__ import annotations

import torch

from toolkit.stages.declare import Gray, Pointwise, stage

__all__ = ["motion"]


@stage("motion", footprint=Pointwise(), first=torch.zeros_like)
def motion(gray: Gray, prev_gray: Gray) -> Gray:
    """How much each pixel changed since the previous frame, (1, 1, H, W) float32 in [0, 1].

    Zero on the first frame, and after a seek. One allocation, no sync.
    """
    return torch.sub(gray, prev_gray).abs_()
