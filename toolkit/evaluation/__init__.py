"""Is it right, and by how much not? Metrics, file formats and data sets of the field.

Everything here computes on the host, in float64, with NumPy, and loads neither stages nor
pipelines.
"""

from __future__ import annotations

from toolkit.evaluation.alignment import Similarity, align, fit_similarity
from toolkit.evaluation.association import associate
from toolkit.evaluation.errors import BadData
from toolkit.evaluation.feature_metrics import (
    FeatureErrors,
    feature_errors,
    truth_from_flow,
    truth_from_homography,
)
from toolkit.evaluation.flo import read_flo, write_flo
from toolkit.evaluation.flow_field import FlowField
from toolkit.evaluation.flow_folders import FlowPair, find_flow_pairs
from toolkit.evaluation.flow_metrics import FlowErrors, end_point_errors, flow_errors
from toolkit.evaluation.flow_tally import FlowTally
from toolkit.evaluation.kitti_flow import read_kitti_flow, write_kitti_flow
from toolkit.evaluation.pictures import read_picture
from toolkit.evaluation.rotations import direction_errors, rotation_angles
from toolkit.evaluation.summary import ErrorSummary
from toolkit.evaluation.trajectory import Trajectory
from toolkit.evaluation.trajectory_files import (
    read_euroc_trajectory,
    read_kitti_trajectory,
    read_tum_trajectory,
    write_euroc_trajectory,
    write_kitti_trajectory,
    write_tum_trajectory,
)
from toolkit.evaluation.trajectory_metrics import TrajectoryErrors, absolute_errors, relative_errors
from toolkit.evaluation.tum_rgbd import TumSequence, open_tum_rgbd

__all__ = [
    "BadData",
    "ErrorSummary",
    "FeatureErrors",
    "FlowErrors",
    "FlowField",
    "FlowPair",
    "FlowTally",
    "Similarity",
    "Trajectory",
    "TrajectoryErrors",
    "TumSequence",
    "absolute_errors",
    "align",
    "associate",
    "direction_errors",
    "end_point_errors",
    "feature_errors",
    "find_flow_pairs",
    "fit_similarity",
    "flow_errors",
    "open_tum_rgbd",
    "read_euroc_trajectory",
    "read_flo",
    "read_kitti_flow",
    "read_kitti_trajectory",
    "read_picture",
    "read_tum_trajectory",
    "relative_errors",
    "rotation_angles",
    "truth_from_flow",
    "truth_from_homography",
    "write_euroc_trajectory",
    "write_flo",
    "write_kitti_flow",
    "write_kitti_trajectory",
    "write_tum_trajectory",
]
