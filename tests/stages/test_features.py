import math

import pytest
import torch

from toolkit.frame import Frame
from toolkit.media.scenes import Scene
from toolkit.pipeline import Pipeline
from toolkit.stages import features, gray, matches
from toolkit.stages.descriptors import unpacked

WEIGHTS = (2 ** torch.arange(8)).to(torch.uint8)


@pytest.fixture(scope="module")
def picture():
    """The gray picture of a drawn room, (1, 1, 240, 320)."""
    pixels = Scene("room", width=320, height=240, seed=2, supersample=1).render(0)[0]
    return pixels.mean(-3).reshape(1, 1, 240, 320).float()


def distances(one, other):
    """Hamming distance of every pair, by counting bits one by one."""
    bits = [unpacked(each.descriptor[0], WEIGHTS) for each in (one, other)]
    return (bits[0][:, None] != bits[1][None]).sum(-1)


def found(result):
    return int((result.score > 0).sum())


def test_a_picture_has_features_in_many_sizes(run, picture):
    result = run(features, picture, count=200)
    assert found(result) > 150
    assert len(result.scale[0].unique()) > 4


def test_a_frame_s_features_are_matched_with_those_of_the_frame_before():
    scene = Scene("room", width=320, height=240, frames=3, seed=2, supersample=1)
    pipeline = Pipeline([gray, features, matches])
    counts = [int(frame["matches"].is_valid.sum()) for frame in pipeline.run(scene)]
    assert counts[0] == 0
    assert min(counts[1:]) > 100


def test_a_picture_without_room_for_a_patch_is_refused(run):
    with pytest.raises(ValueError, match=r"up to 19 px .* of 16x16 px .* at least 39x39 px"):
        run(features, torch.rand(1, 1, 16, 16))


def test_colours_are_refused(run):
    with pytest.raises(ValueError, match=r"features takes one picture of shape \(1, 1, H, W\)"):
        run(features, torch.rand(1, 3, 64, 64))


@pytest.mark.parametrize("count", [16, 500, 4096])
@pytest.mark.parametrize(("height", "width"), [(39, 39), (41, 200), (97, 131)])
def test_there_are_always_k_places(run, count, height, width):
    result = run(features, torch.rand(1, 1, height, width), count=count)
    assert result.xy.shape == (1, count, 2)
    assert result.score.shape == result.angle.shape == result.scale.shape == (1, count)
    assert result.descriptor.shape == (1, count, 32)
    assert found(result) > 0


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("response", ["gftt", "harris"])
def test_a_picture_of_one_brightness_has_none(run, value, response):
    result = run(features, torch.full((1, 1, 90, 110), value), response=response)
    assert found(result) == 0
    assert all(float(each.float().abs().sum()) == 0 for each in (result.xy, result.angle))
    assert int(result.descriptor.sum()) == 0
    assert (result.scale == 1).all()


def test_weak_contrast_is_no_corner(run, picture):
    assert found(run(features, picture * 0.01)) == 0


def test_the_strongest_come_first(run, picture):
    score = run(features, picture, count=64).score[0]
    assert torch.equal(score, score.sort(descending=True).values)


def test_they_keep_away_from_the_border_by_their_patch(run):
    result = run(features, torch.rand(1, 1, 120, 150), count=500)
    xy, scale = result.xy[0], result.scale[0]
    room = torch.minimum(xy, torch.tensor([149.0, 119.0]) - xy).amin(-1)
    assert (room >= 18 * scale)[result.score[0] > 0].all()


def test_a_blob_is_found_where_it_is_at_every_size(run):
    y, x = torch.meshgrid(torch.arange(160.0), torch.arange(200.0), indexing="ij")
    blob = torch.exp(-((x - 100.3) ** 2 + (y - 79.6) ** 2) / 40)[None, None]
    result = run(features, blob, count=16)
    where = result.xy[0][result.score[0] > 0]
    nearest = (where - torch.tensor([100.3, 79.6])).norm(dim=-1)
    assert len(result.scale[0][result.score[0] > 0].unique()) >= 4
    assert nearest.sort().values[:4].max() < 8


def turned(picture):
    """A quarter turn, exact: what was at (x, y) is at (H - 1 - y, x)."""
    return picture.rot90(-1, (-2, -1)).contiguous()


def test_a_quarter_turn_changes_the_angle_and_not_the_bits(run, picture):
    picture = picture[..., :240]  # square, so that sizes are the same after the turn
    one, other = run(features, picture, count=96), run(features, turned(picture), count=96)
    there = one.xy[0] @ torch.tensor([[0.0, 1.0], [-1.0, 0.0]]) + torch.tensor([239.0, 0.0])
    apart = torch.cdist(there, other.xy[0]) + (one.scale[0][:, None] - other.scale[0]).abs()
    gap, partner = apart.min(1)
    is_same = (gap < 0.1) & (one.score[0] > 0)
    assert int(is_same.sum()) > 80
    turn = (other.angle[0][partner] - one.angle[0]).remainder(2 * math.pi)[is_same]
    assert float((turn - math.pi / 2).abs().median()) < 0.01
    same = distances(one, other).gather(1, partner[:, None])[is_same, 0].float()
    assert float(same.median()) < 16


def test_bits_do_not_change_with_exposure(run, picture):
    one, other = run(features, picture, count=64), run(features, picture * 0.5 + 0.2, count=64)
    nearest = distances(one, other).amin(1).float()
    assert float(nearest.mean()) < 1


def test_a_smaller_picture_is_recognised(run, picture):
    small = torch.nn.functional.interpolate(picture, scale_factor=0.7, mode="area")
    one, other = run(features, picture, count=300), run(features, small, count=300)
    bits = distances(other, one)
    nearest, partner = bits.min(1)
    error = (other.xy[0] / 0.7 - one.xy[0][partner]).norm(dim=-1)
    sure = (nearest < 40) & (other.score[0] > 0)
    assert int(sure.sum()) > 60
    assert float((error[sure] < 5).float().mean()) > 0.75


def test_a_large_still_picture_is_one_frame():
    picture = torch.zeros(3, 2160, 3840, dtype=torch.uint8)
    picture[:, 700:900, 1000:1300] = 255
    with Pipeline([gray, features]).bind(Frame.from_image(picture)) as frame:
        assert found(frame["features"]) >= 4
