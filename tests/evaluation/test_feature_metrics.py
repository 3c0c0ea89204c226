"""Repeatability and matching score, on features that can be counted on one hand."""

import numpy as np
import pytest

from toolkit.evaluation import (
    BadData,
    feature_errors,
    truth_from_flow,
    truth_from_homography,
)

ALL = [True] * 4
SQUARE = np.array([[0.0, 0], [10, 0], [0, 10], [10, 10]])


def test_features_that_are_all_found_and_matched_score_one():
    errors = feature_errors((SQUARE, ALL), (SQUARE, ALL), [(i, i) for i in range(4)])
    assert (errors.repeatability, errors.matching_score) == (1, 1)
    assert (errors.precision, errors.recall) == (1, 1)


def test_shares_are_those_counted_by_hand():
    after = SQUARE + np.array(
        [[0, 0], [2, 0], [3, 0], [0, 0]]
    )  # the third lies 3 px off: not found again
    matches = [(0, 0), (1, 1), (2, 2), (3, 1)]  # the third and the fourth are wrong
    errors = feature_errors((SQUARE, ALL), (after, ALL), matches)
    assert (errors.correspondences, errors.correct, errors.matches) == (3, 2, 4)
    assert errors.repeatability == 3 / 4
    assert errors.matching_score == 2 / 4
    assert errors.precision == 2 / 4
    assert errors.recall == 2 / 3


def test_only_the_part_that_both_pictures_show_counts():
    seen = [True, True, False, False]
    errors = feature_errors((SQUARE, seen), (SQUARE[:3], seen[:3]), [(0, 0), (2, 2)])
    assert (errors.repeatability, errors.matching_score, errors.matches) == (1, 1 / 2, 1)


def test_one_feature_is_the_partner_of_one_only():
    crowd = np.array([[0.0, 0], [1, 0], [2, 0], [50, 50]])
    errors = feature_errors((SQUARE, ALL), (crowd, ALL), [])
    assert errors.correspondences == 1
    assert errors.recall == errors.matching_score == 0


def test_no_feature_at_all_scores_nothing():
    errors = feature_errors((np.empty((0, 2)), []), (SQUARE, ALL), np.empty((0, 2)))
    assert (errors.repeatability, errors.matching_score, errors.precision) == (0, 0, 0)


def test_a_match_of_a_feature_that_is_not_there_is_refused():
    with pytest.raises(BadData, match=r"places up to \[4, 0\] of 4 and 4 features"):
        feature_errors((SQUARE, ALL), (SQUARE, ALL), [(4, 0)])


def test_a_homography_says_where_a_point_lies_and_whether_it_is_seen():
    shift = np.array([[1, 0, 5], [0, 1, 0], [0, 0, 1.0]])
    there, seen = truth_from_homography(SQUARE, shift, width=12, height=12)
    assert there.tolist() == [[5, 0], [15, 0], [5, 10], [15, 10]]
    assert seen.tolist() == [True, False, True, False]
    behind = np.diag([1.0, 1, -1])
    assert not truth_from_homography(SQUARE, behind, width=12, height=12)[1].any()


def test_flow_says_where_a_point_lies_and_whether_it_is_seen():
    flow = np.zeros((2, 11, 11))
    flow[0, 10] = 2  # the last row goes right, and out of the picture at its end
    visible = np.ones((11, 11), bool)
    visible[0, 10] = False
    there, seen = truth_from_flow(SQUARE, flow, visible)
    assert there.tolist() == [[0, 0], [10, 0], [2, 10], [12, 10]]
    assert seen.tolist() == [True, False, True, False]
