"""Stages: one operation on a frame each, declared so that sliders, checks and the bill follow.

A docstring that says "three allocations" counts those of half a plane or more; single numbers and
lists of corners come on top. No stage writes to its inputs.
"""

from __future__ import annotations

from toolkit.stages.blur import blur
from toolkit.stages.clahe import clahe
from toolkit.stages.color import color
from toolkit.stages.corners import corners
from toolkit.stages.crop import crop
from toolkit.stages.edges import edges, linked_edges
from toolkit.stages.gray import gray
from toolkit.stages.median import median
from toolkit.stages.morphology import morphology
from toolkit.stages.motion import motion
from toolkit.stages.odometry import odometry
from toolkit.stages.overlay import overlay, overlay_corners, overlay_edges
from toolkit.stages.overlay_target import overlay_target, overlay_world
from toolkit.stages.pose import pose
from toolkit.stages.pyramid import pyramid
from toolkit.stages.resize import resize
from toolkit.stages.rgb import rgb
from toolkit.stages.sobel import magnitude, sobel
from toolkit.stages.target_pose import target_pose
from toolkit.stages.threshold import threshold
from toolkit.stages.undistort import undistort
from toolkit.stages.unsharp import unsharp
from toolkit.stages.warp import warp

__all__ = [
    "blur",
    "clahe",
    "color",
    "corners",
    "crop",
    "edges",
    "gray",
    "linked_edges",
    "magnitude",
    "median",
    "morphology",
    "motion",
    "odometry",
    "overlay",
    "overlay_corners",
    "overlay_edges",
    "overlay_target",
    "overlay_world",
    "pose",
    "pyramid",
    "resize",
    "rgb",
    "sobel",
    "target_pose",
    "threshold",
    "undistort",
    "unsharp",
    "warp",
]
