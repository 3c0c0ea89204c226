"""On which views is camera pose evaluated? Freshly drawn ones, with wrong pairs among them.

Half of the scenes have depth and a moving camera. A quarter show one plane, and in a quarter the
camera only turns: there, more than one motion explains what is seen, and a method should say so.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from toolkit.media import Scene

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from toolkit.media import Truth

    Floats = NDArray[np.float64]

__all__ = ["GROUPS", "HEIGHT", "WIDTH", "TwoViews", "draw_views"]

WIDTH, HEIGHT = 640, 480
APART_PX = 2  # points lie on a grid: to know what all pixels show takes four times as long
POINTS = 512
OUTLIERS = 0.2
NOISE_PX = 0.1  # about what a sub-pixel tracker leaves
GROUPS = ("general", "general", "plane", "rotation")
_KINDS = {"general": ("room", "planes"), "plane": ("plane",), "rotation": ("room", "planes")}
_MOTIONS = {
    "general": ("handheld", "forward", "loop"),
    "plane": ("handheld", "forward", "loop"),
    "rotation": ("rotation",),
}
_SLOWEST_FPS, _FASTEST_FPS = 4.0, 10.0  # keyframes are further apart than frames
_FRAMES = 30


@dataclass(frozen=True)
class TwoViews:
    """Points seen twice, a fifth of them wrong, and how the camera moved.

    Attributes:
        name: for people.
        group: `"general"`, `"plane"` or `"rotation"`.
        seed: for methods that need chance.
        before: (512, 2) px.
        after: (512, 2) px.
        intrinsics: (3, 3) K.
        rotation: (3, 3) with X_after = rotation X_before + translation.
        translation: (3,) metres; 0 where the camera only turns.
    """

    name: str
    group: str
    seed: int
    before: Floats
    after: Floats
    intrinsics: Floats
    rotation: Floats
    translation: Floats


def draw_views(count: int, seed: int) -> Iterator[TwoViews]:
    """So many fresh scenes; the same seed gives the same ones."""
    for number in range(count):
        chance = random.Random(seed * 1_000_003 + number)
        group = GROUPS[number % len(GROUPS)]
        kind, motion = chance.choice(_KINDS[group]), chance.choice(_MOTIONS[group])
        scene = Scene(
            kind,
            motion=motion,
            width=WIDTH // APART_PX,
            height=HEIGHT // APART_PX,
            frames=_FRAMES,
            fps=math.exp(chance.uniform(math.log(_SLOWEST_FPS), math.log(_FASTEST_FPS))),
            seed=chance.randrange(1 << 20),
        )
        with scene:
            truth = scene.truth(chance.randrange(_FRAMES))
        yield _views(
            truth, f"{kind}/{motion} {scene.fps:.1f} fps", group, chance.randrange(1 << 30)
        )


def _views(truth: Truth, name: str, group: str, seed: int) -> TwoViews:
    chance = np.random.default_rng(seed)
    rows, columns = np.nonzero(truth.visible.numpy())
    chosen = chance.choice(len(rows), POINTS, replace=len(rows) < POINTS)
    middle = (APART_PX - 1) / 2  # of the pixels that one of the drawn picture stands for
    before = np.column_stack([columns[chosen], rows[chosen]]).astype(np.float64)
    before = before * APART_PX + middle
    flow = truth.flow.numpy()[:, rows[chosen], columns[chosen]].T * APART_PX
    after = before + flow + chance.normal(scale=NOISE_PX, size=flow.shape)
    wrong = chance.choice(POINTS, round(OUTLIERS * POINTS), replace=False)
    after[wrong] = chance.uniform((0, 0), (WIDTH - 1, HEIGHT - 1), (len(wrong), 2))
    rotation, translation = truth.relative_pose
    enlarge = np.array([[APART_PX, 0, middle], [0, APART_PX, middle], [0, 0, 1]])
    return TwoViews(
        name=name,
        group=group,
        seed=seed,
        before=before,
        after=after,
        intrinsics=enlarge @ truth.intrinsics.numpy(),
        rotation=rotation.numpy(),
        translation=translation.numpy(),
    )
