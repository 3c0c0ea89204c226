"""How does a pipeline run beside everything else? Each frame is a task, and the newest one counts.

One frame is computed at a time, since a pipeline has one owner, so frames are shown in their order.
A frame that comes while the last one is under way waits; a newer one takes its place, and that is
counted. What is shown never waits for what is thought about it.
"""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from toolkit import hooks
from toolkit.thoughts.counts import Counter, FeedCounts
from toolkit.thoughts.newest import Newest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from toolkit.frame import Frame
    from toolkit.scheduler import Handle, Scheduler
    from toolkit.thoughts.annotator import Annotator

__all__ = ["Feed"]


class _Pipeline(Protocol):
    def tasks(
        self, source: Iterable[Frame], *, want: Iterable[str]
    ) -> Iterator[Generator[Any, Any, Frame]]: ...


class _Due:
    """One frame that was taken: the task that computes it, and who listens."""

    __slots__ = ("_task", "table")

    def __init__(self, task: Generator[Any, Any, Frame]) -> None:
        self._task: Any = task
        self.table = hooks.table()

    def take(self) -> Generator[Any, Any, Frame]:
        """The task, once: who drops it gives its frame back, even where an error remembers this."""
        task, self._task = self._task, None
        return task


class Feed:
    """Takes frames from a source, lets a scheduler compute them, shows them and offers them around.

    ```python
    feed = Feed(scheduler, pipeline, camera, want=["edges"], fps=30, show=draw)
    with feed:
        feed.run()
    ```

    Args:
        scheduler: runs the tasks.
        pipeline: its `tasks` are what runs.
        source: any iterable of frames; it is read by the thread that calls `step` or `run`.
        want: names to compute, beside what the annotators need.
        fps: frames a second: the period of the tasks, and the most that `run` takes.
        kind: of the tasks.
        show: is called with each frame, in order, on a worker; `frame.keep()` if it is needed
            later.
        annotators: are offered each frame after it was shown.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        pipeline: _Pipeline,
        source: Iterable[Frame],
        *,
        want: Iterable[str],
        fps: float,
        kind: str = "frame",
        show: Callable[[Frame], object] | None = None,
        annotators: Sequence[Annotator] = (),
    ) -> None:
        needed = (name for one in annotators for name in one.needs if name != "pixels")
        self._tasks = pipeline.tasks(source, want=tuple(dict.fromkeys((*want, *needed))))
        self._show = show
        self._annotators = tuple(annotators)
        self._period_seconds = 1.0 / fps
        self._counts = Counter(FeedCounts())
        self._closing = threading.Event()
        scheduler.periodic(kind, fps=fps)  # says the rate; which frame is newest, each feed knows
        submit = partial(scheduler.submit, kind=kind, deadline_seconds=self._period_seconds)
        self._newest = Newest[_Due](submit, work=self._work, skip=self._skip)

    @property
    def counts(self) -> FeedCounts:
        """What became of the frames so far."""
        return self._counts.now

    @property
    def handle(self) -> Handle | None:
        """Handle of the frame that is under way, or of the last one; its error is there."""
        return self._newest.handle

    def step(self) -> bool:
        """Take the next frame and let it be computed. Blocks as long as the source does.

        Returns:
            False at the end of the source.

        Raises:
            Exception: what the source raises, or a scheduler that is shut down.
        """
        task = next(self._tasks, None)
        if task is None:
            return False
        due = _Due(task)
        del task
        self._counts.add(taken=1)
        self._newest.put(due)
        return True

    def run(self) -> FeedCounts:
        """Take frames until the source ends or `close` is called, `fps` of them a second at most.

        Blocks, and waits for the last one.
        """
        due_seconds = time.monotonic()
        while not self._closing.is_set() and self.step():
            due_seconds = max(due_seconds + self._period_seconds, now := time.monotonic())
            if due_seconds > now:
                with hooks.timed("wait", op="pace"):
                    self._closing.wait(due_seconds - now)
        self.wait()
        return self.counts

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Block until each frame that was taken is shown or skipped, or until the time is over.

        Returns:
            Whether that is so.
        """
        with hooks.timed("wait", op="feed"):
            return self._newest.wait(timeout_seconds)

    def close(self) -> Handle | None:
        """Take no more frames, cancel what is under way. Annotators stay open: they are yours.

        Returns:
            The handle of the frame that is still under way and ends with its quantum, or None.
        """
        self._closing.set()
        self._tasks = iter(())  # lets the source go, whoever is reading it now
        return self._newest.close()

    def __enter__(self) -> Feed:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- inside -----------------------------------------------------------------------------------

    def _work(self, due: _Due) -> Generator[Any, Any, None]:
        try:
            frame = yield from due.take()
            try:
                with hooks.using(due.table):
                    self._present(frame)
            finally:
                frame.end_loan()
        except Exception:
            self._counts.add(failed=1)
            raise
        except BaseException:  # cancelled
            self._counts.add(skipped=1)
            raise
        self._counts.add(shown=1)

    def _present(self, frame: Frame) -> None:
        if self._show is not None:
            self._show(frame)
        for one in self._annotators:
            one.offer(frame)

    def _skip(self, due: _Due) -> None:
        due.take()
        with hooks.using(due.table):
            hooks.report("drop", op="feed")
        self._counts.add(skipped=1)
