"""Who runs the pipeline of a live picture? One thread, as long as somebody looks.

    player = Player(pipeline, source)
    endpoint = serve(player)        # a page that connects there is its audience
    player.pause(); player.step(); player.seek(2.0); player.play()
    player.close()

All that comes from elsewhere, from pages and from your code, is put into a queue or into a
variable; the thread does one thing after another, and nothing else touches the pipeline, the
source and the codecs while it runs. What it does is told in `toolkit.live.engine`.
"""

from __future__ import annotations

import contextvars
import logging
import threading
import time
import weakref
from collections import deque
from typing import TYPE_CHECKING, Any

from toolkit import hooks
from toolkit.live.engine import UNSEEN_SECONDS, Engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy as np

    from toolkit.frame import Frame
    from toolkit.live.recording import Recording
    from toolkit.live.transport import Viewer

__all__ = ["SPEEDS", "Player"]

SPEEDS = (0.1, 8.0)
"""Slowest and fastest."""

_JOIN_SECONDS = 1.0
_log = logging.getLogger(__name__)


class Player:
    """Plays a source through a pipeline to views: an audience for `toolkit.live.serve`.

    The thread starts when a view connects, and ends with `close`, some seconds after the last view
    has left, or when the player is collected; never before a file that is recorded is finished.

    A source is any iterable of frames. It may have `seek`, `duration_seconds`, `is_live`,
    `is_looping`, `discontinuities`, and, where frames are pushed to it, `try_next`, `on_ready`,
    `offer` and `stop`, as `BrowserCamera` has. The player does not close it.

    Args:
        pipeline: what computes: its `run(source)` lends frames that are read by name.
        source: where frames come from.
        want: name of what is shown where a view does not say.
        loop: begin again at the end.
        clock: says the time in seconds.
        context: makes the context that the thread runs in.

    Attributes:
        on_change: called after `is_playing`, `is_ended`, `speed`, `loop`, `fault` or `is_recording`
            changed, on whichever thread changed it.
        on_idle: called on the player's thread after it let go of everything, since nobody looks.
    """

    def __init__(
        self,
        pipeline: Any,
        source: Iterable[Frame],
        *,
        want: str = "pixels",
        loop: bool = False,
        clock: Callable[[], float] = time.monotonic,
        context: Callable[[], contextvars.Context] = contextvars.copy_context,
    ) -> None:
        self.on_change: Callable[[], object] = _nothing
        self.on_idle: Callable[[], object] = _nothing
        self._wake = threading.Event()
        myself: weakref.ref[Player] = weakref.ref(self)
        self._engine = Engine(
            pipeline,
            source,
            want=want,
            loop=loop,
            clock=clock,
            on_change=lambda: _tell(myself),
        )
        self._clock = clock
        self._context = context
        self._listeners = hooks.table()
        self._jobs: deque[Callable[[], object]] = deque()
        self._left_at = clock()
        self._is_closed = False
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None
        if hasattr(source, "on_ready"):
            self._engine.source.on_ready = self._wake.set
        weakref.finalize(self, _end, myself, self._wake)

    # -- controls, from any thread ----------------------------------------------------------------

    def play(self) -> None:
        """Let frames follow each other; after the end, from the beginning."""
        self._engine.tempo.restart()
        self._engine.is_playing = True
        self._changed()

    def pause(self) -> None:
        """Stop at the frame that is shown."""
        self._engine.is_playing = False
        self._changed()

    def step(self) -> None:
        """Stop, and show the next frame."""
        self._engine.steps += 1
        self.pause()

    def seek(self, seconds: float) -> None:
        """Go on at the first frame at or after `seconds`. Where that fails, `fault` says why.

        Returns at once: the player's thread goes there before it takes the next frame.
        """
        self._engine.goal = max(0.0, float(seconds))
        self._engine.steps = 1
        self._wake.set()

    @property
    def is_playing(self) -> bool:
        """Whether frames follow each other; else `step` shows the next one."""
        return self._engine.is_playing

    @property
    def is_ended(self) -> bool:
        """Whether the source has come to its end."""
        return self._engine.is_ended

    @property
    def fault(self) -> str:
        """What stopped the source, as a sentence, or empty."""
        return self._engine.fault

    @property
    def position_seconds(self) -> float:
        """Presentation time of the frame that was shown last."""
        return self._engine.reel.pts_seconds

    @property
    def shown(self) -> int:
        """How many frames went through the pipeline."""
        return self._engine.shown

    @property
    def want(self) -> str:
        """Name of what is shown where a view does not say."""
        return self._engine.want

    @want.setter
    def want(self, name: str) -> None:
        self._engine.want = name
        self._wake.set()

    @property
    def loop(self) -> bool:
        """Begin again at the end. Always True where the source does so by itself."""
        return self._engine.loop or self.is_endless

    @loop.setter
    def loop(self, value: bool) -> None:
        self._engine.loop = value
        self._changed()

    @property
    def is_endless(self) -> bool:
        """Whether the source begins again by itself, whatever `loop` is set to."""
        return bool(getattr(self._engine.source, "is_looping", False))

    @property
    def speed(self) -> float:
        """Seconds of film in one second."""
        return self._engine.tempo.speed

    @speed.setter
    def speed(self, value: float) -> None:
        least, most = SPEEDS
        if not least <= value <= most:
            raise ValueError(f"speed={value:g} is outside of {least:g} to {most:g}")
        self._engine.tempo.speed = float(value)
        self._changed()

    @property
    def can_seek(self) -> bool:
        """Whether the source has other times than now."""
        return hasattr(self._engine.source, "seek") and not self._engine.reel.is_live

    @property
    def duration_seconds(self) -> float | None:
        """How long the source is, where it knows."""
        return getattr(self._engine.source, "duration_seconds", None)

    @property
    def is_recording(self) -> bool:
        """Whether frames are written to a file."""
        return self._engine.recording is not None

    @property
    def is_running(self) -> bool:
        """Whether a thread runs it now."""
        return self._thread is not None

    def record(self, recording: Recording | None) -> None:
        """Write each frame that is shown from now on; None ends the file.

        While it records it plays on, whether or not anybody looks.
        """
        if recording is not None or self.is_running:
            self._do(lambda: self._engine.record(recording))

    def snapshot(self, name: str, deliver: Callable[[np.ndarray[Any, Any]], object]) -> None:
        """Hand the whole picture of the frame that is shown to `deliver`, on the player's thread.

        (H, W, 3) or (H, W) uint8, valid during the call. Where there is none, views are told why.
        """
        self._do(lambda: self._engine.snapshot(name, deliver))

    def poster(self, name: str, size: tuple[int, int] = (0, 0)) -> np.ndarray[Any, Any] | None:
        """The first picture, computed here and now without a thread; None where one is running.

        (h, w, 3) or (h, w) uint8, a copy. It is shown again when playing begins. A view that comes
        meanwhile is not kept waiting: its thread starts afterwards.

        Raises:
            Exception: what the source, a stage, or the conversion raised.
        """
        here = threading.current_thread()
        try:
            with self._lock:
                if self.is_running or self._is_closed:
                    return None
                self._thread = here
            picture = self._engine.poster(name, size)
            return None if picture is None else picture.copy()
        finally:
            if self._thread is here:
                self._hand_back()

    def close(self) -> None:
        """End the thread and let go of every frame and file; waits for it at most a second.

        A second call does nothing.
        """
        with self._lock:
            self._is_closed = True
            thread = self._thread
            if thread is None:
                self._engine.let_go()
        self._wake.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join(_JOIN_SECONDS)

    def __enter__(self) -> Player:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self._is_closed else "playing" if self.is_playing else "paused"
        return f"Player({state}, {len(self._engine.views)} views)"

    # -- the audience, on the server's thread -----------------------------------------------------

    def joined(self, viewer: Viewer, hello: dict[str, Any]) -> None:
        """A view connected."""
        self._do(lambda: self._engine.enter(viewer, hello))

    def received(self, viewer: Viewer, header: dict[str, Any], payload: memoryview) -> None:
        """A view sent something."""
        if header["t"] == "camera" and hasattr(self._engine.source, "offer"):
            self._engine.source.offer(header, payload, viewer)
        else:
            self._do(lambda: self._engine.hear(viewer, header))

    def left(self, viewer: Viewer) -> None:
        """A view is gone."""
        if self.is_running or viewer.id in self._engine.views:
            self._do(lambda: self._engine.leave(viewer))

    # -- the thread -------------------------------------------------------------------------------

    def turn(self) -> float | None:
        """Do what is due now. How many seconds until there is more; None: nothing until woken.

        What the thread does again and again. Call it yourself only where no thread runs.
        """
        had_views = bool(self._engine.views)
        try:
            while self._jobs:
                self._jobs.popleft()()
            wait = None if self._is_closed else self._engine.turn()
        except Exception as error:  # noqa: BLE001 - whatever it is, the thread goes on
            _log.exception("the player stopped: this is a fault of ours")
            self._engine.is_playing = False
            self._engine.steps = 0
            self._engine.fault = f"the player stopped: {error!r}; press play to try again"
            self._engine.tell(self._engine.fault, "source")
            wait = None
        if self._engine.views or self._engine.recording is not None or self._is_closed:
            return wait
        if had_views:
            self._left_at = self._clock()
        left = self._left_at + UNSEEN_SECONDS - self._clock()
        return left if left > 0 else None

    def _do(self, job: Callable[[], object]) -> None:
        """Let the thread do it, which is started where none runs."""
        with self._lock:
            if self._is_closed:
                return
            if self._thread is None:
                self._begin()
            self._jobs.append(job)
        self._wake.set()

    def _hand_back(self) -> None:
        """The poster is made: what was asked for meanwhile is due."""
        with self._lock:
            self._thread = None
            if self._is_closed:
                self._engine.let_go()
            elif self._jobs:
                self._begin()

    def _begin(self) -> None:
        self._left_at = self._clock()
        self._start()

    def _start(self) -> None:
        self._thread = threading.Thread(
            target=self._context().run,
            args=(_run, weakref.ref(self), self._engine, self._wake, self._listeners),
            name="downhill-player",
            daemon=True,
        )
        try:
            self._thread.start()
        except RuntimeError:  # no thread is to be had
            self._thread = None
            raise

    def is_over(self, wait: float | None) -> bool:
        """Whether the thread ends after a turn that said `wait`; if so, all is given back."""
        with self._lock:
            engine = self._engine
            is_idle = wait is None and not engine.views and engine.recording is None
            if not self._is_closed and (self._jobs or not is_idle):
                return False
            try:
                engine.let_go()
            finally:  # whatever fails, who comes next gets a thread
                self._thread = None
        self.on_idle()
        return True

    def _changed(self) -> None:
        self._wake.set()
        self.on_change()


def _run(
    player: weakref.ref[Player], engine: Engine, wake: threading.Event, listeners: hooks.Table
) -> None:
    """The thread. It holds the player only while it works, so that one nobody has is collected.

    Then a film that is recorded gets its end.
    """
    with hooks.using(listeners):
        while (one := player()) is not None:
            wake.clear()
            wait = one.turn()
            if one.is_over(wait):
                return
            del one
            if wait != 0:
                wake.wait(wait)
        engine.let_go()


def _end(player: weakref.ref[Player], wake: threading.Event) -> None:
    """It was collected, or the program ends: then a film that is recorded gets its end."""
    one = player()
    if one is not None:
        one.close()
    wake.set()


def _tell(player: weakref.ref[Player]) -> None:
    one = player()
    if one is not None:
        try:
            one.on_change()
        except Exception:  # noqa: BLE001 - whoever looks on must not stop what is looked at
            _log.exception("%r was told of a change, and failed", one.on_change)


def _nothing() -> None:
    """Where nobody asked to be told."""
