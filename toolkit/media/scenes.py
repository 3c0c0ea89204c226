"""Where do I get video whose truth is known? From a scene that is drawn, not filmed.

A scene is a source like any other: iterate it and it lends frames out of its own ring. Beside each
frame stands what no camera tells: the exact optical flow to the next frame, what stays visible,
depth, pose and intrinsics.

    scene = Scene("room", width=320, height=240, frames=60, seed=7)
    for frame in scene:
        truth = scene.truth(frame.index)      # flow, visible, depth, rotation, translation

The same arguments give the same pixels, frame by frame, in any order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import torch
from torch import Tensor

from toolkit.frame import Frame
from toolkit.media.atlas import Atlas, build_atlas, paint, texels_per_metre
from toolkit.media.chroma import LUMA_WEIGHTS, copy_rgb_to_i420
from toolkit.media.render import build_geometry, coefficients, focal_length, render
from toolkit.media.trajectory import MOTIONS, Trajectory
from toolkit.media.truth import Pose, Truth, find_truth, relative_pose
from toolkit.media.worlds import KINDS, Rect, build_world
from toolkit.ring import FrameRing
from toolkit.spec import FrameSpec

__all__ = ["KINDS", "MOTIONS", "Scene", "Truth"]

_PIXEL_FORMATS = ("rgb", "i420", "gray")


class Scene:
    """A drawn world seen by a moving camera: an iterable source of frames, with its truth.

    Building it paints the world once (under a second at 320x240, a few at 1080p); the ring is
    allocated at the first frame. A frame costs its rendering, and one copy into its slot, which is
    on the bill.

    Args:
        kind: `"room"` (furnished, occlusions), `"planes"` (boards that float at many depths),
            `"plane"` (one plane fills the view: every pair is a homography), `"target"` (a printed
            card of 0.8 x 0.6 m before a wall).
        motion: `"handheld"`, `"loop"` (ends where it began), `"forward"`, `"rotation"` (the eye
            stays), `"still"`.
        width: of the picture, px.
        height: of the picture, px.
        frames: how many, before iteration ends.
        fps: frames per second.
        seed: moves and repaints the world, and chooses the path.
        speed: of the camera; 1 is a calm hand.
        field_of_view_degrees: horizontal.
        noise: standard deviation of the sensor's noise, of a full range of 1.
        exposure: swing of the exposure over time, in stops; 0 keeps brightness constant.
        supersample: rays along each side of a pixel; 1 is fast and aliased, 3 is for show.
        pixel_format: of the slots: `"rgb"`, `"i420"` or `"gray"`.
        matrix: `"bt601"`, `"bt709"` or `"bt2020"`, for `"i420"` and `"gray"`.
        full_range: of `"i420"`: 0-255 instead of 16-235.
        device: where slots live. Rendering runs there on `"cpu"` and CUDA; elsewhere on the CPU,
            for want of float64.
        slots: of the ring. Frames are made on demand, so few are needed; hold more, ask for more.
        drop: what happens when all slots are held; `"error"` says so at once.
        loop: iterate without end; a frame's index goes on counting, and every return to
            the first picture counts in `discontinuities`.

    Raises:
        ValueError: an argument is out of its range; the message names the values that work.
    """

    def __init__(
        self,
        kind: str = "room",
        *,
        motion: str = "handheld",
        width: int = 640,
        height: int = 360,
        frames: int = 180,
        fps: float = 30.0,
        seed: int = 0,
        speed: float = 1.0,
        field_of_view_degrees: float = 68.0,
        noise: float = 0.0,
        exposure: float = 0.0,
        supersample: int = 2,
        pixel_format: str = "rgb",
        matrix: str = "bt709",
        full_range: bool = False,
        device: str | torch.device = "cpu",
        slots: int = 8,
        drop: str = "error",
        loop: bool = False,
    ) -> None:
        _check_at_least(1, width=width, height=height, frames=frames, supersample=supersample)
        if pixel_format not in _PIXEL_FORMATS:
            raise ValueError(f"{pixel_format = }; choose one of {', '.join(_PIXEL_FORMATS)}.")
        if not (fps > 0 and 1 <= field_of_view_degrees <= 170 and noise >= 0):
            raise ValueError(
                f"{fps = }, {field_of_view_degrees = }, {noise = }: fps must be positive, the "
                "field of view 1 to 170 degrees, and noise not negative."
            )
        self.kind, self.motion, self.seed = kind, motion, seed
        self.width, self.height, self.fps = width, height, float(fps)
        self.frames = frames
        self.noise, self.exposure = noise, exposure
        self.device = torch.device(device)
        self.discontinuities = 0
        self._supersample = supersample
        self._speed = speed
        self._loop = loop
        self._ring_options = {
            "slots": slots,
            "pixel_format": pixel_format,
            "matrix": matrix,
            "full_range": full_range,
            "drop": drop,
        }
        self._render_device = self.device if self.device.type == "cuda" else torch.device("cpu")
        self._world = build_world(kind, seed)
        self.surfaces: tuple[str, ...] = tuple(rect.name for rect in self._world.rects)
        self._trajectory = Trajectory(
            motion,
            target=self._world.target,
            reach_metres=self._world.reach_metres,
            frames=frames,
            fps=fps,
            speed=speed,
            seed=seed,
        )
        focal = focal_length(width, field_of_view_degrees)
        self._texels_per_metre = texels_per_metre(focal)
        self.intrinsics = torch.tensor(
            [[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]],
            dtype=torch.float64,
            device=self._render_device,
        )
        self._geometry = build_geometry(self._world, self._render_device)
        self._atlas: Atlas | None = None
        self._ring: FrameRing | None = None
        self._staging: Tensor | None = None
        self._next_index = 0
        self._has_played = False
        self._is_closed = False

    # -- what a source has ---------------------------------------------------------------------

    @property
    def duration_seconds(self) -> float:
        """How long the scene plays once."""
        return self.frames / self.fps

    @property
    def frame_count_hint(self) -> int | None:
        """How many frames one iteration gives; None where it loops."""
        return None if self._loop else self.frames

    @property
    def is_looping(self) -> bool:
        """Whether it begins again at the end by itself."""
        return self._loop

    @property
    def ring(self) -> FrameRing:
        """The slots that frames are lent from. Allocated on first use."""
        self._check_open()
        if self._ring is None:
            self._ring = FrameRing(
                width=self.width, height=self.height, device=self.device, **self._ring_options
            )
        return self._ring

    @property
    def stats(self) -> object:
        """What the ring counted: frames published, dropped, leased."""
        return self.ring.stats

    def seek(self, seconds: float) -> None:
        """Let the next iteration begin at the frame shown at `seconds`. Does not block.

        Raises:
            ValueError: the scene is not that long.
        """
        index = math.floor(seconds * self.fps + 1e-6)
        if not 0 <= index < self.frames:
            raise ValueError(f"{seconds = } is outside of 0 to {self.duration_seconds:.3f} s.")
        self._next_index = index
        self.discontinuities += 1

    def __iter__(self) -> Iterator[Frame]:
        """Render and lend frames in order, each held until it is released or let go."""
        self._check_open()
        if self._has_played and not self._next_index:
            self.discontinuities += 1
        self._has_played = True
        count = self._next_index  # frames since time 0; grows past `frames` where the scene loops
        self._next_index = 0
        while not self._is_closed and (count < self.frames or self._loop):
            if count >= self.frames and count % self.frames == 0:
                self.discontinuities += 1
            frame = self._publish(count)
            count += 1
            if frame is not None:  # None: all slots held and drop="newest"; the ring counts it
                yield frame.move()

    def __len__(self) -> int:
        return self.frames

    def close(self) -> None:
        """Let go of the pictures and the ring. Frames that are still held stay readable."""
        self._atlas = self._ring = self._staging = None
        self._is_closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return (
            f"Scene({self.kind!r}, motion={self.motion!r}, {self.width}x{self.height}, "
            f"{self.frames} frames at {self.fps:g} fps, seed={self.seed}, {self.device})"
        )

    # -- pictures ------------------------------------------------------------------------------

    def render(self, index: int, *, clean: bool = False) -> Tensor:
        """Draw frame `index`: (1, 3, H, W) float32 in [0, 1]. Allocates; any order, any time.

        Args:
            index: 0 to `frames`; the one past the end is where the last flow leads. Where the
                scene loops, any frame's index.
            clean: leave out noise and exposure.
        """
        index = self._place(index)
        if self._atlas is None:
            self._atlas = build_atlas(
                self._world, self.seed, self._texels_per_metre, self._render_device
            )
        picture = render(
            self._geometry,
            self._atlas,
            self.pose(index),
            self.intrinsics,
            height=self.height,
            width=self.width,
            supersample=self._supersample,
        )
        return picture if clean else self._expose(picture, index)

    def gain(self, index: int) -> float:
        """Exposure of frame `index`, a factor on its brightness; 1 where exposure is constant."""
        seconds = index * self._speed / self.fps
        return 2.0 ** (self.exposure * math.sin(2 * math.pi * 0.23 * seconds + 0.7 * self.seed))

    def paint(self, surface: str) -> Tensor:
        """The picture printed on a surface, unlit, (1, 3, h, w) float32 in [0, 1]. Allocates.

        Of a scene of kind `"target"`, `paint("target")` is the reference to look for.
        """
        rect = self.surface(surface)
        index = self.surfaces.index(surface)
        return paint(rect, self.seed * 1009 + index, self._texels_per_metre)[None]

    def surface(self, name: str) -> Rect:
        """Where a surface of `surfaces` stands: centre and half-axes, metres.

        Raises:
            ValueError: there is none of that name.
        """
        if name not in self.surfaces:
            raise ValueError(f"{name = } is no surface of this scene: {', '.join(self.surfaces)}.")
        return self._world.rects[self.surfaces.index(name)]

    # -- truth ---------------------------------------------------------------------------------

    def pose(self, index: int) -> Pose:
        """World to camera at frame `index`: R (3, 3) and t (3,), float64."""
        rotation, translation = self._trajectory.pose(index)
        return rotation.to(self._render_device), translation.to(self._render_device)

    def homography(self, index: int, surface: str) -> Tensor:
        """The map of a surface's pixels from frame `index` to the next, (3, 3) float64.

        Under pure rotation it holds for every pixel, whichever surface is named.
        """
        place = self.surfaces.index(self.surface(surface).name)
        rotation, translation = relative_pose(self.pose(index), self.pose(index + 1))
        view = coefficients(self._geometry, *self.pose(index), self.intrinsics)
        infinite = self.intrinsics @ rotation @ torch.linalg.inv(self.intrinsics)
        return infinite + torch.outer(self.intrinsics @ translation, view.inverse_depth[place])

    def truth(self, index: int) -> Truth:
        """What is true of frame `index` and of its step to the next, in float64. Allocates."""
        index = self._place(index)
        return find_truth(
            self._geometry,
            index,
            self.pose(index),
            self.pose(index + 1),
            self.intrinsics,
            height=self.height,
            width=self.width,
        )

    # -- inside --------------------------------------------------------------------------------

    def _expose(self, picture: Tensor, index: int) -> Tensor:
        """Exposure, then noise, in place: each frame has its own generator, so order is free."""
        if self.exposure:
            picture.mul_(self.gain(index))
        if self.noise:
            generator = torch.Generator().manual_seed(self.seed * 1_000_003 + index)
            grain = torch.randn(picture.shape, generator=generator)
            picture.add_(grain.to(picture.device), alpha=self.noise)
        return picture.clamp_(0, 1)

    def _publish(self, count: int) -> Frame | None:
        index = count % self.frames
        picture = self.render(index)[0]
        spec = self.ring.spec
        if self._staging is None:
            self._staging = torch.empty(
                spec.slot_shape, dtype=torch.uint8, device=self._render_device
            )
        if spec.pixel_format == "rgb":
            self._staging.copy_(picture.mul_(255).add_(0.5))  # truncated: rounds
        else:
            _write_planes(picture, self._staging, spec)
        return self.ring.copy_in(
            self._staging,
            pts_seconds=count / self.fps,
            duration_seconds=1 / self.fps,
            index=count,
        )

    def _check_open(self) -> None:
        if self._is_closed:
            raise RuntimeError(f"{self!r} is closed; build a new Scene.")

    def _place(self, index: int) -> int:
        """Which picture of the scene a frame's index names."""
        self._check_open()
        if self._loop and index > self.frames:
            return index % self.frames
        if not 0 <= index <= self.frames:
            raise IndexError(f"{index = } is outside of 0 to {self.frames}, the scene's frames.")
        return index


def _write_planes(picture: Tensor, out: Tensor, spec: FrameSpec) -> None:
    """(3, H, W) float in [0, 1] into the slot layout of "i420" or "gray"."""
    if spec.pixel_format == "gray":
        red, green, blue = picture
        kr, kb = LUMA_WEIGHTS[spec.matrix]
        gray = red * kr + green * (1 - kr - kb) + blue * kb
        out[0].copy_(gray.mul_(255).add_(0.5))
        return
    y, u, v = spec.view_planes(out)
    copy_rgb_to_i420(picture, (y, u, v), matrix=spec.matrix, full_range=spec.full_range)


def _check_at_least(least: int, **values: int) -> None:
    for name, value in values.items():
        if value < least:
            raise ValueError(f"{name} = {value}, but it must be at least {least}.")
