"""Who computes a camera's pose from points? The toolkit's stage, and OpenCV's methods beside it.

Each is a function from two views to how the camera moved; its CPU time is from points to pose.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from toolkit.demos.evaluation_run import find_stage, milliseconds_since, options_of
from toolkit.demos.opencv import find_opencv
from toolkit.demos.pose_cases import HEIGHT, WIDTH
from toolkit.spec import FrameSpec
from toolkit.stages.declare import InputSpec, Stage, Tracks, spec_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from toolkit.demos.pose_cases import TwoViews

    PoseMethod = Callable[[TwoViews], "Motion"]

__all__ = ["Motion", "opencv_methods", "toolkit_method"]

_CONFIDENCE, _THRESHOLD_PX = 0.999, 1.0
_NEVER_TOO_FAR = 1e9


class Motion(NamedTuple):
    """What a method answers.

    Attributes:
        rotation: (3, 3); the identity where it found none.
        translation: (3,) of any length; 0 where it found none.
        is_degenerate: whether it says that more than one motion explains the points; None where it
            cannot say.
        milliseconds: CPU time.
    """

    rotation: NDArray[np.float64]
    translation: NDArray[np.float64]
    is_degenerate: bool | None
    milliseconds: float


def toolkit_method(backend: str) -> PoseMethod:
    """The stage `pose`, on points instead of on frames.

    Raises:
        WrongUse: there is no such stage or back end.
    """
    stage = find_stage("pose")
    options = options_of(stage, backend=backend)
    return lambda views: _run(stage, views, options)


@torch.inference_mode()
def _run(stage: Stage, views: TwoViews, options: dict[str, Any]) -> Motion:
    tracks = _tracks(views)
    frame = FrameSpec(WIDTH, HEIGHT, "rgb", torch.device("cpu"), full_range=True)
    camera = tuple(map(tuple, views.intrinsics.tolist()))
    constants = stage.constants(InputSpec(frame, (spec_of(tracks),)), camera=camera, **options)
    begin_ns = time.thread_time_ns()
    found = stage(tracks, **constants)
    milliseconds = milliseconds_since(begin_ns)
    return Motion(
        rotation=found.rotation[0].double().numpy(),
        translation=found.translation[0].double().numpy(),
        is_degenerate=bool(found.is_degenerate[0]),
        milliseconds=milliseconds,
    )


def _tracks(views: TwoViews) -> Tracks:
    """The points as tracks that were there on the frame before."""
    before, after = (torch.from_numpy(one).float()[None] for one in (views.before, views.after))
    count = before.shape[1]
    return Tracks(
        xy=after,
        previous_xy=before,
        id=torch.arange(count)[None],
        age=torch.ones(1, count, dtype=torch.int32),
        error=torch.zeros(1, count),
        next_id=torch.tensor([count]),
        trail=after[:, :, None],
    )


def opencv_methods() -> dict[str, PoseMethod]:
    """OpenCV's robust essential matrices by name; none where it is not installed."""
    cv2 = find_opencv()
    if cv2 is None:
        return {}
    methods = {"opencv_ransac": cv2.RANSAC, "opencv_magsac": cv2.USAC_MAGSAC}
    return {name: _of_essential(cv2, method) for name, method in methods.items()}


def _of_essential(cv2: Any, method: int) -> PoseMethod:
    def run(views: TwoViews) -> Motion:
        cv2.setRNGSeed(views.seed)
        points = (views.before, views.after, views.intrinsics)
        begin_ns = time.thread_time_ns()
        essential, mask = cv2.findEssentialMat(*points, method, _CONFIDENCE, _THRESHOLD_PX)
        if essential is None:
            return Motion(np.eye(3), np.zeros(3), None, milliseconds_since(begin_ns))
        # Of several solutions, which stand one below the other, the first is as good as any.
        _, rotation, translation, *_ = cv2.recoverPose(
            essential[:3], *points, distanceThresh=_NEVER_TOO_FAR, mask=mask
        )
        milliseconds = milliseconds_since(begin_ns)
        return Motion(rotation, translation[:, 0], None, milliseconds)

    return run
