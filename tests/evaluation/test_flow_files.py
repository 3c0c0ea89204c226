"""Flow from files and into files: what OpenCV and the data sets read and write."""

import cv2
import numpy as np
import pytest

from toolkit.evaluation import BadData, read_flo, read_kitti_flow, write_flo, write_kitti_flow

FORMATS = {"flo": (read_flo, write_flo, 0.0), "png": (read_kitti_flow, write_kitti_flow, 1 / 128)}


@pytest.fixture
def flow():
    return np.random.default_rng(5).normal(size=(2, 7, 11)).astype(np.float32) * 20


@pytest.mark.parametrize("ending", FORMATS)
def test_what_is_written_is_read_again(flow, ending, tmp_path):
    read, write, precision = FORMATS[ending]
    is_valid = flow[0] > -10
    write(tmp_path / f"flow.{ending}", flow, is_valid)
    found = read(tmp_path / f"flow.{ending}")
    assert (found.is_valid == is_valid).all()
    assert np.abs(found.flow - flow)[:, is_valid].max() <= precision
    assert (found.flow[:, ~is_valid] == 0).all()


@pytest.mark.parametrize("ending", FORMATS)
def test_what_is_not_finite_is_written_as_unknown(flow, ending, tmp_path):
    read, write, _ = FORMATS[ending]
    flow[:, 2, 3] = np.nan
    write(tmp_path / f"flow.{ending}", flow)
    found = read(tmp_path / f"flow.{ending}").is_valid
    assert not found[2, 3]
    assert found.sum() == found.size - 1


def test_opencv_reads_the_flo_that_is_written_here(flow, tmp_path):
    write_flo(tmp_path / "flow.flo", flow[None])
    theirs = cv2.readOpticalFlow(str(tmp_path / "flow.flo"))
    assert np.array_equal(theirs, np.moveaxis(flow, 0, -1))


def test_the_flo_that_opencv_writes_is_read_here(flow, tmp_path):
    cv2.writeOpticalFlow(str(tmp_path / "flow.flo"), np.ascontiguousarray(np.moveaxis(flow, 0, -1)))
    assert np.array_equal(read_flo(tmp_path / "flow.flo").flow, flow)


def test_opencv_finds_the_steps_of_kitti_in_the_png(tmp_path):
    flow = np.array([[[1.0, -2.5]], [[0.25, 511.984375]]], np.float32)
    write_kitti_flow(tmp_path / "flow.png", flow, [[True, False]])
    blue, green, red = np.moveaxis(
        cv2.imread(str(tmp_path / "flow.png"), cv2.IMREAD_UNCHANGED), -1, 0
    )
    assert red.tolist() == [[32768 + 64, 0]]
    assert green.tolist() == [[32768 + 16, 0]]
    assert blue.tolist() == [[1, 0]]


def test_the_png_that_opencv_writes_is_read_here(tmp_path):
    bgr = np.array([[[1, 32768, 32768 - 640], [0, 5, 6]]], np.uint16)
    cv2.imwrite(str(tmp_path / "flow.png"), bgr)
    found = read_kitti_flow(tmp_path / "flow.png")
    assert found.flow.tolist() == [[[-10, 0]], [[0, 0]]]
    assert found.is_valid.tolist() == [[True, False]]


def test_the_truth_of_a_real_pair_is_read(test_data):
    found = read_flo(test_data / "flow" / "rubberwhale_gt.flo")
    assert found.flow.shape == (2, 388, 584)
    assert found.is_valid.mean() == pytest.approx(0.984, abs=5e-4)
    assert np.abs(found.flow).max() == pytest.approx(4.58, abs=0.01)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", r"flow\.flo: begins with b'' and has 0 bytes"),
        (b"\x89PNG\r\n\x1a\n    ", "another format"),
        (b"PIEH" + bytes(8), "says that it is 0x0 px"),
        (b"PIEH\x02\0\0\0\x03\0\0\0" + bytes(40), "has 52 bytes; 2x3 px make 60"),
    ],
)
def test_a_flo_that_is_none_is_refused(content, sentence, tmp_path):
    (tmp_path / "flow.flo").write_bytes(content)
    with pytest.raises(BadData, match=sentence) as told:
        read_flo(tmp_path / "flow.flo")
    assert told.value.path == tmp_path / "flow.flo"


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n"])
def test_a_png_that_is_none_is_refused(content, tmp_path):
    (tmp_path / "flow.png").write_bytes(content)
    with pytest.raises(BadData, match=r"flow\.png: .* Fetch it again"):
        read_kitti_flow(tmp_path / "flow.png")


def test_a_png_that_is_cut_off_is_refused(flow, tmp_path):
    write_kitti_flow(tmp_path / "flow.png", flow)
    whole = (tmp_path / "flow.png").read_bytes()
    (tmp_path / "flow.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadData, match=r"flow\.png"):
        read_kitti_flow(tmp_path / "flow.png")


def test_a_picture_is_not_taken_for_flow(tmp_path):
    cv2.imwrite(str(tmp_path / "flow.png"), np.zeros((4, 5, 3), np.uint8))
    with pytest.raises(BadData, match="holds rgb24 pixels; three channels of 16 bits"):
        read_kitti_flow(tmp_path / "flow.png")


@pytest.mark.parametrize("write", [write_flo, write_kitti_flow])
def test_a_format_refuses_what_it_cannot_hold(write, tmp_path):
    with pytest.raises(BadData, match=r"flow (reaches|runs from)"):
        write(tmp_path / "flow", np.full((2, 2, 2), 2e9))
    with pytest.raises(BadData, match=r"flow of shape \(2, 2\)"):
        write(tmp_path / "flow", np.zeros((2, 2)))
    assert not (tmp_path / "flow").exists()
