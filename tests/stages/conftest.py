"""What the tests of stages share: every stage with inputs to run it on, and a bill for one call."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch._C import _autograd
from torch._C._profiler import ProfilerConfig, ProfilerState, _ExperimentalConfig

from toolkit import stages
from toolkit.pipeline import Pipeline
from toolkit.spec import FrameSpec
from toolkit.stages.declare import (
    Corners,
    Features,
    InputSpec,
    Odometry,
    Pairs,
    Pose,
    Stage,
    Tracks,
    spec_of,
)
from toolkit.stages.stabilise import CameraPath

HEIGHT, WIDTH, PLACES = 192, 256, 16
CAMERA = ((240.0, 0.0, 128.0), (0.0, 240.0, 96.0), (0.0, 0.0, 1.0))
TILT = ((1.0, 0.1, -3.0), (0.02, 0.9, 2.0), (1e-4, 0.0, 1.0))


@dataclass(frozen=True)
class Case:
    """A stage with the names of its inputs and its parameters.

    `planes` says how often it allocates half a plane or more; None where torch decides by threads.
    """

    stage: Stage
    inputs: tuple[str, ...]
    planes: int | None
    parameters: dict[str, Any] = field(default_factory=dict)
    pixel_format: str = "i420"
    rotation: int = 0


CASES = {
    "rgb": Case(stages.rgb, ("pixels",), 4),
    "rgb_bilinear": Case(stages.rgb, ("pixels",), None, {"chroma": "bilinear"}),
    "rgb_from_rgb": Case(stages.rgb, ("pixels",), 1, pixel_format="rgb"),
    "gray": Case(stages.gray, ("pixels",), 1),
    "gray_turned": Case(stages.gray, ("pixels",), 1, rotation=90),
    "gray_from_gray": Case(stages.gray, ("pixels",), 1, pixel_format="gray"),
    "gray_from_rgb": Case(stages.gray, ("pixels",), 3, pixel_format="rgb"),
    "resize": Case(stages.resize, ("rgb",), None, {"width": 64}),
    "resize_to_same_size": Case(stages.resize, ("rgb",), 0, {"width": WIDTH}),
    "crop": Case(stages.crop, ("rgb",), 0, {"left": 8, "top": 4, "width": 32}),
    "blur": Case(stages.blur, ("gray",), 3),
    "blur_wide": Case(stages.blur, ("gray",), 3, {"sigma": 5.0}),
    "unsharp": Case(stages.unsharp, ("rgb",), 3, {"sigma": 5.0}),
    "sobel": Case(stages.sobel, ("gray",), 2),
    "magnitude": Case(stages.magnitude, ("gradient",), 1),
    "edges": Case(stages.edges, ("gradient",), 4),
    "linked_edges": Case(stages.linked_edges, ("edges",), None),
    "median": Case(stages.median, ("gray",), 11),
    "median_twice": Case(stages.median, ("rgb",), 22, {"passes": 2}),
    "clahe": Case(stages.clahe, ("gray",), 14),
    "clahe_padded": Case(stages.clahe, ("gray",), 17, {"grid": 7, "clip_limit": 0.0}),
    "color": Case(stages.color, ("rgb",), 1, {"hue": 30.0, "saturation": 1.5, "gamma": 2.0}),
    "threshold": Case(stages.threshold, ("gray",), 1),
    "dilate": Case(stages.morphology, ("gray",), 6, {"operation": "dilate", "radius": 2}),
    "open_wide": Case(stages.morphology, ("gray",), 14, {"radius": 15, "shape": "cross"}),
    "undistort": Case(stages.undistort, ("rgb",), 1, {"camera": CAMERA, "k1": -0.2}),
    "warp": Case(stages.warp, ("rgb",), 1, {"matrix": TILT}),
    "pyramid": Case(stages.pyramid, ("gray",), 2),
    "corners": Case(stages.corners, ("gradient",), 8, {"count": PLACES}),
    "corners_harris": Case(
        stages.corners,
        ("gradient",),
        8,
        {"count": 512, "distance": 2, "response": "harris", "subpixel": True},
    ),
    "tracks": Case(stages.tracks, ("pyramid", "corners", "pyramid", "tracks"), 3),
    "tracks_small": Case(
        stages.tracks,
        ("pyramid", "corners", "pyramid", "tracks"),
        3,
        {"window": 5, "trail": 12, "spacing": 40},
    ),
    "flow": Case(stages.flow, ("pyramid", "other_pyramid"), 24),
    "flow_fast": Case(stages.flow, ("pyramid", "other_pyramid"), 15, {"preset": "fast"}),
    "flow_best_of_gray": Case(stages.flow, ("gray", "other_gray"), 30, {"preset": "best"}),
    "features": Case(stages.features, ("gray",), None, {"count": PLACES}),
    "features_gftt": Case(
        stages.features, ("gray",), None, {"count": 512, "response": "gftt", "levels": 3}
    ),
    "homography": Case(stages.homography, ("pairs",), None),
    "matches": Case(stages.matches, ("features", "features"), 0),
    "pose": Case(stages.pose, ("space_tracks",), 0, {"camera": CAMERA, "hypotheses": 32}),
    "target_pose": Case(
        stages.target_pose, ("card_tracks",), 0, {"camera": CAMERA, "hypotheses": 32}
    ),
    "odometry": Case(
        stages.odometry, ("space_tracks", "odometry"), 0, {"camera": CAMERA, "hypotheses": 32}
    ),
    "overlay_target": Case(stages.overlay_target, ("rgb", "target_pose"), None, {"camera": CAMERA}),
    "overlay_world": Case(stages.overlay_world, ("rgb", "odometry"), None, {"camera": CAMERA}),
    "motion": Case(stages.motion, ("gray", "other_gray"), 1),
    "overlay": Case(stages.overlay, ("rgb", "edges", "corners"), 2),
    "overlay_edges": Case(stages.overlay_edges, ("rgb", "edges"), 2),
    "overlay_flow": Case(stages.overlay_flow, ("rgb", "flow"), 13),
    "overlay_flow_colors": Case(stages.overlay_flow, ("rgb", "flow"), 10, {"spacing": 0}),
    "overlay_corners": Case(stages.overlay_corners, ("rgb", "corners"), 1),
    "overlay_tracks": Case(stages.overlay_tracks, ("rgb", "tracks"), 3),
    "camera_path": Case(stages.camera_path, ("tracks", "camera_path"), 0),
    "stabilise": Case(stages.stabilise, ("rgb", "camera_path"), 2),
    "overlay_matches": Case(stages.overlay_matches, ("rgb", "pairs"), None),
}

CHAIN = (
    *("rgb", "gray", "pyramid", "sobel", "corners", "tracks", "flow", "features", "matches"),
    *("homography", "pose", "odometry", "target_pose", "camera_path", "stabilise"),
    *("overlay_flow", "overlay_tracks", "overlay_matches", "overlay_target", "overlay_world"),
)
"""The chain from pixels to where the camera is, in order."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `case` runs once for every stage."""
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", CASES.values(), ids=CASES.keys())


def make_input(name: str, case: Case, device: str, height: int, width: int) -> Any:
    if name == "pixels":
        shape = frame_of(case, device, height, width).slot_shape
        return torch.randint(0, 256, shape, dtype=torch.uint8, device=device)
    if name in POINTS:
        return POINTS[name](device, height, width)
    if name in SOLIDS:
        return SOLIDS[name](device)
    return make_picture(name, device, height, width)


def make_picture(name: str, device: str, height: int, width: int) -> Any:
    if name.endswith("pyramid"):
        return tuple(
            torch.rand(1, 1, height >> level, width >> level, device=device) for level in range(3)
        )
    channels = {"rgb": 3, "gradient": 2, "flow": 2}.get(name, 1)
    values = torch.rand(1, channels, height, width, device=device)
    if name == "gradient":
        return (values - 0.5) / 4
    if name == "flow":
        return (values - 0.5) * 40
    return (values * 3).floor() / 2 if name == "edges" else values


def make_corners(device: str, height: int, width: int) -> Corners:
    xy = torch.rand(1, PLACES, 2, device=device) * torch.tensor([width, height], device=device)
    return Corners(xy, torch.rand(1, PLACES, device=device))


def make_camera_path(device: str, height: int, width: int) -> CameraPath:
    change = torch.rand(3, 1, 4, device=device) * torch.tensor([0.1, 0.1, 9, 9], device=device)
    seen = torch.ones(1, device=device)
    return CameraPath(*change, seen > 0, seen)


def make_tracks(device: str, height: int, width: int) -> Tracks:
    """Points all over the picture; the last place is empty."""
    last = torch.tensor([width, height], device=device)
    trail = torch.rand(1, PLACES, 8, 2, device=device) * last
    identity = torch.arange(PLACES, device=device)[None]
    identity = identity.masked_fill(identity == PLACES - 1, -1)
    return Tracks(
        xy=trail[:, :, 0].clone(),
        previous_xy=trail[:, :, 1].clone(),
        id=identity,
        age=(identity.clamp(min=0) % 5).int(),
        error=torch.rand(1, PLACES, device=device),
        next_id=torch.full((1,), PLACES, dtype=torch.int64, device=device),
        trail=trail,
    )


def make_features(device: str, height: int, width: int) -> Features:
    """Features with the bits of one and the same picture, a few of which differ; two are empty."""
    size = torch.tensor([width, height], device=device)
    alike = torch.arange(PLACES * 32, device=device).view(1, PLACES, 32).mul(73).remainder(251)
    noise = torch.randint(0, 2, (1, PLACES, 32), device=device)
    score = torch.rand(1, PLACES, device=device) + 0.1
    score[:, -2:] = 0
    return Features(
        torch.rand(1, PLACES, 2, device=device) * size,
        score,
        torch.rand(1, PLACES, device=device),
        torch.ones(1, PLACES, device=device),
        (alike ^ noise).to(torch.uint8),
    )


def make_pairs(device: str, height: int, width: int) -> Pairs:
    """Pairs on a plane that comes nearer; every fourth is wrong, and every fifth place is empty."""
    size = torch.tensor([width, height], device=device)
    before = torch.rand(1, 60, 2, device=device) * size
    after = before * 1.1 + 3
    after[:, ::4] = torch.rand(1, 15, 2, device=device) * size
    is_valid = torch.arange(60, device=device) % 5 > 0
    return Pairs(before, after, is_valid[None])


def make_points(device: str) -> torch.Tensor:
    """Points in space, (PLACES, 3), that do not lie on a plane: 2 to 4 ahead, all in view."""
    place = torch.arange(PLACES, device=device).float()
    depth = 2 + place * 1.7 % 2
    return torch.stack(
        ((place * 2.3 % 4 - 2) / 6 * depth, (place * 3.1 % 4 - 2) / 7 * depth, depth), 1
    )


def project_points(points: torch.Tensor) -> torch.Tensor:
    """Where `CAMERA` sees points (N, 3), (1, N, 2) px."""
    seen = points @ torch.tensor(CAMERA, device=points.device).T
    return (seen[:, :2] / seen[:, 2:])[None]


def tracks_of(points: torch.Tensor, before: torch.Tensor | None = None) -> Tracks:
    """Tracks of points that the camera passes sideways, or was told of `before`; one is lost."""
    device = points.device
    after = project_points(points - torch.tensor([0.2, 0.05, 0.1], device=device))
    identity = torch.arange(PLACES, device=device)[None]
    identity = identity.masked_fill(identity == PLACES - 1, -1)
    return Tracks(
        xy=after,
        previous_xy=project_points(points) if before is None else before,
        id=identity,
        age=(identity >= 0).int(),
        error=torch.zeros(1, PLACES, device=device),
        next_id=torch.full((1,), PLACES, device=device),
        trail=after[:, :, None].expand(1, PLACES, 4, 2).contiguous(),
    )


def make_card(device: str) -> Tracks:
    """Tracks whose earlier places are in metres, on a tilted card."""
    xy = make_points(device)[:, :2] / 2
    ahead = 2 + 0.4 * xy[:, :1] + 0.2 * xy[:, 1:]
    return tracks_of(
        torch.cat((xy, ahead), 1), before=xy[None] / torch.tensor([0.93, 0.98]).to(device)
    )


def make_pose(device: str) -> Pose:
    """Two metres ahead, facing the camera."""
    yes = torch.ones(1, dtype=torch.bool, device=device)
    return Pose(
        rotation=torch.eye(3, device=device)[None],
        translation=torch.tensor([[0.0, 0.0, 2.0]], device=device),
        is_inlier=yes.expand(1, PLACES).contiguous(),
        is_valid=yes,
        is_degenerate=~yes,
        parallax_px=torch.zeros(1, device=device),
    )


def make_odometry(device: str) -> Odometry:
    """What is known on the frame before `space_tracks`: each point, a little."""
    points = make_points(device)
    tracks = tracks_of(points)
    first = stages.odometry.first(tracks._replace(xy=tracks.previous_xy))
    return first._replace(
        is_valid=~first.is_valid,
        id=first.keyframe_id,
        landmark=points[None],
        information=first.information + torch.eye(3, device=device),
    )


POINTS: dict[str, Callable[[str, int, int], Any]] = {
    "corners": make_corners,
    "tracks": make_tracks,
    "camera_path": make_camera_path,
    "features": make_features,
    "pairs": make_pairs,
}
SOLIDS: dict[str, Callable[[str], Any]] = {
    "space_tracks": lambda device: tracks_of(make_points(device)),
    "card_tracks": make_card,
    "target_pose": make_pose,
    "odometry": make_odometry,
}


def frame_of(case: Case, device: str, height: int, width: int) -> FrameSpec:
    return FrameSpec(
        width,
        height,
        case.pixel_format,
        torch.device(device),
        rotation=case.rotation,
    )


@pytest.fixture
def cases() -> dict[str, Case]:
    """All of them by name, for a test that compares."""
    return CASES


@pytest.fixture
def inputs_of() -> Callable[..., tuple[Any, ...]]:
    """Random inputs for a case, on a device, of a size."""

    def make(case: Case, device: str = "cpu", height: int = HEIGHT, width: int = WIDTH) -> Any:
        return tuple(make_input(name, case, device, height, width) for name in case.inputs)

    return make


@pytest.fixture
def constants_of() -> Callable[..., dict[str, Any]]:
    """Constants of a stage for inputs: `constants_of(blur, gray, sigma=2.0)`."""

    def make(
        stage: Stage, *inputs: Any, frame: FrameSpec | None = None, **parameters: Any
    ) -> dict[str, Any]:
        frame = frame or FrameSpec(WIDTH, HEIGHT, "gray")
        return stage.constants(
            InputSpec(frame, tuple(spec_of(one) for one in inputs)), **parameters
        )

    return make


@pytest.fixture
def constants_for(constants_of) -> Callable[..., dict[str, Any]]:
    """Constants of a case for inputs."""

    def make(case: Case, *inputs: Any, height: int = HEIGHT, width: int = WIDTH) -> dict[str, Any]:
        frame = frame_of(case, flatten(inputs)[0].device.type, height, width)
        first = flatten(inputs)[0]
        frame = frame_of(case, first.device.type, height, width)
        return constants_of(case.stage, *inputs, frame=frame, **case.parameters)

    return make


@pytest.fixture
def run(constants_of) -> Callable[..., Any]:
    """Prepare and apply in one: `run(blur, gray, sigma=2.0)`."""

    def apply(stage: Stage, *inputs: Any, frame: FrameSpec | None = None, **parameters: Any) -> Any:
        return stage(*inputs, **constants_of(stage, *inputs, frame=frame, **parameters))

    return apply


@pytest.fixture
def chain() -> Callable[..., Pipeline]:
    """A new pipeline of the chain from pixels to what is drawn, at little work for each."""

    def make() -> Pipeline:
        on = {
            "sobel": stages.sobel.using(blur="gray"),
            "homography": stages.homography.using(tracks="matches"),
        }
        pipeline = Pipeline([on.get(name, getattr(stages, name)) for name in CHAIN])
        cheap = {"preset": "fast", "hypotheses": 32}
        for name in CHAIN:
            for parameter in getattr(stages, name).params:
                if parameter.name in cheap:
                    setattr(pipeline.params[name], parameter.name, cheap[parameter.name])
        return pipeline

    return make


@pytest.fixture
def allocated() -> Callable[..., list[int]]:
    """Sizes in bytes of what one call allocates, warmed up, from torch's allocator events."""

    def measure(call: Callable[[], Any], at_least: int = 1) -> list[int]:
        config = ProfilerConfig(
            ProfilerState.CPU, False, True, False, False, False, _ExperimentalConfig()
        )
        call()
        _autograd._enable_profiler_legacy(config)
        try:
            result = call()
        finally:
            events = _autograd._disable_profiler_legacy()
        del result
        sizes = [
            event.cpu_memory_usage()
            for thread in events
            for event in thread
            if event.kind() == "memory_alloc"
        ]
        return [size for size in sizes if size >= at_least]

    return measure


@pytest.fixture
def step_picture() -> torch.Tensor:
    """Dark left of column 8, bright from there on, (1, 1, 12, 16)."""
    picture = torch.zeros(1, 1, 12, 16)
    picture[..., 8:] = 1.0
    return picture


@pytest.fixture
def square_picture() -> torch.Tensor:
    """A bright square, rows 12..27, columns 16..35 of (1, 1, 40, 48): four corners, four edges."""
    picture = torch.zeros(1, 1, 40, 48)
    picture[..., 12:28, 16:36] = 1.0
    return picture


def flatten(value: Any) -> list[torch.Tensor]:
    """All tensors in a result or in constants, whatever they are nested in."""
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, tuple | list):
        return [tensor for one in value for tensor in flatten(one)]
    return []


@pytest.fixture
def tensors_in() -> Callable[[Any], list[torch.Tensor]]:
    """All tensors in a value."""
    return flatten


@pytest.fixture
def is_near() -> Callable[..., bool]:
    """Whether two tensors have one shape and agree to a tolerance."""

    def compare(one: torch.Tensor, other: torch.Tensor, tolerance: float = 1e-6) -> bool:
        assert one.shape == other.shape
        difference = float((one - other).abs().max())
        return difference <= tolerance and not math.isnan(difference)

    return compare
