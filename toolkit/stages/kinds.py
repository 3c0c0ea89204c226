"""What does a bypassed stage hand on? Its first input of the kind that it would have given.

`blur(gray: Gray) -> Gray` hands on its gray; `threshold(gray: Gray) -> Mask` has nothing that could
stand in for a mask. Kinds are what the annotations of `apply` say: a plain `Tensor` says none.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.stages.declare import Stage

__all__ = ["handed_on", "why_not_bypassed"]

_SAY_NOTHING = (inspect.Parameter.empty, None, Any, object, Tensor, "Tensor", "torch.Tensor", "Any")


def handed_on(stage: Stage) -> str | None:
    """Name of the first input of the same kind as the result, or None.

    The raw pixels of a frame are no result of a stage, so they are never handed on as one.
    """
    given, takes = _kinds(stage.apply)
    if len(stage.provides) != 1 or given in _SAY_NOTHING:
        return None
    names = iter(stage.requires)
    now = [one for one in stage.arguments if not one.startswith("prev_")]
    wired = ((name, takes.get(argument)) for argument, name in zip(now, names, strict=False))
    return next((name for name, kind in wired if kind == given and name != "pixels"), None)


def why_not_bypassed(stage: Stage) -> str:
    """What to say of a stage that hands nothing on, and what to do; empty where one can bypass."""
    if stage.hands_on is not None:
        return ""
    signature = inspect.signature(stage.apply)
    if len(stage.provides) > 1:
        reason = f"it provides {', '.join(stage.provides)}, and no input stands in for all of them"
    elif signature.return_annotation is inspect.Signature.empty:
        reason = (
            "its function does not say what it gives; annotate input and result with one kind, as "
            "in def soften(gray: Gray) -> Gray"
        )
    else:
        given = _text(signature.return_annotation)
        now = [name for name in stage.arguments if not name.startswith("prev_")]
        takes = [f"{name} ({_text(signature.parameters[name].annotation)})" for name in now]
        reason = (
            f"it takes {', '.join(takes)} and gives {given}, so nothing it takes stands in for its "
            "result"
        )
    return (
        f"stage {stage.name!r} cannot be bypassed: {reason}. A stage that nobody asks for does not "
        f"run: ask for something else, or bypass the stages that need {', '.join(stage.provides)}."
    )


def _kinds(apply: Callable[..., Any]) -> tuple[Any, dict[str, Any]]:
    """Kind of the result, and of each argument by its name."""
    try:
        signature = inspect.signature(apply)
    except (TypeError, ValueError):  # a function made in C may not tell
        return None, {}
    known = getattr(inspect.unwrap(apply), "__globals__", {})
    takes = {name: _resolved(one.annotation, known) for name, one in signature.parameters.items()}
    return _resolved(signature.return_annotation, known), takes


def _resolved(annotation: Any, known: dict[str, Any]) -> Any:
    """The annotation itself; its text, where a name in it is known to type checkers alone."""
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, known)
    except Exception:  # noqa: BLE001 - any expression may stand there
        return annotation


def _text(annotation: Any) -> str:
    if annotation is inspect.Parameter.empty:
        return "of no kind that it says"
    if isinstance(annotation, str):
        return annotation
    notes = getattr(annotation, "__metadata__", ())
    return str(notes[0]) if notes else getattr(annotation, "__name__", repr(annotation))
