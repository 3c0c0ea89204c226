"""Work released at a rate: wanted within a period, newest wins, no more than there is time for."""

import threading

import pytest

from toolkit.scheduler import Kind, Overcommitted, Reason, Scheduler, TaskShed

SOON = 30  # seconds; nothing here takes so long


def test_a_release_is_wanted_within_a_period_and_replaces_the_last_one():
    begun, busy = threading.Event(), threading.Event()
    with Scheduler({"frame": "CRITICAL"}, workers=1) as scheduler:
        frames = scheduler.periodic("frame", fps=50)
        first = scheduler.submit(lambda: begun.set() or busy.wait(SOON), kind="frame")
        assert begun.wait(SOON)
        old, new = frames.submit(int, "1"), frames.submit(int, "2")
        with pytest.raises(TaskShed) as told:
            old.result(SOON)
        assert told.value.reason is Reason.NEWEST
        busy.set()
        assert new.result(SOON) == 2
        assert new.task.deadline_ns - new.task.released_ns == 20_000_000
        assert first.result(SOON)
    assert repr(frames) == "Periodic(frame, 50 a second)"


def test_run_releases_until_stop():
    ran = threading.Semaphore(0)
    with Scheduler({"frame": "CRITICAL"}, workers=1) as scheduler:
        frames = scheduler.periodic("frame", fps=1000).run(ran.release)
        for _ in range(3):
            assert ran.acquire(timeout=SOON)
        frames.stop()
        assert not any(one.name == "releases of frame" for one in threading.enumerate())


def test_a_new_kind_is_declared_with_its_level():
    with Scheduler({}, workers=1) as scheduler:
        scheduler.periodic("audio", fps=100, level="HIGH")
        assert scheduler.level_of("audio").name == "HIGH"
        assert scheduler.snapshot()["kinds"][0]["period_ns"] == 10_000_000
        with pytest.raises(ValueError, match="fps=0 is not between 1e-09 and 1000000"):
            scheduler.periodic("audio", fps=0)


def test_more_critical_work_than_there_are_workers_is_refused_with_the_share():
    with (
        Scheduler({"frame": "CRITICAL"}, workers=1) as scheduler,
        pytest.raises(Overcommitted, match=r"would take 1\.20 of 1 workers") as told,
    ):
        scheduler.periodic("frame", fps=60, cost_seconds=0.02)
    assert told.value.share == pytest.approx(1.2)


def test_declared_costs_count_until_they_were_measured():
    kinds = {"one": "CRITICAL", "two": "CRITICAL"}
    with Scheduler(kinds, workers=1) as scheduler:
        scheduler.periodic("one", fps=60, cost_seconds=0.01)
        with pytest.raises(Overcommitted, match=r"would take 1\.20 of 1 workers"):
            scheduler.periodic("two", fps=60, cost_seconds=0.01)


def test_what_runs_is_stopped_before_it_runs_something_else():
    first, second = threading.Semaphore(0), threading.Semaphore(0)
    with Scheduler({"frame": "CRITICAL"}, workers=1) as scheduler:
        frames = scheduler.periodic("frame", fps=1000)
        with pytest.raises(TypeError, match="a int cannot be called each period"):
            frames.run(42)
        frames.run(first.release)
        assert first.acquire(timeout=SOON)
        with pytest.raises(RuntimeError, match="runs already"):
            frames.run(second.release)
        frames.stop()
        frames.run(second.release)
        assert second.acquire(timeout=SOON)


def test_a_release_that_finds_no_room_is_skipped_and_the_next_ones_come(monkeypatch):
    ran, begun, go_on = threading.Semaphore(0), threading.Event(), threading.Event()
    kinds = {"frame": Kind("CRITICAL", max_queued=1, overflow="error")}
    with Scheduler(kinds, workers=1) as scheduler:
        scheduler.submit(lambda: begun.set() or go_on.wait(SOON), kind="frame")
        assert begun.wait(SOON)
        scheduler.submit(int, kind="frame")  # of no release, so that no release replaces it
        frames = scheduler.periodic("frame", fps=1000)
        tried, submit = threading.Semaphore(0), frames.submit
        monkeypatch.setattr(frames, "submit", lambda work: tried.release() or submit(work))
        frames.run(ran.release)
        for _ in range(2):  # when the second one is tried, the first one was skipped
            assert tried.acquire(timeout=SOON)
        assert frames.skipped
        go_on.set()
        assert ran.acquire(timeout=SOON)


def test_shutdown_does_not_wait_for_a_release_that_waits_for_room(monkeypatch):
    begun, go_on = threading.Event(), threading.Event()
    kinds = {"frame": Kind("CRITICAL", max_queued=1)}
    scheduler = Scheduler(kinds, workers=1)
    scheduler.submit(lambda: begun.set() or go_on.wait(SOON), kind="frame")
    assert begun.wait(SOON)
    scheduler.submit(int, kind="frame")
    waits, wait = threading.Event(), scheduler.threads.room.wait
    monkeypatch.setattr(scheduler.threads.room, "wait", lambda: waits.set() or wait())
    frames = scheduler.periodic("frame", fps=1000).run(int)
    assert waits.wait(SOON)
    assert scheduler.shutdown(drain=False, timeout_seconds=0).cancelled
    assert not any(one.name == "releases of frame" for one in threading.enumerate())
    assert repr(frames) == "Periodic(frame, 1000 a second)"
    go_on.set()


@pytest.mark.parametrize("fps", [float("inf"), 1e10, 1e-10])
def test_a_rate_that_no_clock_can_tell_is_refused(fps):
    with (
        Scheduler({"frame": "CRITICAL"}, workers=1) as scheduler,
        pytest.raises(ValueError, match="is not between 1e-09 and 1000000"),
    ):
        scheduler.periodic("frame", fps=fps)
