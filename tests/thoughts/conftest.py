"""A scheduler that runs by hand, and frames to think about."""

from concurrent.futures import CancelledError, Future
from inspect import iscoroutinefunction, isgeneratorfunction

import pytest

from toolkit import FrameRing, Pipeline
from toolkit.stages.declare import Pointwise, stage


class Handle(Future):
    """A task that is run one quantum at a time."""

    def __init__(self, work, options):
        super().__init__()
        assert isgeneratorfunction(work) or iscoroutinefunction(work)
        self.work, self.options = work(), options
        self.sent, self.is_stopped, self.quanta = None, False, 0

    def cancel(self):
        if self.running():
            self.is_stopped = True
            return True
        return super().cancel()

    def cancelled(self):
        return super().cancelled() or (
            self.done() and isinstance(super().exception(), CancelledError)
        )

    def run(self):
        """One quantum. Answers whether there is another one."""
        if self.is_stopped:
            self.work.close()
            self.set_exception(CancelledError())
            return False
        self.quanta += 1
        try:
            awaited = self.work.send(self.sent)
            self.sent = awaited.result(0) if awaited is not None else None
        except StopIteration as end:
            self.set_result(end.value)
        except Exception as error:  # noqa: BLE001 - it belongs to whoever looks at the handle
            self.set_exception(error)
        return not self.done()


class ByHand:
    """What `toolkit.scheduler.Scheduler` offers, on the thread of the test."""

    def __init__(self):
        self.queue, self.submitted, self.periods, self.is_shut = [], [], {}, False

    def submit(self, work, **options):
        if self.is_shut:
            raise RuntimeError("the scheduler is shut down")
        handle = Handle(work, options)
        self.queue.append(handle)
        self.submitted.append(handle)
        return handle

    def periodic(self, kind, *, fps):
        self.periods[kind] = 1 / fps

    def step(self, kind=None):
        """Run one quantum of the first task, of `kind`, that is queued; False: there is none."""
        for handle in list(self.queue):
            if kind in (None, handle.options["kind"]):
                self.queue.remove(handle)
                if handle.cancelled():
                    return True
                if handle.quanta == 0:
                    handle.set_running_or_notify_cancel()
                if handle.run():
                    self.queue.append(handle)
                return True
        return False

    def run(self, kind=None):
        """Run until nothing of `kind` is queued."""
        while self.step(kind):
            pass


@pytest.fixture
def by_hand():
    """A scheduler without threads."""
    return ByHand()


@stage("luma", footprint=Pointwise())
def luma(pixels):
    return pixels[None].float()


@stage("bare", footprint=Pointwise())
def bare(pixels):
    return {"top": (pixels[:, :1],)}


@pytest.fixture
def pipeline():
    """A stage with a picture of its own, and one that answers with a view of the slot."""
    return Pipeline([luma, bare])


@pytest.fixture
def ring():
    """Four slots of 2x2 px; it raises where all are held."""
    return FrameRing(4, width=2, height=2, pixel_format="gray", drop="error")


@pytest.fixture
def frames(ring):
    """Frames `first`, `first + 1`, ... of the ring, filled with their number."""

    def publish(count, first=0):
        for number in range(first, first + count):
            slot = ring.acquire()
            slot.pixels.fill_(number)
            frame = ring.publish(slot, pts_seconds=number / 10, index=number)
            del slot
            yield frame
            del frame

    return publish


@pytest.fixture
def play(pipeline, frames):
    """Frames that went through the pipeline, with "luma" attached."""
    return lambda count, first=0: pipeline.run(frames(count, first), want=["luma", "bare"])
