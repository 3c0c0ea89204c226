"""A wireframe on a target and in the world: where it is drawn, and where it is not."""

import pytest
import torch

from toolkit.stages import odometry, overlay_target, overlay_world
from toolkit.stages.declare import Pose, Tracks
from toolkit.stages.wires import axes, box, frustum, rectangle

CAMERA = ((100.0, 0.0, 64.0), (0.0, 100.0, 48.0), (0.0, 0.0, 1.0))
YELLOW = torch.tensor([1.0, 0.9, 0.0])
WHITE, RED = torch.ones(3), torch.tensor([1.0, 0.1, 0.1])


def pose_at(translation, is_valid=True):
    yes = torch.tensor([is_valid])
    zero = torch.zeros(1)
    return Pose(torch.eye(3)[None], torch.tensor([translation]), yes[:, None], yes, ~yes, zero)


def world(translation, is_valid=True):
    xy = torch.zeros(1, 4, 2)
    places = torch.arange(4)[None]
    tracks = Tracks(xy, xy, places, places.int(), xy[..., 0], places[:, 0], xy[:, :, None])
    first = odometry.first(tracks)
    return first._replace(
        translation=torch.tensor([translation]), is_valid=torch.tensor([is_valid])
    )


@pytest.fixture
def dark():
    return torch.zeros(1, 3, 96, 128)


def color_at(picture, x, y):
    return picture[0, :, y, x]


def test_the_outline_of_the_target_is_drawn_where_the_target_is(run, dark):
    """0.8 m at 2 m and 100 px of focal length: 40 px, from 44 to 84."""
    drawn = run(overlay_target, dark, pose_at([0.0, 0.0, 2.0]), camera=CAMERA, thickness=1)
    assert torch.equal(color_at(drawn, 44, 40), WHITE)
    assert torch.equal(color_at(drawn, 84, 40), WHITE)
    assert torch.equal(color_at(drawn, 50, 33), WHITE)
    assert not color_at(drawn, 42, 40).any()
    assert not color_at(drawn, 48, 36).any()


def test_x_is_red_from_the_middle_to_the_right(run, dark):
    drawn = run(overlay_target, dark, pose_at([0.0, 0.0, 2.0]), camera=CAMERA, thickness=1)
    assert torch.equal(color_at(drawn, 70, 48), RED)
    assert not torch.equal(color_at(drawn, 58, 48), RED)


def test_the_box_stands_towards_the_camera(run, dark):
    """Its far face is 0.3 m wide at 2 m, its near one at 1.5 m: 15 and 20 px."""
    drawn = run(overlay_target, dark, pose_at([0.0, 0.0, 2.0]), camera=CAMERA, box_height=0.5)
    assert torch.equal(color_at(drawn, 54, 44), YELLOW)
    assert torch.equal(color_at(drawn, 57, 45), YELLOW)


def test_a_picture_with_one_channel_is_refused(run):
    with pytest.raises(ValueError, match="overlay_target takes one picture"):
        run(overlay_target, torch.zeros(1, 1, 96, 128), pose_at([0.0, 0.0, 2.0]), camera=CAMERA)


@pytest.mark.parametrize("pose", [pose_at([0.0, 0.0, 2.0], False), pose_at([0.0, 0.0, -3.0])])
def test_without_a_target_ahead_the_picture_is_as_it_was(run, pose):
    picture = torch.rand(1, 3, 96, 128)
    drawn = run(overlay_target, picture, pose, camera=CAMERA)
    assert torch.equal(drawn, picture)
    assert drawn.data_ptr() != picture.data_ptr()


def test_what_is_outside_of_the_picture_is_not_drawn(run, dark):
    assert not run(overlay_target, dark, pose_at([50.0, 0.0, 2.0]), camera=CAMERA).any()
    assert run(overlay_target, dark, pose_at([0.3, 0.2, 0.1]), camera=CAMERA).isfinite().all()


def test_a_box_in_the_world_stays_as_the_camera_moves(run, dark):
    """Its near face is 0.9 away and 0.2 wide: 22 px; a step of 0.09 to the right is 10 px."""
    options = {"camera": CAMERA, "thickness": 1}
    here = run(overlay_world, dark, world([0.0, 0.0, 0.0]), **options)
    moved = run(overlay_world, dark, world([-0.09, 0.0, 0.0]), **options)
    for picture, x in ((here, 64), (moved, 54)):
        left, right = x - 11, x + 11
        assert torch.equal(color_at(picture, left, 50), YELLOW)
        assert torch.equal(color_at(picture, right, 50), YELLOW)


def test_the_first_frame_s_camera_is_seen_from_behind(run, dark):
    drawn = run(overlay_world, dark, world([0.0, 0.0, 0.5]), camera=CAMERA, thickness=1)
    magenta = (drawn[0] == torch.tensor([1.0, 0.0, 1.0])[:, None, None]).all(0)
    rows, columns = magenta.nonzero().unbind(1)
    assert magenta[48, 64]  # its tip, half a unit ahead
    assert columns.max() - columns.min() == pytest.approx(128 * 0.05 / 0.55, abs=1)
    assert rows.max() - rows.min() == pytest.approx(96 * 0.05 / 0.55, abs=1)


@pytest.mark.parametrize("shift", [(0, 0, 0), (0.02, -0.01, 0.01), (0.3, 0, 0.1), (0, 0, -0.5)])
def test_of_a_first_frame_beside_the_camera_or_behind_it_nothing_is_drawn(run, dark, shift):
    drawn = run(overlay_world, dark, world(list(map(float, shift))), camera=CAMERA)
    assert not (drawn[0] == torch.tensor([1.0, 0.0, 1.0])[:, None, None]).all(0).any()


def test_without_a_map_nothing_is_drawn_in_the_world(run, dark):
    assert not run(overlay_world, dark, world([0.0, 0.0, 0.0], False), camera=CAMERA).any()


def test_shapes_are_made_of_the_edges_that_they_have():
    assert len(set(box((0, 0, 0), (1, 2, 3)))) == 12
    assert ((-0.5, -1.0, -1.5), (0.5, -1.0, -1.5)) in box((0, 0, 0), (1, 2, 3))
    assert len(rectangle(1.0, 2.0)) == 4
    assert [end for _, end in axes(2.0)] == [(2.0, 0.0, 0.0), (0.0, 2.0, 0.0), (0.0, 0.0, 2.0)]
    assert len(frustum((0.5, 0.4), 1.0)) == 8
