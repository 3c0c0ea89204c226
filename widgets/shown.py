"""How does a widget that changes by itself cost nothing while nobody looks? By asking who looks.

Each view in a page says when it can be seen, and answers what it gets. While at least one can be
seen, one thread calls `beat` ten times a second; with the last one it ends. A page that was closed
says nothing any more: when it has left a message unanswered for ten seconds, it counts as gone,
until it speaks again. So does a page that a widget was displayed for, and that is awaited: without
a front end there is none, and the cells after the display do not wait for it.
"""

from __future__ import annotations

import logging
import threading
import time
import weakref
from typing import Any

import anywidget

from toolkit import hooks
from widgets.rerun import close_with_cell
from widgets.routes import keep_answering, publishing_context
from widgets.still import Still

__all__ = ["Looks", "Shown"]

PERIOD_SECONDS = 0.1  # ten pictures a second are live to the eye, and each costs a message
PATIENCE_NS = 10_000_000_000
QUIET_NS = 3_000_000_000  # without news, a page is asked this often whether it is there

_AWAITED = ""  # stands for a view that was not heard of yet

_log = logging.getLogger(__name__)


class Looks:
    """Which views can be seen. A pure state machine: time is an argument; not locked."""

    def __init__(self) -> None:
        self._visible: set[str] = set()
        self._unanswered_ns: dict[str, int] = {}  # view -> when it was sent what it did not answer
        self._sent_ns = 0

    def see(self, view: str, *, is_visible: bool) -> None:
        """A view says whether it can be seen."""
        for one in (view, _AWAITED):
            self._unanswered_ns.pop(one, None)
        self._visible.discard(_AWAITED)
        if is_visible:
            self._visible.add(view)
        else:
            self._visible.discard(view)

    def expect(self, now_ns: int) -> None:
        """A view is on its way to a page, if there is one: it counts as a silent one."""
        if not self._visible:
            self._visible.add(_AWAITED)
            self._unanswered_ns[_AWAITED] = now_ns

    def answer(self, view: str) -> None:
        """A view answers: it is there, and can be seen."""
        self.see(view, is_visible=True)

    def sent(self, now_ns: int) -> None:
        """All views are sent something."""
        self._sent_ns = now_ns
        for view in self._visible:
            self._unanswered_ns.setdefault(view, now_ns)

    def is_quiet(self, now_ns: int) -> bool:
        """Whether it is time to ask who is there."""
        return now_ns - self._sent_ns >= QUIET_NS

    @property
    def visible(self) -> frozenset[str]:
        """The views that can be seen, as far as was heard of them."""
        return frozenset(self._visible)

    def has_any(self, now_ns: int) -> bool:
        """Whether a view can be seen, once those are dropped that do not answer any more."""
        for view, sent_ns in list(self._unanswered_ns.items()):
            if now_ns - sent_ns >= PATIENCE_NS:
                self.see(view, is_visible=False)
        return bool(self._visible)


class Shown(Still, anywidget.AnyWidget):
    """A widget that is sent news while it can be seen, by one thread that exists only meanwhile.

    It is closed when the cell that made it runs again.

    Override `beat`, and `woke`, `slept` and `received` where they are needed. Messages of the page
    are `{"t": "see", "view": id, "visible": bool}`, `{"t": "ack", "view": id}`, and one's own.
    """

    def __init__(self, **traits: Any) -> None:
        self._looks = Looks()
        self._gate = threading.RLock()
        self._pulse: _Pulse | None = None
        self._is_closed = False
        super().__init__(**traits)
        keep_answering(self)
        close_with_cell(self)
        self.on_msg(Shown._take)

    # -- for those who derive from it -------------------------------------------------------------

    def now_ns(self) -> int:
        """The clock of beats and of patience."""
        return time.monotonic_ns()

    def beat(self, now_ns: int) -> None:
        """Send what is new. Called with the gate held, ten times a second."""

    def woke(self) -> None:
        """A first view can be seen. Called with the gate held."""

    def slept(self) -> None:
        """No view can be seen any more. Called with the gate held."""

    def seen_anew(self, message: dict[str, Any]) -> None:
        """A view can be seen that may have missed something. Called with the gate held."""

    def received(self, message: dict[str, Any]) -> None:
        """The page sent a message of the widget's own kind. Called with the gate held."""

    def tell(self, message: dict[str, Any], *buffers: bytes) -> None:
        """Send to all views."""
        self._looks.sent(self.now_ns())
        self.send(message, list(buffers))

    @property
    def is_seen(self) -> bool:
        """Whether a view can be seen, so that there is a thread."""
        return self._pulse is not None

    def close(self) -> None:
        """End the thread, and all that was open for the views; the views go."""
        with self._gate:
            self._is_closed = True
            self._settle(is_seen=False)
        super().close()

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        bundle = super()._repr_mimebundle_(**options)
        with self._gate:
            if not self._is_closed:
                self._looks.expect(self.now_ns())
                self._settle(is_seen=True)
        return bundle

    # -- inside -----------------------------------------------------------------------------------

    def _take(self, message: Any, _buffers: Any = None) -> None:
        kind = message.get("t") if isinstance(message, dict) else None
        with self._gate:
            if self._is_closed:
                return
            if kind == "see":
                self._looks.see(str(message["view"]), is_visible=bool(message["visible"]))
                if message["visible"]:
                    self.seen_anew(message)
            elif kind == "ack":
                self._looks.answer(str(message["view"]))
            else:
                self.received(message)
            self._settle(is_seen=self._looks.has_any(self.now_ns()))

    def _settle(self, *, is_seen: bool) -> None:
        if is_seen and self._pulse is None:
            self._pulse = _Pulse(self)
            self.woke()
            self._pulse.start()
        elif not is_seen and self._pulse is not None:
            self._pulse.stop()
            self._pulse = None
            self.slept()

    def tick(self) -> None:
        """What the thread does each time. An error is logged, shown, and ends the thread."""
        with self._gate:
            now_ns = self.now_ns()
            self._settle(is_seen=not self._is_closed and self._looks.has_any(now_ns))
            if self._pulse is None:
                return
            try:
                self.beat(now_ns)
                if self._looks.is_quiet(now_ns):
                    self.tell({"t": "ping"})
            except Exception as error:  # noqa: BLE001 - shown in the page, where somebody looks
                self._settle(is_seen=False)
                _log.exception("%s stops", type(self).__name__)
                self.tell({"t": "error", "text": f"{type(error).__name__}: {error}"})


class _Pulse(threading.Thread):
    """The thread. It holds the widget weakly, so that one nobody has any more can go."""

    def __init__(self, widget: Shown) -> None:
        super().__init__(name=f"{type(widget).__name__} view", daemon=True)
        self._widget = weakref.ref(widget)
        self._is_over = threading.Event()
        self._context = publishing_context()

    def stop(self) -> None:
        self._is_over.set()

    def run(self) -> None:
        self._context.run(self._beat)

    def _beat(self) -> None:
        hooks.unlisten_all()  # else its waits would stand on the bill of the cell that shows it
        while not self._is_over.wait(PERIOD_SECONDS):
            widget = self._widget()
            if widget is None:
                return
            widget.tick()
            del widget
