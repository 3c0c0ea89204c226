"""Why does a slider answer while a cell runs? Its messages go to a thread that is free.

A kernel that has subshells (ipykernel 7 and later) handles what a page sends to a widget in a
thread of its own, if the page asks for that, and JupyterLab does. ipykernel 7.4 added a second
rule, and it wins: what comes in for a widget goes to where the widget was last *published from*. A
publish by the running cell thus sends all that follows to the main thread, which is busy, and the
slider is dead until the cell ends. Two remedies, and a widget here takes both:

- `keep_answering(widget)`: the thread that the page asked for handles its messages, always.
- `publishing_context()`: what a thread of ours publishes counts as nobody's, so that it takes part
  in no rule. A thread that publishes without it counts as the cell that ran last, and in
  ipykernel 7.0 it fails.

Where the kernel has no such rule, or there is no kernel, both do nothing.
"""

from __future__ import annotations

from contextvars import Context, ContextVar, copy_context
from typing import TYPE_CHECKING, Any

from IPython.core.getipython import get_ipython

if TYPE_CHECKING:
    from collections.abc import Callable

    from ipywidgets import Widget

__all__ = ["keep_answering", "publishing_context"]

# Not public in ipykernel, so each is looked for before it is used.
_ROUTE = "_reply_subshell_for"  # of a comm, 7.4 and later
_REQUESTS = "_reply_subshell_ids"  # of a comm: who waits for the answer with this id
_PARENT = "_shell_parent"  # of a kernel, a context variable in 7.0 and later


def keep_answering(widget: Widget) -> None:
    """Let `widget` be handled where the page asked for, whoever published it last.

    Call it when the widget is made; again after it was closed and opened. An answer that a running
    cell waits for still goes to that cell.
    """
    comm = widget.comm
    if hasattr(comm, _ROUTE):
        setattr(comm, _ROUTE, _as_the_page_asked(getattr(comm, _REQUESTS, {})))


def publishing_context() -> Context:
    """A copy of this context, from which a publish is not taken for one of the running cell.

    One context serves one thread at a time, so take one for each:
    `Thread(target=publishing_context().run, args=(work,))`. What the thread prints still goes to
    the cell that took the context.
    """
    context = copy_context()
    parent = getattr(getattr(get_ipython(), "kernel", None), _PARENT, None)
    if isinstance(parent, ContextVar):
        context.run(parent.set, {})
    return context


def _as_the_page_asked(requests: dict[str, Any]) -> Callable[[Any, Any], Any]:
    def route(data: Any, asked: Any) -> Any:
        content = data.get("content") if isinstance(data, dict) else None
        answered = content.get("id") if isinstance(content, dict) else None
        return requests.pop(answered, asked) if isinstance(answered, str) else asked

    return route
