"""MPS tells how much memory is in use, and no more; the bill says what that gives."""

import pytest
import torch

from toolkit import hooks
from toolkit.profiling import mps_memory, profile
from toolkit.profiling.counting import Counts
from toolkit.profiling.mps_memory import add_growth, allocated_bytes, memory_of_machine


@pytest.fixture
def in_use(monkeypatch):
    """An MPS device whose bytes in use are `in_use[0]`."""
    amount = [1000]
    monkeypatch.setattr(mps_memory, "is_in_use", lambda: True)
    monkeypatch.setattr(torch.mps, "current_allocated_memory", lambda: amount[0])
    monkeypatch.setattr(torch.mps, "driver_allocated_memory", lambda: 4096)
    monkeypatch.setattr(torch.mps, "recommended_max_memory", lambda: 8192)
    return amount


def test_a_stage_is_billed_for_what_it_left_in_use(in_use):
    with profile() as session:
        with hooks.scope("load", 0):
            in_use[0] += 500
        with hooks.scope("drop", 0):
            in_use[0] -= 500
    assert session.bill().stage("load").total.device_peak_bytes == 500
    assert session.bill().stage("drop").total.device_peak_bytes == 0
    assert session.bill().whole.total.device_peak_bytes == 500


def test_a_stage_inside_another_is_in_its_peak(in_use):
    with profile() as session, hooks.scope("outer", 0):
        in_use[0] += 100
        with hooks.scope("inner", 0):
            in_use[0] += 10
        in_use[0] -= 110
    assert session.bill().stage("outer").total.device_peak_bytes == 110
    assert session.bill().stage("inner").total.device_peak_bytes == 10


def test_the_bill_says_that_allocations_are_not_counted(in_use):
    with profile() as session:
        in_use[0] += 1
    assert any(note.startswith("On MPS torch tells only") for note in session.bill().notes)
    assert session.machine["mps_driver_bytes"] == 4096
    assert memory_of_machine()["mps_recommended_bytes"] == 8192


def test_more_given_back_than_taken_is_no_peak():
    counts = Counts()
    add_growth(counts, 1000, 400)
    assert (counts.device_net_bytes, counts.device_peak_bytes) == (-600, 0)


@pytest.mark.skipif(mps_memory.is_in_use(), reason="there is an MPS device")
def test_without_mps_there_is_nothing_to_tell():
    assert allocated_bytes() == -1
    assert memory_of_machine() == {}
    with profile() as session:
        torch.ones(1)
    assert not any("MPS" in note for note in session.bill().notes)
