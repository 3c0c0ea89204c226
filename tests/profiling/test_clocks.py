"""The clocks of a stretch."""

import pytest

from toolkit.profiling import clocks
from toolkit.profiling.clocks import ASKED, FEW, SHORT_NS, Clocks


@pytest.fixture
def readings(monkeypatch):
    """Clocks that show what they are told: `readings(wall, ran, faults)`."""
    now = [0, 0, 0]
    monkeypatch.setattr(clocks.time, "perf_counter_ns", lambda: now[0])
    monkeypatch.setattr(clocks.time, "thread_time_ns", lambda: now[1])
    monkeypatch.setattr(clocks, "page_faults", lambda: now[2])

    def show(*values):
        now[:] = values

    return show


def test_a_stretch_has_its_times_and_the_pages_since_the_last_one(readings):
    readings(100, 10, 5)
    one = Clocks()
    readings(200, 20, 6)
    assert one.begin() == 200
    readings(500, 120, 9)
    assert one.end() == (200, 500, 100, 4)
    readings(600, 130, 10)
    one.begin()
    readings(700, 190, 10)
    assert one.end() == (600, 700, 60, 1)


def test_where_the_system_counts_no_faults_there_are_none(readings):
    readings(100, 10, -1)
    one = Clocks()
    one.begin()
    assert one.end()[3] == -1


def test_stretches_in_a_row_are_asked_about_all_together(readings):
    one = Clocks()
    readings(1_000, 0, 0)
    one.begin()
    readings(2_000, 900, 1)
    assert one.leave() == (1_000, 2_000, 1_000, 0)
    readings(2_100, 1_000, 2)
    assert one.enter() == 2_100
    readings(3_100, 1_900, 3)
    # 200 ns off in all of them, and 3 pages: it is told of the last one
    assert one.end() == (2_100, 3_100, 800, 3)


@pytest.mark.parametrize(
    ("ran_ns", "faults"),
    [(1_000_000 - SHORT_NS - 1, 0), (1_000_000, FEW + 1)],
    ids=["the thread did not run", "pages"],
)
def test_after_something_came_up_every_stretch_is_asked_about(readings, ran_ns, faults):
    readings(0, 0, 0)
    one = Clocks()
    one.begin()
    one.leave()
    one.enter()
    readings(1_000_000, ran_ns, faults)
    one.end()
    now_ns = 1_000_000
    for _ in range(ASKED):
        readings(now_ns, ran_ns, faults)
        one.enter()
        now_ns, ran_ns = now_ns + 150, ran_ns + 100
        readings(now_ns, ran_ns, faults)
        assert one.leave()[2] == 100
    one.enter()
    readings(now_ns + 150, ran_ns + 100, faults)
    assert one.leave()[2] == 150


def test_what_came_up_in_a_stretch_that_was_asked_about_by_itself_is_known(readings):
    readings(0, 0, 0)
    one = Clocks()
    one.begin()
    readings(1_000_000, 0, 0)
    assert one.end()[2] == 0  # it waited for the next frame all the time
    one.enter()
    readings(1_000_150, 100, 0)
    assert one.leave()[2] == 150  # not asked about
