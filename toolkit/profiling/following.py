"""How is a pipeline measured that runs in another thread, or in cells that come later?

`with profile()` hears the place that opens it. Whoever shows a pipeline's bill does not know where
it will run: so the pipeline itself is asked to tell, on whatever thread it does its work. The frame
that is under way when somebody begins to follow is not counted, for its beginning was not seen.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

from toolkit.profiling.capture import SHARED, describe_machine
from toolkit.profiling.hook import use_built_hook
from toolkit.profiling.ledger import Ledger
from toolkit.profiling.levels import Plan
from toolkit.profiling.listener import Listener
from toolkit.profiling.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Following"]


class Tells(Protocol):
    """What can be followed: a pipeline."""

    def listen(self, listener: object) -> None:
        """Let `listener` hear it from the next frame on."""
        ...

    def unlisten(self, listener: object) -> None:
        """Take `listener` out again."""
        ...


class Following:
    """A session of one pipeline, whichever threads run it. May pause, and then costs nothing.

    Each frame is counted at its end, so that whoever looks on sees it at once. Open, pause and
    close it from any thread.

    Args:
        pipeline: whom to follow.
        level: as of `profile`.
        detail: as of `profile`.

    Attributes:
        session: what was recorded so far.
    """

    def __init__(
        self, pipeline: Tells, level: str = "counts", detail: Callable[[int], str] | None = None
    ) -> None:
        self._pipeline = pipeline
        self.session = Session(level)
        self.session.machine = describe_machine()
        self._plan = Plan(level, detail)
        self.session.plan = self._plan
        self._ledger = Ledger(self.session, self._plan)
        self._listener = Listener(self._ledger, has_home=False)
        self._lock = threading.Lock()
        self._is_heard = False

    @property
    def is_recording(self) -> bool:
        """Whether the pipeline tells what it does."""
        return self._is_heard

    def resume(self) -> None:
        """Record from the next frame on; the first time, and after `pause`.

        Raises:
            RuntimeError: it is closed.
        """
        with self._lock:
            if self.session.plan is None:
                raise RuntimeError("this session is closed; follow the pipeline with another one.")
            if self._is_heard:
                return
            self._is_heard = True
            use_built_hook()
            for one in SHARED:
                one.enter(self)
            self._ledger.bystanders.begin()
            self.session.on_unrecorded = self._ledger.bystanders.sentence
            self._pipeline.listen(self._listener)

    def pause(self) -> None:
        """Record no frame that comes; the one under way is counted. Nothing is left in place."""
        with self._lock:
            self._stop()

    def close(self) -> None:
        """Record nothing more, for good. A frame that is under way is not counted."""
        with self._lock:
            self._stop()
            if self.session.plan is not None:
                self._ledger.finish(0)
                self.session.plan = None

    def _stop(self) -> None:
        if not self._is_heard:
            return
        self._is_heard = False
        self._pipeline.unlisten(self._listener)
        self.session.on_unrecorded = None
        self._ledger.bystanders.end()
        for one in reversed(SHARED):
            one.leave(self)
