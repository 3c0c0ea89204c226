"""The clocks of a stretch."""

import pytest

from toolkit.profiling import clocks
from toolkit.profiling.clocks import Clocks


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
