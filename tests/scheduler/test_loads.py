"""Is the load that schedulers are compared on what it says?"""

import pytest

from toolkit.scheduler.levels import NEVER
from toolkit.scheduler.loads import BACKGROUND, KINDS, load_of, workload

MS = 1_000_000


def test_the_same_seed_is_the_same_load():
    assert workload(1.5, seconds=2, seed=1) == workload(1.5, seconds=2, seed=1)
    assert workload(1.5, seconds=2, seed=1) != workload(1.5, seconds=2, seed=2)


@pytest.mark.parametrize("load", [0.5, 1.0, 1.5, 2.0])
def test_load_is_offered_cpu_seconds_over_capacity(load):
    assert load_of(workload(load, seconds=200, seed=0), seconds=200) == pytest.approx(
        load, rel=0.05
    )


def test_arrivals_come_in_order_and_all_kinds_have_a_level():
    arrivals = workload(1.0, seconds=2, seed=0)
    releases = [arrival.release_ns for arrival in arrivals]
    assert releases == sorted(releases)
    assert {arrival.kind for arrival in arrivals} == set(KINDS)
    assert set(BACKGROUND) < set(KINDS)


def test_a_frame_is_due_when_the_next_one_comes_and_nothing_else_is_due():
    arrivals = workload(1.0, seconds=2, seed=0)
    frames = [arrival for arrival in arrivals if arrival.kind == "cam1"]
    assert len(frames) == 120
    assert [frame.deadline_ns for frame in frames[:-1]] == [f.release_ns for f in frames[1:]]
    assert all(frame.quanta_ns == (5 * MS,) and frame.key == "cam1" for frame in frames)
    due = {arrival.kind for arrival in arrivals if arrival.deadline_ns != NEVER}
    assert due == {"cam1", "cam2", "overlay"}


def test_only_the_overlay_may_be_shed_and_only_training_never_ends():
    arrivals = workload(1.0, seconds=2, seed=0)
    assert {arrival.kind for arrival in arrivals if arrival.optional} == {"overlay"}
    assert [arrival.kind for arrival in arrivals if arrival.repeats] == ["train"]


def test_the_same_load_can_run_on_a_device():
    on_device = workload(1.0, seconds=1, seed=0, on_device=True)
    assert all(arrival.on_device for arrival in on_device)
    assert [a.quanta_ns for a in on_device] == [
        a.quanta_ns for a in workload(1.0, seconds=1, seed=0)
    ]


def test_a_load_of_nothing_is_refused():
    with pytest.raises(ValueError, match="load=0"):
        workload(0, seconds=1, seed=0)
