import pytest
import torch

from toolkit.media.scenes import Scene
from toolkit.pipeline import Pipeline
from toolkit.stages import (
    blur,
    camera_path,
    corners,
    gray,
    pyramid,
    rgb,
    sobel,
    stabilise,
    tracks,
)
from toolkit.stages.declare import Tracks
from toolkit.stages.similarity import compose, invert
from toolkit.stages.stabilise import CameraPath

STAGES = (rgb, gray, blur, sobel, corners, pyramid, tracks, camera_path, stabilise)


def shifted(*ways, count=24):
    """Tracks of points that all moved by each of `ways`, px."""
    generator = torch.Generator().manual_seed(0)
    before = torch.rand(1, count, 2, generator=generator) * 60
    for way in ways:
        yield Tracks(
            xy=before + torch.tensor(way),
            previous_xy=before,
            id=torch.arange(count)[None],
            age=torch.ones(1, count, dtype=torch.int32),
            error=torch.zeros(1, count),
            next_id=torch.tensor([count]),
            trail=before[:, :, None],
        )


def follow(run, found, **parameters):
    """The path after each of these tracks, from rest."""
    paths = [camera_path.first(next(iter(shifted((0.0, 0.0)))))]
    for one in found:
        paths.append(run(camera_path, one, paths[-1], **parameters))
    return paths[1:]


def corrected_by(x, y):
    change = torch.zeros(3, 1, 4)
    change[2, 0, 2:] = torch.tensor([x, y])
    return CameraPath(*change, torch.tensor([True]), torch.tensor([1.0]))


def test_a_shaking_scene_is_calmer(run):
    source = Scene(
        "room", motion="handheld", width=160, height=120, frames=16, speed=3, supersample=1
    )
    pipeline = Pipeline(STAGES)
    raw, calm, before = [], [], None
    for frame in pipeline.run(source):
        path = frame["camera_path"]
        assert frame["stabilise"].shape == (1, 3, 120, 160)
        if before is not None:
            assert path.is_valid.item()
            raw.append(path.motion[0].clone())
            calm.append(compose(path.correction[0], compose(path.motion[0], invert(before))))
        before = path.correction[0].clone()
    assert jitter(calm) < 0.6 * jitter(raw)


def jitter(motions):
    return float(torch.stack(motions)[4:, 2:].diff(dim=0).square().sum(-1).mean().sqrt())


def test_a_gray_and_a_coloured_picture_are_moved_alike(run):
    picture = torch.rand(1, 3, 40, 60)
    moved = run(stabilise, picture, corrected_by(1.5, -1.0))
    assert torch.allclose(
        run(stabilise, picture[:, :1], corrected_by(1.5, -1.0)), moved[:, :1], atol=1e-6
    )


def test_a_steady_pan_is_left_alone(run):
    for path in follow(run, shifted(*[(3.0, 1.0)] * 5)):
        assert path.correction.abs().max() < 1e-3
        assert torch.allclose(path.drift[0, 2:], torch.tensor([3.0, 1.0]), atol=1e-3)


def test_a_jolt_is_undone_and_then_forgotten(run):
    paths = follow(run, shifted((0.0, 0.0), (0.0, 0.0), (5.0, 0.0), *[(0.0, 0.0)] * 80))
    jolted = paths[2].correction[0, 2].item()
    assert -5 < jolted < -3
    assert abs(paths[-1].correction[0, 2].item()) < 1


def test_without_tracks_the_correction_fades(run):
    lost = [one._replace(age=torch.zeros_like(one.age)) for one in shifted((4.0, 0.0), (4.0, 0.0))]
    paths = follow(run, [*shifted((0.0, 0.0), (5.0, 0.0)), *lost])
    sizes = [path.correction[0, 2].abs().item() for path in paths[1:]]
    assert sizes[0] > sizes[1] > sizes[2] > 0
    assert not paths[-1].is_valid.any()
    assert paths[-1].motion.abs().sum() == 0


def test_no_correction_only_enlarges(run):
    picture = torch.rand(1, 3, 41, 61)
    drawn = run(stabilise, picture, corrected_by(0.0, 0.0), zoom=1.0)
    assert torch.allclose(drawn, picture, atol=1e-4)
    larger = run(stabilise, picture, corrected_by(0.0, 0.0), zoom=2.0)
    assert torch.allclose(larger[..., 20, 30], picture[..., 20, 30], atol=1e-4)
    assert torch.allclose(larger[..., 0, 0], picture[..., 10, 15], atol=1e-4)


def test_a_correction_moves_the_picture_its_way(run):
    picture = torch.zeros(1, 1, 41, 61)
    picture[..., 20, 30] = 1.0
    drawn = run(stabilise, picture, corrected_by(2.0, -1.0), zoom=1.25)
    brightest = drawn.flatten().argmax().item()
    # 1.25 times (2, -1) px, rounded.
    assert abs(brightest % 61 - 32.5) <= 0.5
    assert abs(brightest // 61 - 18.75) <= 0.5


@pytest.mark.parametrize("way", [(50.0, 0.0), (-50.0, 30.0), (0.0, -200.0)])
def test_what_lies_outside_of_the_picture_is_never_shown(run, way):
    x = torch.arange(61.0).expand(41, 61)
    y = torch.arange(41.0)[:, None].expand(41, 61)
    places = torch.stack((x, y))[None]  # a picture that shows where each pixel comes from
    drawn = run(stabilise, places, corrected_by(*way), zoom=1.2)
    assert (drawn.diff(dim=-1)[0, 0] > 0.8).all()  # no column of the border twice
    assert (drawn.diff(dim=-2)[0, 1] > 0.8).all()


def test_a_turn_is_undone(run):
    turn = torch.tensor([[0.0, 0.02, 0.0, 0.0]])
    path = corrected_by(0.0, 0.0)._replace(correction=turn)
    picture = torch.zeros(1, 1, 81, 81)
    picture[..., 40, 70] = 1.0
    drawn = run(stabilise, picture, path, zoom=1.1)
    row, column = divmod(drawn.flatten().argmax().item(), 81)
    assert (row, column) == (41, 73)


def test_a_bad_picture_is_refused(run):
    with pytest.raises(ValueError, match=r"stabilise takes one picture"):
        run(stabilise, torch.rand(3, 41, 61), corrected_by(0.0, 0.0))
