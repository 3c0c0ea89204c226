"""Is OpenCV here to compare with? The toolkit does without it; where it is installed, it is a peer.

The one place that imports it for the evaluations.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["GET_OPENCV", "find_opencv", "one_thread"]

GET_OPENCV = "pip install opencv-python-headless"


def find_opencv() -> Any | None:
    """The module `cv2`, or None where it is not installed."""
    try:
        import cv2
    except ImportError:
        return None
    return cv2


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch and OpenCV compute on one thread inside of this: on two, they wait for others."""
    cv2 = find_opencv()
    before = torch.get_num_threads(), cv2.getNumThreads() if cv2 else 0
    torch.set_num_threads(1)
    if cv2:
        cv2.setNumThreads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        if cv2:
            cv2.setNumThreads(before[1])
