"""Folders as users unpack them: Sintel, KITTI flow, pairs by name, and TUM RGB-D."""

import json

import cv2
import numpy as np
import pytest

from toolkit.evaluation import BadData, find_flow_pairs, open_tum_rgbd, write_flo, write_kitti_flow

HEIGHT, WIDTH = 6, 8
FLOW = np.stack([np.full((HEIGHT, WIDTH), 1.5), np.full((HEIGHT, WIDTH), -0.5)])


def paint(path, value, *, width=WIDTH):
    """A picture of (value, 20, 30) RGB."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = np.full((HEIGHT, width, 3), (30, 20, value), np.uint8)
    assert cv2.imwrite(str(path), picture)


def sintel(root):
    for number in (1, 2, 10):
        for rendering in ("clean", "final"):
            value = number if rendering == "clean" else 100 + number
            paint(root / f"training/{rendering}/alley_1/frame_{number:04d}.png", value)
    for number in (1, 9):
        truth = root / f"training/flow/alley_1/frame_{number:04d}.flo"
        truth.parent.mkdir(parents=True, exist_ok=True)
        write_flo(truth, FLOW)
    paint(root / "training/final/alley_1/frame_0009.png", 109)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[0] = 255
    (root / "training/invalid/alley_1").mkdir(parents=True)
    cv2.imwrite(str(root / "training/invalid/alley_1/frame_0001.png"), mask)


def kitti(root, camera):
    for number in (0, 7):
        for moment in (10, 11):
            paint(root / f"training/{camera}/{number:06d}_{moment}.png", 10 * number + moment)
        (root / "training/flow_occ").mkdir(parents=True, exist_ok=True)
        write_kitti_flow(root / f"training/flow_occ/{number:06d}_10.png", FLOW, FLOW[0] > 0)


def tum(root):
    (root / "rgb").mkdir(parents=True)
    for name in ("2.5", "1.25"):
        paint(root / f"rgb/{name}.png", 9)
    (root / "rgb.txt").write_text("# color images\n2.5 rgb/2.5.png\n1.25 rgb/1.25.png\n")
    (root / "groundtruth.txt").write_text("1 0 0 0 0 0 0 1\n2 1 0 0 0 0 0 1\n")


def test_the_pairs_of_sintel_are_found(tmp_path):
    sintel(tmp_path)
    pairs = find_flow_pairs(tmp_path)
    assert [one.name for one in pairs] == ["alley_1/frame_0001", "alley_1/frame_0009"]
    before, after = pairs[1].read_pictures()
    assert (before[0, 0, 0], after[0, 0, 0]) == (109, 110)
    assert before.shape == (3, HEIGHT, WIDTH)
    clean = find_flow_pairs(tmp_path / "training", rendering="clean")
    assert clean[0].read_pictures()[0][:, 0, 0].tolist() == [1, 20, 30]


def test_sintel_s_invalid_pixels_are_left_out(tmp_path):
    sintel(tmp_path)
    flow, is_valid = find_flow_pairs(tmp_path)[0].read_truth()
    assert flow[:, 3, 3].tolist() == [1.5, -0.5]
    assert not is_valid[0].any()
    assert is_valid[1:].all()


@pytest.mark.parametrize("camera", ["image_2", "colored_0", "image_0"])
def test_the_pairs_of_kitti_are_found(camera, tmp_path):
    kitti(tmp_path, camera)
    pairs = find_flow_pairs(tmp_path)
    assert [one.name for one in pairs] == ["000000_10", "000007_10"]
    before, after = pairs[1].read_pictures()
    assert (before[0, 0, 0], after[0, 0, 0]) == (80, 81)
    flow, is_valid = pairs[1].read_truth()
    assert flow[:, 0, 0].tolist() == [1.5, -0.5]
    assert is_valid.all()


def test_pairs_named_as_in_flyingchairs_are_found(test_data):
    (pair,) = find_flow_pairs(test_data / "flow")
    assert pair.name == "00001"
    before, after = pair.read_pictures()
    assert before.shape == after.shape == (3, *pair.read_truth().flow.shape[1:])


@pytest.mark.parametrize(
    ("name", "expected"),
    [("rubberwhale", "rubberwhale"), ("00001", "chairs 00001"), ("motorcycle", "motorcycle")],
)
def test_the_truth_of_real_pairs_leads_from_the_first_picture_to_the_second(
    name, expected, real_pairs, test_data
):
    pair = next(one for one in find_flow_pairs(real_pairs) if one.name == name)
    (flow, is_valid), pictures = pair.read_truth(), pair.read_pictures()
    before, after = (
        cv2.cvtColor(np.moveaxis(one, 0, -1).copy(), cv2.COLOR_RGB2GRAY).astype(np.float32)
        for one in pictures
    )
    y, x = np.mgrid[: flow.shape[1], : flow.shape[2]].astype(np.float32)
    right, down = x + flow[0], y + flow[1]
    is_inside = (right >= 0) & (down >= 0) & (right <= x.max()) & (down <= y.max())
    there = cv2.remap(after, right, down, cv2.INTER_LINEAR)
    told = json.loads((test_data / "flow" / "EXPECTED_flow.json").read_text())["pairs"]
    (numbers,) = [value for key, value in told.items() if key.startswith(expected)]
    off, still = (np.abs(one - before)[is_valid & is_inside].mean() for one in (there, after))
    assert off == pytest.approx(numbers["mae_gt"], rel=0.05)
    assert still == pytest.approx(numbers["mae_nowarp"], rel=0.05)


def test_a_folder_of_something_else_is_refused_with_what_was_found(tmp_path):
    with pytest.raises(BadData, match=r"holds no flow data. Known are sintel: .*is empty"):
        find_flow_pairs(tmp_path)
    for number in range(10):
        (tmp_path / f"{number}.txt").touch()
    (tmp_path / "depth").mkdir()
    with pytest.raises(BadData, match=r"Found in .*/: 0\.txt, 1\.txt.* and 3 more"):
        find_flow_pairs(tmp_path)
    with pytest.raises(BadData, match="is no folder"):
        find_flow_pairs(tmp_path / "gone")


def test_a_missing_or_odd_picture_is_named(tmp_path):
    kitti(tmp_path, "image_2")
    pair = find_flow_pairs(tmp_path)[0]
    paint(pair.after, 3, width=WIDTH + 1)
    with pytest.raises(BadData, match=r"000000_11\.png: has shape \(3, 6, 9\), and 000000_10\.png"):
        pair.read_pictures()
    pair.after.write_bytes(b"no picture")
    with pytest.raises(BadData, match=r"000000_11\.png: is no picture"):
        pair.read_pictures()
    pair.after.unlink()
    with pytest.raises(BadData, match=r"000000_11\.png: is not there"):
        pair.read_pictures()
    pair.truth.unlink()
    with pytest.raises(BadData, match="is not there, but its pictures are"):
        pair.read_truth()


def test_a_sequence_of_tum_rgbd_is_opened(tmp_path):
    root = tmp_path / "rgbd_dataset_freiburg3_desk"
    tum(root)
    sequence = open_tum_rgbd(root)
    assert sequence.name == root.name
    assert [one.pts_seconds for one in sequence.pictures] == [1.25, 2.5]
    assert sequence.pictures[0].path == root / "rgb" / "1.25.png"
    assert sequence.truth.length_metres == 1
    assert sequence.intrinsics[0].tolist() == [535.4, 0, 320.1]


def test_a_sequence_with_another_name_has_the_camera_s_default_intrinsics(tmp_path):
    tmp_path = tmp_path / "desk"
    tum(tmp_path)
    assert open_tum_rgbd(tmp_path).intrinsics[1].tolist() == [0, 525, 239.5]


def test_a_sequence_that_is_none_is_refused(tmp_path):
    with pytest.raises(BadData, match="is no folder"):
        open_tum_rgbd(tmp_path / "gone")
    (tmp_path / "notes.md").touch()
    with pytest.raises(BadData, match=r"rgb/\*\.png were expected. Found in .*: notes\.md"):
        open_tum_rgbd(tmp_path)
    tum(tmp_path)
    (tmp_path / "rgb" / "2.5.png").unlink()
    with pytest.raises(BadData, match=r"1 of 2 pictures .* the first rgb/2\.5\.png"):
        open_tum_rgbd(tmp_path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("noon rgb/1.png\n", "line 1 is 'noon"),
        ("1.5\n", "a time and a file"),
        ("#\n", "no picture"),
    ],
)
def test_a_list_that_is_none_is_refused(text, sentence, tmp_path):
    tum(tmp_path)
    (tmp_path / "rgb.txt").write_text(text)
    with pytest.raises(BadData, match=sentence):
        open_tum_rgbd(tmp_path)
