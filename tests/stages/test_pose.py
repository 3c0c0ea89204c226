"""How the camera moved, from points seen twice: against motions that are known."""

import math

import pytest
import torch

from toolkit.media.scenes import Scene
from toolkit.pipeline import Pipeline
from toolkit.profiling import profile
from toolkit.stages import blur, corners, gray, pose, pyramid, sobel, tracks
from toolkit.stages.declare import Pairs, Pose

CAMERA = ((474.0, 0.0, 319.5), (0.0, 474.0, 239.5), (0.0, 0.0, 1.0))
PLACES = 320


def turn_of(axis_degrees):
    x, y, z = (math.radians(one) for one in axis_degrees)
    skew = torch.tensor([[0, -z, y], [z, 0, -x], [-y, x, 0]], dtype=torch.float64)
    return torch.linalg.matrix_exp(skew)


def two_views(turn, shift, *, world="cloud", noise=0.2, wrong=0.2, seed=0):
    """Points at 2.5 to 8 m, or on a slanted plane, seen before and after a known motion."""
    generator = torch.Generator().manual_seed(seed)
    camera = torch.tensor(CAMERA, dtype=torch.float64)
    before = torch.rand(PLACES, 2, generator=generator, dtype=torch.float64)
    before = before * torch.tensor([639.0, 479.0])
    rays = torch.cat((before, torch.ones(PLACES, 1)), 1) @ torch.linalg.inv(camera).T
    depth = 2.5 + 5.5 * torch.rand(PLACES, 1, generator=generator, dtype=torch.float64)
    if world == "plane":
        depth = 4 / (rays @ torch.tensor([0.4, -0.3, 1.0], dtype=torch.float64))[:, None]
    seen = (rays * depth @ turn_of(turn).T + torch.tensor(shift, dtype=torch.float64)) @ camera.T
    after = seen[:, :2] / seen[:, 2:]
    after += noise * torch.randn(PLACES, 2, generator=generator)
    is_wrong = torch.rand(PLACES, 1, generator=generator) < wrong
    jump = 60 * torch.rand(PLACES, 2, generator=generator) - 30
    after = torch.where(is_wrong, after + jump, after)
    inside = ((after >= 0) & (after <= torch.tensor([639.0, 479.0]))).all(1)
    return Pairs(before.float()[None], after.float()[None], inside[None]), is_wrong[:, 0]


def degrees_between(one, other):
    """Between two rotations, or two directions."""
    if one.shape[-1] == one.shape[-2 if one.ndim > 1 else -1] and one.ndim > 1:
        return math.degrees(2 * math.asin(min(1.0, float((one - other).norm()) / math.sqrt(8))))
    cosine = float(one @ other / (one.norm() * other.norm()))
    return math.degrees(math.acos(max(-1.0, min(1.0, cosine))))


@pytest.fixture
def find(constants_of):
    def apply(seen, **parameters):
        return pose(seen, **constants_of(pose, seen.pairs, camera=CAMERA, **parameters))

    return apply


def test_rotation_and_direction_are_found_among_wrong_pairs(find):
    turn, shift = (1.0, -2.0, 0.5), (0.3, 0.05, -0.2)
    seen, is_wrong = two_views(turn, shift)
    found = find(seen)
    assert bool(found.is_valid)
    assert not bool(found.is_degenerate)
    assert degrees_between(found.rotation[0].double(), turn_of(turn)) < 0.05
    assert degrees_between(found.translation[0], torch.tensor(shift)) < 0.5
    assert float(found.is_inlier[0][~is_wrong & seen.pairs.is_valid[0]].float().mean()) > 0.95
    assert float(found.is_inlier[0][is_wrong].float().mean()) < 0.15


def test_a_matrix_with_skew_is_refused_with_what_would_do(constants_of):
    seen, _ = two_views((0, 0, 0), (0.1, 0, 0))
    skewed = ((474.0, 3.0, 319.5), *CAMERA[1:])
    with pytest.raises(ValueError, match="is no camera matrix; it is"):
        constants_of(pose, seen.pairs, camera=skewed)


def test_shapes_follow_the_places(find):
    seen, _ = two_views((0, 1, 0), (0.2, 0, 0))
    found = find(seen)
    assert [tuple(one.shape) for one in found] == [(1, 3, 3), (1, 3), (1, PLACES), (1,), (1,), (1,)]
    assert [one.dtype for one in found[2:5]] == [torch.bool] * 3
    assert all(one.dtype == torch.float32 for one in (*found[:2], found[5]))


@pytest.mark.parametrize("seed", range(4))
def test_a_turn_of_thirty_degrees_is_found_without_a_first_guess(find, seed):
    turn, shift = (0.0, 5.0, 30.0), (0.25, -0.1, 0.1)
    seen, _ = two_views(turn, shift, seed=seed)
    found = find(seen)
    assert degrees_between(found.rotation[0].double(), turn_of(turn)) < 0.06
    assert degrees_between(found.translation[0], torch.tensor(shift)) < 1.0


@pytest.mark.parametrize("shift", [(0.3, 0, 0), (-0.3, 0, 0), (0, 0, 0.4), (0, 0, -0.4)])
def test_forward_is_told_from_backward(find, shift):
    seen, _ = two_views((0.2, 0.1, 0.0), shift)
    assert degrees_between(find(seen).translation[0], torch.tensor(shift)) < 1.0


@pytest.mark.parametrize("seed", range(4))
def test_a_plane_is_flagged_whatever_the_motion(find, seed):
    seen, _ = two_views((1.0, -1.0, 2.0), (0.3, 0.1, -0.1), world="plane", noise=0.3, seed=seed)
    found = find(seen)
    assert bool(found.is_valid)
    assert bool(found.is_degenerate)
    assert float(found.parallax_px) > 3


@pytest.mark.parametrize("seed", range(4))
def test_a_camera_that_only_turns_is_flagged_and_has_no_parallax(find, seed):
    seen, _ = two_views((3.0, -2.0, 1.0), (0.0, 0.0, 0.0), noise=0.3, seed=seed)
    found = find(seen)
    assert bool(found.is_degenerate)
    assert float(found.parallax_px) < 0.6
    assert degrees_between(found.rotation[0].double(), turn_of((3.0, -2.0, 1.0))) < 0.05


def test_parallax_is_the_shift_that_no_turn_explains(find):
    far, _ = two_views((0.0, 2.0, 0.0), (0.05, 0.0, 0.0), noise=0.0, wrong=0.0)
    near, _ = two_views((0.0, 2.0, 0.0), (0.25, 0.0, 0.0), noise=0.0, wrong=0.0)
    ratio = float(find(near).parallax_px / find(far).parallax_px)
    assert 4.5 < ratio < 5.5


def test_too_few_pairs_give_the_identity_and_say_so(find):
    seen, _ = two_views((1, 0, 0), (0.2, 0, 0))
    few = seen.pairs.is_valid.clone()
    few[:, 9:] = False
    found = find(seen.pairs._replace(is_valid=few))
    assert not bool(found.is_valid)
    assert not bool(found.is_degenerate)
    assert torch.equal(found.rotation[0], torch.eye(3))
    assert not found.translation.any()
    assert not found.is_inlier.any()


@pytest.mark.parametrize("count", [16, 24, 60, PLACES])
@pytest.mark.parametrize("seed", range(3))
def test_pairs_that_are_noise_give_no_pose(find, count, seed):
    generator = torch.Generator().manual_seed(seed)
    before = torch.rand(1, count, 2, generator=generator) * torch.tensor([639.0, 479.0])
    after = before + 30 * torch.rand(1, count, 2, generator=generator) - 15
    found = find(Pairs(before, after, torch.ones(1, count, dtype=torch.bool)))
    assert not bool(found.is_valid)


@pytest.mark.parametrize("seed", range(4))
def test_a_pose_is_claimed_where_half_of_the_pairs_are_wrong(find, seed):
    turn, shift = (1.0, -2.0, 0.5), (0.3, 0.05, -0.2)
    seen, _ = two_views(turn, shift, wrong=0.5, seed=seed)
    found = find(seen)
    assert bool(found.is_valid)
    assert degrees_between(found.rotation[0].double(), turn_of(turn)) < 0.1


def test_wrong_pairs_from_far_away_do_not_bend_the_direction(find):
    """They pull the harder the farther they moved, and some lie on their line by chance."""
    shift = (0.06, 0.0, 0.03)
    errors = []
    for seed in range(12):
        seen, _ = two_views((0.0, 0.5, 0.0), shift, noise=0.1, wrong=0.0, seed=seed)
        after = seen.pairs.after.clone()
        after[0, ::5] = torch.rand(PLACES // 5, 2) * torch.tensor([639.0, 479.0])
        found = find(seen.pairs._replace(after=after))
        errors.append(degrees_between(found.translation[0], torch.tensor(shift)))
    assert sum(error < 1.0 for error in errors) >= 11


@pytest.mark.parametrize("value", [0.0, 7.0, math.nan])
def test_empty_places_may_hold_anything(find, value):
    empty = torch.full((1, 16, 2), value)
    found = find(Pairs(empty, empty, torch.zeros(1, 16, dtype=torch.bool)))
    assert all(bool(torch.isfinite(one).all()) for one in found)
    assert not bool(found.is_valid)


@pytest.mark.parametrize("after", ["a point", "a line", "anywhere"])
@pytest.mark.parametrize("before", ["a point", "a line", "anywhere"])
def test_pairs_that_lie_on_each_other_or_in_a_row_are_finite(find, before, after):
    steps = torch.arange(64.0)[None, :, None]
    places = {
        "a point": torch.zeros(1, 64, 2),
        "a line": steps * torch.tensor([3.0, 2.0]),
        "anywhere": torch.rand(1, 64, 2, generator=torch.Generator().manual_seed(0)) * 255,
    }
    found = find(Pairs(places[before], places[after], steps[..., 0] < 64))
    assert all(bool(torch.isfinite(one).all()) for one in found)


def test_a_picture_that_stands_still_is_degenerate_and_finite(find):
    seen, _ = two_views((0, 0, 0), (0, 0, 0), noise=0.0, wrong=0.0)
    found = find(seen)
    assert bool(found.is_degenerate)
    assert float(found.parallax_px) < 0.01
    assert degrees_between(found.rotation[0].double(), torch.eye(3).double()) < 0.01


def test_the_same_pairs_give_the_same_pose(find):
    seen, _ = two_views((1.0, 2.0, 3.0), (0.1, 0.2, 0.3))
    first, second = find(seen), find(seen)
    assert all(torch.equal(*both) for both in zip(first, second, strict=True))


def test_a_frame_costs_no_copy_and_no_wait_between_host_and_device(find):
    seen, _ = two_views((1.0, 2.0, 3.0), (0.1, 0.2, 0.3))
    find(seen)
    with profile(keep="all") as session:
        find(seen)
    assert not [event for event in session.events if event.kind == "sync"]


def poses_of(scene):
    """Poses of all frames but the first, from tracks of drawn pictures."""
    pipeline = Pipeline([gray, blur, sobel, corners, pyramid, tracks, pose])
    pipeline.params["pose"].camera = scene.intrinsics
    found = [Pose(*map(torch.clone, frame["pose"])) for frame in pipeline.run(scene)]
    return found[1:]


@pytest.mark.parametrize("kind", ["room", "planes"])
@pytest.mark.parametrize("fps", [10, 30])
def test_what_tracks_are_off_by_is_not_taken_for_a_motion(kind, fps):
    scene = Scene(kind, motion="rotation", width=320, height=240, frames=6, fps=fps, seed=1)
    found = poses_of(scene)
    assert all(bool(one.is_valid) and bool(one.is_degenerate) for one in found)
    assert all(float(one.parallax_px) < 0.15 for one in found)


@pytest.mark.parametrize("motion", ["handheld", "forward"])
def test_a_camera_that_moves_is_not_taken_for_one_that_only_turns(motion):
    scene = Scene("room", motion=motion, width=320, height=240, frames=6, fps=30, seed=1)
    found = poses_of(scene)
    assert all(bool(one.is_valid) for one in found)
    assert not any(bool(one.is_degenerate) for one in found)


def test_how_little_is_mere_noise_is_for_the_user_to_say(find):
    seen, _ = two_views((0.0, 1.0, 0.0), (0.1, 0.0, 0.0))
    found = find(seen)
    assert not bool(found.is_degenerate)
    assert bool(find(seen, parallax=float(found.parallax_px) + 0.1).is_degenerate)
