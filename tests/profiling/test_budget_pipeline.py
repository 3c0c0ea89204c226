"""A budget around pipelines: real frames, owners on other threads, tasks of a scheduler."""

import threading

import pytest
import torch

from toolkit import FrameRing, Pipeline, hooks
from toolkit.profiling import OverBudget, allowed, budget
from toolkit.stages.declare import Pointwise, stage


@stage("double", footprint=Pointwise())
def double(pixels):
    """One allocation on each frame."""
    return pixels + pixels


@stage("sum", footprint=Pointwise())
def total(double):
    """Two allocations on each frame."""
    return double + double + double


RING = FrameRing(4, width=4, height=4, pixel_format="gray")


@pytest.fixture
def pipeline():
    return Pipeline([double, total], name="demo")


def frames(count):
    """A source that allocates nothing."""
    for index in range(count):
        yield RING.publish(RING.acquire(), pts_seconds=index / 10, index=index)


def test_each_frame_of_a_pipeline_has_the_budget_for_itself(pipeline):
    with budget(allocations=3) as meter:
        for frame in pipeline.run(frames(4)):
            _ = frame["sum"]
    assert meter.session.frame_count == 4


def test_the_offenders_are_its_stages(pipeline):
    with pytest.raises(OverBudget, match=r"on 4 of 4 frames \(0, 1, 2, 3\)") as caught:
        run_within(budget(allocations=2), pipeline)
    found = {one.stage: one.count for one in caught.value.offenders}
    assert found == {"sum": 8, "double": 4}


def run_within(limits, pipeline):
    """Read every frame, within `limits`."""
    with limits:
        for frame in pipeline.run(frames(4)):
            _ = frame["sum"]


def test_a_budget_holds_for_frames_that_another_thread_reads(pipeline):
    def work(frame, table):
        with hooks.using(table):
            _ = frame["sum"]

    def run():
        with budget(allocations=2):
            for frame in pipeline.run(frames(2)):
                thread = threading.Thread(target=work, args=(frame, hooks.table()))
                thread.start()
                thread.join()

    with pytest.raises(OverBudget, match="on 2 of 2 frames") as caught:
        run()
    assert {one.stage: one.count for one in caught.value.offenders} == {"sum": 4, "double": 2}


def test_a_budget_holds_for_a_pipeline_whose_owner_is_another_thread(pipeline):
    """The owner was started inside and carries the listeners; this thread only waits for it."""

    def own(table):
        with hooks.using(table):
            for frame in pipeline.run(frames(2)):
                _ = frame["sum"]

    def run():
        with budget(allocations=2):
            owner = threading.Thread(target=own, args=(hooks.table(),))
            owner.start()
            owner.join()

    with pytest.raises(OverBudget, match=r"on 2 of 2 frames \(0, 1\): allocations 3, limit 2"):
        run()


def test_a_pipeline_of_another_thread_that_carries_nothing_is_not_charged(pipeline):
    def own():
        for frame in pipeline.run(frames(2)):
            _ = frame["sum"]

    owner = threading.Thread(target=own)
    with budget(allocations=0):
        owner.start()
        owner.join()


def test_tasks_of_a_scheduler_are_held_frame_by_frame(pipeline):
    def run():
        with budget(allocations=2):
            for task in pipeline.tasks(frames(3), want=["sum"]):
                release(task)

    with pytest.raises(OverBudget, match="on 3 of 3 frames"):
        run()


def release(task):
    """Run a task to its end, and give its frame back."""
    while True:
        try:
            next(task)
        except StopIteration as stop:
            stop.value.release()
            return


def test_what_a_loop_is_allowed_is_so_on_each_frame(pipeline):
    with budget(allocations=3):
        for frame in pipeline.run(frames(3)):
            _ = frame["sum"]
            with allowed("allocations"):
                torch.ones(8)
