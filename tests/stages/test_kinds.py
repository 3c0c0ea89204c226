"""Which input stands in for a bypassed stage is read off its annotations."""

from typing import NamedTuple

import pytest
from torch import Tensor

from toolkit.stages import blur, motion, overlay, pyramid, tracks
from toolkit.stages.declare import Gray, Pointwise, Rgb, stage
from toolkit.stages.kinds import why_not_bypassed


class Meshes(NamedTuple):
    points: Tensor


def declared(apply, **options):
    return stage("made", footprint=Pointwise(), **options)(apply)


def test_the_first_input_of_the_kind_of_the_result_is_handed_on():
    assert (blur.hands_on, overlay.hands_on, motion.hands_on) == ("gray", "rgb", "gray")

    def mix(mask: Gray, one: Rgb, other: Rgb) -> Rgb: ...

    assert declared(mix).hands_on == "one"


def test_another_wiring_hands_on_what_it_is_wired_to():
    assert blur.using("soft", gray="luma").hands_on == "luma"
    assert overlay.using(rgb="warp").hands_on == "warp"


def test_the_frame_before_and_the_raw_pixels_are_not_handed_on():
    assert tracks.hands_on is None
    assert blur.using(gray="pixels").hands_on is None


def test_a_kind_of_ones_own_counts_and_one_that_only_type_checkers_know_by_its_text():
    def smooth(meshes: Meshes) -> Meshes: ...

    def turn(meshes: "Turned") -> "Turned": ...  # noqa: F821

    assert declared(smooth).hands_on == "meshes"
    assert declared(turn).hands_on == "meshes"


@pytest.mark.parametrize("kind", [Tensor, "Tensor", object])
def test_a_plain_tensor_says_no_kind(kind):
    def soften(gray, other): ...

    soften.__annotations__ = {"gray": kind, "return": kind}
    assert declared(soften).hands_on is None


def test_the_reason_is_said_with_what_to_do():
    def bare(gray): ...

    def two(gray: Gray) -> tuple[Gray, Gray]: ...

    assert why_not_bypassed(blur) == ""
    assert "takes gray (Gray) and gives Pyramid" in why_not_bypassed(pyramid)
    assert "annotate input and result with one kind" in why_not_bypassed(declared(bare))
    several = declared(two, provides=("left", "right"))
    assert "it provides left, right" in why_not_bypassed(several)
