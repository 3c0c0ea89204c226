"""An interrupt, an error or a mistake of somebody else leaves no task behind and no count wrong."""

import gc
import logging
import signal
import threading
import weakref

import pytest

from toolkit.scheduler import Kind, Scheduler, Trigger, queues
from toolkit.scheduler.executors.uninterrupted import Uninterrupted

SOON = 30  # seconds; nothing here takes so long


def queued(scheduler):
    return sum(one.queued for one in scheduler.statistics().values())


def test_an_interrupt_in_the_middle_of_submit_comes_after_it(monkeypatch):
    real, begun, go_on = queues.heappush, threading.Event(), threading.Event()

    def interrupted(heap, entry):
        monkeypatch.setattr(queues, "heappush", real)
        signal.raise_signal(signal.SIGINT)  # Python looks for signals after each call
        real(heap, entry)

    with Scheduler({"work": "NORMAL"}, workers=1) as scheduler:
        first = scheduler.submit(lambda: begun.set() or go_on.wait(SOON), kind="work")
        assert begun.wait(SOON)
        monkeypatch.setattr(queues, "heappush", interrupted)
        with pytest.raises(KeyboardInterrupt):
            scheduler.submit(int, kind="work")
        assert queued(scheduler) == 1
        later = [scheduler.submit(int, kind="work") for _ in range(3)]
        go_on.set()
        assert [one.result(SOON) for one in (first, *later)] == [True, 0, 0, 0]
        assert queued(scheduler) == 0
    assert scheduler.statistics()["work"].done == 5


def test_the_handler_of_before_is_there_again_and_is_called_once():
    came = []
    before = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    mine = signal.getsignal(signal.SIGINT)
    try:
        with Uninterrupted():
            signal.raise_signal(signal.SIGINT)
            assert came == []
        assert came == [signal.SIGINT]
        assert signal.getsignal(signal.SIGINT) is mine
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_interrupt_while_handles_are_told_leaves_none_untold():
    begun, go_on = threading.Event(), threading.Event()
    scheduler = Scheduler({"work": "NORMAL"}, workers=1)
    scheduler.submit(lambda: begun.set() or go_on.wait(SOON), kind="work")
    assert begun.wait(SOON)
    handles = [scheduler.submit(int, kind="work") for _ in range(5)]
    handles[1].add_done_callback(lambda _: signal.raise_signal(signal.SIGINT))
    handles[4].add_done_callback(lambda _: go_on.set())  # until then the worker runs none of them
    with pytest.raises(KeyboardInterrupt):
        scheduler.shutdown(drain=False)
    assert all(one.done() for one in handles)
    assert not any(one.name == "worker 0" for one in threading.enumerate())


def test_what_adapts_the_levels_may_raise_and_work_goes_on(caplog):
    with Scheduler({"chat": "HIGH"}, workers=1) as scheduler:
        scheduler.follow(Trigger("default", visible="chat"))
        scheduler.notice(visible=None)  # no set of names
        with caplog.at_level(logging.ERROR):
            for number in range(3):
                scheduler._adaptation.next_ns = 0
                assert scheduler.submit(int, number, kind="chat").result(SOON) == number
    assert caplog.text.count("adaptation raised and is switched off") == 1


def test_a_result_lives_as_long_as_its_handle():
    class Result:
        pass

    gc.disable()
    try:
        with Scheduler({"work": "NORMAL"}, workers=1) as scheduler:
            handle = scheduler.submit(Result, kind="work")
            result = weakref.ref(handle.result(SOON))
            scheduler.submit(int, kind="work").result(SOON)
            assert result() is not None
            del handle
            assert result() is None
    finally:
        gc.enable()


def test_a_task_of_another_scheduler_is_not_cancelled_here():
    begun, go_on = threading.Event(), threading.Event()
    with Scheduler({"work": "LOW"}, workers=1) as one, Scheduler({"work": "LOW"}) as other:
        one.submit(lambda: begun.set() or go_on.wait(SOON), kind="work")
        assert begun.wait(SOON)
        handle = one.submit(int, kind="work")
        with pytest.raises(ValueError, match="belongs to another scheduler"):
            other.cancel(handle)
        assert (queued(one), queued(other)) == (1, 0)
        go_on.set()
        assert handle.result(SOON) == 0


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), 1e10, -1e10])
def test_a_deadline_that_no_clock_can_tell_is_refused_before_anything_is_shed(seconds):
    begun, go_on = threading.Event(), threading.Event()
    with Scheduler({"work": "LOW"}, workers=1) as scheduler:
        scheduler.submit(lambda: begun.set() or go_on.wait(SOON), kind="work")
        assert begun.wait(SOON)
        older = scheduler.submit(int, kind="work", key="one")
        with pytest.raises(ValueError, match="deadline_seconds="):
            scheduler.submit(int, kind="work", key="one", deadline_seconds=seconds)
        go_on.set()
        assert older.result(SOON) == 0
        assert scheduler.statistics()["work"].released == 2


def test_a_newer_task_that_finds_no_room_replaces_none_of_another_kind():
    begun, go_on = threading.Event(), threading.Event()
    kinds = {"a": "LOW", "b": Kind("LOW", max_queued=1, overflow="shed")}
    with Scheduler(kinds, workers=1) as scheduler:
        scheduler.submit(lambda: begun.set() or go_on.wait(SOON), kind="a")
        assert begun.wait(SOON)
        scheduler.submit(int, kind="b")
        older = scheduler.submit(int, kind="a", key="one")
        newer = scheduler.submit(int, kind="b", key="one")
        assert newer.cancelled() or newer.exception() is not None
        go_on.set()
        assert older.result(SOON) == 0
