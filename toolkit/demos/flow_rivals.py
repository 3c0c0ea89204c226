"""Who computes flow? The toolkit's stage, and OpenCV's methods beside it.

Each is a function from two pictures to flow and milliseconds: CPU time from the second RGB picture
to its flow. What a method keeps of the first picture it had computed before.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.demos import BadInput
from toolkit.demos.compose import compose
from toolkit.demos.evaluation_run import milliseconds_since, options_of
from toolkit.demos.opencv import find_opencv
from toolkit.frame import Frame
from toolkit.pipeline import StageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from toolkit.pipeline import Pipeline

    Picture = NDArray[np.uint8]
    FlowMethod = Callable[[Picture, Picture], tuple[NDArray[np.float32], float]]

__all__ = ["opencv_methods", "toolkit_method"]


def toolkit_method(backend: str, preset: str) -> FlowMethod:
    """The stage `flow` in a pipeline, with the stages that it needs.

    Raises:
        WrongUse: there is no such stage, back end or preset.
    """
    pipeline = compose(("flow",), name="eval flow")
    options = options_of(pipeline.nodes["flow"].stage, backend=backend, preset=preset)
    for name, value in options.items():
        setattr(pipeline.params["flow"], name, value)
    return lambda before, after: _run(pipeline, before, after)


def _run(pipeline: Pipeline, before: Picture, after: Picture) -> tuple[NDArray[np.float32], float]:
    pictures = (Frame.from_image(before), Frame.from_image(after, pts_seconds=1 / 30))
    frames = pipeline.run(_lend(pictures), want=("flow",))
    try:
        next(frames)
        begin_ns = time.thread_time_ns()
        flow = next(frames)["flow"]
        milliseconds = milliseconds_since(begin_ns)
        return flow[0].cpu().numpy().copy(), milliseconds
    except StageError as error:
        if not isinstance(error.__cause__, ValueError):
            raise
        raise BadInput(f"{error}. Leave this pair out, or choose another preset.") from error
    finally:
        frames.close()


def _lend(pictures: tuple[Frame, ...]) -> Iterator[Frame]:
    yield from pictures


def opencv_methods() -> dict[str, FlowMethod]:
    """OpenCV's dense methods by name; none where it is not installed."""
    cv2 = find_opencv()
    if cv2 is None:
        return {}
    methods = {
        f"opencv_dis_{preset}": _of_dis(cv2, number)
        for number, preset in enumerate(("ultrafast", "fast", "medium"))
    }
    return {**methods, "opencv_farneback": _of_farneback(cv2)}


def _of_dis(cv2: Any, preset: int) -> FlowMethod:
    method = cv2.DISOpticalFlow_create(preset)
    return _on_luma(cv2, lambda before, after: method.calc(before, after, None))


def _of_farneback(cv2: Any) -> FlowMethod:
    # Half-size levels, windows of 15 px, and polynomials over 5 px: the settings of its tutorial,
    # with one level more.
    return _on_luma(
        cv2,
        lambda before, after: cv2.calcOpticalFlowFarneback(
            before, after, None, 0.5, 4, 15, 3, 5, 1.1, 0
        ),
    )


def _on_luma(cv2: Any, method: Callable[[Picture, Picture], Any]) -> FlowMethod:
    def run(before: Picture, after: Picture) -> tuple[NDArray[np.float32], float]:
        first, second = (
            np.ascontiguousarray(np.moveaxis(one, 0, -1)) for one in (before, after)
        )  # (H, W, 3)
        gray_before = cv2.cvtColor(first, cv2.COLOR_RGB2GRAY)
        begin_ns = time.thread_time_ns()
        flow = method(gray_before, cv2.cvtColor(second, cv2.COLOR_RGB2GRAY))
        milliseconds = milliseconds_since(begin_ns)
        return np.moveaxis(flow, -1, 0).copy(), milliseconds

    return run
