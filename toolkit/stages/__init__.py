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
from toolkit.stages.features import features
from toolkit.stages.flow import flow
from toolkit.stages.gray import gray
from toolkit.stages.homography import homography
from toolkit.stages.matches import matches
from toolkit.stages.median import median
from toolkit.stages.morphology import morphology
from toolkit.stages.motion import motion
from toolkit.stages.odometry import odometry
from toolkit.stages.overlay import overlay, overlay_corners, overlay_edges
from toolkit.stages.overlay_flow import overlay_flow
from toolkit.stages.overlay_matches import overlay_matches
from toolkit.stages.overlay_target import overlay_target, overlay_world
from toolkit.stages.overlay_tracks import overlay_tracks
from toolkit.stages.pose import pose
from toolkit.stages.pyramid import pyramid
from toolkit.stages.resize import resize
from toolkit.stages.rgb import rgb
from toolkit.stages.sobel import magnitude, sobel
from toolkit.stages.stabilise import camera_path, stabilise
from toolkit.stages.target_pose import target_pose
from toolkit.stages.threshold import threshold
from toolkit.stages.tracks import tracks
from toolkit.stages.undistort import undistort
from toolkit.stages.unsharp import unsharp
from toolkit.stages.warp import warp

__all__ = [
    "blur",
    "camera_path",
    "clahe",
    "color",
    "corners",
    "crop",
    "edges",
    "features",
    "flow",
    "gray",
    "homography",
    "linked_edges",
    "magnitude",
    "matches",
    "median",
    "morphology",
    "motion",
    "odometry",
    "overlay",
    "overlay_corners",
    "overlay_edges",
    "overlay_flow",
    "overlay_matches",
    "overlay_target",
    "overlay_tracks",
    "overlay_world",
    "pose",
    "pyramid",
    "resize",
    "rgb",
    "sobel",
    "stabilise",
    "target_pose",
    "threshold",
    "tracks",
    "undistort",
    "unsharp",
    "warp",
]
