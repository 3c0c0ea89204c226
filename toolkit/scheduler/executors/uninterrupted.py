"""How does a decision stay whole when somebody interrupts? The interrupt comes right after it.

Python raises KeyboardInterrupt in the main thread between any two instructions: in the middle of a
queue, too, whose counts would then never fit again. So while the main thread decides, which takes
microseconds, an interrupt is only noted.
"""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["Uninterrupted"]


class Uninterrupted:
    """Context manager: in the main thread, what SIGINT calls is called when the block is over.

    Nothing is changed in other threads, where Python handles no signal, nor where SIGINT is not
    handled in Python. Takes about 2 us.
    """

    __slots__ = ("_before", "_came")

    def __enter__(self) -> None:
        self._came: tuple[int, FrameType | None] | None = None
        self._before = None
        if threading.current_thread() is threading.main_thread():
            before = signal.getsignal(signal.SIGINT)
            if callable(before):
                self._before = before
                signal.signal(signal.SIGINT, self._note)

    def __exit__(self, *_: object) -> None:
        before, self._before = self._before, None
        if before is None:
            return
        signal.signal(signal.SIGINT, before)
        if self._came is not None:
            before(*self._came)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._came = number, frame
