"""End-point error and Fl-all, on fields of six pixels."""

import numpy as np
import pytest
import torch

from toolkit.evaluation import BadData, end_point_errors, flow_errors


def field(u, v=0.0):
    return np.stack(np.broadcast_arrays(np.float32(u), np.float32(v)))


def test_a_right_estimate_has_no_error():
    truth = field([[1, 2, 3], [4, 5, 6]])
    errors = flow_errors(truth, truth)
    assert (errors.epe_mean, errors.epe_median, errors.fl_all, errors.pixels) == (0, 0, 0, 6)


def test_end_point_error_is_the_distance_of_the_ends():
    errors = end_point_errors(field([[3, 0]], [[4, 0]]), field([[0, 0]], [[0, 2]]))
    assert errors.tolist() == [[5, 2]]


def test_mean_and_median_are_over_valid_pixels_only():
    truth = field(np.zeros((2, 3)))
    estimate = field([[1, 2, 9], [3, 99, np.nan]])
    is_valid = np.array([[1, 1, 1], [1, 0, 0]], bool)
    errors = flow_errors(estimate, truth, is_valid)
    assert (errors.epe_mean, errors.epe_median, errors.pixels) == (3.75, 2.5, 4)


def test_an_outlier_is_off_by_3_px_and_by_5_percent():
    truth = field([[10, 10, 100, 100]])
    estimate = field([[12.9, 13.1, 104.9, 105.1]])
    assert flow_errors(estimate, truth).fl_all == 50


def test_a_tensor_with_a_batch_axis_is_flow_too():
    truth = torch.zeros(1, 2, 4, 5)
    assert flow_errors(truth + 1, truth).epe_mean == pytest.approx(2**0.5)


@pytest.mark.parametrize(
    ("estimate", "is_valid", "sentence"),
    [
        (field(np.zeros((2, 2))), None, r"shape \(2, 2, 2\) and the truth \(2, 2, 3\)"),
        (np.zeros((2, 3, 2)), None, r"estimate has shape \(2, 3, 2\) and"),
        (np.zeros((2, 3)), None, r"flow is \(2, H, W\)"),
        (field(np.zeros((2, 3))), np.ones((3, 2)), "is_valid has shape"),
        (field(np.zeros((2, 3))), np.zeros((2, 3)), "none of 6 pixels has a known truth"),
        (field(np.full((2, 3), np.nan)), None, "6 of 6 errors are not finite"),
    ],
)
def test_what_cannot_be_compared_is_refused(estimate, is_valid, sentence):
    with pytest.raises(BadData, match=sentence):
        flow_errors(estimate, field(np.zeros((2, 3))), is_valid)
