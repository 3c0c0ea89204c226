"""What is accepted is measured on: drawn pairs whose truth is exact, and real ones.

Each test records its figures: `pytest tests/acceptance --junit-xml=FILE` writes them down.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from toolkit.media.scenes import Scene
from toolkit.spec import FrameSpec
from toolkit.stages.declare import InputSpec, Stage, spec_of

SCENES = [
    (kind, motion, fps)
    for fps in (12, 30)
    for kind in ("room", "planes", "plane", "target")
    for motion in ("handheld", "forward")
]


class Pair(NamedTuple):
    """Two gray pictures (1, 1, H, W) in [0, 1], the flow (2, H, W) px, and where it is known."""

    before: Tensor
    after: Tensor
    flow: Tensor
    is_known: Tensor


@pytest.fixture(scope="session")
def drawn() -> list[Pair]:
    """Sixteen drawn pairs of 320x240 px, each of a world of its own; rooms in changing light."""
    return [_drawn(*options, seed=seed) for seed, options in enumerate(SCENES)]


def _drawn(kind: str, motion: str, fps: int, seed: int) -> Pair:
    light = {"exposure": 1.5, "noise": 0.01} if kind == "room" else {}
    scene = Scene(kind, motion=motion, width=320, height=240, fps=fps, seed=seed, **light)
    with scene:
        truth = scene.truth(20)
        before, after = (_luma(scene.render(index)) for index in (20, 21))
    return Pair(before, after, truth.flow.float(), truth.visible)


def _luma(picture: Tensor) -> Tensor:
    """Of 256 levels, as a camera gives it."""
    weights = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    return (picture * weights).sum(1, keepdim=True).mul(255).round() / 255


@pytest.fixture(scope="session")
def real(test_data) -> Callable[[str], Pair]:
    """Real pairs by name: RubberWhale, Motorcycle (a stereo pair), and one of Flying Chairs."""
    cv2 = pytest.importorskip("cv2")
    folder = test_data / "flow"

    def path(name: str) -> str:
        if not (folder / name).is_file():
            pytest.skip(f"no {folder / name}")
        return str(folder / name)

    def shades(name: str) -> Tensor:
        picture = cv2.cvtColor(cv2.imread(path(name)), cv2.COLOR_BGR2GRAY)
        return torch.from_numpy(picture)[None, None] / 255

    def read(name: str) -> Pair:
        if name == "Motorcycle":
            disparity = torch.from_numpy(np.load(path("motorcycle_disp.npz"))["arr_0"])
            flow = torch.stack((-disparity, torch.zeros_like(disparity)))
            pictures = shades("motorcycle_left.png"), shades("motorcycle_right.png")
            return Pair(*pictures, flow, disparity.isfinite())
        flow_file, one, other = {
            "RubberWhale": ("rubberwhale_gt.flo", "rubberwhale1.png", "rubberwhale2.png"),
            "Flying Chair": ("00001_flow.flo", "00001_img1.ppm", "00001_img2.ppm"),
        }[name]
        flow = torch.from_numpy(cv2.readOpticalFlow(path(flow_file))).permute(2, 0, 1)
        return Pair(shades(one), shades(other), flow, flow.abs().amax(0) < 1e3)

    return read


@pytest.fixture(scope="session")
def run() -> Callable:
    """Prepare and apply in one: `run(blur, gray, sigma=2.0)`."""

    def apply(stage: Stage, *inputs, **parameters):
        spec = InputSpec(FrameSpec(320, 240, "gray"), tuple(map(spec_of, inputs)))
        return stage(*inputs, **stage.constants(spec, **parameters))

    return apply
