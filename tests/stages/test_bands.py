import pytest
import torch

from toolkit.stages import bands as under_test
from toolkit.stages.bands import bands, rows_per_band, windows


@pytest.mark.parametrize(("height", "rows"), [(12, 4), (11, 4), (5, 5), (9, 8)])
def test_bands_are_equally_high_and_cover_each_row(height, rows):
    image = torch.arange(height).repeat(2, 1)[..., None]  # (2, height, 1), each row its number
    found = [band for (band,) in bands(rows, image)]
    assert {tuple(band.shape) for band in found} == {(2, rows, 1)}
    assert {int(row) for band in found for row in band[0, :, 0]} == set(range(height))
    assert [int(band[0, 0, 0]) for band in found] == [*range(0, height - rows, rows), height - rows]


@pytest.mark.parametrize(("height", "rows"), [(12, 4), (11, 4), (5, 5), (9, 8)])
def test_windows_are_the_bands_with_the_rows_around(height, rows):
    image = torch.arange(-2, height + 2)[:, None]  # a border of two rows
    inner = image[2:-2]
    for (band,), window in zip(bands(rows, inner), windows(image, rows, 2), strict=True):
        assert torch.equal(window[2:-2], band)
        assert window.shape[0] == rows + 4


def test_bands_of_several_pictures_come_side_by_side():
    wide, narrow = torch.rand(3, 10, 6), torch.rand(10, 2)
    pairs = list(bands(5, wide, narrow))
    assert [(tuple(one.shape), tuple(other.shape)) for one, other in pairs] == 2 * [
        ((3, 5, 6), (5, 2))
    ]
    assert torch.equal(torch.cat([other for _, other in pairs]), narrow)


def test_bands_and_windows_are_views():
    image = torch.zeros(1, 11, 3)
    for (view,) in bands(4, image):
        view.fill_(1.0)
    assert image.min() == 1.0
    for view in windows(image, 4, 1):
        view.fill_(2.0)
    assert image.min() == 2.0


def test_a_band_fits_into_the_cache_and_the_bands_share_the_height(monkeypatch):
    monkeypatch.setattr(under_test, "BAND_BYTES", 10 * 4 * 4)  # 10 rows of 4 float32
    image = torch.empty(1, 4)
    assert rows_per_band(image, 100) == 10
    assert rows_per_band(image, 101) == 10  # eleven bands, the last one repeats 9 rows
    assert rows_per_band(image, 24) == 8  # three bands, and nothing is repeated
    assert rows_per_band(image, 7) == 7
    assert rows_per_band(image, 100, planes=5) == 8  # never so low that borders outweigh it


def test_a_gpu_gets_the_whole_picture_at_once():
    image = torch.empty(1, 4, device="meta")
    assert rows_per_band(image, 5000) == 5000
    assert len(list(bands(5000, torch.empty(5000, 4, device="meta")))) == 1
