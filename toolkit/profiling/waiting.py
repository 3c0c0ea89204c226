"""Which calls of the standard library stop a thread? Those that wait for another one, or for time.

All waiting of `queue`, `threading` and `concurrent.futures` comes down to `Condition.wait`, so a
call that found what it wanted is no event. What stops inside C has no seam: see
`toolkit.profiling.boundaries`.
"""

from __future__ import annotations

import queue
import selectors
import subprocess
import threading
import time
from concurrent import futures
from typing import TYPE_CHECKING, Any

from toolkit import hooks
from toolkit.profiling.acts import may_block, waits
from toolkit.profiling.replacing import Seam

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["wait_seams"]


def wait_seams() -> Iterator[Seam]:
    """The places where waits are heard."""
    yield Seam(threading.Condition, "wait", waits("Condition.wait", _has_patience))
    yield Seam(threading.Thread, "join", waits("Thread.join", _is_running))
    yield Seam(subprocess.Popen, "wait", waits("Popen.wait", _is_child_running))
    yield Seam(time, "sleep", waits("time.sleep", _lasts))
    for owner, name, op in _BY_CONDITION:
        yield Seam(owner, name, may_block(op))
    for selector in vars(selectors).values():
        is_selector = isinstance(selector, type) and "select" in vars(selector)
        if is_selector and selector is not selectors.BaseSelector:
            yield Seam(selector, "select", _looks_first)


_BY_CONDITION = (
    (queue.Queue, "get", "queue.get"),
    (queue.Queue, "put", "queue.put"),
    (queue.Queue, "join", "queue.join"),
    (threading.Condition, "wait_for", "Condition.wait"),
    (threading.Event, "wait", "Event.wait"),
    (threading.Semaphore, "acquire", "Semaphore.acquire"),
    (threading.Semaphore, "__enter__", "Semaphore.acquire"),
    (threading.Barrier, "wait", "Barrier.wait"),
    (threading.Thread, "start", "Thread.start"),
    (futures.Future, "result", "Future.result"),
    (futures.Future, "exception", "Future.exception"),
    (futures, "wait", "futures.wait"),
)


def _lasts(seconds: float) -> bool:
    return seconds > 0


def _has_patience(_: Any, timeout: float | None = None) -> bool:
    return timeout is None or timeout > 0


def _is_running(thread: threading.Thread, timeout: float | None = None) -> bool:
    return thread.is_alive() and _has_patience(thread, timeout)


def _is_child_running(child: subprocess.Popen[Any], timeout: float | None = None) -> bool:
    return child.poll() is None and _has_patience(child, timeout)


def _looks_first(select: Callable[..., Any]) -> Callable[..., Any]:
    """Of a selector: what is ready at once needs no wait."""
    patient = waits("select", lambda *_: True)(select)

    def heard(selector: Any, timeout: float | None = None) -> Any:
        if "event" not in hooks.table() or not _has_patience(selector, timeout):
            return select(selector, timeout)
        return select(selector, 0) or patient(selector, timeout)

    return heard
