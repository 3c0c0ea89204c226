"""Which feature is which in the other picture? The pair that is nearest from both sides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import torch

from toolkit.stages.declare import Features, InputSpec, Pairs, Range, Reduction, stage
from toolkit.stages.descriptors import BITS, unpacked

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Matches", "matches"]


class Matches(NamedTuple):
    """For each feature of this picture, the one that it was in an earlier picture, K places.

    Attributes:
        before: (1, K, 2) float32, px: where the features were; (0, 0) where there is no match.
        after: (1, K, 2) float32, px: where they are now; (0, 0) where there is no match.
        is_valid: (1, K) bool: whether the place holds a match.
        place: (1, K) int64: place of the match among the earlier features, or -1.
        distance: (1, K) int32: how many of the 256 bits differ; 256 where there is no match.
    """

    before: Tensor
    after: Tensor
    is_valid: Tensor
    place: Tensor
    distance: Tensor

    @property
    def pairs(self) -> Pairs:
        """The matches as pairs of points. No allocation."""
        return Pairs(self.before, self.after, self.is_valid)


def _no_matches(features: Features, **_: Any) -> Matches:
    """What the first frame answers: nothing, in as many places."""
    nowhere = torch.zeros_like(features.xy)
    nothing = torch.zeros_like(features.score, dtype=torch.bool)
    return Matches(
        nowhere,
        torch.zeros_like(nowhere),
        nothing,
        torch.full_like(features.score, -1, dtype=torch.int64),
        torch.full_like(features.score, BITS, dtype=torch.int32),
    )


@stage("matches", footprint=Reduction(), first=_no_matches)
def matches(
    features: Features,
    prev_features: Features,
    *,
    weights: Tensor,
    ratio: Tensor,
    most: Tensor,
    far: Tensor,
    places: Tensor,
) -> Matches:
    """Match the features of this frame with those of the previous one. No sync, fixed shapes.

    A match is nearest from both sides, clearly nearer than the second nearest, and near enough.
    All distances are one product of matrices, (K, K') float32: of vectors of -1 and +1 it counts
    the bits that agree minus those that differ.

    Place k holds the match of the k-th feature of this frame. To match with something else than
    the features of the previous frame, name it: `matches.using(prev_features="target")`.
    """
    before = unpacked(prev_features.descriptor[0], weights)  # (K', 256)
    after = unpacked(features.descriptor[0], weights)  # (K, 256)
    agreement = after @ before.mT  # (K, K'), 256 - 2 distance
    # Empty places agree with nothing: far less than two features that differ in all bits.
    agreement.add_(far * (features.score[0] <= 0)[:, None])
    agreement.add_(far * (prev_features.score[0] <= 0))

    best, index = agreement.topk(2, dim=1)
    distance, index = (BITS - best) / 2, index[:, 0]  # (K, 2), (K,)
    is_mutual = agreement.argmax(0).index_select(0, index) == places
    is_clear = distance[:, 0] <= ratio * distance[:, 1]
    is_match = is_mutual & is_clear & (distance[:, 0] <= most)
    mask = is_match[:, None]
    return Matches(
        (prev_features.xy[0].index_select(0, index) * mask)[None],
        (features.xy[0] * mask)[None],
        is_match[None],
        torch.where(is_match, index, -1)[None],
        torch.where(is_match, distance[:, 0], BITS).to(torch.int32)[None],
    )


@matches.prepare
def _(
    spec: InputSpec,
    *,
    ratio: Annotated[
        float, Range(0.5, 1.0, 0.01, doc="nearest distance at most, as a part of the second one")
    ] = 0.9,
    most: Annotated[int, Range(0, 128, 1, "bits", doc="largest distance of a match")] = 64,
) -> dict[str, Any]:
    given = spec.inputs[0]  # those of the earlier frame are of the same kind
    if given is None or len(given) != 5 or given[4].shape[-1] * 8 != BITS:
        raise ValueError(
            f"matches compares features with descriptors of {BITS} bits and got {given}; "
            "give it results of the stage features"
        )
    device = spec.device
    return {
        "weights": (2 ** torch.arange(8)).to(torch.uint8).to(device),
        "ratio": torch.tensor(ratio).to(device),
        "most": torch.tensor(float(most)).to(device),
        "far": torch.tensor(-4.0 * BITS).to(device),
        "places": torch.arange(given[1].shape[1]).to(device),
    }
