"""Where does the pattern of comparisons come from? It is learned from drawn pictures, here.

A good comparison answers the same when the picture is turned, resized and noisy, answers yes for
half of all corners, and tells what the others do not. Candidates are drawn at random; each is asked
about the same corners in pictures of drawn rooms before and after a known turn. The most reliable
ones are kept, best first, and those that mostly repeat what another one says are left out.

    python -m toolkit.demos.learn_pattern       # prints the text in stages/descriptors.py

Source:
    Rublee et al., ORB, ICCV 2011, section 4.3, which looks for high variance and low correlation.
    That a comparison shall survive a known change is added here.
"""

from __future__ import annotations

import base64
import math
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from toolkit.media.scenes import Scene
from toolkit.spec import FrameSpec
from toolkit.stages.declare import InputSpec, spec_of
from toolkit.stages.descriptors import BITS, PATCH_RADIUS, bits_of, smoothed, turned_offsets
from toolkit.stages.features import TURNS, features
from toolkit.stages.scales import render_sheet

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["learn_pattern"]

WIDTH, HEIGHT = 640, 480
CANDIDATES = 8192
SCENES = tuple((kind, seed) for seed in range(100, 106) for kind in ("room", "planes", "target"))
MOST_ALIKE = 0.5
"""Largest correlation, of either sign, that two comparisons may have to begin with."""


def learn_pattern(seed: int = 0) -> Tensor:
    """Choose 256 comparisons, (256, 2, 2) int8, x and y in px of both places. Takes two minutes."""
    generator = torch.Generator().manual_seed(seed)
    candidates = _candidates(generator)
    before, after = _answers(candidates, generator)  # (N, CANDIDATES) bool each
    return candidates[_chosen(before, after)].to(torch.int8)


def _candidates(generator: torch.Generator) -> Tensor:
    """Pairs of places in the patch, more of them near its middle, (CANDIDATES, 2, 2) float64."""
    spread = 0.45 * PATCH_RADIUS
    drawn = torch.randn(4 * CANDIDATES, 2, 2, dtype=torch.float64, generator=generator) * spread
    drawn = drawn.round()
    is_inside = (drawn.norm(dim=-1) < PATCH_RADIUS - 0.5).all(-1)
    is_apart = (drawn[:, 0] - drawn[:, 1]).norm(dim=-1) >= 3
    return drawn[is_inside & is_apart][:CANDIDATES]


def _answers(candidates: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """What the candidates say of corners, and what they say of the same corners after a turn."""
    before: list[Tensor] = []
    after: list[Tensor] = []
    for kind, seed in SCENES:
        picture = _render(kind, seed)
        matrix = _similarity(generator)
        one, here = _found(picture, candidates, generator)
        other, there = _found(_warped(picture, matrix), candidates, generator)
        place, partner = _same(one, other, matrix)
        before.append(here[place])
        after.append(there[partner])
    return torch.cat(before), torch.cat(after)


def _render(kind: str, seed: int) -> Tensor:
    scene = Scene(kind, width=WIDTH, height=HEIGHT, seed=seed, supersample=2)
    return scene.render(0)[0].mean(-3).reshape(1, 1, HEIGHT, WIDTH).float()


def _similarity(generator: torch.Generator) -> Tensor:
    """A turn and a change of size about the middle of the picture, (2, 3) float64."""
    turn, size = torch.rand(2, dtype=torch.float64, generator=generator)
    angle, scale = float(turn) * 2 * math.pi, 0.7 * 2 ** float(size)
    cosine, sine = scale * math.cos(angle), scale * math.sin(angle)
    middle = torch.tensor([(WIDTH - 1) / 2, (HEIGHT - 1) / 2], dtype=torch.float64)
    linear = torch.tensor([[cosine, -sine], [sine, cosine]], dtype=torch.float64)
    return torch.cat((linear, (middle - linear @ middle)[:, None]), 1)


def _warped(picture: Tensor, matrix: Tensor) -> Tensor:
    """The picture moved by a similarity, bicubic."""
    y, x = torch.meshgrid(torch.arange(HEIGHT), torch.arange(WIDTH), indexing="ij")
    target = torch.stack((x, y), -1).double() - matrix[:, 2]
    source = target @ torch.linalg.inv(matrix[:, :2]).T
    last = torch.tensor([WIDTH - 1, HEIGHT - 1])
    grid = (2 * source / last - 1).float()[None]
    return functional.grid_sample(picture, grid, mode="bicubic", align_corners=True).clamp(0, 1)


def _found(picture: Tensor, candidates: Tensor, generator: torch.Generator) -> tuple[Any, Tensor]:
    """Features of a picture with noise, and the answers of all candidates, (K, CANDIDATES)."""
    noise = 0.01 * torch.randn(picture.shape, generator=generator)
    picture = (picture + noise).clamp(0, 1)
    spec = InputSpec(FrameSpec(WIDTH, HEIGHT, "gray"), (spec_of(picture),))
    constants = features.constants(spec, count=1000, cell=4)
    found = features(picture, **constants)
    sheet, way_back = constants["sheet"], constants["way_back"]
    level = (found.scale[0][:, None] - way_back["scale"]).abs().argmin(1)
    on_sheet = (found.xy[0] - way_back["start"][level]) / way_back["step"][level]
    x, y = on_sheet.round().long().unbind(-1)
    shift = 3 * sheet.width + 3  # where `smoothed` keeps the sum around a px
    turn = torch.round(found.angle[0] * TURNS / (2 * math.pi)).long().remainder(TURNS)
    soft = smoothed(render_sheet(picture, sheet)).view(-1)
    is_there = found.score[0] > 0
    place = torch.where(is_there, y * sheet.width + x, sheet.width * HEIGHT // 2)
    answers: list[Tensor] = []
    for part in candidates.split(512):
        offsets = turned_offsets(part, turns=TURNS, stride=sheet.width) - shift
        answers.append(bits_of(soft, place, turn, offsets=offsets))
    return found, torch.cat(answers, 1)


def _same(one: Any, other: Any, matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Places of features that are the same corner: within 2 px at its size, of a size alike."""
    growth = float(torch.linalg.det(matrix[:, :2])) ** 0.5
    there = one.xy[0].double() @ matrix[:, :2].T + matrix[:, 2]
    gap, partner = torch.cdist(there, other.xy[0].double()).min(1)
    size = other.scale[0][partner]
    ratio = (size / (one.scale[0] * growth)).log().abs()
    is_same = (gap < 2 * size) & (ratio < 0.2)
    is_same &= (one.score[0] > 0) & (other.score[0][partner] > 0)
    place = is_same.nonzero()[:, 0]
    return place, partner[place]


def _chosen(before: Tensor, after: Tensor) -> Tensor:
    """Which 256 to take: the most telling first, none too much like one taken before."""
    one, other = before.float(), after.float()
    flips = (one != other).float().mean(0)
    mean = (one.mean(0) + other.mean(0)) / 2
    differs = 2 * mean * (1 - mean)  # how often two corners taken at random are told apart
    telling = (differs - flips) / (differs * (1 - differs) + flips * (1 - flips)).sqrt()
    order = telling.argsort(descending=True)
    centered = (one - one.mean(0)) / one.std(0).clamp(min=1e-3)
    alike = (centered.T @ centered).abs() / one.shape[0]
    limit = MOST_ALIKE
    while len(taken := _first(order.tolist(), alike, limit)) < BITS:
        limit += 0.02
    return torch.tensor(taken)


def _first(order: list[int], alike: Tensor, limit: float) -> list[int]:
    """Up to 256 in this order, each less like all before it than `limit`."""
    taken: list[int] = []
    most = torch.zeros(alike.shape[0])
    for index in order:
        if float(most[index]) < limit:
            taken.append(index)
            most = torch.maximum(most, alike[index])
        if len(taken) == BITS:
            break
    return taken


if __name__ == "__main__":
    packed = base64.b85encode(learn_pattern().numpy().tobytes()).decode()
    for start in range(0, len(packed), 80):
        print(repr(packed[start : start + 80]))  # noqa: T201 - its output
