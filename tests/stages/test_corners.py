import pytest
import torch
from kornia.feature import gftt_response, harris_response
from kornia.filters import gaussian_blur2d
from kornia.geometry.subpix import nms2d

from toolkit.stages import blur, corners, sobel
from toolkit.stages.corners import cornerness
from toolkit.stages.taps import gaussian_taps


@pytest.fixture
def gradient(run):
    def make(picture):
        return run(sobel, run(blur, picture))

    return make


def test_a_square_has_four_corners(run, gradient, square_picture):
    found = run(corners, gradient(square_picture), count=16, quality=0.1, distance=4)
    assert int((found.score > 0).sum()) == 4
    places = sorted(tuple(one) for one in found.xy[0, :4].tolist())
    expected = [(16, 12), (16, 27), (35, 12), (35, 27)]
    assert all(
        abs(x - u) <= 1.5 and abs(y - v) <= 1.5
        for (x, y), (u, v) in zip(places, sorted(expected), strict=True)
    )


def test_a_picture_without_room_for_a_corner_is_refused(run):
    with pytest.raises(ValueError, match=r"10x9 px picture is 7 px away .* set distance to 4 or"):
        run(corners, torch.rand(1, 2, 9, 10))


def test_a_picture_instead_of_a_gradient_is_refused(run, square_picture):
    with pytest.raises(ValueError, match=r"corners takes one picture of shape \(1, 2, H, W\)"):
        run(corners, square_picture)


@pytest.mark.parametrize("count", [16, 256, 4096])
def test_there_are_always_k_places(run, count):
    found = run(corners, torch.rand(1, 2, 40, 50) - 0.5, count=count)
    assert found.xy.shape == (1, count, 2)
    assert found.score.shape == (1, count)


def test_empty_places_have_score_and_position_zero(run):
    found = run(corners, torch.zeros(1, 2, 40, 50), count=16, subpixel=True)
    assert found.xy.abs().sum() == 0
    assert found.score.abs().sum() == 0


def test_the_strongest_come_first_and_the_weak_are_left_out(run):
    gradient = torch.rand(1, 2, 60, 70) - 0.5
    everything = run(corners, gradient, count=64, distance=3, quality=0.0).score[0]
    assert torch.equal(everything, everything.sort(descending=True).values)
    chosen = run(corners, gradient, count=64, distance=3, quality=0.5).score[0]
    assert torch.equal(chosen, everything * (everything > 0.5 * everything[0]))


@pytest.mark.parametrize("distance", [1, 2, 7])
def test_they_are_the_maxima_that_kornia_finds(run, distance):
    gradient = torch.rand(1, 2, 60, 70) - 0.5
    constants = {"window": gaussian_taps(1.0, device=gradient.device), "harris": None}
    response = cornerness(gradient, half=torch.tensor(0.5), **constants)
    side = 2 * distance + 1
    score, place = nms2d(response, (side, side)).flatten().topk(100)
    there = int((score > 0).sum())
    found = run(corners, gradient, count=112, distance=distance, quality=0.0)
    assert torch.equal(found.score[0, :there], score[:there])
    assert torch.equal(found.xy[0, :there, 0].long(), place[:there] % 70)
    assert torch.equal(found.xy[0, :there, 1].long(), place[:there] // 70)


def test_responses_are_kornias_over_its_window(run, is_near, monkeypatch):
    picture = torch.rand(1, 1, 40, 50)
    gradient = run(sobel, picture)
    # Kornia's window has 7 taps of the same Gaussian.
    taps = torch.exp(-(torch.arange(-3.0, 4.0) ** 2) / 2)
    taps /= taps.sum()
    half = torch.tensor(0.5)
    gftt = cornerness(gradient, window=taps, harris=None, half=half)
    assert is_near(gftt, gftt_response(picture), 1e-6)
    harris = cornerness(gradient, window=taps, harris=torch.tensor(0.04), half=half)
    assert is_near(harris, harris_response(picture, 0.04).clamp(min=0), 1e-6)


def test_the_window_is_a_gaussian(run, is_near):
    gradient = torch.rand(1, 2, 30, 40) - 0.5
    gx, gy = gradient[:, :1], gradient[:, 1:]
    blurred = [gaussian_blur2d(one, (5, 5), (1.0, 1.0)) for one in (gx * gx, gy * gy, gx * gy)]
    matrix = torch.stack([blurred[0], blurred[2], blurred[2], blurred[1]], -1).view(30, 40, 2, 2)
    expected = torch.linalg.eigvalsh(matrix)[..., 0]
    window = gaussian_taps(1.0, device=gradient.device)
    result = cornerness(gradient, window=window, harris=None, half=torch.tensor(0.5))
    assert is_near(result[0, 0], expected, 1e-6)


def test_subpixel_positions_stay_within_half_a_pixel(run, gradient):
    picture = run(blur, torch.rand(1, 1, 60, 70), sigma=2.0)
    whole = run(corners, gradient(picture), count=32, distance=5)
    fine = run(corners, gradient(picture), count=32, distance=5, subpixel=True)
    assert torch.equal(whole.score, fine.score)
    assert 0.05 < (whole.xy - fine.xy).abs().max() <= 0.5


def test_subpixel_finds_the_middle_of_a_symmetric_corner(run, gradient):
    y, x = torch.meshgrid(torch.arange(41.0), torch.arange(41.0), indexing="ij")
    blob = torch.exp(-((x - 20.3) ** 2 + (y - 19.6) ** 2) / 18)[None, None]
    found = run(corners, gradient(blob), count=16, distance=7, subpixel=True, window=3.0)
    assert torch.allclose(found.xy[0, 0], torch.tensor([20.3, 19.6]), atol=0.1)
