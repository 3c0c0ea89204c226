"""How well is a camera's motion found, and is it said where it cannot be?

    python -m toolkit eval pose --scenes 200
    python -m toolkit eval pose --data rgbd_dataset_freiburg1_xyz

Drawn scenes: rotation and direction of travel from points of two views, a fifth of which are wrong.
A sequence of TUM RGB-D: the odometry of the whole way, see `toolkit.demos.evaluate_odometry`. An
interrupt ends cleanly, with the scenes that were finished.
"""

from __future__ import annotations

import statistics
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.table import Table

from toolkit.demos.evaluate_odometry import run_odometry
from toolkit.demos.evaluation_plots import plot_bars, plot_shares, shares_of
from toolkit.demos.evaluation_run import (
    check_backend,
    choose_scenes,
    in_turn,
    no_peers,
    print_ending,
    with_progress,
)
from toolkit.demos.machine import describe_machine
from toolkit.demos.opencv import one_thread
from toolkit.demos.pose_cases import OUTLIERS, draw_views
from toolkit.demos.pose_rivals import Motion, opencv_methods, toolkit_method
from toolkit.evaluation import direction_errors, rotation_angles

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rich.console import Console

    from toolkit.demos.pose_cases import TwoViews
    from toolkit.demos.pose_rivals import PoseMethod

__all__ = ["run_pose"]

OURS = "toolkit"


class _Error(NamedTuple):
    """How far one method is off on one scene."""

    rotation_degrees: float
    direction_degrees: float
    is_degenerate: bool | None
    milliseconds: float


class _Row(NamedTuple):
    """One scene, and every method's error on it."""

    name: str
    group: str
    errors: dict[str, _Error]


def run_pose(
    *,
    data: Path | None = None,
    scenes: int | None = None,
    seed: int | None = None,
    frames: int | None = None,
    backend: str = "torch",
    out: Path,
    console: Console,
) -> dict[str, Any]:
    """Evaluate the stage `pose` beside OpenCV on drawn scenes, or `odometry` on a sequence.

    Args:
        data: folder of a TUM RGB-D sequence that was downloaded; drawn scenes when left out.
        scenes: how many to draw; 20 when left out.
        seed: of the scenes; a fresh one when left out, which is printed.
        frames: of the sequence only the first so many.
        backend: `"torch"` or `"opencv"`, of the stages.
        out: an existing folder for the plots.
        console: where the progress bar and the table go.

    Returns:
        `metrics` by method, `scenes` by name, what was evaluated on what, and `interrupted`.

    Raises:
        WrongUse: the options contradict each other, or a stage is not there.
        BadInput: a sequence cannot be evaluated.
        BadData: the sequence is not what its layout promises.
    """
    count, seed = choose_scenes(data, scenes, seed, of_data={"--frames": frames})
    check_backend(backend)
    if data is not None:
        return run_odometry(data=data, frames=frames, backend=backend, out=out, console=console)
    methods = {OURS: toolkit_method(backend), **opencv_methods()}
    subject = f"{count} drawn scenes with {OUTLIERS:.0%} wrong pairs, seed {seed}"
    console.print(f"pose on {subject}: back end {backend}", soft_wrap=True)
    rows, is_interrupted = _measure(methods, count, seed, console)
    result = {
        "metrics": _metrics(rows, backend),
        "scenes": [_scene(row) for row in rows],
        "backend": backend,
        "seed": seed,
        "interrupted": is_interrupted,
        "peers_missing": no_peers(),
        "plots": _plot(rows, f"{subject}, {backend}", out),
        "machine": describe_machine(),
    }
    if rows:
        console.print(_table(result["metrics"], len(rows)))
    print_ending(result, console)
    return result


def _measure(
    methods: Mapping[str, PoseMethod], count: int, seed: int, console: Console
) -> tuple[list[_Row], bool]:
    rows: list[_Row] = []
    shown = with_progress(draw_views(count, seed), count, "pose", console)
    with one_thread(), closing(shown):
        try:
            for turn, views in enumerate(shown):
                if not turn:  # what is made once is not what is timed
                    for method in methods.values():
                        method(views)
                errors = {
                    name: _error(method(views), views) for name, method in in_turn(methods, turn)
                }
                rows.append(_Row(views.name, views.group, {name: errors[name] for name in methods}))
        except KeyboardInterrupt:
            return rows, True
    return rows, False


def _error(found: Motion, views: TwoViews) -> _Error:
    return _Error(
        rotation_degrees=float(rotation_angles(found.rotation.T @ views.rotation)),
        direction_degrees=float(direction_errors(found.translation, views.translation)),
        is_degenerate=found.is_degenerate,
        milliseconds=found.milliseconds,
    )


def _metrics(rows: Sequence[_Row], backend: str) -> dict[str, dict[str, Any]]:
    """For each method: errors where there is depth and motion, flags by kind of scene, and time."""
    names = list(rows[0].errors) if rows else []
    return {name: _metrics_of(name, rows, backend) for name in names}


def _metrics_of(name: str, rows: Sequence[_Row], backend: str) -> dict[str, Any]:
    by_group: dict[str, list[_Error]] = {"general": [], "plane": [], "rotation": []}
    for row in rows:
        by_group[row.group].append(row.errors[name])
    general = by_group["general"]
    return {
        "rotation_degrees_median": _median([one.rotation_degrees for one in general]),
        "rotation_degrees_max": max((one.rotation_degrees for one in general), default=None),
        "direction_degrees_median": _median([one.direction_degrees for one in general]),
        "direction_degrees_max": max((one.direction_degrees for one in general), default=None),
        "flagged_planes_percent": _flagged(by_group["plane"]),
        "flagged_rotations_percent": _flagged(by_group["rotation"]),
        "false_alarms_percent": _flagged(general),
        "ms": _median([row.errors[name].milliseconds for row in rows]),
        "backend": backend if name == OURS else "opencv",
    }


def _median(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None


def _flagged(errors: Sequence[_Error]) -> float | None:
    """Percent that were called degenerate; None where nobody can say."""
    flags = [one.is_degenerate for one in errors if one.is_degenerate is not None]
    return 100 * sum(flags) / len(flags) if flags else None


def _scene(row: _Row) -> dict[str, Any]:
    errors = {name: error._asdict() for name, error in row.errors.items()}
    return {"name": row.name, "group": row.group, "errors": errors}


def _plot(rows: Sequence[_Row], subject: str, out: Path) -> list[str]:
    general = [row for row in rows if row.group == "general"]
    if not general:
        return []
    paths = []
    for what, field in (("rotation", "rotation_degrees"), ("direction", "direction_degrees")):
        errors = {
            name: [getattr(row.errors[name], field) for row in general]
            for name in general[0].errors
        }
        curves, bars = out / f"pose_{what}.png", out / f"pose_{what}_scenes.png"
        unit, title = f"error of {what}, degrees", f"pose on {subject}"
        plot_shares(
            curves, {name: shares_of(of) for name, of in errors.items()}, title=title, unit=unit
        )
        plot_bars(bars, [row.name for row in general], errors, title=title, unit=unit)
        paths += [str(curves), str(bars)]
    return paths


def _table(metrics: Mapping[str, Mapping[str, Any]], count: int) -> Table:
    table = Table(
        title=f"Pose over {count} scenes: median errors, and which scenes were called degenerate",
        title_justify="left",
    )
    for column in ("method", "ran on"):
        table.add_column(column, no_wrap=True)
    for column in ("turn °", "travel °", "planes %", "turns %", "false %", "ms"):
        table.add_column(column, justify="right")
    for name, row in metrics.items():
        numbers = (
            row["rotation_degrees_median"],
            row["direction_degrees_median"],
            row["flagged_planes_percent"],
            row["flagged_rotations_percent"],
            row["false_alarms_percent"],
            row["ms"],
        )
        table.add_row(name, row["backend"], *map(_shown, numbers))
    return table


def _shown(number: float | None) -> str:
    """At most six characters, so that the table fits 80 columns with nothing cut off."""
    if number is None:
        return "-"
    return f"{number:.4f}" if number < 1 else f"{number:.3g}"
