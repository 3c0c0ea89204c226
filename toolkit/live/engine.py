"""What is to be done next, so that all who look see the newest picture? One thing at a time.

An engine takes frames from its source, each at its time, and computes what the views that can be
seen ask for. Without one it takes nothing and computes nothing, unless it records. It knows no
thread and does not wait: `turn` does what is due and says when to come again.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from toolkit.live.reel import Reel
from toolkit.live.show import Show, explain
from toolkit.live.tempo import Tempo
from toolkit.live.view import View
from toolkit.memory import trim

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import numpy as np

    from toolkit.frame import Frame
    from toolkit.live.recording import Recording
    from toolkit.live.view import Sink

__all__ = ["UNSEEN_SECONDS", "Engine"]

UNSEEN_SECONDS = 20.0
"""How long a view may be away, or out of sight, until what was opened for it is let go."""

_GLANCE_SECONDS = 0.05  # how often a paused picture is looked at, whether a parameter changed


class Engine:
    """The state of one player. Its methods are called on one thread at a time.

    Attributes:
        pipeline: what computes.
        source: where frames come from.
        want: name of what is shown where a view does not say.
        loop: begin again at the end.
        is_playing: whether frames follow each other.
        is_ended: whether the source has come to its end.
        fault: a sentence on what stopped the source, or empty.
        steps: frames still to be shown while it does not play.
        goal: where to go before the next frame is taken, s, or None.
        shown: how many frames went through the pipeline.
        tempo: when frames are due.
        reel: frames on their way.
        views: who looks, by name.
        recording: what is written, or None.
    """

    def __init__(
        self,
        pipeline: Any,
        source: Iterable[Frame],
        *,
        want: str,
        loop: bool,
        clock: Callable[[], float],
        on_change: Callable[[], object],
    ) -> None:
        self.pipeline = pipeline
        self.source: Any = source
        self.want = want
        self.loop = loop
        self.is_playing = True
        self.is_ended = False
        self.fault = ""
        self.steps = 0
        self.goal: float | None = None
        self.shown = 0
        self.tempo = Tempo(clock)
        self.reel = Reel(pipeline, source)
        self.views: dict[str, View] = {}
        self.recording: Recording | None = None
        self._clock = clock
        self._seen_at = clock()
        self._on_change = on_change
        self._show = Show(lambda: time.time() * 1e3)
        self._is_stale = False  # whether what is shown is not what was asked for
        self._was_live = False
        self._versions: object = None

    # -- frames -----------------------------------------------------------------------------------

    def turn(self) -> float | None:
        """Do what is due now. How many seconds until there is more; None: nothing until woken."""
        views = [view for view in self.views.values() if view.is_visible]
        if not views and self.recording is None:
            self.tempo.restart()
            return self._rest()
        self._seen_at = self._clock()
        is_over = (self.is_ended and not self.reel.is_left) or self.fault
        if self.goal is None and not (self.reel.is_threaded or is_over):
            self.steps = max(self.steps, 1)  # something to look at, even where it is paused
        if self.is_playing or self.steps:
            return self._advance(views)
        self._refresh(views)
        return _GLANCE_SECONDS

    def _rest(self) -> float | None:
        """Nobody can see it. A camera that stays unseen is let go of; a film is not moved on."""
        if not (self.reel.is_live and self.reel.is_threaded):
            return None
        left = self._seen_at + UNSEEN_SECONDS - self._clock()
        if left <= 0:
            self.reel.let_go()
        return left if left > 0 else None

    def next(self) -> bool:
        """Hand the next frame to the pipeline. False where there is none, now or any more."""
        if not self._is_wound():
            return False
        self.steps = max(0, self.steps - 1)
        is_live = self.reel.is_live
        self.reel.thread()
        if is_live:
            self.tempo.restart()  # a film that follows does not wait for the time of a camera
        else:
            self.tempo.shown(self.reel.pts_seconds)
        if self._was_live and not is_live:
            trim()  # its frames and codecs are gone; what they took lies in pieces
        self._was_live = is_live
        self.shown += 1
        return True

    def let_go(self) -> None:
        """Give back every frame, and finish the file that is written."""
        self.record(None)
        self.views.clear()
        self.reel.let_go()

    def _advance(self, views: list[View]) -> float | None:
        """Show the next frame if it is due."""
        if self.reel.is_live and self.recording is None:
            wait = min(view.credit.seconds_to_next() for view in views)
            if wait > 0:  # nobody can take it: the newest one then is what they get
                return wait
        if not self._is_wound():
            return None if self.is_playing else _GLANCE_SECONDS
        if not (self.reel.is_live or self.steps):
            wait = self.tempo.wait_seconds(self.reel.next_pts_seconds)
            if wait > 0:
                return wait
        self.next()
        self._present(views)
        return 0.0

    def _is_wound(self) -> bool:
        """Whether there is a next frame: taken from the source now, unless it was."""
        # Taken up where it was let go of at the end, it is at the end still.
        is_further = not (self.reel.is_left or self.reel.is_wound)
        try:
            if self.goal is not None:
                goal, self.goal = self.goal, None
                self.reel.seek(goal)
                self.tempo.restart()
                self.is_ended = False
            is_wound = self.reel.wind(again=self.loop or self.is_ended)
        except Exception as error:  # noqa: BLE001 - whatever a source raises is shown in the widget
            self._stop(str(error) or type(error).__name__)
            return False
        if is_wound and (self.fault or (self.is_ended and is_further)):
            self.is_ended, self.fault = False, ""
            self.tell("", "source")
            self._on_change()
        elif self.reel.is_at_end:
            self.is_ended = True
            self._stop("")
        return is_wound

    def _stop(self, fault: str) -> None:
        """Playing came to its end, or to an error."""
        self.fault = fault
        self.steps = 0
        if not hasattr(self.source, "offer"):  # what is pushed may be better next time
            self.is_playing = False
        self.tell(fault, "source")
        self._on_change()

    def _present(self, views: list[View]) -> None:
        self._versions = self.reel.versions()
        with self.reel.current() as frame:
            if self.recording is not None:
                self._write(self.recording, frame)
            reached = self._show.present(frame, views, self.want)
        self._is_stale = reached < len(views)

    def _refresh(self, views: list[View]) -> None:
        """Show the frame that stands again, where parameters or views changed."""
        versions = self.reel.versions()
        is_changed = versions != self._versions
        if not self.reel.is_threaded or not (self._is_stale or is_changed):
            return
        if any(view.credit.seconds_to_next() > 0 for view in views):
            return
        self._is_stale, self._versions = False, versions
        with self.reel.anew() if is_changed else self.reel.current() as frame:
            self._show.present(frame, views, self.want)

    # -- views ------------------------------------------------------------------------------------

    def enter(self, sink: Sink, hello: Mapping[str, Any]) -> None:
        """A view came, or came again."""
        self.views[sink.id] = View(sink, hello, clock_ns=lambda: int(self._clock() * 1e9))
        self._is_stale = True
        if self.fault:
            self.views[sink.id].tell(self.fault, "source")

    def leave(self, sink: Sink) -> None:
        """A view went, unless it came again meanwhile."""
        view = self.views.get(sink.id)
        if view is not None and view.sink is sink:
            del self.views[sink.id]
        self._stop_camera(sink)

    def hear(self, sink: Sink, header: Mapping[str, Any]) -> None:
        """A view said something."""
        view = self.views.get(sink.id)
        if view is None or view.sink is not sink:
            return
        if header["t"] == "ack":
            view.credit.give(header["id"])
        elif header["t"] in ("hello", "see"):
            view.update(header)
            self._is_stale = True
            if header.get("camera") is False:
                self._stop_camera(sink)

    def tell(self, text: str, about: str = "picture") -> None:
        """Say to all views what is wrong with one thing; an empty text takes that back.

        What is wrong with the picture goes with the next good one, with the source when it goes on,
        with a film or a snapshot (`"keep"`) when another one is asked for.
        """
        for view in self.views.values():
            view.tell(text, about)

    def _stop_camera(self, sink: Sink) -> None:
        if hasattr(self.source, "stop"):
            self.source.stop(sink)

    # -- pictures to keep -------------------------------------------------------------------------

    def snapshot(self, name: str, deliver: Callable[[np.ndarray[Any, Any]], object]) -> None:
        """Hand the whole picture of the frame that is shown to `deliver`; valid during the call."""
        self.tell("", "keep")
        if not self.reel.is_threaded and not self.next():
            self.tell(f"no snapshot of {name}: there is no picture yet", "keep")
            return
        with self.reel.current() as frame:
            try:
                deliver(self._show.picture(frame, name))
            except Exception as error:  # noqa: BLE001 - told where it was asked for
                self.tell(f"no snapshot of {explain(name, error)}", "keep")

    def poster(self, name: str, size: tuple[int, int]) -> np.ndarray[Any, Any] | None:
        """The picture of the frame that comes next, or None at the end."""
        with self.reel.first() as frame:
            return None if frame is None else self._show.picture(frame, name, size)

    def record(self, recording: Recording | None) -> None:
        """Write each frame from now on; None ends the file."""
        self.tell("", "keep")
        before, self.recording = self.recording, recording
        if before is not None:
            try:
                before.close()
            except Exception as error:  # noqa: BLE001 - a full disk must not end the player
                self.tell(f"the recording could not be finished: {error}", "keep")
        self._on_change()

    def _write(self, recording: Recording, frame: Frame) -> None:
        try:
            recording.write(self._show.picture(frame, recording.name), frame.pts_seconds)
        except Exception as error:  # noqa: BLE001 - told, and what was written stays
            self.record(None)
            self.tell(f"the recording ended: {explain(recording.name, error)}", "keep")
