"""Kineto on a thread of its own, by its activities of the CPU: the same way, without a GPU."""

import threading
from contextlib import contextmanager

import pytest
import torch
from torch.autograd import profiler as autograd_profiler

from toolkit.profiling import driver as driver_module
from toolkit.profiling import give_way
from toolkit.profiling.allocator import AllocatorStream
from toolkit.profiling.driver import BUSY, FAILED, NOT_BUILT, Driver
from toolkit.profiling.driver_trace import DriverTrace

ME, YOU = object(), object()


@pytest.fixture
def driver(monkeypatch):
    """A driver that records what a CPU build of torch has; a torch.profiler finds it, too."""
    one = Driver("CPU")
    monkeypatch.setattr(give_way, "cuda_driver", one)
    yield one
    one.end(ME)


@contextmanager
def held():
    """A session is open, as far as torch.profiler is concerned."""
    owner = object()
    give_way.giving_way.enter(owner)
    try:
        yield
    finally:
        give_way.giving_way.leave(owner)


def kineto(**values):
    return torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], **values)


def names(theirs):
    return {event.name for event in theirs.events()}


def test_the_thread_that_is_recorded_keeps_its_own_stream(driver):
    stream = AllocatorStream()
    assert driver.begin(ME) == ""
    assert stream.start()
    torch.ones(1000)
    (events,) = stream.stop()
    assert driver.end(ME) == DriverTrace()
    assert 4000 in events.sizes


def test_it_can_be_recorded_again_and_again(driver):
    for _ in range(3):
        assert driver.begin(ME) == ""
        assert driver.is_on
        driver.end(ME)
        assert not driver.is_on


def test_one_at_a_time_has_it(driver):
    assert driver.begin(ME) == ""
    assert driver.begin(YOU) == BUSY
    assert driver.end(YOU) == DriverTrace()
    assert driver.is_on
    driver.end(ME)
    assert driver.begin(YOU) == ""
    driver.end(YOU)


def test_threads_that_come_at_once_do_not_crash_kineto(driver):
    answers = []
    together = threading.Barrier(4)

    def play():
        owner = object()
        together.wait()
        answers.append(driver.begin(owner))
        driver.end(owner)

    threads = [threading.Thread(target=play) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert set(answers) <= {"", BUSY}
    assert "" in answers


def test_beside_a_torch_profiler_it_does_not_start(driver):
    with kineto() as theirs:
        assert driver.begin(ME) == BUSY
        torch.ones(8)
    assert "aten::ones" in names(theirs)
    assert driver.begin(ME) == ""


def test_beside_one_that_warms_up_it_does_not_start_either(driver):
    schedule = torch.profiler.schedule(wait=0, warmup=1, active=1)
    with kineto(schedule=schedule) as theirs, held():
        assert driver.begin(ME) == BUSY
        theirs.step()
        torch.ones(8)
    assert "aten::ones" in names(theirs)


def test_a_torch_profiler_that_is_made_ready_meanwhile_goes_first(driver):
    with held():
        assert driver.begin(ME) == ""
        with kineto() as theirs:
            assert not driver.is_on
            torch.ones(8)
        assert driver.end(ME) == DriverTrace()
        assert "aten::ones" in names(theirs)
        assert driver.begin(ME) == ""


def test_a_session_inside_another_does_not_end_what_the_outer_one_records(driver):
    with held():
        assert driver.begin(ME) == ""
        with held():
            assert driver.is_on


def test_torch_is_left_as_it_was():
    before = autograd_profiler._prepare_profiler
    with held(), held():
        assert autograd_profiler._prepare_profiler is not before
    assert autograd_profiler._prepare_profiler is before


def test_a_torch_without_that_activity_is_told():
    assert Driver("Abacus").begin(ME) == NOT_BUILT


def test_a_torch_without_kineto_is_told(driver, monkeypatch):
    monkeypatch.delattr(torch._C._autograd, "_prepare_profiler")
    assert driver.begin(ME) == NOT_BUILT


def test_a_kineto_that_fails_is_logged_once_and_left_alone(driver, monkeypatch, caplog):
    def fail(*_):
        raise RuntimeError("no CUPTI")

    monkeypatch.setattr(torch._C._autograd, "_prepare_profiler", fail)
    assert driver.begin(ME) == FAILED
    assert driver.begin(ME) == FAILED
    assert [record.exc_text.rpartition(": ")[2] for record in caplog.records] == ["no CUPTI"]


def test_no_file_is_left_behind(driver, monkeypatch, tmp_path):
    monkeypatch.setattr(driver_module.tempfile, "tempdir", str(tmp_path))
    driver.begin(ME)
    driver.end(ME)
    assert list(tmp_path.iterdir()) == []
