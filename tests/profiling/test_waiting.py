"""Waits of Python's own libraries: once each, by the name of the outermost call."""

import queue
import selectors
import socket
import subprocess
import sys
import threading
import time
from concurrent import futures

import pytest

from toolkit import hooks
from toolkit.profiling import profile


def waits_of(session):
    return [event.op for event in session.events if event.kind == "wait"]


def test_a_stage_that_waits_for_a_queue_has_it_on_its_bill(once_waiting):
    frames = queue.Queue()
    once_waiting(frames.not_empty, lambda: frames.put("frame"))
    with profile(keep="all") as session:
        hooks.frame_begin(3)
        with hooks.scope("track", 3):
            frames.get()
        hooks.frame_end(3)
    (wait,) = (event for event in session.events if event.kind == "wait")
    assert (wait.op, wait.stage, wait.frame) == ("queue.get", "track", 3)
    assert session.bill().stage("track").total.wait_ns == wait.duration_ns > 0


def test_what_was_there_at_once_is_no_wait():
    one, event, gate = queue.Queue(), threading.Event(), threading.Semaphore()
    done = futures.Future()
    done.set_result(1)
    event.set()
    with profile(keep="all") as session:
        one.put(1)
        one.get()
        event.wait()
        with gate:
            pass
        done.result()
        threading.Condition().acquire()
    assert waits_of(session) == []


# Each gives what is waited for, what wakes, and what waits: looked up late, as wrappers are.
def _blocked_queue():
    full = queue.Queue(maxsize=1)
    full.put(1)
    return full.not_full, full.get, lambda: full.put(2)


def _unfinished_queue():
    one = queue.Queue()
    one.put(1)
    return one.all_tasks_done, one.task_done, lambda: one.join()


def _event():
    one = threading.Event()
    return one._cond, one.set, lambda: one.wait()


def _semaphore():
    one = threading.Semaphore(0)
    return one._cond, one.release, lambda: one.acquire()


def _semaphore_as_a_block():
    one = threading.Semaphore(0)
    return one._cond, one.release, lambda: one.__enter__()


def _barrier():
    one = threading.Barrier(2)
    return one._cond, one.wait, lambda: one.wait()


def _future():
    one = futures.Future()
    return one._condition, lambda: one.set_result(1), lambda: one.result()


def _failing_future():
    one = futures.Future()
    return one._condition, lambda: one.set_exception(ValueError()), lambda: one.exception()


def _condition():
    one = threading.Condition()

    def wait():
        with one:
            one.wait()

    def notify():
        with one:
            one.notify()

    return one, notify, wait


@pytest.mark.parametrize(
    ("make", "op"),
    [
        (_blocked_queue, "queue.put"),
        (_unfinished_queue, "queue.join"),
        (_event, "Event.wait"),
        (_semaphore, "Semaphore.acquire"),
        (_semaphore_as_a_block, "Semaphore.acquire"),
        (_barrier, "Barrier.wait"),
        (_future, "Future.result"),
        (_failing_future, "Future.exception"),
        (_condition, "Condition.wait"),
    ],
)
def test_a_wait_is_reported_once_by_the_name_of_the_outermost_call(make, op, once_waiting):
    condition, wake, wait = make()
    once_waiting(condition, wake)
    with profile(keep="all") as session:
        wait()
    assert waits_of(session) == [op]


def test_waking_up_in_vain_is_the_same_wait(once_waiting):
    condition, looks = threading.Condition(), []

    def notify():
        with condition:
            condition.notify()

    def is_time():
        looks.append(1)
        if len(looks) < 3:
            once_waiting(condition, notify)
        return len(looks) == 3

    with profile(keep="all") as session, condition:
        condition.wait_for(is_time)
    assert waits_of(session) == ["Condition.wait"]


def test_a_wait_that_gives_up_at_once_is_none():
    with profile(keep="all") as session:
        with pytest.raises(queue.Empty):
            queue.Queue().get(timeout=0)
        threading.Event().wait(0)
        time.sleep(0)
    assert waits_of(session) == []


def test_joining_a_thread_that_runs_is_a_wait(monkeypatch):
    gate = threading.Event()
    thread = threading.Thread(target=gate.wait)
    thread.start()

    def runs_until_asked():
        gate.set()
        return True

    with profile(keep="all") as session:
        monkeypatch.setattr(thread, "is_alive", runs_until_asked)
        thread.join()
        monkeypatch.undo()
        thread.join()
    assert waits_of(session) == ["Thread.join"]


def test_sleeping_is_a_wait(monkeypatch):
    slept = []
    monkeypatch.setattr(time, "sleep", slept.append)
    with profile(keep="all") as session:
        time.sleep(5)
    assert (slept, waits_of(session)) == ([5], ["time.sleep"])


def test_a_selector_waits_only_where_nothing_is_ready():
    near, far = socket.socketpair()
    with near, far, selectors.DefaultSelector() as selector:
        selector.register(near, selectors.EVENT_READ)
        with profile(keep="all") as session:
            selector.select(0)
            assert waits_of(session) == []
            far.send(b"1")
            assert selector.select()
            near.recv(1)
            assert selector.select(1e-9) == []
    assert waits_of(session) == ["select"]


def test_a_child_process_is_waited_for():
    child = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    with profile(keep="all") as session:
        child.communicate(b"\n")
        child.wait()
    assert set(waits_of(session)) <= {"Popen.wait", "select"}
    assert waits_of(session).count("Popen.wait") <= 1


@pytest.mark.parametrize(
    ("kind", "heard"), [("wait", ["around"]), ("convert", ["Event.wait"])], ids=["wait", "other"]
)
def test_a_wait_is_heard_unless_the_toolkit_times_it_by_itself(kind, heard, once_waiting):
    event = threading.Event()
    once_waiting(event._cond, event.set)
    with profile(keep="all") as session, hooks.timed(kind, op="around"):
        event.wait()
    assert waits_of(session) == heard
