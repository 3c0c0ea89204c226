"""What a task finds around it is its own at each quantum, on any worker, and leaks nowhere."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar

import pytest

from toolkit import hooks
from toolkit.scheduler import Scheduler, Task
from toolkit.scheduler.handle import Handle
from toolkit.scheduler.job import Job

SOON = 30  # seconds; nothing here takes so long
word = ContextVar("word", default="nobody's")


@contextmanager
def two_workers():
    """Two threads that run what they are told, by turns."""
    with ThreadPoolExecutor(1) as first, ThreadPoolExecutor(1) as second:
        yield lambda worker, call: (first, second)[worker].submit(call).result(SOON)


def job_of(work):
    return Job(work, (), Handle(None, Task("low")))


def quanta(job):
    """Run a job by turns on two workers, and see what each finds before and after."""
    with two_workers() as on:
        found = [on(0, modes), on(1, modes)]
        worker = 0
        while not job.is_over:
            on(worker, lambda: job.quantum(hooks.Table()))
            worker = 1 - worker
        assert [on(0, modes), on(1, modes)] == found
    if job.error is not None:
        raise job.error
    return job.value


def modes():
    torch = pytest.importorskip("torch")
    return torch.is_grad_enabled(), torch.is_inference_mode_enabled()


@pytest.mark.parametrize(
    ("names", "inside"),
    [
        (("no_grad",), (False, False)),
        (("inference_mode",), (False, True)),
        (("inference_mode", "enable_grad"), (True, True)),
        (("no_grad", "enable_grad"), (True, False)),
    ],
)
def test_a_generator_keeps_its_modes_between_workers_and_leaves_them_theirs(names, inside):
    torch = pytest.importorskip("torch")

    def work():
        seen = [modes()]
        with ExitStack() as stack:
            for name in names:
                stack.enter_context(getattr(torch, name)())
            for _ in range(3):
                seen.append(modes())
                yield
        yield
        seen.append(modes())
        return seen

    outside = (True, False)
    assert quanta(job_of(work)) == [outside, inside, inside, inside, outside]


def test_a_task_has_the_modes_of_who_submitted_it():
    torch = pytest.importorskip("torch")
    with torch.no_grad():
        job = job_of(modes)
    assert quanta(job) == (False, False)
    with torch.inference_mode():
        job = job_of(modes)
    assert quanta(job) == (False, True)


def test_a_task_that_leaves_a_mode_on_does_not_leave_it_to_its_worker():
    torch = pytest.importorskip("torch")
    job = job_of(lambda: torch.set_grad_enabled(False))
    quanta(job)
    assert modes() == (True, False)


def test_a_cancelled_generator_is_closed_in_its_modes():
    torch = pytest.importorskip("torch")
    seen = []

    def work():
        try:
            with torch.no_grad():
                yield
        finally:
            seen.append(modes())

    job = job_of(work)
    job.quantum(hooks.Table())
    job.close()
    assert seen == [(True, False)]
    assert modes() == (True, False)


def test_context_variables_are_those_of_who_submitted_and_each_task_has_its_own():
    token = word.set("mine")

    def work():
        seen = [word.get()]
        word.set("the task's")
        yield
        seen.append(word.get())
        return seen

    job = job_of(work)
    word.reset(token)
    assert quanta(job) == ["mine", "the task's"]
    assert word.get() == "nobody's"


class Ear:
    def __init__(self):
        self.heard = []

    def event(self, event):
        self.heard.append((event.op, threading.current_thread().name))


def test_who_listens_where_a_task_is_submitted_hears_it_at_every_quantum():
    ear, deaf = Ear(), Ear()

    def work():
        hooks.report("io", op="first")
        yield
        hooks.report("io", op="second")

    with Scheduler({"low": "LOW"}, workers=1) as scheduler:
        with hooks.using(hooks.Table().plus(ear)):
            handle = scheduler.submit(work, kind="low")
        with hooks.using(hooks.Table().plus(deaf)):
            scheduler.submit(int, kind="low").result(SOON)
        handle.result(SOON)
    assert [op for op, _ in ear.heard] == ["first", "second"]
    assert deaf.heard == []
    assert ear.heard[0][1].startswith("worker")
