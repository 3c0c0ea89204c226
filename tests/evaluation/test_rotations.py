"""Angles between rotations and between directions."""

import numpy as np
import pytest

from toolkit.evaluation import direction_errors, rotation_angles


def turn(degrees):
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


@pytest.mark.parametrize("degrees", [0, 1e-7, 0.02, 90, 179.999, 180])
def test_a_rotation_s_angle_is_in_degrees(degrees):
    assert rotation_angles(turn(degrees)) == pytest.approx(degrees, abs=1e-9)


def test_many_rotations_have_many_angles():
    assert rotation_angles(np.stack([turn(3), turn(-4)])) == pytest.approx([3, 4])


def test_directions_differ_by_an_angle_whatever_their_length():
    assert direction_errors([2, 0, 0], [0, 0.1, 0]) == pytest.approx(90)
    assert direction_errors([1, 1, 0], [5, 5, 0]) == pytest.approx(0, abs=1e-6)
    assert direction_errors([1, 0, 0], [-3, 0, 0]) == pytest.approx(180)


def test_what_has_no_direction_is_a_right_angle_off():
    assert direction_errors([[0, 0, 0], [1, 0, 0]], [[1, 0, 0], [0, 0, 0]]).tolist() == [90, 90]
