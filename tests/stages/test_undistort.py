import pytest
import torch
from kornia.geometry.calibration import undistort_image

from toolkit.stages import undistort

CAMERA = ((50.0, 0.0, 32.0), (0.0, 55.0, 24.0), (0.0, 0.0, 1.0))


def test_no_distortion_changes_nothing(run, is_near):
    picture = torch.rand(1, 3, 48, 64)
    assert is_near(run(undistort, picture, camera=CAMERA), picture, 1e-4)


def test_a_matrix_that_is_no_camera_is_refused(run):
    picture = torch.rand(1, 3, 48, 64)
    with pytest.raises(ValueError, match=r"fx, fy = 0, 55 .* are no camera matrix"):
        run(undistort, picture, camera=((0.0, 0.0, 32.0), *CAMERA[1:]))
    with pytest.raises(ValueError, match="a matrix of 2x3 is not a 3x3 matrix"):
        run(undistort, picture, camera=CAMERA[:2])


def test_the_size_stays_and_outside_is_black(run):
    result = run(undistort, torch.ones(1, 1, 48, 64), camera=CAMERA, k1=0.9)
    assert result.shape == (1, 1, 48, 64)
    assert result[0, 0, 0, 0] == 0.0
    assert result[0, 0, 24, 32] == 1.0


def test_it_is_kornias_undistortion(run, is_near):
    picture = torch.rand(1, 3, 48, 64)
    values = {"k1": -0.2, "k2": 0.05, "p1": 0.001, "p2": -0.002, "k3": 0.01}
    coefficients = torch.tensor([[-0.2, 0.05, 0.001, -0.002, 0.01]])
    expected = undistort_image(picture, torch.tensor([CAMERA]), coefficients)
    # Kornia computes the map in float32, here it is float64 and rounded once.
    assert is_near(run(undistort, picture, camera=torch.tensor(CAMERA), **values), expected, 1e-4)


def test_the_map_is_made_by_prepare_alone(constants_of):
    picture = torch.rand(1, 3, 48, 64)
    constants = constants_of(undistort, picture, camera=CAMERA, k1=-0.1)
    assert set(constants) == {"grid"}
    assert constants["grid"].shape == (1, 48, 64, 2)
    assert torch.equal(undistort(picture, **constants), undistort(picture, **constants))
