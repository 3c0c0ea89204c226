import pytest
import torch

from toolkit.stages.taps import correlate, gaussian_radius, gaussian_taps, shifted, weigh

DEVICE = torch.device("cpu")


def test_taps_sum_to_one_and_are_symmetric():
    taps = gaussian_taps(1.5, device=DEVICE)
    assert taps.shape == (7,)
    assert torch.equal(taps, taps.flip(0))
    assert float(taps.sum()) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("sigma", "radius"), [(0.3, 1), (0.5, 1), (1.0, 2), (1.0 + 1e-15, 2), (1.1, 3), (5.0, 10)]
)
def test_the_radius_is_two_sigma(sigma, radius):
    assert gaussian_radius(sigma) == radius


def test_rows_and_columns_by_hand():
    picture = torch.tensor([[0.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 0.0]])[None, None]
    taps = torch.tensor([0.25, 0.5, 0.25])
    # Mirrored at the border, the 4 is seen twice from each side.
    expected = torch.tensor([[1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0]])
    assert torch.equal(correlate(picture, taps)[0, 0], expected)


def test_views_one_step_apart_are_weighed_without_memory_of_their_own():
    row = torch.tensor([1.0, 2.0, 4.0, 8.0])
    parts = shifted(row, 2, axis=0)
    assert [part.tolist() for part in parts] == [[1.0, 2.0], [2.0, 4.0], [4.0, 8.0]]
    assert all(part.untyped_storage().data_ptr() == row.data_ptr() for part in parts)
    result = torch.empty(2)
    weigh(parts, torch.tensor([1.0, 10.0, 100.0]).unbind(), out=result)
    assert result.tolist() == [421.0, 842.0]


def test_bands_are_invisible(monkeypatch):
    picture = torch.rand(1, 3, 61, 40)
    taps = gaussian_taps(2.0, device=DEVICE)
    whole = correlate(picture, taps)
    monkeypatch.setattr("toolkit.stages.bands.BAND_BYTES", 1)
    assert torch.equal(correlate(picture, taps), whole)
