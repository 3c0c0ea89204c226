"""A handle is a future of `concurrent.futures`, an awaitable, and what other tasks await."""

import asyncio
import logging
import threading
from concurrent import futures

import pytest

from toolkit.scheduler import NEVER, Level, Reason, Scheduler, TaskShed, checkpoint, current

SOON = 30  # seconds; nothing here takes so long


@pytest.fixture
def scheduler():
    with Scheduler({"high": "HIGH", "low": "LOW"}, workers=2) as scheduler:
        yield scheduler


def wait_for(event):
    assert event.wait(SOON)


def test_a_result_is_what_the_call_returned(scheduler):
    handle = scheduler.submit(divmod, 7, 2, kind="high")
    assert handle.result(SOON) == (3, 1)
    assert handle.done()
    assert not handle.cancelled()
    assert handle.exception() is None
    assert (handle.kind, handle.number) == ("high", 1)


def test_it_is_running_while_a_quantum_of_it_runs(scheduler):
    begun, go_on = threading.Event(), threading.Event()
    handle = scheduler.submit(lambda: begun.set() or go_on.wait(SOON), kind="low")
    assert begun.wait(SOON)
    assert (handle.running(), handle.done()) == (True, False)
    go_on.set()
    assert handle.result(SOON)
    assert (handle.running(), handle.done()) == (False, True)


def test_wait_and_as_completed_take_handles(scheduler):
    handles = [scheduler.submit(int, text, kind="low") for text in "123"]
    done, not_done = futures.wait(handles, SOON)
    assert (done, not_done) == (set(handles), set())
    assert sorted(one.result() for one in futures.as_completed(handles, SOON)) == [1, 2, 3]


def test_asyncio_awaits_handles_and_wraps_them(scheduler):
    async def both():
        first = await scheduler.submit(int, "1", kind="low")
        return first + await asyncio.wrap_future(scheduler.submit(int, "2", kind="low"))

    assert asyncio.run(both()) == 3


def test_who_no_longer_awaits_in_asyncio_cancels(scheduler):
    begun, go_on = threading.Event(), threading.Event()

    def work():
        begun.set()
        while not go_on.is_set():
            yield

    async def impatient():
        handle = scheduler.submit(work(), kind="low")
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.wrap_future(handle), 0)
        return handle

    handle = asyncio.run(impatient())
    with pytest.raises(futures.CancelledError):
        handle.result(SOON)


def test_a_generator_s_result_is_what_it_returns_and_it_reports_its_progress(scheduler):
    seen = []

    def work():
        for part in range(3):
            current().report(part)
            seen.append(current().progress)
            yield
        return "all"

    handle = scheduler.submit(work, kind="low")
    assert handle.result(SOON) == "all"
    assert (seen, handle.progress) == ([0, 1, 2], 2)
    assert handle.task.quanta == 4


def test_a_coroutine_checks_in_and_awaits(scheduler):
    async def work():
        await checkpoint()
        return await scheduler.submit(int, "5", kind="low") + 1

    assert scheduler.submit(work, kind="high").result(SOON) == 6
    assert scheduler.submit(work(), kind="high").result(SOON) == 6


def test_a_task_awaits_a_handle_a_finished_one_and_a_future_of_somebody_else(scheduler):
    foreign = futures.Future()
    finished = scheduler.submit(int, "2", kind="low")
    assert finished.result(SOON) == 2

    def work():
        first = yield scheduler.submit(int, "1", kind="low")
        second = yield finished
        threading.Thread(target=foreign.set_result, args=(3,)).start()
        third = yield foreign
        return first, second, third

    assert scheduler.submit(work, kind="high").result(SOON) == (1, 2, 3)


def test_the_error_of_what_a_task_awaits_is_raised_where_it_awaits(scheduler):
    def work():
        try:
            yield scheduler.submit(int, "x", kind="low")
        except ValueError as error:
            return str(error)

    assert "'x'" in scheduler.submit(work, kind="high").result(SOON)


def test_who_awaits_a_cancelled_task_is_told(scheduler):
    foreign = futures.Future()

    def blocked():
        yield foreign

    def work(handle):
        yield handle

    handle = scheduler.submit(blocked, kind="low")
    waiter = scheduler.submit(work, handle, kind="high")
    assert handle.cancel()
    with pytest.raises(futures.CancelledError):
        waiter.result(SOON)
    assert not handle.cancel()


@pytest.mark.parametrize("rude", [futures.CancelledError, RuntimeError])
def test_something_that_cannot_be_waited_for_raises_in_the_task(scheduler, rude):
    class Rude:
        def add_done_callback(self, _):
            raise rude("not me")

    def work():
        try:
            yield Rude()
        except rude as error:
            return str(error)

    assert scheduler.submit(work, kind="low").result(SOON) == "not me"


def test_a_task_that_yields_rubbish_fails_and_says_what_may_be_yielded(scheduler):
    closed = threading.Event()

    def work():
        try:
            yield 7
        finally:
            closed.set()

    with pytest.raises(TypeError, match=r"a task yields None .* yielded int\."):
        scheduler.submit(work, kind="low").result(SOON)
    wait_for(closed)


def test_tasks_that_await_each_other_are_told_instead_of_waiting_for_ever(scheduler):
    handles, both_are_known = [], threading.Event()

    def work(other):
        while not both_are_known.is_set():
            yield
        return (yield handles[other])

    handles += [scheduler.submit(work, other, kind="low") for other in (1, 2, 0)]
    both_are_known.set()
    for handle in handles:
        with pytest.raises(RuntimeError, match="which awaits it: none would end"):
            handle.result(SOON)


def test_a_task_that_awaits_itself_is_told(scheduler):
    def work():
        yield current()

    with pytest.raises(RuntimeError, match="which awaits it"):
        scheduler.submit(work, kind="low").result(SOON)


def test_a_task_must_not_block_for_a_handle_and_neither_must_a_callback(scheduler):
    other = scheduler.submit(threading.Event().wait, 0, kind="low")
    foreign = futures.Future()

    def never():
        yield foreign

    blocked = scheduler.submit(never, kind="low")
    with pytest.raises(RuntimeError, match="would hold its worker"):
        scheduler.submit(blocked.result, kind="high").result(SOON)
    heard, errors = threading.Event(), []

    def ask(_):
        try:
            blocked.result()
        except RuntimeError as error:
            errors.append(str(error))
        heard.set()

    def work():
        yield other
        yield gate

    gate = futures.Future()
    handle = scheduler.submit(work, kind="high")
    handle.add_done_callback(ask)
    gate.set_result(None)
    wait_for(heard)
    assert "would hold its worker" in errors[0]
    foreign.set_result(None)


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, StopIteration, GeneratorExit])
def test_whatever_a_task_raises_goes_to_its_handle_and_the_worker_lives(error):
    def work():
        raise error("mine")

    with Scheduler({"low": "LOW"}, workers=1) as scheduler:
        handle = scheduler.submit(work, kind="low")
        assert type(handle.exception(SOON)) is error
        assert scheduler.submit(int, "1", kind="low").result(SOON) == 1
        assert scheduler.statistics()["low"].failed == 1


@pytest.mark.parametrize("error", [ValueError, SystemExit])
def test_a_callback_that_raises_is_logged_and_the_worker_lives(error, caplog):
    gate = futures.Future()

    def work():
        yield gate

    def call_back(_):
        raise error("from a callback")

    with caplog.at_level(logging.ERROR), Scheduler({"low": "LOW"}, workers=1) as scheduler:
        handle = scheduler.submit(work, kind="low")
        handle.add_done_callback(call_back)
        gate.set_result(None)
        handle.result(SOON)
        assert scheduler.submit(int, "1", kind="low").result(SOON) == 1
    assert "from a callback" in caplog.text


def test_a_callback_submits(scheduler):
    told, more = threading.Event(), []

    def go_on(handle):
        more.append(scheduler.submit(int, handle.result() + 1, kind="low"))
        told.set()

    scheduler.submit(int, "1", kind="low").add_done_callback(go_on)
    wait_for(told)
    assert more[0].result(SOON) == 2


def test_who_waits_outside_lends_high_and_takes_it_back(scheduler):
    gate = futures.Future()

    def work():
        yield gate

    handle = scheduler.submit(work, kind="low")
    with scheduler.waiting(handle, Level.HIGH):
        assert handle.task.level == Level.HIGH
        assert handle.task.raised_by is Reason.INHERITANCE
    assert handle.task.level == Level.LOW
    with pytest.raises(futures.TimeoutError):
        handle.result(0)
    assert (handle.task.raised, handle.task.order_ns) == (None, NEVER)
    gate.set_result(None)
    handle.result(SOON)


def test_a_task_that_was_replaced_by_a_newer_one_says_so():
    busy = threading.Event()
    with Scheduler({"low": "LOW"}, workers=1) as scheduler:
        scheduler.submit(busy.wait, SOON, kind="low")
        old = scheduler.submit(int, "1", kind="low", key="k")
        new = scheduler.submit(int, "2", kind="low", key="k")
        with pytest.raises(TaskShed, match="dropped before it began: newest") as told:
            old.result(SOON)
        assert told.value.reason is Reason.NEWEST
        busy.set()
        assert new.result(SOON) == 2


def test_who_awaits_a_task_that_is_dropped_is_told_why():
    busy = threading.Event()

    def wait_for_it(handle):
        try:
            yield handle
        except TaskShed as shed:
            return shed.reason

    with Scheduler({"high": "HIGH", "low": "LOW"}, workers=1, mode="levels") as scheduler:
        begun = threading.Event()
        scheduler.submit(lambda: (begun.set(), busy.wait(SOON)), kind="high")
        wait_for(begun)
        old = scheduler.submit(int, "1", kind="low", key="k")
        waiter = scheduler.submit(wait_for_it, old, kind="high")
        scheduler.submit(lambda: scheduler.submit(int, "2", kind="low", key="k"), kind="high")
        busy.set()
        assert waiter.result(SOON) is Reason.NEWEST


@pytest.mark.parametrize("outcome", [42, ValueError("broken")])
def test_a_generator_gets_what_a_future_of_asyncio_holds(outcome):
    loop = asyncio.new_event_loop()
    future = loop.create_future()
    threading.Thread(target=loop.run_forever, daemon=True).start()

    def work():
        try:
            return (yield future)
        except ValueError as error:
            return error

    give = future.set_exception if isinstance(outcome, Exception) else future.set_result
    with Scheduler({"chat": "HIGH"}, workers=1) as scheduler:
        handle = scheduler.submit(work, kind="chat")
        loop.call_soon_threadsafe(give, outcome)
        assert handle.result(30) is outcome
    loop.call_soon_threadsafe(loop.stop)


def test_an_asynchronous_generator_is_refused_with_what_to_write():
    async def pictures():
        yield 1

    with (
        Scheduler({"chat": "HIGH"}, workers=1) as scheduler,
        pytest.raises(TypeError, match="pictures is an asynchronous generator"),
    ):
        scheduler.submit(pictures, kind="chat")
