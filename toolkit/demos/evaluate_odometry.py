"""How far does odometry lead astray? ATE and RPE over a sequence of TUM RGB-D, from colour alone.

One camera does not tell the scale of the world, so the estimate is laid onto the truth by Sim(3).
"""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from rich.table import Table

from toolkit.demos import BadInput, WrongUse
from toolkit.demos.compose import compose, point_camera
from toolkit.demos.evaluation_plots import plot_ways
from toolkit.demos.evaluation_run import milliseconds_since, print_ending, with_progress
from toolkit.demos.machine import describe_machine
from toolkit.demos.opencv import one_thread
from toolkit.evaluation import (
    BadData,
    Trajectory,
    absolute_errors,
    align,
    associate,
    open_tum_rgbd,
    read_picture,
    relative_errors,
    write_tum_trajectory,
)
from toolkit.frame import Frame
from toolkit.pipeline import StageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from rich.console import Console

    from toolkit.evaluation import TumSequence
    from toolkit.pipeline import Pipeline

__all__ = ["run_odometry"]

OURS = "toolkit"


class _Step(NamedTuple):
    """Where odometry says that the camera was on one frame."""

    pts_seconds: float
    rotation: np.ndarray
    position: np.ndarray
    is_valid: bool
    milliseconds: float


def run_odometry(
    *, data: Path, frames: int | None, backend: str, out: Path, console: Console
) -> dict[str, Any]:
    """Run `odometry` over a sequence; print a table, write the way as a file and as a plot.

    Args:
        data: folder of a TUM RGB-D sequence.
        frames: only the first so many; all when left out.
        backend: of the stages that offer a choice.
        out: an existing folder.
        console: where the progress bar and the table go.

    Returns:
        `metrics` of the toolkit, what was evaluated on what, and `interrupted`.

    Raises:
        WrongUse: there is no such stage or back end.
        BadInput: a stage refuses the pictures, or too few poses were found.
        BadData: the sequence is not what its layout promises.
    """
    sequence = open_tum_rgbd(data)
    pipeline = _pipeline(sequence, backend)
    console.print(f"odometry on {sequence.name}: back end {backend}", soft_wrap=True)
    steps, is_interrupted = _walk(pipeline, sequence, frames, console)
    result: dict[str, Any] = {
        "metrics": {},
        "frames": len(steps),
        "backend": backend,
        "data": str(data),
        "interrupted": is_interrupted,
        "peers_missing": "OpenCV has no odometry to compare with.",
        "plots": [],
        "machine": describe_machine(),
    }
    if steps:
        result |= _evaluate(sequence, steps, backend, out)
        console.print(_table(result["metrics"], len(steps)))
    print_ending(result, console)
    return result


def _pipeline(sequence: TumSequence, backend: str) -> Pipeline:
    """`odometry` and what it needs, all of them told the camera and the back end."""
    pipeline = compose(("odometry",), name="eval pose")
    point_camera(pipeline, tuple(map(tuple, sequence.intrinsics.tolist())))
    choosers = 0
    for name, node in pipeline.nodes.items():
        if any(one.name == "backend" for one in node.stage.params):
            pipeline.params[name].backend = backend
            choosers += 1
    if backend != "torch" and not choosers:
        raise WrongUse(f"--backend {backend}: no stage of odometry offers a choice")
    return pipeline


def _walk(
    pipeline: Pipeline, sequence: TumSequence, frames: int | None, console: Console
) -> tuple[list[_Step], bool]:
    steps: list[_Step] = []
    pictures = sequence.pictures[:frames]
    shown = with_progress(_steps(pipeline, sequence, frames), len(pictures), "odometry", console)
    with one_thread(), closing(shown):
        try:
            steps.extend(shown)
        except KeyboardInterrupt:
            return steps, True
        except StageError as error:
            if not isinstance(error.__cause__, ValueError):
                raise
            raise BadInput(str(error)) from error
    return steps, False


def _steps(pipeline: Pipeline, sequence: TumSequence, frames: int | None) -> Iterator[_Step]:
    """Every frame's pose, with the time that it took since the frame was there."""
    began_ns = 0

    def source() -> Iterator[Frame]:
        nonlocal began_ns
        for picture in sequence.pictures[:frames]:
            frame = Frame.from_image(read_picture(picture.path), pts_seconds=picture.pts_seconds)
            began_ns = time.thread_time_ns()
            yield frame

    for frame in pipeline.run(source(), want=("odometry",)):
        yield _step(frame.pts_seconds, frame["odometry"], milliseconds_since(began_ns))


def _step(pts_seconds: float, found: Any, milliseconds: float) -> _Step:
    """From world to camera, as stages say it, to the camera in the world, as trajectories do."""
    rotation = found.rotation[0].double().cpu().numpy().T
    position = -rotation @ found.translation[0].double().cpu().numpy()
    return _Step(pts_seconds, rotation, position, bool(found.is_valid[0]), milliseconds)


def _evaluate(
    sequence: TumSequence, steps: Sequence[_Step], backend: str, out: Path
) -> dict[str, Any]:
    valid = [one for one in steps if one.is_valid]
    if len(valid) < 3:
        raise BadInput(
            f"{sequence.name}: odometry found {len(valid)} poses in {len(steps)} frames, and 3 are "
            "needed to compare. Give it more frames."
        )
    estimate = Trajectory(
        np.array([one.pts_seconds for one in valid]),
        np.stack([one.rotation for one in valid]),
        np.stack([one.position for one in valid]),
    )
    way, plot = out / "odometry.txt", out / "odometry.png"
    write_tum_trajectory(way, estimate)
    try:
        truth, estimate = associate(sequence.truth, estimate)
        absolute = absolute_errors(truth, estimate, alignment="sim3")
        relative = relative_errors(truth, estimate, alignment="sim3")
        aligned, _ = align(truth, estimate, with_scale=True)
    except BadData as error:
        raise BadInput(f"{sequence.name}: {error}") from error
    plot_ways(
        plot, {"truth": truth, OURS: aligned}, title=f"odometry on {sequence.name}, {backend}"
    )
    metrics = {
        "ate": absolute.to_dict(),
        "rpe_1_frame": relative.to_dict(),
        "truth_length_m": truth.length_metres,
        "tracked_percent": 100 * len(valid) / len(steps),
        "ms": float(np.median([one.milliseconds for one in steps])),
        "backend": backend,
    }
    return {"metrics": {OURS: metrics}, "plots": [str(plot)], "trajectory": str(way)}


def _table(metrics: dict[str, Any], count: int) -> Table:
    table = Table(title=f"Odometry over {count} frames, Sim(3) aligned", title_justify="left")
    for column in ("method", "ran on"):
        table.add_column(column, no_wrap=True)
    for column in ("ATE m, rmse", "RPE m, rmse", "RPE °, rmse", "scale", "tracked %", "CPU ms"):
        table.add_column(column, justify="right")
    for name, row in metrics.items():
        ate, rpe = row["ate"], row["rpe_1_frame"]
        numbers = (
            ate["translation_m"]["rmse"],
            rpe["translation_m"]["rmse"],
            rpe["rotation_degrees"]["rmse"],
            ate["scale"],
            row["tracked_percent"],
            row["ms"],
        )
        table.add_row(name, row["backend"], *(f"{one:.3g}" for one in numbers))
    return table
