"""Synthetic scenes: what they claim to be true is true."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import avg_pool2d, grid_sample

from toolkit import hooks
from toolkit.media.chroma import LUMA_WEIGHTS
from toolkit.media.scenes import KINDS, MOTIONS, Scene
from toolkit.ring import RingFull

WIDTH, HEIGHT = 160, 120


def small(kind="room", **changes):
    options = {"width": WIDTH, "height": HEIGHT, "frames": 40, "seed": 3, **changes}
    return Scene(kind, **options)


def pixel_grid():
    x = torch.arange(WIDTH, dtype=torch.float64)[None].expand(HEIGHT, WIDTH)
    y = torch.arange(HEIGHT, dtype=torch.float64)[:, None].expand(HEIGHT, WIDTH)
    return x, y


def warped(picture, flow):
    """`picture` sampled where `flow` leads, so that it lies on the frame before it."""
    x, y = pixel_grid()
    places = torch.stack(
        [(x + flow[0]) / (WIDTH - 1) * 2 - 1, (y + flow[1]) / (HEIGHT - 1) * 2 - 1], -1
    )
    return grid_sample(picture.double(), places[None], mode="bicubic", align_corners=True)


class Listener:
    def __init__(self):
        self.events = []

    def event(self, event):
        self.events.append(event)


def test_a_scene_gives_frames_and_their_truth():
    scene = Scene("room", width=160, height=120, frames=3, seed=7)
    seen = []
    for frame in scene:
        truth = scene.truth(frame.index)
        seen.append((frame.index, round(frame.pts_seconds * 30), tuple(frame.pixels.shape)))
        assert truth.flow.shape == (2, 120, 160)
        assert truth.visible.dtype == torch.bool
    assert seen == [(0, 0, (3, 120, 160)), (1, 1, (3, 120, 160)), (2, 2, (3, 120, 160))]
    assert len(scene) == scene.frame_count_hint == 3
    assert scene.duration_seconds == pytest.approx(0.1)


# -- wrong use -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"kind": "sea"}, "kind = 'sea'.*plane, planes, room, target"),
        ({"motion": "jump"}, "motion = 'jump'.*handheld"),
        ({"width": 0}, "width = 0.*at least 1"),
        ({"frames": 0}, "frames = 0"),
        ({"fps": 0}, "fps must be positive"),
        ({"pixel_format": "bgr"}, "rgb, i420, gray"),
    ],
)
def test_an_argument_out_of_range_is_refused_with_what_works(wrong, says):
    with pytest.raises(ValueError, match=says):
        Scene(**wrong)


def test_a_frame_that_does_not_exist_cannot_be_rendered():
    with pytest.raises(IndexError, match="outside of 0 to 40"):
        small().render(41)


def test_a_closed_scene_says_so():
    with small() as scene:
        scene.render(0)
    with pytest.raises(RuntimeError, match="is closed"):
        scene.render(0)
    with pytest.raises(RuntimeError, match="is closed"):
        next(iter(scene))


def test_an_unknown_surface_is_answered_with_those_there_are():
    with pytest.raises(ValueError, match="no surface of this scene: plane"):
        small("plane").homography(0, "floor")


def test_holding_more_frames_than_slots_raises_instead_of_waiting_for_ever():
    scene = small(slots=2, frames=5)
    with pytest.raises(RingFull):
        list(scene)


# -- pictures --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_full_of_detail(kind):
    picture = small(kind).render(5)
    assert picture.shape == (1, 3, HEIGHT, WIDTH)
    assert picture.dtype == torch.float32
    assert 0 <= float(picture.min()) < float(picture.max()) <= 1
    assert float(picture.std()) > 0.05
    detail = (picture[..., 1:] - picture[..., :-1]).abs().mean()
    assert float(detail) > 0.01


def test_the_same_seed_gives_the_same_pixels_in_any_order():
    first, second = small(noise=0.02, exposure=0.5), small(noise=0.02, exposure=0.5)
    ahead = first.render(7)
    second.render(2)
    assert torch.equal(second.render(7), ahead)
    assert not torch.equal(small(noise=0.02, seed=4).render(7), ahead)


def test_resolution_changes_sharpness_but_not_what_stands_where():
    coarse = Scene("planes", width=80, height=60, seed=5).truth(0).surface
    fine = Scene("planes", width=160, height=120, seed=5).truth(0).surface
    assert float((fine[::2, ::2] == coarse).float().mean()) > 0.97


def test_noise_has_the_strength_that_was_asked_for():
    scene = small("plane", noise=0.03)
    grain = scene.render(4) - scene.render(4, clean=True)
    assert float(grain.std()) == pytest.approx(0.03, rel=0.1)


def test_exposure_scales_brightness_by_the_gain_it_reports():
    scene = small("plane", exposure=0.4, frames=90)
    gains = [scene.gain(index) for index in range(90)]
    assert 2**-0.4 <= min(gains) < 0.85
    assert 1.15 < max(gains) <= 2**0.4
    darkest = gains.index(min(gains))
    clean = scene.render(darkest, clean=True)
    assert torch.allclose(scene.render(darkest), clean * gains[darkest])


def test_the_target_can_be_had_as_a_picture():
    scene = small("target")
    assert scene.surfaces[0] == "target"
    assert scene.paint("target").shape[:2] == (1, 3)
    card = scene.surface("target")
    assert (card.width_metres, card.height_metres) == pytest.approx((0.8, 0.6))


# -- truth -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("motion", ["handheld", "loop", "forward"])
def test_flow_equals_reprojection_through_depth_and_pose(kind, motion):
    scene = small(kind, motion=motion)
    truth = scene.truth(11)
    x, y = pixel_grid()
    ray = torch.linalg.inv(truth.intrinsics) @ torch.stack([x, y, torch.ones_like(x)]).flatten(1)
    here = ray * truth.depth.flatten()
    world = truth.rotation.T @ (here - truth.translation[:, None])
    there = truth.intrinsics @ (truth.next_rotation @ world + truth.next_translation[:, None])
    places = (there[:2] / there[2]).view(2, HEIGHT, WIDTH)
    flow = places - torch.stack([x, y])
    seen = torch.isfinite(truth.depth)
    assert seen.any()
    assert float((flow - truth.flow)[:, seen].abs().max()) < 1e-6


@pytest.mark.parametrize("kind", KINDS)
def test_pure_rotation_moves_every_pixel_by_one_homography(kind):
    scene = small(kind, motion="rotation")
    homography = scene.homography(6, scene.surfaces[0])
    assert float((follow(homography) - scene.truth(6).flow).abs().max()) < 1e-9


def follow(homography):
    x, y = pixel_grid()
    there = homography @ torch.stack([x, y, torch.ones_like(x)]).flatten(1)
    return (there[:2] / there[2]).view(2, HEIGHT, WIDTH) - torch.stack([x, y])


def test_a_plane_moves_by_its_homography():
    scene = small("plane", motion="loop")
    flow = scene.truth(6).flow
    assert float((follow(scene.homography(6, "plane")) - flow).abs().max()) < 1e-9
    assert float(flow.norm(dim=0).mean()) > 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_next_frame_warped_back_by_the_flow_is_this_frame(kind):
    scene = small(kind, motion="loop", supersample=3)
    truth = scene.truth(9)
    here, there = scene.render(9), scene.render(10)
    seen = truth.visible

    def error(flow):
        return (warped(there, flow) - here).abs().mean(1)[0][seen]

    right = error(truth.flow)
    assert float(right.mean()) < 0.025
    assert float(right.quantile(0.95)) < 0.10
    assert float(error(torch.zeros_like(truth.flow)).mean()) > 2 * float(right.mean())
    for shift in ((0.4, 0.0), (-0.4, 0.0), (0.0, 0.4), (0.0, -0.4)):
        wrong = truth.flow + torch.tensor(shift, dtype=torch.float64)[:, None, None]
        assert float(error(wrong).mean()) > 1.1 * float(right.mean())


def test_what_gets_hidden_or_leaves_is_not_visible():
    scene = small("planes", motion="loop")
    truth = scene.truth(9)
    x, y = pixel_grid()
    inside = (
        (x + truth.flow[0] >= 0)
        & (x + truth.flow[0] <= WIDTH - 1)
        & (y + truth.flow[1] >= 0)
        & (y + truth.flow[1] <= HEIGHT - 1)
    )
    assert not (truth.visible & ~inside).any()
    hidden = inside & ~truth.visible
    assert 0 < int(hidden.sum()) < 0.05 * hidden.numel()
    assert (truth.surface[hidden] != truth.surface.max()).any()


def test_depth_of_the_far_wall_is_its_distance():
    truth = Scene("room", motion="still", width=161, height=121, field_of_view_degrees=60).truth(0)
    wall = truth.surface == 2  # back wall, at z = 5.2 m, seen from the origin
    x = (torch.arange(161, dtype=torch.float64) - 80)[None] / truth.intrinsics[0, 0]
    y = (torch.arange(121, dtype=torch.float64) - 60)[:, None] / truth.intrinsics[1, 1]
    ray = torch.stack([x.expand(121, 161), y.expand(121, 161), torch.ones(121, 161)])
    forward = torch.einsum("c,chw->hw", truth.rotation[:, 2], ray)  # world z of each ray
    assert wall.sum() > 1000
    assert float((truth.depth * forward - 5.2)[wall].abs().max()) < 1e-9


def test_relative_pose_takes_this_camera_to_the_next():
    truth = small(motion="loop").truth(4)
    rotation, translation = truth.relative_pose
    point = torch.tensor([0.3, -0.2, 4.0], dtype=torch.float64)
    here = truth.rotation @ point + truth.translation
    there = truth.next_rotation @ point + truth.next_translation
    assert torch.allclose(rotation @ here + translation, there)


@pytest.mark.parametrize("motion", MOTIONS)
def test_poses_are_rotations_and_paths_are_smooth(motion):
    scene = small(motion=motion, frames=60)
    poses = [scene.pose(index) for index in range(60)]
    for rotation, _ in poses:
        assert torch.allclose(rotation @ rotation.T, torch.eye(3, dtype=torch.float64))
        assert float(torch.linalg.det(rotation)) == pytest.approx(1)
    eyes = torch.stack([-rotation.T @ translation for rotation, translation in poses])
    assert float(eyes.norm(dim=1).max()) < 1.3
    jerk = eyes.diff(dim=0).diff(dim=0).norm(dim=1)
    assert float(jerk.max()) < 0.02


def test_a_loop_ends_where_it_began():
    scene = small(motion="loop")
    for here, there in zip(scene.pose(0), scene.pose(40), strict=True):
        assert torch.allclose(here, there)


def test_a_still_camera_sees_nothing_move():
    truth = small(motion="still").truth(0)
    assert float(truth.flow.abs().max()) < 1e-9
    assert truth.visible.float().mean() > 0.99


# -- as a source -----------------------------------------------------------------------------------


@pytest.mark.parametrize("matrix", sorted(LUMA_WEIGHTS))
@pytest.mark.parametrize("full_range", [False, True])
def test_i420_slots_hold_the_same_picture(matrix, full_range):
    scene = Scene(
        "target", width=64, height=48, pixel_format="i420", matrix=matrix, full_range=full_range
    )
    frame = next(iter(scene))
    y, u, v = (plane.float() for plane in frame.planes)
    floor, span, chroma = (0, 255, 255) if full_range else (16, 219, 224)
    kr, kb = LUMA_WEIGHTS[matrix]
    luma, cb, cr = (y - floor) / span, (u - 128) / chroma, (v - 128) / chroma
    luma = avg_pool2d(luma[None], 2)[0]
    red, blue = luma + (2 - 2 * kr) * cr, luma + (2 - 2 * kb) * cb
    green = (luma - kr * red - kb * blue) / (1 - kr - kb)
    seen = torch.stack([red, green, blue])
    assert float((seen - avg_pool2d(scene.render(0), 2)[0]).abs().max()) < 0.012
    assert (frame.spec.matrix, frame.spec.full_range) == (matrix, full_range)


def test_odd_sizes_are_padded_in_i420_and_kept_in_rgb():
    planes = next(iter(Scene("target", width=33, height=25, pixel_format="i420"))).planes
    assert [tuple(plane.shape) for plane in planes] == [(26, 34), (13, 17), (13, 17)]
    assert torch.equal(planes[0][:, 33], planes[0][:, 32])
    rgb = next(iter(Scene("target", width=33, height=25)))
    assert tuple(rgb.pixels.shape) == (3, 25, 33)


def test_rgb_and_gray_slots_hold_the_rounded_picture():
    scene = small("target")
    frame = next(iter(scene))
    assert float((frame.pixels - scene.render(0)[0] * 255).abs().max()) < 0.501
    gray = next(iter(small("target", pixel_format="gray")))
    assert tuple(gray.pixels.shape) == (1, HEIGHT, WIDTH)


def test_each_frame_costs_one_copy_of_its_slot():
    scene = small(frames=3, slots=2)
    iterator = iter(scene)
    next(iterator)
    listener = Listener()
    hooks.listen(listener)
    try:
        next(iterator)
    finally:
        hooks.unlisten(listener)
    copies = [event for event in listener.events if event.kind == "copy"]
    assert [(event.nbytes, event.direction) for event in copies] == [(3 * HEIGHT * WIDTH, "h2h")]


def test_iteration_starts_again_and_seeks():
    scene = small(frames=4)
    assert [frame.index for frame in scene] == [0, 1, 2, 3]
    before = scene.discontinuities
    assert [frame.index for frame in scene] == [0, 1, 2, 3]
    assert scene.discontinuities == before + 1
    scene.seek(2 / 30)
    assert [frame.index for frame in scene] == [2, 3]
    with pytest.raises(ValueError, match="outside of 0 to"):
        scene.seek(9)


def test_a_looping_scene_never_ends_and_counts_its_returns():
    scene = small(frames=3, loop=True)
    frames = iter(scene)
    indices = [next(frames).index for _ in range(7)]
    assert indices == [0, 1, 2, 3, 4, 5, 6]
    assert scene.discontinuities == 2
    assert scene.frame_count_hint is None
    assert torch.equal(scene.truth(7).flow, scene.truth(1).flow)


def test_the_ring_is_not_allocated_before_the_first_frame():
    scene = small()
    scene.render(0)
    assert scene._ring is None
    assert scene.ring.spec.slot_shape == (3, HEIGHT, WIDTH)


def test_closing_a_scene_ends_its_iteration():
    scene = small()
    seen = []
    for frame in scene:
        seen.append(frame.index)
        scene.close()
    assert seen == [0]


def test_frames_stay_readable_after_the_scene_is_closed():
    scene = small(frames=2)
    frame = next(iter(scene))
    scene.close()
    assert int(frame.pixels.max()) > 0
