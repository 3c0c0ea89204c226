import numpy as np
import pytest
import torch
from torch.nn import functional

from toolkit.media.scenes import Scene
from toolkit.pipeline import Pipeline
from toolkit.stages import flow, gray, pyramid
from toolkit.stages.flow import PRESETS

SCENES = (
    {"kind": "room", "motion": "handheld", "seed": 3},
    {"kind": "planes", "motion": "loop", "seed": 3},
    {"kind": "plane", "motion": "forward", "seed": 11, "speed": 2.0},
    {"kind": "room", "motion": "handheld", "seed": 5, "exposure": 1.5, "noise": 0.01},
)


def texture(height=96, width=128, seed=0):
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 1, height // 4, width // 4, generator=generator)
    return functional.interpolate(coarse, size=(height, width), mode="bicubic").clamp(0, 1)


def luma(picture):
    weights = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    levels = (picture * weights).sum(1, keepdim=True).mul(255).round()
    return levels / 255


def errors(found, truth, visible):
    """End-point errors where the truth is known, px."""
    return (found[0] - truth).norm(dim=0)[visible]


@pytest.fixture
def flow_of(run):
    """Flow from one picture to the next, of their pyramids."""

    def find(before, after, levels=3, **parameters):
        pyramids = (run(pyramid, one, levels=levels) for one in (after, before))
        return run(flow, *pyramids, **parameters)

    return find


@pytest.fixture(scope="module")
def drawn():
    """Pairs of drawn pictures, the flow between them, and where it can be seen."""
    pairs = []
    for options in SCENES:
        scene = Scene(width=320, height=240, frames=60, **options)
        truth = scene.truth(10)
        pictures = [luma(scene.render(index)) for index in (10, 11)]
        pairs.append((*pictures, truth.flow.float(), truth.visible))
    return pairs


def test_a_pipeline_tells_where_each_pixel_of_the_previous_frame_went():
    scene = Scene("plane", width=160, height=120, frames=3, seed=2)
    pipeline = Pipeline([gray, pyramid, flow])
    for frame in pipeline.run(scene):
        found = frame["flow"].clone()
        if frame.index == 0:
            assert not found.any()
    truth = scene.truth(1)
    assert errors(found, truth.flow, truth.visible).median() < 0.1


def test_a_gray_picture_does_for_a_pyramid():
    scene = Scene("plane", width=160, height=120, frames=2, seed=2)
    stage = flow.using(pyramid="gray", prev_pyramid="gray")
    for frame in Pipeline([gray, stage]).run(scene):
        found = frame["flow"].clone()
    truth = scene.truth(0)
    assert errors(found, truth.flow, truth.visible).median() < 0.1


def test_it_looks_back():
    assert flow.requires == ("pyramid",)
    assert flow.history == ("pyramid",)


def test_a_color_picture_is_refused(run):
    pictures = torch.rand(2, 1, 3, 32, 32).unbind()
    with pytest.raises(ValueError, match=r"flow takes gray pictures .* got \(1, 3, 32, 32\)"):
        run(flow, *pictures)


def test_a_picture_smaller_than_a_patch_is_refused(run):
    pictures = torch.rand(2, 1, 1, 7, 32).unbind()
    with pytest.raises(ValueError, match="a picture of 32x7 px is smaller than one patch of 8x8"):
        run(flow, *pictures)


def test_an_unknown_preset_is_refused(run):
    with pytest.raises(ValueError, match="preset: 'good' is not one of 'fast', 'balanced', 'best'"):
        run(flow, *torch.rand(2, 1, 1, 32, 32).unbind(), preset="good")


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize(("height", "width"), [(8, 8), (16, 16), (17, 100), (47, 49), (120, 161)])
def test_every_size_has_a_flow_of_its_size(run, preset, height, width):
    pictures = torch.rand(2, 1, 1, height, width).unbind()
    found = run(flow, *pictures, preset=preset)
    assert found.shape == (1, 2, height, width)
    assert found.isfinite().all()


@pytest.mark.parametrize("levels", [2, 3, 6])
def test_what_a_pyramid_has_too_few_or_too_many_levels_of_does_not_matter(flow_of, run, levels):
    before = texture(height=130, width=170)
    after = before.roll((2, 3), (2, 3))
    expected = run(flow, after, before)
    assert torch.equal(flow_of(before, after, levels=levels), expected)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize(("right", "down"), [(0, 0), (1, -2), (7, 4)])
def test_a_shifted_texture_moves_by_its_shift(flow_of, preset, right, down):
    before = texture()
    found = flow_of(before, before.roll((down, right), (2, 3)), preset=preset)
    expected = torch.tensor([right, down]).view(2, 1, 1).float()
    inner = (..., slice(16, -16), slice(16, -16))
    assert (found[0] - expected)[inner].norm(dim=0).mean() < 0.05


def test_a_brighter_picture_does_not_move(flow_of):
    before = texture() * 0.6
    found = flow_of(before, before * 1.3 + 0.05)
    assert found.norm(dim=1).mean() < 0.1


@pytest.mark.parametrize("brightness", [0.0, 0.5, 1.0])
def test_a_picture_without_texture_has_no_motion(flow_of, brightness):
    before, after = torch.full((1, 1, 60, 80), brightness), torch.ones(1, 1, 60, 80)
    assert flow_of(before, after).abs().max() < 1e-4


def test_smoothness_makes_neighbours_agree(flow_of):
    before = texture()
    after = before.roll((0, 2), (2, 3))
    after[..., 48:, :] = before[..., 48:, :].roll(-2, -1)
    bends = [
        float(flow_of(before, after, smoothness=value).diff(dim=-2).abs().amax())
        for value in (0.4, 5.0)
    ]
    assert bends[1] < bends[0]


def test_more_work_is_more_accurate(flow_of, drawn):
    means = {
        preset: np.mean(
            [
                float(errors(flow_of(before, after, preset=preset), truth, visible).mean())
                for before, after, truth, visible in drawn
            ]
        )
        for preset in PRESETS
    }
    assert means["best"] < means["balanced"] < means["fast"]


def test_opencv_is_taken_by_name_and_gives_its_own_flow(flow_of, drawn):
    cv2 = pytest.importorskip("cv2")
    before, after, truth, visible = drawn[0]
    found = flow_of(before, after, backend="opencv")
    assert found.is_contiguous()
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    pictures = [(one[0, 0] * 255).round().byte().numpy() for one in (before, after)]
    assert torch.equal(found[0].movedim(0, -1), torch.from_numpy(dis.calc(*pictures, None)))
    assert errors(found, truth, visible).median() < 0.2


def test_opencv_is_refused_where_it_cannot_work(run, monkeypatch):
    on_meta = torch.rand(2, 1, 1, 32, 32, device="meta").unbind()
    with pytest.raises(ValueError, match=r"the pictures are on meta; take backend=\"torch\""):
        run(flow, *on_meta, backend="opencv")
    small = torch.rand(2, 1, 1, 12, 32).unbind()
    with pytest.raises(ValueError, match="at least 16 px on each side"):
        run(flow, *small, backend="opencv")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match="install opencv-python-headless, or take backend"):
        run(flow, *small, backend="opencv")
