"""`torch.cuda.synchronize()` and its kind: waits that are no operators."""

import sys
import threading
import types

import pytest
import torch

from toolkit import hooks
from toolkit.profiling import OverBudget, budget, profile
from toolkit.profiling import explicit_syncs as module
from toolkit.profiling.explicit_syncs import SyncTarget

LEVELS = ("counts", "lines", "exact")


@pytest.fixture
def device(monkeypatch):
    """A device with two functions that wait, one of them a method; each gives what it was given."""

    class Stream:
        def synchronize(self, value=None):
            return value

    here = types.ModuleType("device_in_a_test")
    here.wait_for_all = lambda value=None: value
    here.Stream = Stream
    monkeypatch.setitem(sys.modules, here.__name__, here)
    targets = (
        SyncTarget(here.__name__, "", "wait_for_all", "device.synchronize", "cuda"),
        SyncTarget(here.__name__, "Stream", "synchronize", "device.Stream.synchronize", "cuda"),
        SyncTarget(here.__name__, "", "not_in_this_torch", "never", "cuda"),
        SyncTarget(here.__name__, "NoClass", "synchronize", "never", "cuda"),
    )
    monkeypatch.setattr(module, "TARGETS", targets)
    return here


def syncs(session):
    return [event for event in session.events if event.kind == "sync"]


@pytest.mark.parametrize("level", LEVELS)
def test_an_explicit_synchronisation_is_on_the_bill_of_its_stage(device, level):
    with profile(level=level, keep="all") as session, hooks.scope("stage", 0):
        device.wait_for_all()
        device.Stream().synchronize()
    assert session.bill().stage("stage").total.syncs == 2
    assert [(event.op, event.device, event.stage) for event in syncs(session)] == [
        ("device.synchronize", "cuda", "stage"),
        ("device.Stream.synchronize", "cuda", "stage"),
    ]
    assert all(event.duration_ns > 0 for event in syncs(session))
    assert session.bill().whole.total.wait_ns == sum(one.duration_ns for one in syncs(session))


@pytest.mark.parametrize("level", LEVELS[1:])
def test_it_has_the_line_of_the_user(device, level):
    with profile(level=level, keep="all") as session, hooks.scope("stage", 0):
        device.wait_for_all()
    (row,) = session.lines()
    assert (row.op, row.counts.syncs) == ("device.synchronize", 1)
    name = "test_it_has_the_line_of_the_user"
    assert row.user_line.endswith(name)
    assert syncs(session)[0].source.endswith(name)


def test_at_counts_there_are_no_lines(device):
    with profile() as session, hooks.scope("stage", 0):
        device.wait_for_all()
    assert list(session.lines()) == []


def test_what_was_asked_for_is_passed_on_and_given_back(device):
    with profile():
        assert device.wait_for_all(7) == 7
        assert device.Stream().synchronize(value=8) == 8


def test_functions_are_put_back_with_the_last_session(device):
    function, method = device.wait_for_all, device.Stream.synchronize
    with profile(), profile():
        assert device.wait_for_all is not function
        assert device.Stream.synchronize is not method
    assert device.wait_for_all is function
    assert device.Stream.synchronize is method


def test_whoever_wrapped_ours_meanwhile_keeps_his(device):
    with profile():
        ours = device.wait_for_all
        theirs = device.wait_for_all = lambda value=None: ours(value)
    assert device.wait_for_all is theirs
    assert device.wait_for_all(3) == 3


def test_two_sessions_each_count_it_once(device):
    with profile() as outer, profile() as inner:
        device.wait_for_all()
    assert outer.bill().whole.total.syncs == 1
    assert inner.bill().whole.total.syncs == 1


def test_a_thread_that_is_not_recorded_is_not_charged_for(device):
    with profile() as session:
        thread = threading.Thread(target=device.wait_for_all)
        thread.start()
        thread.join()
    assert session.bill().whole.total.syncs == 0


def test_a_wait_that_a_layer_reports_is_counted_once(device):
    with profile(keep="all") as session, hooks.scope("upload", 0):
        with hooks.timed("wait", device="cuda", op="upload"):
            device.wait_for_all()
        device.wait_for_all()
    total = session.bill().stage("upload").total
    assert (total.waits, total.syncs) == (1, 1)
    assert len(syncs(session)) == 1


def test_a_device_that_reports_its_own_wait_is_counted_once(device):
    device.wait_for_all = lambda: hooks.report("sync", device="emu:0", op="emu", duration_ns=5)
    with profile(keep="all") as session, hooks.scope("stage", 0):
        device.wait_for_all()
    assert [event.op for event in syncs(session)] == ["emu"]


def test_a_wait_that_fails_is_on_the_bill_too(device):
    def fail():
        raise RuntimeError("device-side assert")

    device.wait_for_all = fail
    with profile() as session, pytest.raises(RuntimeError, match="assert"):
        device.wait_for_all()
    assert session.bill().whole.total.syncs == 1


def test_a_budget_holds_it(device):
    with pytest.raises(OverBudget, match=r"syncs 1, limit 0"), budget(syncs=0):
        device.wait_for_all()


def test_the_names_in_torch_are_there():
    found = [target for target in module.TARGETS if hasattr(target.find(), target.name)]
    methods = {target.op for target in found if target.holder}
    assert methods == {"torch.cuda.Stream.synchronize", "torch.cuda.Event.synchronize"}
    with profile():
        wrapped = [target for target in found if hasattr(target.find(), target.name)]
    assert wrapped == found


@pytest.mark.needs_cuda
@pytest.mark.parametrize("level", LEVELS)
def test_synchronisations_of_cuda_are_counted(level):
    event = torch.cuda.Event()
    event.record()
    with profile(level=level, keep="all") as session, hooks.scope("stage", 0):
        torch.cuda.synchronize()
        torch.cuda.current_stream().synchronize()
        event.synchronize()
    assert [one.op for one in syncs(session)] == [
        "torch.cuda.synchronize",
        "torch.cuda.Stream.synchronize",
        "torch.cuda.Event.synchronize",
    ]
    assert session.bill().stage("stage").total.syncs == 3
