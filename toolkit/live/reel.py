"""How does one frame after another get from a source into a pipeline? Taken first, computed later.

A pipeline's `run` takes a frame and lends it in one breath. A player has to know when a frame is
due before it is computed, so that a slider moved meanwhile still counts. So a reel takes the next
frame from the source (`wind`), and hands it to the pipeline when its time has come (`thread`).
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from toolkit.frame import Frame

__all__ = ["Reel"]


class Reel:
    """Frames of a source on their way through a pipeline. It belongs to one thread at a time.

    Attributes:
        is_at_end: whether the source had no further frame when it was last asked.
        pts_seconds: of the frame that the pipeline lends now.
    """

    def __init__(self, pipeline: Any, source: Iterable[Frame]) -> None:
        self.is_at_end = False
        self.pts_seconds = 0.0
        self._pipeline = pipeline
        self._source: Any = source
        self._frames: Iterator[Frame] | None = None
        self._run: Generator[Frame] | None = None
        self._next: Frame | None = None
        self._lent: Frame | None = None
        self._mailbox = _Mailbox(source)
        self._taken = 0  # since the iteration began
        self._resume: float | None = None  # where a source without a place of its own was left
        self._jumps: object = None

    @property
    def is_live(self) -> bool:
        """Whether frames have no time but now."""
        return bool(getattr(self._source, "is_live", False))

    @property
    def is_wound(self) -> bool:
        """Whether the next frame was taken from the source."""
        return self._next is not None

    @property
    def is_threaded(self) -> bool:
        """Whether the pipeline lends a frame now."""
        return self._lent is not None

    @property
    def is_left(self) -> bool:
        """Whether it was let go of, and is still to be taken up where it was left."""
        return self._resume is not None

    @property
    def next_pts_seconds(self) -> float:
        """Presentation time of the next frame."""
        return 0.0 if self._next is None else self._next.pts_seconds

    def wind(self, *, again: bool = False) -> bool:
        """Take the next frame from the source, unless that was done. Whether there is one.

        May block as the source does, unless that has `try_next`.

        Args:
            again: begin anew at the end.

        Raises:
            Exception: what the source raised.
        """
        self.is_at_end = False
        source = self._source
        jumps = getattr(source, "discontinuities", 0)
        if self._next is not None and jumps != self._jumps:
            self._next = None  # the camera came, or went, while the frame waited for its time
        if self._next is not None:
            return True
        if hasattr(source, "try_next"):
            self._next = source.try_next()
            self._jumps = getattr(source, "discontinuities", 0)
            return self._next is not None
        return self._wind_on(again)

    def _wind_on(self, again: bool) -> bool:
        """Take the next frame of a source that is iterated."""
        while True:
            frames = self._frames if self._frames is not None else self._begin()
            self._frames = None  # an iteration that raises is over
            self._next = next(frames, None)
            self._jumps = getattr(self._source, "discontinuities", 0)
            if self._next is not None:
                self._frames = frames
                self._taken += 1
                return True
            if not (again and self._taken):
                self.is_at_end = True
                self._taken = 1  # whoever asks again may begin anew
                return False
            self._taken = 0

    def thread(self) -> None:
        """Hand the frame that was wound to the pipeline, which gives back the one before.

        Computes what stages with history need, and nothing else.
        """
        self._lent = None
        self._mailbox.frame, self._next = self._next, None
        run = self._run
        if run is None:
            run = self._run = self._pipeline.run(self._mailbox)
        try:
            self._lent = next(run)
        except BaseException:
            self._run = None
            raise
        self.pts_seconds = self._lent.pts_seconds

    @contextmanager
    def current(self) -> Generator[Frame]:
        """The frame that the pipeline lends, with the parameters that it entered with."""
        assert self._lent is not None
        yield self._lent

    @contextmanager
    def anew(self) -> Generator[Frame]:
        """The same frame with the parameters of now. Stages with history begin anew."""
        assert self._lent is not None
        bind = getattr(self._pipeline, "bind", None)
        if bind is None:
            yield self._lent
            return
        with bind(self._lent) as frame:
            yield frame

    @contextmanager
    def first(self) -> Generator[Frame | None]:
        """The next frame as the pipeline would show it; it stays the next one. None at the end."""
        if not self.wind() or self._next is None:
            yield None
            return
        with self._pipeline.bind(self._next) as frame:
            yield frame

    def versions(self) -> object:
        """What changes when a parameter does."""
        return getattr(getattr(self._pipeline, "params", None), "versions", None)

    def seek(self, seconds: float) -> None:
        """Let the next frame be the first one at or after `seconds`.

        Raises:
            ValueError: the source cannot.
            Exception: what the source raised.
        """
        if not hasattr(self._source, "seek"):
            name = type(self._source).__name__
            raise ValueError(f"a source of type {name} cannot seek; open a file to jump in time")
        self._next = None  # not released: the source may hold it, and show it again
        self._source.seek(seconds)
        self._frames = None
        self._resume = None
        self._taken = 0

    def let_go(self) -> None:
        """Give every frame back, and end the run. What comes next goes on from here."""
        if self._lent is not None and not self.is_live:
            self._resume = self.pts_seconds
        self._lent = None
        run, self._run = self._run, None
        if run is not None:
            run.close()
        self._next = None  # not released: the source may hold it, and show it again
        self._frames = None

    def _begin(self) -> Iterator[Frame]:
        """Iterate. A source that would begin anew is taken to where it was left."""
        resume, self._resume = self._resume, None
        if resume is not None and not self.is_live and hasattr(self._source, "seek"):
            self._source.seek(resume)
        return iter(self._source)


class _Mailbox:
    """The source that the pipeline sees: the one frame that was wound, and discontinuities."""

    def __init__(self, source: Any) -> None:
        self.frame: Frame | None = None
        self._source = source  # and not the reel, which holds the run: nothing would be collected

    @property
    def discontinuities(self) -> int:
        """Of the source."""
        return getattr(self._source, "discontinuities", 0)

    def __iter__(self) -> _Mailbox:
        return self

    def __next__(self) -> Frame:
        frame, self.frame = self.frame, None
        if frame is None:
            raise StopIteration
        return frame
