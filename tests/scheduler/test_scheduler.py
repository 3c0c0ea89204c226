"""Submit, wait for room, shut down: a scheduler as its user has it."""

import threading
from concurrent import futures

import pytest

from toolkit.scheduler import Closed, Context, Kind, QueueFull, Scheduler, TaskShed

SOON = 30  # seconds; nothing here takes so long


class Busy:
    """A worker that is kept busy until it is let go."""

    def __init__(self, scheduler, kind):
        self._begun, self._go_on = threading.Event(), threading.Event()
        self.handle = scheduler.submit(self._work, kind=kind)
        assert self._begun.wait(SOON)

    def _work(self):
        self._begun.set()
        assert self._go_on.wait(SOON)

    def let_go(self):
        self._go_on.set()


def workers_left():
    return [one for one in threading.enumerate() if one.name.startswith("worker ")]


def test_submit_read_and_leave():
    with Scheduler({"frame": "CRITICAL", "train": "LOW"}, workers=1) as scheduler:
        handle = scheduler.submit(sum, [1, 2], kind="train")
        frames = scheduler.periodic("frame", fps=60)
        assert frames.submit(str, 5).result(SOON) == "5"
    assert handle.result() == 3
    assert scheduler.statistics()["train"].done == 1
    assert workers_left() == []


def test_what_cannot_be_run_or_was_not_declared_is_refused_with_what_can():
    with Scheduler({"train": "LOW"}, workers=1) as scheduler:
        with pytest.raises(TypeError, match="int is none"):
            scheduler.submit(7, kind="train")
        with pytest.raises(ValueError, match="no kind 'chat' was declared; there are: train"):
            scheduler.submit(int, kind="chat")
        with pytest.raises(ValueError, match="no context 'night'; there are default"):
            scheduler.set_context("night")


def full(overflow):
    """A scheduler with one busy worker, and a queue of one that is full."""
    scheduler = Scheduler({"low": Kind("LOW", max_queued=1, overflow=overflow)}, workers=1)
    busy = Busy(scheduler, "low")
    return scheduler, busy, scheduler.submit(int, "1", kind="low")


def test_a_full_queue_that_says_error_raises_one():
    scheduler, busy, _ = full("error")
    with pytest.raises(QueueFull, match="1 tasks of kind 'low' are queued already") as told:
        scheduler.submit(int, kind="low")
    assert (told.value.kind, told.value.max_queued) == ("low", 1)
    busy.let_go()
    scheduler.shutdown()


def test_a_full_queue_that_sheds_does_so_and_counts():
    scheduler, busy, first = full("shed")
    with pytest.raises(TaskShed, match="full"):
        scheduler.submit(int, kind="low").result(SOON)
    busy.let_go()
    scheduler.shutdown()
    assert first.result() == 1
    assert scheduler.statistics()["low"].shed == 1


def submit_beside(scheduler, monkeypatch):
    """Submit from another thread, and go on once it waits for room."""
    waits, box = threading.Event(), futures.Future()
    wait = scheduler.threads.room.wait
    monkeypatch.setattr(scheduler.threads.room, "wait", lambda: (waits.set(), wait()))

    def submit():
        try:
            box.set_result(scheduler.submit(int, "2", kind="low"))
        except Closed as closed:
            box.set_exception(closed)

    thread = threading.Thread(target=submit)
    thread.start()
    assert waits.wait(SOON)
    return thread, box


def test_a_full_queue_makes_the_submitter_wait_until_there_is_room(monkeypatch):
    scheduler, busy, _ = full("wait")
    thread, box = submit_beside(scheduler, monkeypatch)
    assert not box.done()
    busy.let_go()
    assert box.result(SOON).result(SOON) == 2
    thread.join(SOON)
    scheduler.shutdown()


def test_there_is_room_as_soon_as_a_task_begins_and_not_only_when_it_ends(monkeypatch):
    scheduler = Scheduler(
        {"low": Kind("LOW", max_queued=1), "high": "HIGH"}, workers=1, mode="levels"
    )
    busy = Busy(scheduler, "high")
    go_on = threading.Event()
    scheduler.submit(go_on.wait, SOON, kind="low")
    thread, box = submit_beside(scheduler, monkeypatch)
    with scheduler.threads.lock:  # so that the end of the busy task is heard before
        pass
    busy.let_go()
    assert box.result(SOON).task.number == 3
    go_on.set()
    thread.join(SOON)
    scheduler.shutdown()


def test_a_shutdown_wakes_who_waits_for_room_and_refuses(monkeypatch):
    scheduler, busy, first = full("wait")
    thread, box = submit_beside(scheduler, monkeypatch)
    scheduler.threads.close()
    with pytest.raises(Closed):
        box.result(SOON)
    thread.join(SOON)
    busy.let_go()
    scheduler.shutdown()
    assert first.result() == 1


def test_a_task_does_not_wait_for_room_since_it_would_hold_its_worker():
    scheduler, busy, _ = full("wait")
    busy.handle.add_done_callback(lambda _: told.set_result(tried()))
    told = futures.Future()

    def tried():  # on the worker, which tells of the end of the busy task
        with pytest.raises(QueueFull):
            scheduler.submit(int, kind="low")
        return True

    busy.let_go()
    assert told.result(SOON)
    scheduler.shutdown()


def test_after_a_shutdown_no_work_is_taken():
    scheduler = Scheduler({"low": "LOW"}, workers=1)
    left = scheduler.shutdown()
    assert (left.cancelled, left.running) == ((), ())
    with pytest.raises(Closed, match="was shut down: make a new one"):
        scheduler.submit(int, kind="low")
    assert scheduler.is_closed


def test_a_shutdown_that_does_not_drain_says_what_it_cancelled_and_what_still_runs():
    scheduler = Scheduler({"low": "LOW"}, workers=1)
    busy = Busy(scheduler, "low")
    queued = [scheduler.submit(int, kind="low") for _ in range(3)]
    left = scheduler.shutdown(drain=False, timeout_seconds=0)
    assert left.cancelled == (busy.handle, *queued)
    assert left.running == (busy.handle,)
    assert all(one.cancelled() for one in queued)
    busy.let_go()
    assert busy.handle.result(SOON) is None  # a call ends as it would have
    for thread in workers_left():
        thread.join(SOON)


def test_an_interrupt_while_it_drains_cancels_and_ends_the_workers(monkeypatch):
    scheduler = Scheduler({"low": "LOW"}, workers=1)
    blocked = scheduler.submit(lambda: (yield futures.Future()), kind="low")
    wait = scheduler.threads.wait_until_over

    def interrupted(timeout_seconds):
        monkeypatch.setattr(scheduler.threads, "wait_until_over", wait)
        raise KeyboardInterrupt

    monkeypatch.setattr(scheduler.threads, "wait_until_over", interrupted)
    with pytest.raises(KeyboardInterrupt):
        scheduler.shutdown()
    assert blocked.cancelled()
    assert workers_left() == []


def test_an_error_in_the_block_cancels_instead_of_draining():
    handles = []

    def fail():
        with Scheduler({"low": "LOW"}, workers=1) as scheduler:
            handles.append(scheduler.submit(lambda: (yield futures.Future()), kind="low"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert handles[0].cancelled()


def test_a_task_must_not_shut_its_own_scheduler_down():
    with Scheduler({"low": "LOW"}, workers=1) as scheduler:
        error = scheduler.submit(scheduler.shutdown, kind="low").exception(SOON)
    assert "would wait for itself" in str(error)


def test_a_cancelled_generator_runs_its_finally_blocks():
    closed = threading.Event()

    def work():
        try:
            yield futures.Future()
        finally:
            closed.set()

    with Scheduler({"low": "LOW"}, workers=1) as scheduler:
        blocked = threading.Event()
        handle = scheduler.submit(work, kind="low")
        scheduler.submit(blocked.set, kind="low")
        assert blocked.wait(SOON)
        handle.cancel()
        assert closed.wait(SOON)
        assert handle.cancelled()


def test_an_initializer_that_fails_is_logged_and_work_is_done(caplog):
    with Scheduler({"low": "LOW"}, workers=1, initializer=lambda: 1 / 0) as scheduler:
        assert scheduler.submit(int, "1", kind="low").result(SOON) == 1
    assert "works without its initializer" in caplog.text


def test_a_context_moves_queued_work():
    contexts = (Context("chat", {"low": "CRITICAL"}),)
    with Scheduler({"low": "LOW"}, workers=1, contexts=contexts) as scheduler:
        assert (scheduler.context, scheduler.contexts) == ("default", ("default", "chat"))
        scheduler.set_context("chat")
        assert scheduler.level_of("low").name == "CRITICAL"
        assert scheduler.snapshot()["kinds"][0]["base"] == 3


def test_a_task_may_have_a_scheduler_of_its_own_and_shut_that_down():
    def work():
        with Scheduler({"inner": "LOW"}, workers=1) as inner:
            handle = inner.submit(int, "7", kind="inner")
        return handle.result()

    with Scheduler({"outer": "LOW"}, workers=1) as scheduler:
        assert scheduler.submit(work, kind="outer").result(SOON) == 7
    assert workers_left() == []
