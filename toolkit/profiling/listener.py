"""Who hears the hooks for a session? A listener, which passes on to the recorder of its thread.

A scope that begins inside of a backward pass is not told apart from the one around it. torch puts
back, when the pass is done, what listened to operators when it began: if the recorder had stopped
and started meanwhile, the old listener would be heard beside each new one, for good.
"""

from __future__ import annotations

from importlib import import_module
from threading import get_ident
from typing import TYPE_CHECKING

from toolkit.hooks import is_foreign_thread
from toolkit.profiling.hook import loaded_hook
from toolkit.profiling.recorders import this_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.hooks import Event, Scope
    from toolkit.profiling.record import Recorder
    from toolkit.profiling.segments import Sink

__all__ = ["Listener"]

_NOWHERE = 0  # no thread has this identifier
_backward_pass: Callable[[], int] = import_module("torch._C")._current_graph_task_id  # -1: none


class Listener:
    """What `toolkit.hooks` calls, on any thread: it passes on to that thread's recorder.

    Args:
        sink: the session.
        has_home: it belongs to the calling thread, which is recorded between frames, too.
    """

    def __init__(self, sink: Sink, *, has_home: bool = True) -> None:
        self._sink = sink
        self._home = get_ident() if has_home else _NOWHERE
        self._home_recorder = this_thread()
        hook = loaded_hook()
        if hook is not None:
            noter = hook.noter(sink, self._home)
            self.note_scope_begin = noter.scope_begin
            self.note_scope_end = noter.scope_end
            self.note_frame_begin = noter.frame_begin
            self.note_frame_end = noter.frame_end

    def note_scope_begin(self, scope: Scope) -> bool:
        """See `Tape.enter`."""
        if _backward_pass() >= 0:
            return False
        here = self._home_recorder if get_ident() == self._home else this_thread()
        return here.noting.tape.enter(self._sink, scope)

    def note_scope_end(self, scope: Scope) -> bool:
        """See `Tape.leave`."""
        here = self._home_recorder if get_ident() == self._home else this_thread()
        return here.noting.tape.leave(self._sink, scope)

    def note_frame_begin(self, index: int) -> bool:
        """See `Tape.begin`."""
        return get_ident() == self._home and self._home_recorder.noting.tape.begin(
            self._sink, index
        )

    def note_frame_end(self, index: int) -> bool:
        """See `Tape.end`. Away from home recording pauses with the frame."""
        is_home = get_ident() == self._home
        return is_home and self._home_recorder.noting.tape.end(self._sink, index)

    def scope_begin(self, scope: Scope) -> None:
        """See `Recorder.scope_begin`."""
        if _backward_pass() < 0:
            here = self._home_recorder if get_ident() == self._home else this_thread()
            here.scope_begin(self._sink, scope)

    def scope_end(self, scope: Scope) -> None:
        """See `Recorder.scope_end`."""
        here = self._home_recorder if get_ident() == self._home else this_thread()
        here.scope_end(scope)

    def frame_begin(self, index: int) -> None:
        """See `Recorder.frame_begin`."""
        here = this_thread()
        if self._home == _NOWHERE:
            self._home_recorder = here
        here.frame_begin(self._sink, index)

    def frame_end(self, index: int) -> None:
        """See `Recorder.frame_end`."""
        is_home = get_ident() == self._home
        this_thread().frame_end(self._sink, index, is_home=is_home)

    def device_begin(self, device: str) -> None:
        """See `Recorder.device_begin`. Of threads that torch started, our own keeps the book."""
        self._recorder_of_device().device_begin(device)

    def device_end(self, device: str) -> None:
        """See `Recorder.device_end`."""
        self._recorder_of_device().device_end()

    def _recorder_of_device(self) -> Recorder:
        here = this_thread()
        is_ours = here.is_recording or not is_foreign_thread()
        return here if is_ours else self._home_recorder

    def event(self, event: Event) -> None:
        """See `Recorder.reported`."""
        this_thread().reported(self._sink, event)
