"""Which plane-to-plane map explains most of the pairs, when some of them are wrong?

Hundreds of guesses are made at once, each of four pairs, and all are judged on all pairs: always
as many, so that nothing has to be read back to know when to stop. The best few are then fitted to
all pairs that agree with them.

Source:
    Fischler and Bolles, Random sample consensus, CACM 1981; Torr and Zisserman, MLESAC, CVIU 2000
    (the score); Hartley and Zisserman, Multiple View Geometry, sections 4.1 and 4.4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import torch

from toolkit.stages.declare import InputSpec, Model, Pairs, Range, Reduction, Tracks, stage
from toolkit.stages.linear import adjugate, determinant, solve_positive
from toolkit.stages.robust import draw_places, stratified_draws, valid_first

if TYPE_CHECKING:
    from torch import Tensor

    from toolkit.stages.matches import Matches

__all__ = ["homography"]

JURY = 128
"""How many pairs judge all guesses; those that it finds best are judged by all pairs."""

CANDIDATES = 32
"""How many guesses the jury hands on; `guesses` is no less."""

FINALISTS = 8
"""How many of the guesses are fitted to all pairs that agree with them."""

TINY = 1e-12
NEAREST = 1e-6
"""Depth of what is not in front of the camera."""


class _Points(NamedTuple):
    """Pairs moved to the origin and scaled to about 1, so that float32 suffices.

    before: (3, K) homogeneous; after: (2, K); weight: (K,) 0 or 1; to_before, from_after: (3, 3)
    between px and here; unit: () px of the later picture that are 1 here.
    """

    before: Tensor
    after: Tensor
    weight: Tensor
    to_before: Tensor
    from_after: Tensor
    unit: Tensor

    def of(self, places: Tensor) -> _Points:
        """Some of the pairs, at (N,) places."""
        return self._replace(
            before=self.before.index_select(1, places),
            after=self.after.index_select(1, places),
            weight=self.weight.index_select(0, places),
        )


@stage("homography", footprint=Reduction())
def homography(
    tracks: Tracks | Matches | Pairs,
    *,
    draws: Tensor,
    shuffle: Tensor,
    threshold: Tensor,
    fits: int,
    least: int,
    identity: Tensor,
    corner: Tensor,
) -> Model:
    """The 3x3 matrix that maps `before` to `after`, in px, and who agrees. No sync, fixed shapes.

    A pair agrees when its point lands within `threshold` px. Where fewer than `least` pairs agree,
    or all of them lie within `threshold` of one line, nothing is known: the result is not valid,
    its matrix is the identity, and nobody agrees.

    Takes all results that are pairs: `homography.using(tracks="matches")`.
    """
    pairs = tracks.pairs
    points = _normalised(pairs, corner)
    limit = (threshold / points.unit).square()
    is_there = pairs.is_valid[0]
    order = shuffle.index_select(0, valid_first(is_there.index_select(0, shuffle)))
    sample = draw_places(is_there, draws, order)  # (M, 4)
    guesses = _through_four(points, sample)  # (M, 3, 3)
    jury = points.of(order[:JURY])
    candidates = _best(guesses, jury, limit, CANDIDATES)
    finalists = _best(candidates, points, limit, FINALISTS)
    finalists = _fitted(finalists, points, limit, fits)

    errors = _errors(finalists, points)[1]  # (F, K)
    winner = _score(errors, points.weight, limit).argmax(0, keepdim=True)
    agrees = (errors.index_select(0, winner)[0] <= limit) & (points.weight > 0)
    matrix = points.from_after @ finalists.index_select(0, winner)[0] @ points.to_before
    last = matrix[2, 2]
    is_enough = (agrees.sum() >= least) & (_variance_across(points.after, agrees) > limit)
    is_valid = is_enough & torch.isfinite(matrix).all() & (last.abs() > TINY)
    matrix = torch.where(is_valid, matrix / torch.where(is_valid, last, 1.0), identity)
    return Model(matrix[None], (agrees & is_valid)[None], is_valid[None])


@homography.prepare
def _(
    spec: InputSpec,
    *,
    guesses: Annotated[
        int, Range(32, 4096, 32, "guesses", doc="maps through four pairs that are tried")
    ] = 1024,
    threshold: Annotated[
        float, Range(0.1, 20.0, 0.1, "px", doc="farthest that a pair which agrees may land")
    ] = 3.0,
    fits: Annotated[int, Range(1, 20, 1, "steps", doc="of least squares on those that agree")] = 5,
    least: Annotated[
        int, Range(4, 64, 1, "pairs", doc="with fewer that agree there is no result")
    ] = 12,
) -> dict[str, Any]:
    shape = tuple(spec.shape)
    if len(shape) != 3 or shape[0] != 1 or shape[2] != 2:
        raise ValueError(
            f"homography takes pairs of points, (1, K, 2) each, and got {shape}; "
            "name another input with homography.using(tracks=...)"
        )
    if shape[1] < 4:
        raise ValueError(f"homography needs four pairs, and there is room for {shape[1]} only")
    generator = torch.Generator().manual_seed(1)
    corner = torch.zeros(3, 3)
    corner[2, 2] = 1.0
    return {
        "draws": stratified_draws(guesses, 4, seed=0).to(spec.device),
        "shuffle": torch.randperm(shape[1], generator=generator).to(spec.device),
        "threshold": torch.tensor(threshold).to(spec.device),
        "fits": fits,
        "least": least,
        "identity": torch.eye(3).to(spec.device),
        "corner": corner.to(spec.device),
    }


def _normalised(pairs: Pairs, corner: Tensor) -> _Points:
    """Mean at the origin and a mean distance of about 1 from it, in both pictures."""
    weight = pairs.is_valid[0].to(torch.float32)
    share = weight / weight.sum().clamp(min=1.0)  # (K,)
    here: list[Tensor] = []
    maps: list[tuple[Tensor, Tensor]] = []
    for given in (pairs.before[0], pairs.after[0]):
        positions = torch.where(pairs.is_valid[0, :, None], given, 0.0)
        middle = share @ positions
        apart = positions - middle
        size = (share @ apart.square()).sum().sqrt().clamp(min=1e-3)
        here.append((apart / size).mT * weight)  # (2, K); empty places lie at the origin
        maps.append((middle, size))
    (middle, size), (middle_after, unit) = maps
    return _Points(
        torch.cat((here[0], torch.ones_like(here[0][:1]))),
        here[1],
        weight,
        _similarity(1 / size, -middle / size, corner),
        _similarity(unit, middle_after, corner),
        unit,
    )


def _similarity(scale: Tensor, shift: Tensor, corner: Tensor) -> Tensor:
    """The 3x3 matrix that multiplies by `scale`, then adds `shift`."""
    matrix = corner.clone()
    matrix[0, 0] = matrix[1, 1] = scale
    matrix[:2, 2] = shift
    return matrix


def _best(maps: Tensor, points: _Points, limit: Tensor, count: int) -> Tensor:
    """The `count` maps that most pairs agree with."""
    score = _score(_errors(maps, points)[1], points.weight, limit)
    return maps.index_select(0, score.topk(count).indices)


def _through_four(points: _Points, sample: Tensor) -> Tensor:
    """The map through four pairs each, (M, 3, 3) of length 1; zero where there is none.

    Both fours are written as a basis: three points, scaled so that they add up to the fourth. The
    map takes one basis to the other, and with adjugates for inverses nothing is divided by.
    """
    flat = sample.view(-1)
    before = points.before.index_select(1, flat).view(3, -1, 4).transpose(0, 1)  # (M, 3, 4)
    after = points.after.index_select(1, flat).view(2, -1, 4).transpose(0, 1)
    after = torch.cat((after, torch.ones_like(after[:, :1])), 1)
    one, other = before[..., :3], after[..., :3]
    back = adjugate(one)
    scale = (back @ before[..., 3:])[..., 0]  # (M, 3), times the determinant
    scale_after = (adjugate(other) @ after[..., 3:])[..., 0]
    ratio = scale_after * scale.roll(1, -1) * scale.roll(2, -1)  # (M, 3)
    guess = (other * ratio[:, None]) @ back
    # All four must be in front of both cameras, and seen from the same side.
    turn = determinant(one)
    is_seen = ((scale * scale_after).amin(-1) > 0) & (turn * determinant(other) > 0)
    length = guess.flatten(1).norm(dim=1) * torch.where(turn * ratio[:, 0] < 0, -1.0, 1.0)
    keep = torch.where(is_seen & (length.abs() > TINY), 1 / length, 0.0)
    return guess * keep[:, None, None]


def _errors(maps: Tensor, points: _Points) -> tuple[Tensor, Tensor]:
    """Where each map takes the points, (2, M, K), and how far from the truth, squared, (M, K)."""
    by_row = maps.transpose(0, 1).reshape(-1, 3)  # first rows of all maps, then second ones
    landed = (by_row @ points.before).view(3, -1, points.before.shape[1])
    # What lands behind the camera or at infinity lands far away instead.
    depth = landed[2].clamp_(min=NEAREST).reciprocal_()
    landed = landed[:2].mul_(depth)
    gap = landed - points.after[:, None]
    return landed, gap[0].square_().add_(gap[1].square_())


def _score(errors: Tensor, weight: Tensor, limit: Tensor) -> Tensor:
    """How many pairs agree, each counted less the farther it lands, (M,)."""
    return errors.div(-limit).add_(1.0).clamp_(min=0.0) @ weight


def _variance_across(points: Tensor, agrees: Tensor) -> Tensor:
    """Variance of points (2, K) across the line that fits those that agree best, ()."""
    share = agrees / agrees.sum().clamp(min=1)
    apart = points - (points @ share)[:, None]
    (xx, xy), (_, yy) = (apart * share) @ apart.mT
    return (xx + yy - torch.hypot(xx - yy, 2 * xy)) / 2


def _fitted(maps: Tensor, points: _Points, limit: Tensor, steps: int) -> Tensor:
    """Maps fitted to the pairs that agree, by Gauss-Newton steps that trust the near ones more.

    A step multiplies by a map near the identity, eight numbers, from the left.
    """
    for _ in range(steps):
        landed, errors = _errors(maps, points)  # (2, F, K), (F, K)
        trust = points.weight / (1 + errors / (0.25 * limit)).square() * (errors <= 4 * limit)
        normal, right = _normal_equations(landed, points.after[:, None] - landed, trust)
        change = solve_positive(normal, right)  # (F, 8)
        step = torch.cat((change, torch.zeros_like(change[:, :1])), 1).view(-1, 3, 3)
        maps = maps + step @ maps
    return maps


def _normal_equations(landed: Tensor, gap: Tensor, trust: Tensor) -> tuple[Tensor, Tensor]:
    """J'WJ, (F, 8, 8), and J'W gap, (F, 8), of moving landed points by I + step."""
    x, y = landed  # (F, K)
    one, zero = torch.ones_like(x), torch.zeros_like(x)
    of_x = torch.stack((x, y, one, zero, zero, zero, -x * x, -x * y), 1)  # (F, 8, K)
    of_y = torch.stack((zero, zero, zero, x, y, one, -y * x, -y * y), 1)
    slopes = torch.cat((of_x, of_y), 2)  # (F, 8, 2 K)
    trusted = slopes * torch.cat((trust, trust), 1)[:, None]
    normal = trusted @ slopes.mT
    diagonal = normal.diagonal(dim1=1, dim2=2)
    diagonal.add_(1e-6 * diagonal.amax(1, keepdim=True) + TINY)
    gap = gap.transpose(0, 1).flatten(1)  # (F, 2 K)
    return normal, (trusted @ gap[..., None])[..., 0]
