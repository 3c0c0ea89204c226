"""Which stages make the pipeline that was named? Those, and what they need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit import stages as all_stages
from toolkit.demos import WrongUse
from toolkit.pipeline import Pipeline
from toolkit.stages.declare import Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["DEFAULT_STAGES", "Camera", "compose", "picture_of", "point_camera"]

DEFAULT_STAGES = ("rgb", "gray", "blur", "sobel", "edges", "corners")

# What is drawn when the left-hand results are all there; the first that fits.
_OVERLAYS = (
    ({"odometry"}, "overlay_world"),
    ({"target_pose"}, "overlay_target"),
    ({"flow"}, "overlay_flow"),
    ({"tracks"}, "overlay_tracks"),
    ({"matches"}, "overlay_matches"),
    ({"edges", "corners"}, "overlay"),
    ({"edges"}, "overlay_edges"),
    ({"corners"}, "overlay_corners"),
)
_PICTURES = (
    *("warp", "undistort", "unsharp", "color", "clahe", "median", "threshold", "morphology"),
    "stabilise",
)

Camera = tuple[tuple[float, ...], ...]
"""Rows of a camera matrix, as the parameter `camera` of a stage takes them."""


def compose(names: Sequence[str] | None = None, *, name: str = "pipeline") -> Pipeline:
    """A pipeline of the toolkit's stages by name, with the stages that they need.

    Args:
        names: such as `("edges", "corners")`; `DEFAULT_STAGES` when left out.
        name: of the pipeline.

    Raises:
        WrongUse: no stage has that name; the message lists those that exist.
    """
    chosen: dict[str, Stage] = {}
    for one in names or DEFAULT_STAGES:
        _add(one, chosen)
    return Pipeline(list(chosen.values()), name=name)


def picture_of(names: Sequence[str]) -> str:
    """Name of the stage whose result shows best what `names` compute."""
    for one in reversed(names):
        if one.startswith("overlay") or one in _PICTURES:
            return one
    return next((overlay for needed, overlay in _OVERLAYS if needed <= set(names)), "rgb")


def point_camera(pipeline: Pipeline, camera: Camera) -> tuple[str, ...]:
    """Tell every stage that asks for it which camera it sees through; answers their names."""
    asking = [
        name
        for name, node in pipeline.nodes.items()
        if name != "undistort" and any(one.name == "camera" for one in node.stage.params)
    ]
    for name in asking:
        pipeline.params[name].camera = camera
    return tuple(asking)


def _add(name: str, chosen: dict[str, Stage]) -> None:
    if name in chosen or name == "pixels":
        return
    known = sorted(one for one in all_stages.__all__ if isinstance(_stage(one), Stage))
    if name not in known:
        raise WrongUse(f"no stage is called {name!r}; there are {', '.join(known)}")
    found = _stage(name)
    for needed in found.requires:
        _add(needed, chosen)
    chosen[name] = found
    for seen_before in found.history:  # after it is chosen: a stage may look back at its own result
        _add(seen_before, chosen)


def _stage(name: str) -> Stage:
    return getattr(all_stages, name, None)  # pyright: ignore[reportReturnType]
