"""How does a scheduler know what the user does? The page says so, and the kernel knows the rest.

    chat, desk = ipywidgets.Text(), Live(pipeline)
    Presence(scheduler, {"chat": chat, "desk": desk})
    scheduler.follow(Trigger("chat", focused="chat"), Trigger("video_call", camera="*"))

The page tells which of these widgets can be seen, which has the focus, and when a key or the
pointer was last touched; the kernel knows which cameras are on, and whether a cell runs. It is told
while the page is open, wherever the line stands.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import ipywidgets
import traitlets

from toolkit.scheduler import Situation
from toolkit.scheduler.contexts import NO_CONTEXT
from widgets.cells import Cells
from widgets.page import script, style
from widgets.presence_words import known, why
from widgets.rerun import close_earlier
from widgets.shown import Shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolkit.scheduler import Scheduler

__all__ = ["Presence"]

TEXT_NS = 250_000_000  # the line changes at most four times a second
_TOUCHES = ("key", "pointer")
_PAGES_KNOW = ("visible", "focused", "cameras")


class _Report(NamedTuple):
    """What one page told last."""

    visible: frozenset[str]
    focused: str


class Presence(Shown):
    """Tells `scheduler` where the user is, and shows in one line which context holds, and why.

    One page tells it once, however often the line is displayed there. Other names than those given
    here are left as they are, so that several of these may serve one scheduler. A touch is also
    observed as the event `"key"` or `"pointer"`, for a predictor that has a use for it.

    Args:
        scheduler: which one.
        views: widgets of any kind by the names that triggers use.

    Raises:
        TypeError: something in `views` is no widget that can be displayed.
    """

    _esm = script("seen", "shown", "presence_report", "presence")
    _css = style("shown", "presence")

    models = traitlets.Dict().tag(sync=True)

    def __init__(self, scheduler: Scheduler, views: Mapping[str, Any]) -> None:
        for name, widget in views.items():
            if not isinstance(widget, ipywidgets.DOMWidget):
                kind = type(widget).__name__
                raise TypeError(f"views[{name!r}] is a {kind}; give a widget that can be displayed")
        close_earlier()
        self.scheduler = scheduler
        self.views = dict(views)
        self._reports: dict[str, _Report] = {}
        self._touched_ns = self.now_ns()
        self._told: dict[str, Any] = {}
        self._told_ns = 0
        super().__init__(models={name: one.model_id for name, one in self.views.items()})
        self._cells = Cells(self._computes)

    def close(self) -> None:
        """Tell the scheduler nothing more: of these views, none can be seen or has the focus."""
        if not hasattr(self, "_cells"):  # what it was given was refused
            return
        self._cells.close()
        super().close()

    def still_text(self) -> str:
        """Whose presence is told."""
        return f"Presence({', '.join(self.views)})"

    # -- from the page ----------------------------------------------------------------------------

    def received(self, message: dict[str, Any]) -> None:
        """A page tells what is otherwise now, and whether somebody touched it meanwhile."""
        if message.get("t") != "report":
            return
        page = str(message["view"])
        visible = frozenset(message["visible"]) & self.views.keys()
        focused = message["focused"] if message["focused"] in self.views else ""
        self._reports.pop(page, None)
        if visible or focused:
            self._reports[page] = _Report(visible, focused)
        self._looks.answer(page)
        self._feed(message.get("touched", ""))

    def seen_anew(self, message: dict[str, Any]) -> None:
        """Send the line again."""
        self._told = {}

    def slept(self) -> None:
        """No page is there any more."""
        self._feed()

    # -- ten times a second -----------------------------------------------------------------------

    def beat(self, now_ns: int) -> None:
        """See which cameras are on and which context holds, and send what the page should say."""
        self._feed()
        if not self.scheduler.is_closed:
            self.scheduler.look()
        if now_ns - self._told_ns < TEXT_NS and self._told:
            return
        told = {"t": "now"} | self._line(now_ns)
        if told != self._told:
            self._told, self._told_ns = told, now_ns
            self.tell(told)

    def _line(self, now_ns: int) -> dict[str, Any]:
        """The context, why it holds, and what is known."""
        if self.scheduler.is_closed:
            return {"context": "", "why": "the scheduler was shut down", "known": []}
        context, situation = self.scheduler.context, self.scheduler.situation
        return {
            "context": "" if context == NO_CONTEXT.name else context,
            "why": why(context, self.scheduler.triggers, situation),
            "known": known(situation, (now_ns - self._touched_ns) / 1e9),
        }

    # -- to the scheduler -------------------------------------------------------------------------

    def _feed(self, touch: str = "") -> None:
        """Tell the scheduler what is otherwise now, and that somebody touched the page."""
        before = self.scheduler.situation
        now = self._merged(before)
        changes = {
            field: getattr(now, field)
            for field in _PAGES_KNOW
            if getattr(now, field) != getattr(before, field)
        }
        if changes:
            self._notice(**changes)
        if touch in _TOUCHES:
            self._touched_ns = self.now_ns()
            self.scheduler.observe(touch)

    def _merged(self, before: Situation) -> Situation:
        """The situation with all that is known of these views, by all pages that are there."""
        there = self._looks.visible if self.is_seen else frozenset[str]()
        pages = [one for page, one in self._reports.items() if page in there]
        own = frozenset(self.views)
        focused = next((one.focused for one in reversed(pages) if one.focused), "")
        others_focus = "" if before.focused in own else before.focused
        cameras = {name for name, one in self.views.items() if self.is_seen and _films(one)}
        return replace(
            before,
            visible=(before.visible - own).union(*(one.visible for one in pages)),
            focused=focused or others_focus,
            cameras=(before.cameras - own).union(cameras),
        )

    def _computes(self, is_computing: bool) -> None:
        self._notice(is_computing=is_computing)

    def _notice(self, **changes: Any) -> None:
        self._touched_ns = self.now_ns()
        self.scheduler.notice(**changes)


def _films(widget: Any) -> bool:
    """Whether the camera of `widget` is on, or that of a widget in it."""
    return bool(getattr(widget, "camera_is_on", False)) or any(
        _films(one) for one in getattr(widget, "children", ())
    )
