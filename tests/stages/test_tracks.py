import itertools
import sys

import numpy as np
import pytest
import torch

from toolkit.media.scenes import Scene
from toolkit.pipeline import Pipeline
from toolkit.stages import blur, corners, gray, pyramid, sobel, tracks
from toolkit.stages.declare import Corners

STAGES = (gray, blur, sobel, corners, pyramid, tracks)


def scene(kind="room", motion="handheld", seed=3, **changes):
    options = {"width": 160, "height": 120, "frames": 60, "supersample": 1, **changes}
    return Scene(kind, motion=motion, seed=seed, **options)


@pytest.fixture(scope="module")
def watched():
    """Tracks on eight frames of a room, as plain copies."""
    return watch(scene(frames=8))


def watch(source, pipeline=None):
    pipeline = pipeline or Pipeline(STAGES)
    return [copied(frame["tracks"]) for frame in pipeline.run(source)]


def copied(found):
    return type(found)(*(one.clone() for one in found))


@pytest.fixture
def levels(run):
    """The pyramid of a frame of a scene, and its corners."""

    def make(source, index, count=128):
        rgb = source.render(index)
        luma = (rgb * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True)
        luma = (luma * 255).round() / 255
        found = run(corners, run(sobel, run(blur, luma)), count=count)
        return run(pyramid, luma), found

    return make


def nowhere(like):
    return Corners(torch.zeros_like(like.xy), torch.zeros_like(like.score))


def test_points_are_followed_under_one_identity(watched):
    first, last = watched[0], watched[-1]
    stayed = (last.id == first.id) & (first.id >= 0)
    assert stayed.sum() > 0.7 * (first.id >= 0).sum()
    assert (last.age[stayed] == 7).all()


def test_a_window_without_a_middle_is_refused(run, levels):
    now, found = levels(scene(), 0)
    with pytest.raises(ValueError, match="a window of 8 px has no pixel in its middle; use 9 px"):
        run(tracks, now, found, now, tracks.first(now, found), window=8)


def test_opencv_is_refused_where_there_is_no_cpu(run, levels):
    now, found = levels(scene(), 0)
    there = tuple(one.to("meta") for one in now)
    with pytest.raises(ValueError, match=r'works on the CPU and the pictures are on meta; use .*"'):
        run(tracks, there, found, there, tracks.first(now, found), backend="opencv")


def test_opencv_is_refused_where_it_is_not_installed(run, levels, monkeypatch):
    now, found = levels(scene(), 0)
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(ValueError, match=r"install downhill-toolkit\[opencv\], or use backend="):
        run(tracks, now, found, now, tracks.first(now, found), backend="opencv")


def test_shapes_and_dtypes_are_those_of_the_contract(watched):
    k = watched[0].id.shape[1]
    for found in watched:
        assert found.xy.shape == found.previous_xy.shape == (1, k, 2)
        assert found.trail.shape == (1, k, 16, 2)
        assert found.id.dtype == torch.int64
        assert found.age.dtype == torch.int32
        assert found.next_id.shape == (1,)


def test_opencv_s_answer_is_opencv_s(levels, run):
    import cv2

    source = scene()
    (before, found), (after, _) = levels(source, 3), levels(source, 4)
    now = run(tracks, after, nowhere(found), before, tracks.first(before, found), backend="opencv")
    pictures = [(one[0][0, 0] * 255).round().byte().numpy() for one in (before, after)]
    place, is_found, _ = cv2.calcOpticalFlowPyrLK(
        *pictures, found.xy[0].numpy()[:, None], None, winSize=(15, 15), maxLevel=3
    )
    kept = (now.age[0] > 0).numpy()
    assert kept.sum() > 30
    assert is_found[kept].all()
    assert np.array_equal(now.xy[0].numpy()[kept], place[kept, 0])


def test_on_the_first_frame_all_corners_are_new(levels):
    now, found = levels(scene(), 0)
    begun = tracks.first(now, found)
    is_there = found.score > 0
    assert torch.equal(begun.xy, found.xy)
    assert begun.id[is_there].tolist() == list(range(int(is_there.sum())))
    assert (begun.id[~is_there] == -1).all()
    assert int(begun.next_id) == int(is_there.sum())
    assert (begun.age == 0).all()
    assert not begun.pairs.is_valid.any()


def test_a_lost_point_s_place_goes_to_the_strongest_new_one(levels, run):
    now, found = levels(scene(), 0)
    begun = tracks.first(now, found)
    lost = begun.id == 2
    begun = begun._replace(id=begun.id.masked_fill(lost, -1))
    offers = Corners(torch.zeros_like(found.xy), torch.zeros_like(found.score))
    offers.xy[0, :3] = torch.stack((begun.xy[0, 0], begun.xy[0, 2], begun.xy[0, 2]))
    offers.score[0, :3] = torch.tensor([3.0, 2.0, 1.0])  # the first lies on a point that stays
    after = run(tracks, now, offers, now, begun, spacing=3)
    assert torch.equal(after.xy[0, 2], found.xy[0, 2])
    assert after.id[0, 2] == begun.next_id[0]
    assert after.age[0, 2] == 0
    assert after.next_id[0] > begun.next_id[0]


def test_new_points_keep_their_distance_from_others(watched):
    for found in watched[1:]:
        new = (found.age[0] == 0) & (found.id[0] >= 0)
        old = found.age[0] > 0
        distance = (found.xy[0, new][:, None] - found.xy[0, old]).abs().amax(-1)
        assert distance.numel() == 0 or distance.min() > 7


def test_identities_are_never_given_twice(watched):
    seen = set()
    for found in watched:
        new = set(found.id[(found.age == 0) & (found.id >= 0)].tolist())
        assert not new & seen
        seen |= new
        assert int(found.next_id) == len(seen)
        assert len(set(found.id[found.id >= 0].tolist())) == int((found.id >= 0).sum())


def test_a_trail_is_where_a_point_was(watched):
    for earlier, later in itertools.pairwise(watched):
        kept = later.age[0] > 0
        assert torch.equal(later.trail[0, :, 0], later.xy[0])
        assert torch.equal(later.trail[0, kept, 1:], earlier.trail[0, kept, :-1])
        assert torch.equal(later.previous_xy[0, kept], earlier.xy[0, kept])
        new = later.age[0] == 0
        assert torch.equal(later.trail[0, new], later.xy[0, new][:, None].expand(-1, 16, -1))


def test_an_empty_place_holds_nothing(watched):
    for found in watched:
        empty = found.id == -1
        assert found.xy[empty].abs().sum() == 0
        assert found.trail[empty].abs().sum() == 0
        assert found.age[empty].sum() == 0
        assert found.error[empty].sum() == 0


def test_a_seek_starts_anew():
    source, pipeline = scene(frames=6), Pipeline(STAGES)
    before = watch(source, pipeline)
    source.seek(0.1)
    after = watch(source, pipeline)
    assert before[-1].age.max() == 5
    assert after[0].age.max() == 0
    assert after[-1].age.max() == len(after) - 1


def test_more_places_or_a_longer_trail_may_be_asked_for_at_any_time():
    pipeline = Pipeline(STAGES)
    seen = []
    for frame in pipeline.run(scene(frames=6)):
        seen.append(copied(frame["tracks"]))
        if frame.index == 1:
            pipeline.params["tracks"].trail = 24
        if frame.index == 3:
            pipeline.params["corners"].count = 64
    assert [one.trail.shape[2] for one in seen] == [16, 16, 24, 24, 24, 24]
    assert [one.id.shape[1] for one in seen] == [256, 256, 256, 256, 64, 64]
    assert torch.equal(seen[2].trail[0, :, 16:], seen[2].trail[0, :, 15:16].expand(-1, 8, -1))
    assert seen[4].id[seen[4].id >= 0].min() >= int(seen[3].next_id)
    assert seen[5].age.max() == 1


def test_another_number_of_levels_loses_no_track():
    pipeline = Pipeline(STAGES)
    for frame in pipeline.run(scene(frames=6)):
        found = copied(frame["tracks"])
        if frame.index in (1, 3):
            pipeline.params["pyramid"].levels = 5 if frame.index == 1 else 3
    assert found.age.max() == 5


def test_a_bad_pixel_costs_the_points_around_it_and_nothing_else(levels, run):
    now, found = levels(scene(), 0)
    spoilt = tuple(one.clone() for one in now)
    for level, one in enumerate(spoilt):
        one[..., 60 >> level, 80 >> level] = float("nan")
    after = run(tracks, spoilt, nowhere(found), now, tracks.first(now, found))
    assert all(torch.isfinite(one).all() for one in after)
    far = (found.score[0] > 0) & ((found.xy[0] - torch.tensor([80.0, 60.0])).abs() > 70).any(-1)
    assert (after.age[0, far] == 1).all()


def test_of_two_points_that_meet_the_older_one_stays(levels, run):
    now, found = levels(scene(), 0)
    begun = tracks.first(now, found)
    together = begun.xy.clone()
    together[0, 5] = together[0, 1] + 0.01
    after = run(tracks, now, nowhere(found), now, begun._replace(xy=together))
    assert after.id[0, 1] == 1
    assert after.id[0, 5] == -1


def test_a_point_that_leaves_the_picture_is_lost(levels, run):
    source = scene("plane", "still")
    now, found = levels(source, 0)
    after = tuple(torch.roll(one, -(16 >> level), -1) for level, one in enumerate(now))
    kept = run(tracks, after, nowhere(found), now, tracks.first(now, found)).age[0] > 0
    is_there = found.score[0] > 0
    assert not kept[found.xy[0, :, 0] < 15].any()
    assert kept[is_there & (found.xy[0, :, 0] > 40)].float().mean() > 0.5


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(("height", "width"), [(16, 16), (240, 320)])
@pytest.mark.parametrize("backend", ["torch", "opencv"])
def test_a_picture_without_texture_has_no_tracks(run, value, height, width, backend):
    flat = torch.full((1, 1, height, width), value)
    levels = run(pyramid, flat)
    found = run(corners, run(sobel, flat), count=16)
    begun = tracks.first(levels, found)
    begun = begun._replace(xy=torch.rand(1, 16, 2) * 16, id=torch.arange(16)[None])
    after = run(tracks, levels, found, levels, begun, backend=backend)
    assert (after.id == -1).all()
    assert all(torch.isfinite(one).all() for one in after)


def test_a_4k_picture_is_tracked(run):
    generator = torch.Generator().manual_seed(0)
    noise = torch.nn.functional.interpolate(
        torch.rand(1, 1, 270, 480, generator=generator), size=(2160, 3840), mode="bilinear"
    )
    levels = run(pyramid, noise)
    places = torch.rand(1, 16, 2, generator=generator) * torch.tensor([3839.0, 2159.0])
    found = Corners(places, torch.ones(1, 16))
    after = run(tracks, levels, nowhere(found), levels, tracks.first(levels, found))
    assert (after.age == 1).sum() >= 14
    assert torch.allclose(after.xy[after.age == 1], places[after.age == 1], atol=1e-2)
