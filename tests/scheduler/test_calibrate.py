"""Is a calibration like a machine? This one, whatever else runs on it: only ranges can be told."""

import hashlib
import sys

import pytest

from toolkit.scheduler.executors.calibrate import calibrate
from toolkit.scheduler.executors.calibration import MEASURED, Calibration
from toolkit.scheduler.executors.sim import simulate
from toolkit.scheduler.loads import workload

MS = 1_000_000
BLOCK = bytes(1 << 18)


@pytest.fixture(scope="module")
def measured():
    """What this machine costs, with hashing as its kernel."""
    threads = []
    measured = calibrate(lambda: hashlib.sha256(BLOCK), initializer=lambda: threads.append(1))
    assert threads  # each was told
    return measured


def test_a_calibration_says_what_a_machine_costs(measured):
    assert 10_000 < measured.kernel_ns < 10 * MS
    assert 0 < measured.schedule_ns < MS
    assert measured.switch_interval_ns == int(sys.getswitchinterval() * 1e9)
    assert list(measured.wake_ns) == sorted(measured.wake_ns)
    assert list(measured.overshoot_ns) == sorted(measured.overshoot_ns)
    assert measured.wake_ns[0] > 0 < measured.overshoot_ns[0]
    assert 0.5 < measured.slowdown < 5
    assert measured.cost_noise > 0 < measured.kernel_noise


def test_a_call_that_costs_more_than_it_is_said_to_slows_the_machine_down(measured):
    said_ns = measured.kernel_ns / 10
    machine = calibrate(lambda: hashlib.sha256(BLOCK), cost_ns=said_ns)
    assert machine.kernel_ns == round(said_ns)
    assert machine.slowdown > 5


def test_a_call_that_costs_less_than_it_is_said_to_speeds_the_machine_up(measured):
    machine = calibrate(lambda: hashlib.sha256(BLOCK), cost_ns=measured.kernel_ns * 10)
    assert machine.slowdown < 0.5


@pytest.mark.skipif(sys.platform != "linux", reason="threads are bound to a core on Linux only")
def test_niceness_makes_a_thread_lighter_here(measured):
    assert 1.05 < measured.nice_step < 1.6


def test_the_simulator_takes_it(measured):
    outcome = simulate(
        workload(1.0, seconds=0.2, seed=0), policy="lanes", seconds=0.2, calibration=measured
    )
    assert outcome.kinds["cam1"].done > 5


def test_an_ideal_machine_costs_nothing_but_work_varies():
    assert Calibration.ideal() == Calibration(cost_noise=0.08)


def test_a_niceness_of_19_weighs_about_a_seventieth():
    assert 1024 / Calibration().weight_of(19) == pytest.approx(69.4, abs=0.1)


def test_the_switch_interval_can_be_another():
    assert MEASURED.with_switch_interval(0.005).switch_interval_ns == 5 * MS
