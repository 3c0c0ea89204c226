"""Threads that no session was carried to are named on the bill; what they took is not on it."""

import queue
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from toolkit import hooks
from toolkit.profiling import UnmeasuredWarning, budget, profile
from toolkit.profiling.bystanders import UNRECORDED


def bystanders(session):
    """The notes of a bill that name threads."""
    return [note for note in session.bill().notes if UNRECORDED in note]


def run(work, *values, name="worker"):
    thread = threading.Thread(target=work, args=values, name=name)
    thread.start()
    thread.join()


def allocate():
    torch.ones(1000)


def carried(table):
    with hooks.using(table), hooks.scope("elsewhere"):
        torch.ones(8)


def test_a_thread_that_the_session_was_not_carried_to_is_named():
    with profile() as session:
        run(allocate, name="my worker")
    (note,) = bystanders(session)
    assert note.startswith("1 other thread was alive meanwhile and not recorded")
    assert ": my worker. If torch works there" in note
    assert session.bill().whole.total.allocations == 0
    assert note in str(session.bill()).replace("\n", " ")
    assert note in session.bill().to_dict()["notes"]


def test_a_session_alone_names_nobody():
    with profile() as session:
        allocate()
    assert bystanders(session) == []


def test_a_thread_that_the_session_was_carried_to_is_not_named():
    with profile() as session:
        run(carried, hooks.table())
    assert bystanders(session) == []
    assert session.bill().stage("elsewhere").total.allocations == 1


def test_a_thread_that_was_there_before_is_named():
    orders = queue.Queue()
    thread = threading.Thread(target=orders.get, name="from before")
    thread.start()
    try:
        with profile() as session:
            pass
    finally:
        orders.put(None)
        thread.join()
    (note,) = bystanders(session)
    assert ": from before." in note


def test_a_thread_that_was_carried_to_in_the_midst_is_not_named():
    orders = queue.Queue()

    def work():
        carried(orders.get())

    thread = threading.Thread(target=work)
    thread.start()
    with profile() as session:
        orders.put(hooks.table())
        thread.join()
    assert bystanders(session) == []


def test_many_threads_are_counted_and_the_first_are_named():
    with profile() as session:
        for number in range(8):
            run(allocate, name=f"worker {number}")
    (note,) = bystanders(session)
    assert note.startswith("8 other threads were")
    assert "worker 0, worker 1, worker 2, worker 3, worker 4 and 3 more." in note


def test_workers_of_a_pool_are_threads():
    with profile() as session, ThreadPoolExecutor(1, "pool") as pool:
        pool.submit(allocate).result()
    (note,) = bystanders(session)
    assert "pool_0" in note


def test_each_of_two_sessions_names_its_own():
    with profile() as outer:
        run(allocate, name="first")
        with profile() as inner:
            run(allocate, name="second")
    assert "first, second" in bystanders(outer)[0]
    assert "first" not in bystanders(inner)[0]


def test_threads_of_the_tools_around_are_left_out():
    class Control(threading.Thread):
        """As a Jupyter kernel has one."""

    Control.__module__ = "ipykernel.control"

    def serve():
        """As an event loop has it run."""

    serve.__module__ = "tornado.platform"
    with profile() as session:
        for thread in (Control(), threading.Thread(target=serve)):
            thread.start()
            thread.join()
    assert bystanders(session) == []


def test_threads_are_heard_only_while_a_session_is_open():
    start = threading.Thread.start
    with profile(), profile():
        assert threading.Thread.start is not start
    assert threading.Thread.start is start


def test_a_budget_says_that_the_owner_of_a_pipeline_is_a_thread_that_is_not_recorded():
    def wait_for_it():
        with budget(syncs=0):
            run(allocate, name="the owner")
            hooks.report("wait", op="owner of demo", duration_ns=5)

    with pytest.warns(UnmeasuredWarning, match=r"not recorded.*: the owner\."):
        wait_for_it()


@pytest.mark.filterwarnings("error")
def test_a_budget_beside_a_thread_that_it_does_not_wait_for_says_nothing():
    with budget(syncs=0):
        run(allocate)
