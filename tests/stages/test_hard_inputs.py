"""The whole chain on pictures that tell little or nothing: an empty result with a reason, no NaN.

Nothing found is told by the values themselves, the same on every device and without a wait; what is
expected of each stage, and why, is in `EMPTY`. A size that a stage cannot work on is told by
`prepare`, once: whoever reads the result gets a `StageError` with the size and the way out.
"""

import pytest
import torch

from toolkit.media.scenes import Scene
from toolkit.pipeline import StageError
from toolkit.ring import FrameRing

WIDTH, HEIGHT = 160, 120


def nothing_posed(pose):
    return not (pose.is_valid.any() or pose.is_degenerate.any() or pose.is_inlier.any()) and (
        torch.equal(pose.rotation[0], torch.eye(3)) and not pose.translation.any()
    )


def nothing_mapped(odometry):
    return not (odometry.is_valid.any() or odometry.is_inlier.any()) and bool(
        torch.allclose(odometry.rotation[0], torch.eye(3)) and (odometry.id == -1).all()
    )


EMPTY = {
    "corners": ("nothing changes along both axes: every score is 0", lambda it: not it.score.any()),
    "tracks": (
        "no corner to follow: every id is -1",
        lambda it: bool((it.id == -1).all()) and not it.age.any() and not it.pairs.is_valid.any(),
    ),
    "flow": ("no texture to follow: no motion", lambda it: float(it.abs().max()) < 1e-4),
    "features": (
        "no corner is steep enough: every score is 0, and no bit is set",
        lambda it: not it.score.any() and not it.descriptor.any(),
    ),
    "matches": (
        "no features to compare: nothing is valid, every place is -1",
        lambda it: not it.is_valid.any() and bool((it.place == -1).all()),
    ),
    "homography": (
        "fewer than 12 pairs agree: not valid, the identity",
        lambda it: not it.is_valid.any() and torch.equal(it.matrix[0], torch.eye(3)),
    ),
    "pose": ("fewer than 10 pairs agree: not valid, the identity", nothing_posed),
    "target_pose": ("fewer than 8 points agree: not valid, the identity", nothing_posed),
    "odometry": ("no two views with parallax: not valid, no landmark", nothing_mapped),
    "camera_path": (
        "fewer than 6 tracks agree: not valid, the picture stays",
        lambda it: not it.is_valid.any() and not it.correction.any(),
    ),
}

UNTOUCHED = ("overlay_tracks", "overlay_matches", "overlay_target", "overlay_world")
"""Where nothing was found there is nothing to draw."""


def picture_of(kind, height=HEIGHT, width=WIDTH):
    """(3, H, W) uint8."""
    if kind == "noise":
        return 255 * torch.randint(0, 2, (3, height, width), dtype=torch.uint8)
    size = {"right": width, "down": height}.get(kind)
    if size is None:
        level = {"black": 0, "gray": 128, "white": 255}[kind]
        return torch.full((3, height, width), level, dtype=torch.uint8)
    ramp = (torch.arange(size) * 255 // (size - 1)).to(torch.uint8)
    return (ramp if kind == "right" else ramp[:, None]).expand(3, height, width)


def frames_of(pictures, **options):
    """Frames of a ring, a thirtieth of a second apart."""
    height, width = pictures[0].shape[-2:]
    ring = FrameRing(slots=4, width=width, height=height, pixel_format="rgb", **options)
    for index, picture in enumerate(pictures):
        yield ring.copy_in(picture, pts_seconds=index / 30)


@pytest.fixture
def results(chain, tensors_in):
    """For each frame, what every stage made of it; `StageError` where it could not.

    On the way, every number of every result is looked at.
    """

    def read(frame, name):
        try:
            found = frame[name]
        except StageError as error:
            return error
        for tensor in tensors_in(found):
            assert torch.isfinite(tensor).all(), f"{name} of frame {frame.index}"
        return found

    def run(source, only=None):
        pipeline = chain()
        names = pipeline.order(only)
        return [{name: read(frame, name) for name in names} for frame in pipeline.run(source)]

    return run


def assert_empty(found):
    for name, (reason, is_empty) in EMPTY.items():
        assert is_empty(found[name]), f"{name}: {reason}"
    for name in UNTOUCHED:
        assert torch.equal(found[name], found["rgb"]), name


@pytest.mark.parametrize("kind", ["black", "gray", "white", "right", "down"])
def test_without_texture_everything_is_empty(results, kind):
    for found in results(frames_of([picture_of(kind)] * 3)):
        assert_empty(found)


@pytest.mark.parametrize("pixel_format", ["i420", "gray"])
def test_black_is_empty_in_every_layout_of_pixels(results, pixel_format):
    ring = FrameRing(slots=4, width=WIDTH, height=HEIGHT, pixel_format=pixel_format, rotation=90)
    black = torch.zeros(ring.spec.slot_shape, dtype=torch.uint8)
    frames = (ring.copy_in(black, pts_seconds=index / 30) for index in range(2))
    names = None if pixel_format == "i420" else tuple(EMPTY)
    last = results(frames, only=names)[-1]
    assert last["gray"].shape == (1, 1, WIDTH, HEIGHT)  # turned
    for name, (reason, is_empty) in EMPTY.items():
        assert is_empty(last[name]), f"{name}: {reason}"


def test_noise_that_is_new_on_each_frame_moves_nothing(results):
    torch.manual_seed(0)
    claims = ("homography", "pose", "target_pose", "odometry", "camera_path")
    pictures = [picture_of("noise", 240, 320) for _ in range(4)]
    for found in results(frames_of(pictures), only=claims):
        assert int((found["tracks"].id >= 0).sum()) > 64  # there is enough to be mistaken about
        for name in claims:
            assert not found[name].is_valid.any(), name


def test_a_single_frame_has_corners_and_no_motion(results):
    scene = Scene("room", width=WIDTH, height=HEIGHT, frames=1, seed=1, supersample=1)
    (found,) = results(scene)
    assert int((found["corners"].score > 0).sum()) > 20
    assert int((found["features"].score > 0).sum()) > 20
    assert torch.equal(found["tracks"].id >= 0, found["corners"].score > 0)
    assert not found["tracks"].pairs.is_valid.any()
    for name in ("flow", "matches", "homography", "pose", "target_pose", "camera_path"):
        reason, is_empty = EMPTY[name]
        assert is_empty(found[name]), f"{name}: {reason}"
    assert nothing_mapped(found["odometry"])


def test_a_frame_by_itself_is_a_first_frame(chain):
    pipeline = chain()
    scene = Scene("room", width=WIDTH, height=HEIGHT, frames=2, seed=1, supersample=1)
    for frame in scene:
        with pipeline.bind(frame) as bound:
            assert not bound["flow"].any()
            assert not bound["tracks"].pairs.is_valid.any()
            assert not bound["pose"].is_valid.any()


def test_two_frames_that_are_the_same_say_that_nothing_moved(results):
    scene = Scene("room", motion="still", width=WIDTH, height=HEIGHT, frames=2, supersample=1)
    found = results(scene)[1]
    tracks = found["tracks"]
    assert float((tracks.xy - tracks.previous_xy)[tracks.pairs.is_valid].abs().max()) < 1e-3
    assert float(found["flow"].abs().max()) < 1e-3
    assert torch.allclose(found["homography"].matrix[0], torch.eye(3), atol=1e-3)
    pose = found["pose"]
    assert bool(pose.is_valid)
    assert bool(pose.is_degenerate)  # which way the camera went, nobody knows
    assert float(pose.parallax_px) < 0.01
    assert not found["odometry"].is_valid.any()
    assert float(found["camera_path"].correction.abs().max()) < 1e-3


def test_a_hard_cut_is_not_taken_for_a_motion(results):
    room = Scene("room", width=WIDTH, height=HEIGHT, frames=2, seed=1, supersample=1)
    boards = Scene("planes", width=WIDTH, height=HEIGHT, frames=2, seed=5, supersample=1)
    pictures = [scene.render(index)[0] for scene in (room, boards) for index in range(2)]
    found = results(frames_of([(one * 255).to(torch.uint8) for one in pictures]))
    names = ("homography", "pose", "target_pose", "camera_path")
    for index, is_seen in enumerate((False, True, False, True)):
        assert [bool(found[index][name].is_valid) for name in names] == [is_seen] * 4
    before, after = found[1]["tracks"], found[2]["tracks"]
    assert not (after.age > 0).any()
    new = after.id[after.id >= 0]
    assert int(new.min()) >= int(before.next_id)  # no id is used again


def test_after_a_jump_of_the_source_everything_begins_anew(results):
    scene = Scene("room", width=WIDTH, height=HEIGHT, frames=2, supersample=1, loop=True)
    source = (frame for frame, _ in zip(scene, range(4), strict=False))
    found = results(Jumping(source, scene))
    assert bool(found[1]["pose"].is_valid)
    assert bool(found[3]["pose"].is_valid)
    for name in ("flow", "matches", "pose", "camera_path"):
        reason, is_empty = EMPTY[name]
        assert is_empty(found[2][name]), f"{name}: {reason}"
    assert torch.equal(found[2]["tracks"].id, found[0]["tracks"].id)
    assert torch.equal(found[2]["tracks"].xy, found[0]["tracks"].xy)
    assert nothing_mapped(found[2]["odometry"])


class Jumping:
    """A part of a scene that loops; says when it jumped, as the scene does."""

    def __init__(self, frames, scene):
        self.frames, self.scene = frames, scene

    def __iter__(self):
        return self.frames

    @property
    def discontinuities(self):
        return self.scene.discontinuities


NEEDED_BY = {
    "sobel": "corners",
    "corners": "corners",
    "pyramid": "overlay_world",
    "features": "overlay_target",
}
WITHOUT_FEATURES = ("matches", "homography", "target_pose", "overlay_matches", "overlay_target")


@pytest.mark.parametrize("kind", ["black", "noise"])
def test_at_16x16_all_but_features_work(results, kind):
    torch.manual_seed(0)
    last = results(frames_of([picture_of(kind, 16, 16) for _ in range(3)]))[-1]
    for name in ("features", *WITHOUT_FEATURES):
        assert isinstance(last.pop(name), StageError)
    assert not any(isinstance(one, StageError) for one in last.values())
    for name in ("pose", "odometry", "camera_path"):
        reason, is_empty = EMPTY[name]
        assert is_empty(last[name]), f"{name}: {reason}"


@pytest.mark.parametrize(
    ("size", "name", "reason"),
    [
        (16, "features", r"16x16 px has no such corner; give it at least 39x39 px"),
        (8, "pyramid", r"8x8 px cannot be halved 3 times.* set levels to 3 or less, or give"),
        (8, "corners", r"8x8 px picture is 7 px away from its border; set distance to 3 or less"),
        (2, "pyramid", r"2x2 px cannot be halved 3 times.* 0 px; give a larger picture"),
        (2, "sobel", r"2x2 px; give it at least 3x3"),
    ],
)
def test_a_size_that_is_too_small_is_told_with_the_way_out(results, size, name, reason):
    (found,) = results(frames_of([picture_of("gray", size, size)]))
    with pytest.raises(StageError, match=f"stage '{name}' failed on frame 0: .*{reason}"):
        raise found[name]
    with pytest.raises(StageError, match=reason):  # and whoever needs it says the same
        raise found[NEEDED_BY[name]]


def test_fewer_or_more_places_from_one_frame_to_the_next_break_nothing(chain, tensors_in):
    scene = Scene("room", width=WIDTH, height=HEIGHT, frames=5, seed=1, supersample=1)
    pipeline = chain()
    names = pipeline.order()
    for frame, (corners, features) in zip(
        pipeline.run(scene), [(128, 100), (512, 800), (256, 500), (64, 16), (64, 16)], strict=True
    ):
        for name in names:
            assert all(torch.isfinite(one).all() for one in tensors_in(frame[name])), name
        pipeline.params["corners"].count = corners
        pipeline.params["features"].count = features


def test_at_4k_black_is_empty(results):
    last = results(frames_of([picture_of("black", 2160, 3840)] * 2), only=tuple(EMPTY))[-1]
    for name, (reason, is_empty) in EMPTY.items():
        assert is_empty(last[name]), f"{name}: {reason}"


def test_at_4k_what_moved_is_found(results):
    height, width, shift = 2160, 3840, 6
    torch.manual_seed(0)
    blocks = torch.randint(0, 256, (3, height // 16, width // 16 + 1), dtype=torch.uint8)
    world = blocks.repeat_interleave(16, 1).repeat_interleave(16, 2)
    pictures = [world[..., :width], world[..., shift : width + shift]]
    last = results(frames_of(pictures))[-1]
    moved = (last["tracks"].xy - last["tracks"].previous_xy)[last["tracks"].pairs.is_valid]
    for found, tolerance_px in (
        (moved.median(0).values, 0.05),
        (last["flow"][0].flatten(1).median(1).values, 0.05),
        (last["homography"].matrix[0, :2, 2], 0.5),
        (last["camera_path"].motion[0, 2:], 0.05),
    ):
        assert torch.allclose(found, torch.tensor([-6.0, 0.0]), atol=tolerance_px)
    assert bool(last["pose"].is_degenerate)
    assert all(last[name].shape == (1, 3, height, width) for name in UNTOUCHED)
