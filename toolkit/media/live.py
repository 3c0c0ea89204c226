"""What if the pictures do not wait? A thread reads them, and the newest one is ready for you.

A camera goes on whether or not anybody looks. One thread owns its decoder and leaves each frame in
a box with room for one. Who comes late gets the newest frame; those it missed were dropped and
counted. With `drop="block"` the thread waits with the frame instead, and nothing is lost until the
system's own buffers are full.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from toolkit import hooks
from toolkit.media.errors import MediaError
from toolkit.ring import RingFull

if TYPE_CHECKING:
    from toolkit.frame import Frame
    from toolkit.hooks import Table
    from toolkit.media.deck import Deck

__all__ = ["LiveFeed"]

_JOIN_SECONDS = 5.0


class LiveFeed:
    """One thread that plays a deck into a box for one frame.

    The thread starts with the first `take`, reports to the listeners of whoever took last, and
    ends with the stream, a fault, or `stop`.

    Args:
        deck: what to play; it belongs to the thread from now on.
        is_paced: give frames at their own time, for files that play the part of a camera.
        timeout_seconds: how long `take` waits for a frame.
    """

    def __init__(self, deck: Deck, *, is_paced: bool, timeout_seconds: float) -> None:
        self.dropped = 0
        self._deck = deck
        self._drop = deck.settings.drop
        self._is_paced = is_paced
        self._timeout_seconds = timeout_seconds
        self._table: Table = hooks.table()
        self._changed = threading.Condition()
        self._box: Frame | None = None
        self._error: BaseException | None = None
        self._is_ended = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name=f"toolkit live {deck.location.name}", daemon=True
        )

    # -- the consumer -----------------------------------------------------------------------------

    def take(self) -> Frame | None:
        """The newest frame not taken yet, held; None at the end. Blocks until there is one.

        Raises:
            MediaError: the stream broke, or nothing came in time.
            RingFull: with `drop="error"`, the last frame was not taken before the next one came.
        """
        self._table = hooks.table()
        with self._changed:
            if self._thread.ident is None and not self._stopping.is_set():
                self._thread.start()
            if not self._is_ready():
                with hooks.timed("wait", op="live"):
                    self._changed.wait_for(self._is_ready, self._timeout_seconds)
            frame, self._box = self._box, None
            if frame is not None:
                self._changed.notify_all()
                return frame
            if self._error is not None:
                error, self._error = self._error, None
                raise error
            if self._is_ended or self._stopping.is_set():
                return None
        name = self._deck.location.name
        raise MediaError(
            f"{name!r}: no frame came for {self._timeout_seconds:g} s. "
            "Check that it is connected and running, or give a longer timeout_seconds.",
            path=name,
            packet=self._deck.decoder.tape.packets,
            cause="timeout",
        )

    def stop(self) -> None:
        """End the thread, wait for it, and close the deck. A second call does nothing."""
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
        if self._thread.ident is None:
            self._deck.close()
        elif self._thread is not threading.current_thread():
            self._thread.join(self._timeout_seconds + _JOIN_SECONDS)
        with self._changed:
            frame, self._box = self._box, None
        if frame is not None:
            frame.release()

    def _is_ready(self) -> bool:
        return bool(
            self._box is not None
            or self._error is not None
            or self._is_ended
            or self._stopping.is_set()
        )

    # -- the thread -------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._play()
        except Exception as error:  # noqa: BLE001 - whatever it is, the consumer shall hear of it
            self._error = error
        finally:
            self._deck.close()
            with self._changed:
                self._is_ended = True
                self._changed.notify_all()

    def _play(self) -> None:
        pace = _Pace(self._stopping)
        while not self._stopping.is_set():
            with hooks.using(self._table):
                try:
                    frame = self._deck.next_frame()
                except RingFull:
                    if self._drop == "block":
                        continue  # every slot is held; look whether to stop, and wait on
                    raise
                if frame is None:
                    return
                if self._is_paced:
                    pace.wait(frame.pts_seconds)
                self._put(frame)
                del frame

    def _put(self, frame: Frame) -> None:
        with self._changed:
            if self._box is not None and self._drop == "block":
                with hooks.timed("wait", op="live"):
                    self._changed.wait_for(lambda: self._box is None or self._stopping.is_set())
            if self._stopping.is_set():
                return
            if self._box is not None:
                if self._drop == "error":
                    raise RingFull(
                        f"frame {self._box.index} of {self._deck.location.name!r} was not taken "
                        "before the next one came; read faster, or open with drop='oldest'"
                    )
                self.dropped += 1
                hooks.report("drop", op="live")
                if self._drop == "newest":
                    return
            self._box = frame
            self._changed.notify_all()


class _Pace:
    """Waits until a frame's time has come, counted from the first one, or from a step back."""

    def __init__(self, stopping: threading.Event) -> None:
        self._stopping = stopping
        self._last: float | None = None
        self._offset = 0.0

    def wait(self, pts_seconds: float) -> None:
        """Wait for the time of `pts_seconds`, or until told to stop."""
        now = time.monotonic()
        if self._last is None or pts_seconds < self._last:
            self._offset = now - pts_seconds
        self._last = pts_seconds
        ahead = pts_seconds + self._offset - now
        if ahead > 0:
            self._stopping.wait(ahead)
