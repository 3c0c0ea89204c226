"""In which situation is the user? What is known of it, and which context that calls for.

A context that changed with every glance would do more harm than good: what calls for one has to
last for a while before it holds, and it holds for a while before another one may.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from toolkit.scheduler.contexts import NO_CONTEXT

__all__ = ["Chooser", "Situation", "Trigger"]


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known, now.

    Attributes:
        visible: names of the views that somebody can see.
        focused: name of the view that has the focus, or empty.
        cameras: names of the views whose camera is on.
        is_computing: whether a cell of a notebook runs.
        quiet_seconds: for how long nobody touched anything.
        others_load: share of the machine that others use, 0 to 1.
    """

    visible: frozenset[str] = frozenset()
    focused: str = ""
    cameras: frozenset[str] = frozenset()
    is_computing: bool = False
    quiet_seconds: float = 0.0
    others_load: float = 0.0

    def seen(self, view: str, is_visible: bool) -> Situation:
        """The same, but for whether somebody can see `view`."""
        return replace(self, visible=_with(self.visible, view, is_visible))

    def filmed(self, view: str, is_on: bool) -> Situation:
        """The same, but for whether the camera of `view` is on."""
        return replace(self, cameras=_with(self.cameras, view, is_on))


@dataclass(frozen=True, slots=True)
class Trigger:
    """What calls for a context: all that is given here is so. What is left out does not matter.

    Attributes:
        context: the context that is called for.
        visible: this view can be seen.
        focused: this view has the focus.
        camera: the camera of this view is on; `"*"`: that of any.
        is_computing: a cell runs, or none does.
        quiet_seconds: nobody touched anything for at least so long.
        others_load_below: others use less of the machine than this, 0 to 1.
    """

    context: str
    visible: str | None = None
    focused: str | None = None
    camera: str | None = None
    is_computing: bool | None = None
    quiet_seconds: float | None = None
    others_load_below: float | None = None

    def fits(self, now: Situation) -> bool:
        """Whether the situation is what was given."""
        return all(
            (
                self.visible is None or self.visible in now.visible,
                self.focused is None or self.focused == now.focused,
                self.camera is None or _is_on(self.camera, now.cameras),
                self.is_computing is None or self.is_computing == now.is_computing,
                self.quiet_seconds is None or now.quiet_seconds >= self.quiet_seconds,
                self.others_load_below is None or now.others_load < self.others_load_below,
            )
        )


class Chooser:
    """Which context holds: that of the first trigger that fits, once it fitted for a while.

    Args:
        triggers: in order; where none fits, no context holds.
        hold_seconds: how long a trigger has to be the first that fits.
        dwell_seconds: how long a context holds at least.
    """

    def __init__(
        self, triggers: Iterable[Trigger], *, hold_seconds: float = 0.5, dwell_seconds: float = 2.0
    ) -> None:
        self.triggers = tuple(triggers)
        self._hold_ns = int(hold_seconds * 1e9)
        self._dwell_ns = int(dwell_seconds * 1e9)
        self._called: str | None = None
        self._called_ns = 0
        self._switched_ns = -self._dwell_ns

    def choose(self, situation: Situation, context: str, now_ns: int) -> str | None:
        """The context to switch to now, or None: stay with `context`."""
        fitting = (one.context for one in self.triggers if one.fits(situation))
        called = next(fitting, NO_CONTEXT.name)
        if called != self._called:
            self._called, self._called_ns = called, now_ns
        if called == context or now_ns - self._called_ns < self._hold_ns:
            return None
        if now_ns - self._switched_ns < self._dwell_ns:
            return None
        self._switched_ns = now_ns
        return called


def _with(names: frozenset[str], name: str, is_in: bool) -> frozenset[str]:
    return names | {name} if is_in else names - {name}


def _is_on(camera: str, cameras: frozenset[str]) -> bool:
    return bool(cameras) if camera == "*" else camera in cameras
