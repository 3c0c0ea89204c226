"""Errors of many pairs, without keeping them."""

import numpy as np
import pytest

from toolkit.evaluation import BadData, FlowTally, flow_errors

TRUTH = np.zeros((2, 30, 40))


def pair(seed, width):
    estimate = np.random.default_rng(seed).lognormal(size=(2, 30, width)) * seed
    return estimate, np.zeros((2, 30, width)), np.ones((30, width), bool)


def test_every_pixel_of_every_pair_counts_the_same():
    tally, pairs = FlowTally(), [pair(1, 20), pair(2, 70)]
    each = [tally.add(*one) for one in pairs]
    assert each == [flow_errors(*one) for one in pairs]
    together = flow_errors(*(np.concatenate(parts, -1) for parts in zip(*pairs, strict=True)))
    assert tally.errors.epe_mean == pytest.approx(together.epe_mean)
    assert tally.errors.fl_all == pytest.approx(together.fl_all)
    assert tally.errors.epe_median == pytest.approx(together.epe_median, rel=1e-3)
    assert tally.errors.pixels == together.pixels == 2700


def test_shares_rise_to_one():
    tally = FlowTally()
    tally.add(TRUTH + 3, TRUTH, np.ones((30, 40), bool))
    errors, shares = tally.shares()
    place = int(np.argmax(shares > 0.5))
    assert errors[place] == pytest.approx(3 * 2**0.5, rel=1e-3)
    assert (shares[0], shares[-1]) == (0, 1)


def test_flow_that_is_right_has_no_error():
    tally = FlowTally()
    tally.add(TRUTH, TRUTH, np.ones((30, 40), bool))
    assert (tally.errors.epe_mean, tally.errors.epe_median) == (0, 0)


def test_what_is_refused_is_not_counted():
    tally = FlowTally()
    with pytest.raises(BadData, match="not finite"):
        tally.add(TRUTH + np.nan, TRUTH, np.ones((30, 40), bool))
    with pytest.raises(BadData, match="no pair was added"):
        _ = tally.errors
