"""Where the camera has been: along a path that is known, past points that come and go."""

import math

import pytest
import torch

from toolkit.profiling import profile
from toolkit.stages import odometry
from toolkit.stages.declare import Tracks
from toolkit.stages.journey import Journey

CAMERA = ((300.0, 0.0, 160.0), (0.0, 300.0, 120.0), (0.0, 0.0, 1.0))
SIZE = torch.tensor([320.0, 240.0])
PLACES = 160
FRAMES = 60


def turn_of(yaw, pitch):
    turn = torch.eye(3, dtype=torch.float64)
    turn[0, 0] = turn[2, 2] = math.cos(yaw)
    turn[0, 2], turn[2, 0] = -math.sin(yaw), math.sin(yaw)
    tilt = torch.eye(3, dtype=torch.float64)
    tilt[1, 1] = tilt[2, 2] = math.cos(pitch)
    tilt[1, 2], tilt[2, 1] = -math.sin(pitch), math.sin(pitch)
    return tilt @ turn


def pose_at(index):
    """A round of 4 m in circumference that returns to where it began, looking ahead."""
    angle = 2 * math.pi * index / (FRAMES - 1)
    eye = torch.tensor([0.6 * math.sin(angle), 0.1 * math.sin(2 * angle), 0.6 * math.cos(angle)])
    turn = turn_of(0.1 * math.sin(angle), 0.05 * math.cos(angle))
    return turn, -turn @ (eye - torch.tensor([0.0, 0.0, 0.6])).double()


def in_view(index, points):
    turn, shift = pose_at(index)
    there = (points @ turn.T + shift) @ torch.tensor(CAMERA, dtype=torch.float64).T
    xy = there[:, :2] / there[:, 2:]
    return xy, (there[:, 2] > 0.5) & ((xy >= 0) & (xy < SIZE)).all(1)


class World:
    """Points at 2 to 6 m, followed while in view, given up at random and replaced."""

    def __init__(self, seed=0, noise=0.1, depth=(2.0, 6.0), lost=0.01):
        self.generator = torch.Generator().manual_seed(seed)
        self.noise, self.depth, self.lost = noise, depth, lost
        self.points = torch.zeros(PLACES, 3, dtype=torch.float64)
        self.id = torch.full((PLACES,), -1)
        self.next_id = 0

    def rand(self, *shape):
        return torch.rand(*shape, generator=self.generator, dtype=torch.float64)

    def replace(self, index, places):
        count = int(places.sum())
        near, far = self.depth
        xy = self.rand(count, 2) * SIZE
        rays = torch.cat((xy, torch.ones(count, 1)), 1)
        rays = rays @ torch.linalg.inv(torch.tensor(CAMERA, dtype=torch.float64)).T
        turn, shift = pose_at(index)
        there = rays * (near + (far - near) * self.rand(count, 1))
        self.points[places] = (there - shift) @ turn
        self.id[places] = torch.arange(self.next_id, self.next_id + count)
        self.next_id += count

    def tracks(self, index):
        """Tracks on frame `index`, some of which begin there."""
        _, is_seen = in_view(index, self.points)
        is_lost = self.rand(PLACES) < self.lost
        self.replace(index, ~is_seen | is_lost | (self.id < 0))
        xy, _ = in_view(index, self.points)
        xy = xy + self.noise * torch.randn(PLACES, 2, generator=self.generator)
        xy = xy.float()[None]
        return Tracks(
            xy=xy,
            previous_xy=xy,
            id=self.id[None].clone(),
            age=torch.ones(1, PLACES, dtype=torch.int32),
            error=torch.zeros(1, PLACES),
            next_id=torch.tensor([self.next_id]),
            trail=xy[:, :, None].expand(1, PLACES, 4, 2),
        )


@pytest.fixture
def travel(constants_of):
    """Odometry of every frame of a world."""

    def apply(tracks, **parameters):
        results = [odometry.first(tracks[0])]
        parameters = {"camera": CAMERA, "hypotheses": 32, **parameters}
        made = constants_of(odometry, tracks[0], results[0], **parameters)
        for one in tracks[1:]:
            results.append(odometry(one, results[-1], **made))
        return results

    return apply


def aligned_error(results, count=FRAMES):
    """Distance of each valid position from the truth, as a part of the path, best scale and all."""
    journey = Journey()
    for index, one in enumerate(results):
        journey.add(float(index), one)
    seconds, _, found = journey.read()
    found = torch.from_numpy(found)
    poses = [pose_at(index) for index in range(count)]
    truth = torch.stack([-turn.T @ shift for turn, shift in poses])
    length = float((truth[1:] - truth[:-1]).norm(dim=1).sum())
    truth = truth[seconds.astype(int)]
    here, there = found - found.mean(0), truth - truth.mean(0)
    left, sizes, right = torch.linalg.svd(there.T @ here)
    signs = torch.ones(3, dtype=torch.float64)
    signs[2] = torch.sign(torch.linalg.det(left) * torch.linalg.det(right))
    turn = left @ torch.diag(signs) @ right
    scale = (sizes * signs).sum() / here.square().sum()
    return (scale * here @ turn.T - there).norm(dim=1) / length


def test_the_first_map_is_one_deep_at_its_middle(travel):
    world = World()
    results = travel([world.tracks(index) for index in range(20)])
    begun = next(one for one in results if bool(one.is_valid))
    assert bool(begun.is_keyframe)
    depth = begun.landmark[0][begun.is_inlier[0]][:, 2]
    assert float(depth.median()) == pytest.approx(1.0, abs=0.05)


def test_a_matrix_that_is_no_camera_is_refused(travel, constants_of):
    first = World().tracks(0)
    with pytest.raises(ValueError, match=r"odometry: .* is no camera matrix"):
        constants_of(
            odometry, first, odometry.first(first), camera=((0.0, 0, 0), (0, 1, 0), (0, 0, 1))
        )


def test_shapes_do_not_change_from_frame_to_frame(travel):
    world = World()
    results = travel([world.tracks(index) for index in range(4)])
    kinds = [[(one.shape, one.dtype) for one in result] for result in results]
    assert all(one == kinds[0] for one in kinds)


def test_a_camera_that_only_turns_makes_no_map_but_its_rotation_is_followed(travel):
    world = World(noise=0.2)
    world.tracks(0)
    tracks = []
    for index in range(12):
        turn = turn_of(0.01 * index, 0.0)
        there = world.points @ turn.T @ torch.tensor(CAMERA, dtype=torch.float64).T
        xy = there[:, :2] / there[:, 2:]
        xy = (xy + 0.2 * torch.randn(PLACES, 2, generator=world.generator)).float()[None]
        tracks.append(World().tracks(0)._replace(xy=xy, id=world.id[None]))
    results = travel(tracks)
    assert not any(bool(one.is_valid) for one in results)
    relative = results[-1].rotation[0].double() @ results[0].rotation[0].double().T
    assert float((relative - turn_of(0.11, 0.0)).norm()) < 2e-3
    assert not any(bool(one.translation.any()) for one in results)


def test_a_plane_makes_no_map(travel):
    world = World(noise=0.2, depth=(4.0, 4.0), lost=0.0)
    world.tracks(0)
    world.points[:, 2] = 4.0
    results = travel([world.tracks(index) for index in range(12)])
    assert not any(bool(one.is_valid) for one in results)


def test_after_all_points_were_lost_the_map_is_made_anew(travel):
    world = World()
    tracks = [world.tracks(index) for index in range(24)]
    world.id[:] = -1
    tracks += [world.tracks(index) for index in range(24, 50)]
    results = travel(tracks)
    is_valid = [bool(one.is_valid) for one in results]
    assert is_valid[23]
    assert not is_valid[24]
    assert is_valid[-1]


def test_a_camera_that_rests_does_not_grow_sure_of_its_map(travel):
    world = World(noise=0.0, lost=0.0)
    tracks = [world.tracks(index) for index in range(16)]
    results = travel([*tracks, *[tracks[-1]] * 4])
    rested, after = results[-3], results[-1]
    assert bool(after.is_valid)
    assert torch.equal(rested.information[after.is_inlier], after.information[after.is_inlier])
    assert float((rested.translation - after.translation).norm()) < 1e-4


def test_wrong_tracks_do_not_count(travel):
    world = World()
    tracks = [world.tracks(index) for index in range(FRAMES)]
    for index in range(1, FRAMES):
        is_wrong = torch.arange(PLACES) % 10 == index % 10
        jump = torch.where(is_wrong[:, None], 15.0, 0.0)
        tracks[index] = tracks[index]._replace(xy=tracks[index].xy + jump)
    results = travel(tracks)
    wrong = torch.arange(PLACES) % 10 == (FRAMES - 1) % 10
    assert not results[-1].is_inlier[0][wrong].any()
    assert float(aligned_error(results).max()) < 0.05


def test_without_tracks_nothing_is_claimed_and_all_is_finite(travel):
    empty = World().tracks(0)
    empty = empty._replace(id=torch.full_like(empty.id, -1), xy=torch.zeros_like(empty.xy))
    results = travel([empty] * 4)
    assert all(bool(torch.isfinite(one).all()) for one in results[-1])
    assert not bool(results[-1].is_valid)
    assert torch.equal(results[-1].rotation[0], torch.eye(3))


def test_another_number_of_tracks_begins_a_new_world(travel, constants_of):
    tracks = World().tracks(0)
    fewer = World().tracks(1)
    fewer = Tracks(*(one if one.ndim == 1 else one[:, :96] for one in fewer))
    earlier = odometry.first(tracks)
    made = constants_of(odometry, fewer, earlier, camera=CAMERA, hypotheses=32)
    found = odometry(fewer, earlier, **made)
    assert found.landmark.shape == (1, 96, 3)
    assert bool(found.is_keyframe)
    assert not bool(found.is_valid)


def test_a_journey_without_a_valid_pose_says_what_is_missing(travel):
    journey = Journey()
    with pytest.raises(ValueError, match="no pose was added"):
        journey.read()
    journey.add(0.0, odometry.first(World().tracks(0)))
    assert len(journey) == 1
    with pytest.raises(ValueError, match="the camera has to move sideways"):
        journey.read()


def test_a_frame_waits_for_nothing_and_neither_does_a_journey(travel):
    world = World()
    tracks = [world.tracks(index) for index in range(3)]
    travel(tracks)
    journey = Journey()
    with profile(keep="all") as session:
        journey.add(0.0, travel(tracks)[-1])
    assert not [event for event in session.events if event.kind == "sync"]
