"""What is known of the user, which context holds, and why? In words, for one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.scheduler.contexts import NO_CONTEXT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from toolkit.scheduler import Situation, Trigger

__all__ = ["call", "known", "why"]

_IN_USE_SECONDS = 10
_BY_HAND = "set by hand"
_BY_NOBODY = "nothing chooses one yet: scheduler.follow(Trigger(...))"


def known(situation: Situation, quiet_seconds: float) -> list[str]:
    """What is known: focus, sight, cameras, cells, and for how long nothing happened.

    Args:
        situation: what is known.
        quiet_seconds: for how long nothing happened; told in steps, so that words seldom change.
    """
    seen, filmed = _listed(situation.visible), _listed(situation.cameras)
    return [
        f"{situation.focused} has the focus" if situation.focused else "none has the focus",
        f"{seen} can be seen" if seen else "none can be seen",
        f"camera of {filmed} on" if filmed else "no camera on",
        "a cell runs" if situation.is_computing else "no cell runs",
        _quiet(quiet_seconds),
    ]


def why(context: str, triggers: tuple[Trigger, ...], situation: Situation) -> str:
    """Why this context holds, and which one is called for where that is another one."""
    if not triggers:
        return _BY_NOBODY if context == NO_CONTEXT.name else _BY_HAND
    first = next((one for one in triggers if one.fits(situation)), None)
    called = NO_CONTEXT.name if first is None else first.context
    reason = "nothing calls for one" if first is None else call(first)
    return reason if called == context else f"{called} is next: {reason}"


def call(trigger: Trigger) -> str:
    """All that a trigger asks for."""
    parts: list[str] = []
    if trigger.focused is not None:
        parts.append(f"{trigger.focused or 'none'} has the focus")
    if trigger.visible is not None:
        parts.append(f"{trigger.visible} can be seen")
    if trigger.camera is not None:
        parts.append(_filming(trigger.camera))
    if trigger.is_computing is not None:
        parts.append("a cell runs" if trigger.is_computing else "no cell runs")
    if trigger.quiet_seconds is not None:
        parts.append(f"quiet for {trigger.quiet_seconds:g} s")
    if trigger.others_load_below is not None:
        parts.append(f"others use less than {trigger.others_load_below:.0%} of the machine")
    return " and ".join(parts) or "always"


def _filming(camera: str) -> str:
    return "a camera is on" if camera == "*" else f"the camera of {camera} is on"


def _listed(names: Iterable[str]) -> str:
    *first, last = sorted(names) or [""]
    return f"{', '.join(first)} and {last}" if first else last


def _quiet(seconds: float) -> str:
    if seconds < _IN_USE_SECONDS:
        return "in use"
    if seconds < 60:
        return f"quiet for {int(seconds) // 10 * 10} s"
    return f"quiet for {int(seconds) // 60} min"
