"""Work released at a rate: wanted within a period, newest wins, no more than there is time for."""

import threading

import pytest

from toolkit.scheduler import Overcommitted, Reason, Scheduler, TaskShed

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
        with pytest.raises(ValueError, match="fps=0 is not above 0"):
            scheduler.periodic("audio", fps=0)


def test_more_critical_work_than_there_are_workers_is_refused_with_the_share():
    with (
        Scheduler({"frame": "CRITICAL"}, workers=1) as scheduler,
        pytest.raises(Overcommitted, match=r"would take 1\.20 of 1 workers") as told,
    ):
        scheduler.periodic("frame", fps=60, cost_seconds=0.02)
    assert told.value.share == pytest.approx(1.2)
