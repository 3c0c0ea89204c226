"""What a quantum waited for is its own: a task that it submitted waits on its own account."""

import threading

from toolkit import hooks
from toolkit.scheduler import Reason, Scheduler


def test_a_miss_is_not_explained_by_what_another_task_waited_for():
    has_reported = threading.Event()

    def report():
        hooks.report("wait", op="queue", duration_ns=10**12)
        has_reported.set()

    def compute():
        scheduler.submit(report, kind="child")
        for _ in range(10**8):  # computes, and does not wait
            if has_reported.is_set():
                break

    with Scheduler({"parent": "HIGH", "child": "HIGH"}, workers=2) as scheduler:
        parent = scheduler.submit(compute, kind="parent", deadline_seconds=0)
        parent.result(60)
        assert parent.task.waited_ns == 0
        assert scheduler.statistics()["parent"].causes.keys() != {Reason.WAITING}
