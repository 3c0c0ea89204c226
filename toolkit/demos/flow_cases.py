"""On which pairs is flow evaluated? Those of a data set, or freshly drawn ones whose flow is exact.

A drawn pair comes from a scene of its own: another world, path, and speed of the camera.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from toolkit.evaluation import FlowField
from toolkit.media import Scene

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from toolkit.evaluation import FlowPair

__all__ = ["FlowCase", "draw_scenes", "read_pairs"]

WIDTH, HEIGHT = 640, 480
_KINDS = ("room", "planes", "plane", "target")
_MOTIONS = ("handheld", "forward", "rotation", "loop")
_SLOWEST_FPS, _FASTEST_FPS = 6.0, 30.0  # fewer frames a second move further from one to the next
_FRAMES = 30


@dataclass(frozen=True)
class FlowCase:
    """Two pictures and the flow between them.

    Attributes:
        name: for people.
        before: (3, H, W) uint8 RGB.
        after: the same.
        truth: flow from before to after, and where it is known.
    """

    name: str
    before: NDArray[np.uint8]
    after: NDArray[np.uint8]
    truth: FlowField


def read_pairs(pairs: list[FlowPair]) -> Iterator[FlowCase]:
    """The pairs of a data set, read when they are asked for.

    Raises:
        BadData: a file is missing or damaged.
    """
    for pair in pairs:
        before, after = pair.read_pictures()
        yield FlowCase(pair.name, before, after, pair.read_truth())


def draw_scenes(count: int, seed: int) -> Iterator[FlowCase]:
    """So many fresh pairs of 640x480 px; the same seed gives the same ones."""
    for number in range(count):
        chance = random.Random(seed * 1_000_003 + number)
        kind, motion = _KINDS[number % len(_KINDS)], chance.choice(_MOTIONS)
        slow, fast = math.log(_SLOWEST_FPS), math.log(_FASTEST_FPS)
        scene = Scene(
            kind,
            motion=motion,
            width=WIDTH,
            height=HEIGHT,
            frames=_FRAMES,
            fps=math.exp(chance.uniform(slow, fast)),
            seed=chance.randrange(1 << 20),
        )
        with scene:
            yield _case(scene, chance.randrange(_FRAMES), f"{kind}/{motion} {scene.fps:.0f} fps")


def _case(scene: Scene, index: int, name: str) -> FlowCase:
    truth = scene.truth(index)
    return FlowCase(
        name,
        _bytes(scene.render(index)),
        _bytes(scene.render(index + 1)),
        FlowField(truth.flow.float().numpy(), truth.visible.numpy()),
    )


def _bytes(picture: torch.Tensor) -> NDArray[np.uint8]:
    """(1, 3, H, W) float in [0, 1] as (3, H, W) uint8, rounded."""
    return picture[0].mul(255).add_(0.5).to(torch.uint8).numpy()
