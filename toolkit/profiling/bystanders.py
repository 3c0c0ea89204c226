"""Which threads worked unseen? Those of Python that were alive, and that no session was carried to.

What such a thread took is on no bill, so the bill names it. Whether it used torch nobody can tell
from outside: it may have slept. Known are the threads that were there when the session opened, and
those that `threading` started since; threads of the tools around, such as those of a Jupyter
kernel, are left out, for they only serve it. Threads that libraries start in C are not Python's.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from toolkit.profiling.replacing import Replaced, Seam
from toolkit.profiling.shared import Shared

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["UNRECORDED", "Bystanders"]

UNRECORDED = "not recorded, for the session was not carried to them"
_NAMED = 5
_KEPT = 10_000
_THREADS_OF_C = "_DummyThread"
# Whose threads serve the process around: kernels, debuggers, test runners, views, our own.
_SERVANTS = frozenset(
    {
        "IPython",
        "_pydevd_bundle",
        "_pytest",
        "debugpy",
        "execnet",
        "ipykernel",
        "jupyter_client",
        "playwright",
        "pydevd",
        "pytest_timeout",
        "toolkit.live.server",
        "toolkit.profiling",
        "tornado",
        "tqdm",
        "widgets.shown",
        "xdist",
        "zmq",
    }
)


class Bystanders:
    """The threads beside one session, from `begin` to `end`."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}
        self._recorded: set[int] = set()

    def begin(self) -> None:
        """Note who is there, and who is started from now on."""
        _watching.append(self)
        _hearing_starts.enter(self)
        for thread in threading.enumerate():
            if not _is_servant(thread):
                self.add(thread)

    def end(self) -> str:
        """Note nobody any more, and say who was not recorded; the second time nothing."""
        _hearing_starts.leave(self)
        if self not in _watching:
            return ""
        _watching.remove(self)
        return self.sentence()

    def add(self, thread: threading.Thread) -> None:
        """A thread was there, or was started."""
        number = thread.native_id
        if number is not None and len(self._names) < _KEPT:
            self._names[number] = thread.name

    def meet(self, native_id: int) -> None:
        """A thread is recorded."""
        self._recorded.add(native_id)

    def sentence(self) -> str:
        """Who was not recorded; empty if nobody was. Threads may come meanwhile."""
        known = self._names.copy().items()
        names = sorted(name for number, name in known if number not in self._recorded)
        if not names:
            return ""
        who = "1 other thread was" if len(names) == 1 else f"{len(names)} other threads were"
        rest = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        return (
            f"{who} alive meanwhile and {UNRECORDED}: {', '.join(names[:_NAMED])}{rest}. If torch "
            "works there, take table = hooks.table() here and work in `with hooks.using(table), "
            "hooks.scope(name):` there (toolkit.hooks)."
        )


_watching: list[Bystanders] = []


def _tells(start: Callable[..., Any]) -> Callable[..., Any]:
    def heard(thread: threading.Thread, *args: Any, **kwargs: Any) -> Any:
        is_servant = _is_servant(thread)  # asked before: it forgets its target when it is done
        result = start(thread, *args, **kwargs)
        for one in () if is_servant else tuple(_watching):
            one.add(thread)
        return result

    return heard


def _starts() -> Iterator[Seam]:
    yield Seam(threading.Thread, "start", _tells)


_replaced = Replaced(_starts)
_hearing_starts = Shared(_replaced.put, _replaced.take)


def _is_servant(thread: threading.Thread) -> bool:
    kind = type(thread)
    if kind.__name__ == _THREADS_OF_C:
        return True
    target = getattr(thread, "_target", None)  # private to threading, and gone when it is done
    modules = (kind.__module__, getattr(target, "__module__", None) or "")
    return any(
        module == package or module.startswith(package + ".")
        for module in modules
        for package in _SERVANTS
    )
