"""What do stages hand to each other? Shapes, dtypes and ranges by name.

And what `prepare` is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import torch
from torch import Tensor

if TYPE_CHECKING:
    from toolkit.spec import FrameSpec

__all__ = [
    "Corners",
    "Edges",
    "Features",
    "Flow",
    "Gradient",
    "Gray",
    "Image",
    "InputSpec",
    "Mask",
    "Model",
    "Odometry",
    "Pairs",
    "Pose",
    "Pyramid",
    "Rgb",
    "TensorSpec",
    "Tracks",
    "spec_of",
]

Rgb = Annotated[Tensor, "(1, 3, H, W) float32 in [0, 1]"]
Gray = Annotated[Tensor, "(1, 1, H, W) float32 in [0, 1]"]
Image = Annotated[Tensor, "(1, C, H, W) float32 in [0, 1], C is 1 or 3"]
Gradient = Annotated[Tensor, "(1, 2, H, W) float32, d/dx and d/dy in 1/px"]
Edges = Annotated[Tensor, "(1, 1, H, W) float32, 0, 0.5 (weak) or 1 (strong)"]
Mask = Annotated[Tensor, "(1, 1, H, W) float32, 0 or 1"]
Flow = Annotated[Tensor, "(1, 2, H, W) float32, px right and down, from the previous frame to here"]
Pyramid = Annotated[tuple[Tensor, ...], "(1, 1, H / 2^i, W / 2^i) float32 for level i"]


class Corners(NamedTuple):
    """A fixed number K of corners, the strongest first.

    Attributes:
        xy: (1, K, 2) float32, px, x then y, the centre of the first pixel is (0, 0).
        score: (1, K) float32; 0 marks an empty place.
    """

    xy: Tensor
    score: Tensor


class Pairs(NamedTuple):
    """Where K points were seen in an earlier picture, and where they are now.

    Attributes:
        before: (1, K, 2) float32, px, x then y.
        after: (1, K, 2) float32, px.
        is_valid: (1, K) bool; where False, the place is empty and its numbers mean nothing.
    """

    before: Tensor
    after: Tensor
    is_valid: Tensor

    @property
    def pairs(self) -> Pairs:
        """Itself: pairs serve wherever tracks or matches do."""
        return self


class Tracks(NamedTuple):
    """Points followed over time, in K places; a point keeps its place while it is followed.

    Attributes:
        xy: (1, K, 2) float32, px: where each point is now; (0, 0) in an empty place.
        previous_xy: (1, K, 2) float32, px: where it was on the previous frame; as `xy` if new.
        id: (1, K) int64: counts up over a run, never used again; -1 marks an empty place.
        age: (1, K) int32: over how many frames it has been followed; 0 on its first.
        error: (1, K) float32, px: how far it comes back from where it began, followed backward.
        next_id: (1,) int64: the id that the next new point gets.
        trail: (1, K, T, 2) float32, px: its last T positions, the newest first; the oldest known
            one is repeated.
    """

    xy: Tensor
    previous_xy: Tensor
    id: Tensor
    age: Tensor
    error: Tensor
    next_id: Tensor
    trail: Tensor

    @property
    def pairs(self) -> Pairs:
        """The points that were there on the previous frame, too. One allocation."""
        return Pairs(self.previous_xy, self.xy, self.age > 0)


class Features(NamedTuple):
    """K points with descriptors that can be compared between pictures, the strongest first.

    Attributes:
        xy: (1, K, 2) float32, px of the picture at full size.
        score: (1, K) float32; 0 marks an empty place.
        angle: (1, K) float32, radians from x towards y: which way the patch points.
        scale: (1, K) float32: how much smaller the picture was in which it was found, at least 1.
        descriptor: (1, K, 32) uint8: 256 bits.
    """

    xy: Tensor
    score: Tensor
    angle: Tensor
    scale: Tensor
    descriptor: Tensor


class Model(NamedTuple):
    """A 3x3 matrix that explains pairs of points, and how well it does.

    Attributes:
        matrix: (1, 3, 3) float32, in px: maps homogeneous points of before to after.
        is_inlier: (1, K) bool: which pairs agree.
        is_valid: (1,) bool: whether there was enough to go by; else the matrix is the identity.
    """

    matrix: Tensor
    is_inlier: Tensor
    is_valid: Tensor


class Pose(NamedTuple):
    """How a camera moved: X_after = rotation X_before + translation.

    Attributes:
        rotation: (1, 3, 3) float32.
        translation: (1, 3) float32; of length 1 where only the direction can be known.
        is_inlier: (1, K) bool: which points agree.
        is_valid: (1,) bool: whether there was enough to go by; else it is the identity.
        is_degenerate: (1,) bool: the points lie on a plane, or the camera only turned, so that
            more than one motion explains them: do not rely on `translation`.
        parallax_px: (1,) float32: median shift of the inliers that turning does not explain.
    """

    rotation: Tensor
    translation: Tensor
    is_inlier: Tensor
    is_valid: Tensor
    is_degenerate: Tensor
    parallax_px: Tensor


class Odometry(NamedTuple):
    """Where a camera is in a world of its own scale, and the map that it goes by.

    The world begins at the first frame's camera; it is as large as makes the points that were seen
    first 1 away, by their median. Landmarks have the places of the tracks that they belong to.

    Attributes:
        rotation: (1, 3, 3) float32, world to camera: X_camera = rotation X_world + translation.
        translation: (1, 3) float32.
        is_inlier: (1, K) bool: which landmarks are seen where they should be.
        is_valid: (1,) bool: whether the pose goes by a map; else only it turns on.
        is_keyframe: (1,) bool: whether the map was made or measured anew on this frame.
        id: (1, K) int64: of the track that each landmark belongs to; -1 where there is none.
        landmark: (1, K, 3) float32, in the world.
        information: (1, K, 3, 3) float32: inverse covariance of each landmark, were the noise 1
            focal length.
        depth: (1,) float32: median depth of the landmarks that were seen last.
        keyframe_rotation: (1, 3, 3) float32, of the last keyframe, world to camera.
        keyframe_translation: (1, 3) float32.
        keyframe_xy: (1, K, 2) float32, px: where tracks were on it.
        keyframe_id: (1, K) int64: which ones; -1 for none.
    """

    rotation: Tensor
    translation: Tensor
    is_inlier: Tensor
    is_valid: Tensor
    is_keyframe: Tensor
    id: Tensor
    landmark: Tensor
    information: Tensor
    depth: Tensor
    keyframe_rotation: Tensor
    keyframe_translation: Tensor
    keyframe_xy: Tensor
    keyframe_id: Tensor


class TensorSpec(NamedTuple):
    """What a stage may know of an input before it sees the pixels."""

    shape: torch.Size
    dtype: torch.dtype
    device: torch.device


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What `prepare` is told: the frame's layout and, in order, each input.

    Attributes:
        frame: layout of the frame's own pixels.
        inputs: a `TensorSpec` for each tensor, a tuple of them for a tuple, None for other things.
    """

    frame: FrameSpec
    inputs: tuple[Any, ...]

    @property
    def first(self) -> TensorSpec:
        """The first tensor among the inputs.

        Raises:
            TypeError: there is none.
        """
        found: Any = self.inputs
        while isinstance(found, tuple) and not isinstance(found, TensorSpec):
            found = found[0] if found else None
        if found is None:
            raise TypeError("this stage has no tensor as its first input; use spec.frame")
        return found

    @property
    def shape(self) -> torch.Size:
        """Shape of the first tensor."""
        return self.first.shape

    @property
    def dtype(self) -> torch.dtype:
        """Its dtype."""
        return self.first.dtype

    @property
    def device(self) -> torch.device:
        """Its device: constants belong there."""
        return self.first.device

    @property
    def height(self) -> int:
        """Its second last axis, in px."""
        return self.first.shape[-2]

    @property
    def width(self) -> int:
        """Its last axis, in px."""
        return self.first.shape[-1]


def spec_of(value: Any) -> Any:
    """`TensorSpec` of a tensor, a tuple of them for a tuple, None for anything else."""
    if isinstance(value, Tensor):
        return TensorSpec(value.shape, value.dtype, value.device)
    if isinstance(value, tuple):
        return tuple([spec_of(one) for one in value])
    return None
