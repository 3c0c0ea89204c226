"""What does a model think of this frame? It says so when it is ready, and no frame waits for it.

An annotator is offered frames and thinks about one at a time, as a task of the scheduler. What it
thought is attached to the frame it thought about, with its age. A frame that has gone meanwhile
drops the thought, and that is counted.
"""

from __future__ import annotations

import itertools
import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from toolkit import hooks
from toolkit.thoughts.charged import charged
from toolkit.thoughts.counts import AnnotatorCounts, Counter
from toolkit.thoughts.inputs import TAKES, Inputs, Takes
from toolkit.thoughts.newest import Newest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from toolkit.frame import Address, Frame
    from toolkit.scheduler import Handle, Scheduler

__all__ = ["Annotator"]

_log = logging.getLogger(__name__)


class _Thought:
    """One frame that is, or will be, thought about."""

    __slots__ = ("address", "inputs", "table")

    def __init__(self, address: Address, inputs: Inputs) -> None:
        self.address = address
        self.inputs = inputs
        self.table = hooks.table()


class Annotator:
    """Thinks about frames, one at a time and the newest first, and attaches what it thought.

    ```python
    pose = Annotator("pose", estimate_pose, scheduler=scheduler, kind="pose", needs=["gray"])
    for frame in pipeline.run(camera, want=["gray"]):
        pose.offer(frame)
        show(frame, pose=frame.get("pose"))  # None until it is there
    ```

    Args:
        name: under which the thought is attached; also what its cost is charged to.
        think: gets the values of `needs` in order and gives the thought: a call, a generator
            function or a coroutine function.
        scheduler: runs it.
        kind: of the tasks.
        needs: results that are attached to a frame when it is offered, or `"pixels"`.
        takes: what it holds meanwhile. `"results"`: references to what it needs; nothing is copied
            and no slot is occupied. `"copies"`: it occupies a slot until it begins to think, and
            copies then. `"frame"`: it occupies the slot while it thinks, and one more for the frame
            that is next.
        every: think about each n-th frame that is offered.
        deadline_seconds: when a thought is wanted, from the moment it is asked for; the scheduler
            drops one that cannot be there in time.

    Raises:
        ValueError: another word for `takes`, or `every` below 1.
    """

    def __init__(
        self,
        name: str,
        think: Callable[..., Any],
        *,
        scheduler: Scheduler,
        kind: str,
        needs: Iterable[str],
        takes: Takes = "results",
        every: int = 1,
        deadline_seconds: float | None = None,
    ) -> None:
        if takes not in TAKES:
            raise ValueError(f"takes={takes!r} is not one of {', '.join(map(repr, TAKES))}")
        if every < 1:
            raise ValueError(f"every={every}: 1 is each frame, 2 each second one")
        self.name = name
        self.needs = tuple(needs)
        self.fault = ""
        self._think = think
        self._takes: Takes = takes
        self._every = every
        self._passed = itertools.count()
        self._counts = Counter(AnnotatorCounts())
        submit = partial(
            scheduler.submit, kind=kind, deadline_seconds=deadline_seconds, optional=True
        )
        self._newest = Newest[_Thought](submit, work=self._work, skip=self._skip)

    @property
    def counts(self) -> AnnotatorCounts:
        """What became of the frames so far."""
        return self._counts.now

    @property
    def handle(self) -> Handle | None:
        """Handle of the thought that is under way, or of the last one; its error is there."""
        return self._newest.handle

    def offer(self, frame: Frame) -> None:
        """Ask for a thought on `frame`. Computes nothing, copies nothing, never blocks or raises.

        What is wrong is counted as failed, and said in `fault`.
        """
        if next(self._passed) % self._every:
            return
        self._counts.add(offered=1)
        try:
            address = frame.address(self.name)
            if self.name in frame:
                self._counts.add(skipped=1)
                return
            thought = _Thought(address, Inputs(frame, self.needs, self._takes))
        except Exception as error:  # noqa: BLE001 - the frame goes its way, whatever it is
            self._fail(error)
            return
        try:
            self._newest.put(thought)
        except Exception as error:  # noqa: BLE001 - such as a scheduler that is shut down
            self._say(error)

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Block until it has thought about all that it took, or until the time is over.

        Returns:
            Whether it has.
        """
        with hooks.timed("wait", op=f"thoughts of {self.name}"):
            return self._newest.wait(timeout_seconds)

    def close(self) -> Handle | None:
        """Think no more: skip what waits, cancel what is under way.

        Returns:
            The handle of the thought that is still under way and ends with its quantum, or None.
        """
        return self._newest.close()

    def __repr__(self) -> str:
        needs = ", ".join(self.needs)
        return f"Annotator({self.name!r} from {needs}, {self.counts})"

    # -- inside -----------------------------------------------------------------------------------

    def _work(self, thought: _Thought) -> Generator[Any, Any, Any]:
        try:
            if not thought.address.is_current:
                self._counts.add(dropped=1)
                return None
            answer = yield from charged(
                lambda: self._think(*thought.inputs.begin()),
                stage=self.name,
                frame=thought.address.index,
                table=thought.table,
            )
            self._attach(thought, answer)
        except Exception as error:
            self._fail(error)
            raise
        except BaseException:  # cancelled
            self._counts.add(skipped=1)
            raise
        finally:
            thought.inputs.release()
        return answer

    def _attach(self, thought: _Thought, answer: Any) -> None:
        is_attached = thought.address.attach(answer)
        age_seconds = thought.address.age_seconds
        self._counts.change(lambda now: now.with_thought(age_seconds, is_attached=is_attached))

    def _skip(self, thought: _Thought) -> None:
        thought.inputs.release()
        self._counts.add(skipped=1)

    def _fail(self, error: Exception) -> None:
        self._counts.add(failed=1)
        self._say(error)

    def _say(self, error: Exception) -> None:
        if not self.fault:
            _log.warning("annotator %r failed; later faults are counted", self.name, exc_info=error)
        self.fault = f"{type(error).__name__}: {error}"
