"""Does the plot of a comparison show what its table says?"""

import pytest

from toolkit.demos.comparison_plot import plot_comparison
from toolkit.scheduler import compare, simulate
from toolkit.scheduler.loads import workload

POLICIES = ("pool", "lanes")


@pytest.fixture(scope="module")
def comparison():
    load = workload(1.5, seconds=1, seed=0)
    return compare(simulate(load, policy=policy, seconds=1) for policy in POLICIES)


@pytest.fixture(scope="module")
def panels(comparison):
    figure = plot_comparison(comparison, title="1.5x")
    figure.draw_without_rendering()
    return figure.axes


def test_every_policy_has_a_line(panels):
    assert [label.get_text() for label in panels[0].get_yticklabels()] == list(POLICIES)


def test_bars_are_as_long_as_the_table_says(comparison, panels):
    lengths = [round(bar.get_width(), 6) for bar in panels[0].patches]
    kinds = [row.kind for row in comparison.rows if row.policy == "pool" and row.missed is not None]
    said = [100 * comparison.of(policy, kind).missed for kind in kinds for policy in POLICIES]
    assert lengths == pytest.approx(said)


def test_the_shares_of_a_policy_end_where_its_work_does(comparison, panels):
    ends = [bar.get_x() + bar.get_width() for bar in panels[2].patches]
    said = [100 * sum(row.share for row in comparison.rows if row.policy == p) for p in POLICIES]
    assert ends[-2:] == pytest.approx(said)
