"""Where a flat target is: against poses that are known, the mirrored one among them."""

import math

import pytest
import torch

from toolkit.media.scenes import Scene
from toolkit.stages import target_pose
from toolkit.stages.declare import Pairs
from toolkit.stages.plane_pose import mirrored_view, view_of_plane
from toolkit.stages.resection import View

CAMERA = ((474.0, 0.0, 319.5), (0.0, 474.0, 239.5), (0.0, 0.0, 1.0))
PLACES = 96


def rotation(axis_degrees):
    x, y, z = (math.radians(one) for one in axis_degrees)
    skew = torch.tensor([[0, -z, y], [z, 0, -x], [-y, x, 0]], dtype=torch.float64)
    return torch.linalg.matrix_exp(skew)


def card(turn, shift, *, noise=0.2, wrong=0.2, seed=0, size=(0.8, 0.6)):
    """Points on a card, in metres, and where a camera sees them."""
    generator = torch.Generator().manual_seed(seed)
    places = torch.rand(PLACES, 2, generator=generator, dtype=torch.float64) - 0.5
    places = places * torch.tensor(size, dtype=torch.float64)
    points = torch.cat((places, torch.zeros(PLACES, 1)), 1)
    camera = torch.tensor(CAMERA, dtype=torch.float64)
    seen = (points @ turn.T + torch.tensor(shift, dtype=torch.float64)) @ camera.T
    after = seen[:, :2] / seen[:, 2:] + noise * torch.randn(PLACES, 2, generator=generator)
    is_wrong = torch.rand(PLACES, 1, generator=generator) < wrong
    after = torch.where(is_wrong, 480 * torch.rand(PLACES, 2, generator=generator), after)
    valid = torch.ones(1, PLACES, dtype=torch.bool)
    return Pairs(places.float()[None], after.float()[None], valid)


def degrees_between(one, other):
    return math.degrees(2 * math.asin(min(1.0, float((one - other).norm()) / math.sqrt(8))))


@pytest.fixture
def find(constants_of):
    def apply(seen, **parameters):
        parameters = {"camera": CAMERA, **parameters}
        return target_pose(seen, **constants_of(target_pose, seen.pairs, **parameters))

    return apply


def test_a_card_is_found_to_a_millimetre_among_wrong_matches(find):
    turn, shift = rotation((20.0, 35.0, 10.0)), (0.1, -0.05, 1.6)
    found = find(card(turn, shift))
    assert bool(found.is_valid)
    assert not bool(found.is_degenerate)
    assert degrees_between(found.rotation[0].double(), turn) < 0.3
    assert float((found.translation[0] - torch.tensor(shift)).norm()) < 0.002


def test_a_map_onto_a_line_is_refused_with_what_would_do(find):
    seen = card(rotation((0, 0, 0)), (0, 0, 2))
    with pytest.raises(ValueError, match="onto a line; for a picture of W x H px"):
        find(seen, to_metres=((1.0, 1.0, 0.0), (2.0, 2.0, 0.0)))


def test_shapes_are_those_of_a_pose(find):
    found = find(card(rotation((30, 0, 0)), (0, 0, 2)))
    assert [tuple(one.shape) for one in found] == [(1, 3, 3), (1, 3), (1, PLACES), (1,), (1,), (1,)]


@pytest.mark.parametrize("turn", [(40, 0, 0), (-40, 0, 0), (0, 40, 0), (0, -40, 0), (25, 25, 90)])
def test_the_right_one_of_two_tilts_is_chosen(find, turn):
    found = find(card(rotation(turn), (0.3, 0.1, 2.0)))
    assert degrees_between(found.rotation[0].double(), rotation(turn)) < 0.5
    assert float(found.parallax_px) > 1


def test_from_afar_both_tilts_fit_and_that_is_said(find):
    far = [
        find(card(rotation((0, 12, 0)), (0, 0, 12.0), noise=0.5, seed=seed)) for seed in range(5)
    ]
    assert sum(bool(one.is_degenerate) for one in far) >= 4


def test_positions_in_px_of_a_printed_picture_do_as_well(find):
    turn, shift = rotation((20.0, 35.0, 10.0)), (0.1, -0.05, 1.6)
    seen = card(turn, shift)
    in_metres = find(seen)
    printed = (seen.pairs.before + torch.tensor([0.4, 0.3])) * torch.tensor([500.0, 400.0])
    in_px = find(
        seen.pairs._replace(before=printed),
        to_metres=((1 / 500, 0, -0.4), (0, 1 / 400, -0.3)),
    )
    assert torch.allclose(in_px.rotation, in_metres.rotation, atol=1e-4)
    assert torch.allclose(in_px.translation, in_metres.translation, atol=1e-4)


def test_the_mirrored_pose_mirrored_is_the_pose():
    view = View(rotation((10.0, 50.0, 5.0)).float(), torch.tensor([0.3, -0.2, 2.0]))
    mirrored = mirrored_view(view)
    assert float(torch.linalg.det(mirrored.rotation)) == pytest.approx(1.0, abs=1e-5)
    assert degrees_between(mirrored.rotation, view.rotation) > 50
    assert torch.allclose(mirrored_view(mirrored).rotation, view.rotation, atol=1e-6)


def test_a_homography_gives_back_the_pose_it_was_made_of():
    turn, shift = rotation((10.0, 50.0, 5.0)).float(), torch.tensor([0.3, -0.2, 2.0])
    found = view_of_plane(-3.0 * torch.stack((turn[:, 0], turn[:, 1], shift), 1))
    assert torch.allclose(found.rotation, turn, atol=1e-6)
    assert torch.allclose(found.translation, shift, atol=1e-6)


def test_seven_points_are_too_few_unless_one_says_so(find):
    seen = card(rotation((20.0, 35.0, 10.0)), (0, 0, 1.6), noise=0.0, wrong=0.0)
    few = seen.pairs.is_valid.clone()
    few[:, 7:] = False
    seven = seen.pairs._replace(is_valid=few)
    assert not bool(find(seven).is_valid)
    assert torch.equal(find(seven).rotation[0], torch.eye(3))
    assert degrees_between(find(seven, fewest=4).rotation[0], rotation((20, 35, 10)).float()) < 0.1


@pytest.mark.parametrize("value", [0.0, 7.0, math.nan])
def test_empty_places_may_hold_anything(find, value):
    empty = torch.full((1, 16, 2), value)
    found = find(Pairs(empty, empty, torch.zeros(1, 16, dtype=torch.bool)))
    assert all(bool(torch.isfinite(one).all()) for one in found)
    assert not bool(found.is_valid)


def test_points_on_a_line_give_finite_numbers(find):
    line = torch.linspace(0, 1, PLACES)[None, :, None].expand(1, PLACES, 2)
    found = find(Pairs(line, 100 * line, torch.ones(1, PLACES, dtype=torch.bool)))
    assert all(bool(torch.isfinite(one).all()) for one in found)


def test_the_card_of_a_scene_is_found_where_it_stands(find):
    scene = Scene("target", width=320, height=240, seed=3)
    surface = scene.surface("target")
    turn, shift = scene.pose(0)
    axes = [torch.tensor(axis, dtype=torch.float64) for axis in (surface.u, surface.v)]
    across, down = (axis / axis.norm() for axis in axes)
    from_card = torch.stack((across, down, torch.linalg.cross(across, down)), 1)
    places = torch.rand(PLACES, 2, generator=torch.Generator().manual_seed(1)).double() - 0.5
    centre = torch.tensor(surface.centre, dtype=torch.float64)
    points = centre + 2 * places @ torch.stack(axes)
    seen = (points @ turn.T + shift) @ scene.intrinsics.T
    pairs = Pairs(
        places.float()[None],
        (seen[:, :2] / seen[:, 2:]).float()[None],
        torch.ones(1, PLACES, dtype=torch.bool),
    )
    found = find(
        pairs,
        camera=scene.intrinsics,
        to_metres=((0.8, 0.0, 0.0), (0.0, 0.6, 0.0)),
    )
    assert degrees_between(found.rotation[0].double(), turn @ from_card) < 0.05
    assert torch.allclose(found.translation[0].double(), turn @ centre + shift, atol=1e-3)
