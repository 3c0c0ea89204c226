"""The bundled clip: found in both places, and what its truth says is true of its pixels."""

from __future__ import annotations

import json

import av
import pytest
import torch
from safetensors import safe_open
from torch.nn.functional import grid_sample

from toolkit.demos.make_clip import FLOW_FRAMES, FLOW_STRIDE, clip_scene, clip_truth
from toolkit.media.clip import bundled_clip, bundled_clip_truth, find_data
from toolkit.media.errors import MediaError


@pytest.fixture(scope="module")
def truth():
    return bundled_clip_truth()


@pytest.fixture(scope="module")
def scene():
    return clip_scene()


@pytest.fixture(scope="module")
def pictures():
    """Frames 0, 1, 45 and 46 of the file, (3, H, W) float in [0, 1]."""
    found = {}
    with av.open(str(bundled_clip())) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index in (0, 1, 45, 46):
                rgb = torch.from_numpy(frame.to_ndarray(format="rgb24"))
                found[index] = rgb.permute(2, 0, 1).float() / 255
            if index == 46:
                return found
    raise AssertionError("the clip is too short")


def test_the_clip_is_there_and_is_what_its_page_says(repository):
    path = bundled_clip()
    assert path.stat().st_size < 2_000_000
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.frames) == (640, 360, 180)
        assert stream.average_rate == 30
        assert float(container.duration / av.time_base) == pytest.approx(6.0)
    page = (repository / "data" / "README.md").read_text()
    for name in ("clip.mp4", "clip_truth.safetensors"):
        size = (repository / "data" / name).stat().st_size
        assert f"{size:,}".replace(",", " ") in page, (
            f"{name} has {size} bytes: correct data/README"
        )


def test_the_clip_is_found_inside_an_installed_package_first(tmp_path):
    package = tmp_path / "site-packages" / "toolkit"
    (package / "data").mkdir(parents=True)
    (tmp_path / "site-packages" / "data").mkdir()
    (tmp_path / "site-packages" / "data" / "clip.mp4").touch()
    assert find_data("clip.mp4", package=package) == tmp_path / "site-packages/data/clip.mp4"
    (package / "data" / "clip.mp4").touch()
    assert find_data("clip.mp4", package=package) == package / "data" / "clip.mp4"


def test_a_missing_clip_says_where_it_was_looked_for(tmp_path):
    with pytest.raises(MediaError, match="came without its data") as caught:
        find_data("clip.mp4", package=tmp_path / "toolkit")
    assert str(tmp_path / "toolkit" / "data") in str(caught.value)


@pytest.mark.parametrize("index", [0, 45])
def test_drawing_it_again_gives_the_frames_of_the_file(scene, pictures, index):
    drawn = scene.render(index)[0]
    difference = (pictures[index] - drawn).abs()
    assert float(difference.mean()) < 0.02  # 4:2:0 and the encoder's quantiser
    assert float(difference.quantile(0.99)) < 0.15


def test_the_truth_is_that_of_the_scene(scene, truth):
    again = clip_truth(scene, FLOW_FRAMES[:2])
    assert truth["flow_frames"].tolist() == list(FLOW_FRAMES)
    for name in ("rotation", "translation", "intrinsics", "pts_seconds"):
        assert torch.allclose(again[name], truth[name], atol=1e-9), name
    assert float((again["flow"] - truth["flow"][:2]).abs().max()) < 0.01
    assert float((again["visible"] ^ truth["visible"][:2]).float().mean()) < 1e-4
    with safe_open(find_data("clip_truth.safetensors"), "pt") as file:
        assert json.loads(file.metadata()["about"])["flow_stride"] == FLOW_STRIDE


def test_the_flow_leads_from_one_decoded_frame_to_the_next(truth, pictures):
    place = truth["flow_frames"].tolist().index(45)
    flow, visible = truth["flow"][place].float(), truth["visible"][place]
    y, x = torch.meshgrid(torch.arange(0, 360, 2), torch.arange(0, 640, 2), indexing="ij")
    target = torch.stack([(x + flow[0]) / 639 * 2 - 1, (y + flow[1]) / 359 * 2 - 1], -1)
    there = grid_sample(pictures[46][None], target[None], align_corners=True)[0]
    here = pictures[45][:, ::2, ::2]
    still = pictures[46][:, ::2, ::2]
    error = (there - here).abs().mean(0)[visible].mean()
    assert float(error) < 0.03
    assert float(error) < 0.7 * float((still - here).abs().mean(0)[visible].mean())


def test_the_last_frame_leads_back_to_the_first(scene):
    for end, start in zip(scene.pose(180), scene.pose(0), strict=True):
        assert torch.allclose(end, start)
