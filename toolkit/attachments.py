"""How is a result attached once, and computed once, when several threads want it?

One `Attachments` belongs to one frame in one slot; the next frame in that slot gets a new one, so
that a result which comes too late lands on nothing. A result is keyed by its name *and* its
provider, so that two pipelines which agree share it and two which differ do not collide.
"""

from __future__ import annotations

import copy
import logging
import threading
import time
import traceback
from typing import TYPE_CHECKING, Any

from toolkit import hooks

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

__all__ = ["MISSING", "Attachments", "Failure", "Key", "Request"]

Key = tuple[str, "Hashable"]

_FIRST = "It was raised first here:\n"

_log = logging.getLogger(__name__)


class _Missing:
    """The one value that says: nothing is attached here."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()


class Failure:
    """A stage's error in the place of its result: every reader gets it, nobody computes it again.

    It keeps copies, without tracebacks: those hold the local variables of every caller, and with
    them frames, which would occupy their slots as long as the error is remembered.
    """

    __slots__ = ("_error", "_notes")

    def __init__(self, error: Exception) -> None:
        self._error = _without_traceback(error)
        self._notes: list[str] = list(getattr(error, "__notes__", []))
        if not any(note.startswith(_FIRST) for note in self._notes):
            self._notes.append(_FIRST + "".join(traceback.format_exception(error)))

    def raised(self) -> Exception:
        """The error for one more reader, with the first traceback as a note."""
        error = copy.copy(self._error)
        error.__cause__ = self._error.__cause__
        error.__notes__ = list(self._notes)  # a copy shares its list with what it was copied from
        return error


def _without_traceback(error: BaseException, depth: int = 8) -> Any:
    try:
        bare = copy.copy(error)
    except Exception:  # noqa: BLE001 - whatever the constructor of somebody's error wants
        bare = RuntimeError("".join(traceback.format_exception_only(error)).strip())
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None and depth:
        bare.__cause__ = _without_traceback(cause, depth - 1)
    return bare


class Request:
    """A result that somebody computes, or will: look at it, wait for it, or be called back.

    A task yields it to its scheduler instead of blocking a worker.
    """

    __slots__ = ("_callbacks", "_done", "_lock", "is_stale", "name", "outcome", "owner")

    def __init__(self, name: str, outcome: Any = MISSING) -> None:
        self.name = name
        self.owner: int | None = None
        self.is_stale = False  # whether the pixels were overwritten since the owner began
        self.outcome = outcome
        self._lock = threading.Lock()
        self._done: threading.Event | None = None
        self._callbacks: list[Callable[[Request], object]] = []

    @property
    def is_done(self) -> bool:
        """Whether the result, or the error, is there."""
        return self.outcome is not MISSING

    def add_done_callback(self, callback: Callable[[Request], object]) -> None:
        """Call `callback(request)` when it is done, on the thread that finished it; now, if it is.

        It is called too when the owner was interrupted; then the request is not done: ask again.
        """
        with self._lock:
            if not self.is_done:
                self._callbacks.append(callback)
                return
        callback(self)

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Block until done or until the time is over. Reports the time as a `wait`.

        Returns:
            Whether it is done. An owner that was interrupted gives the request back undone.
        """
        fresh = threading.Event()
        with self._lock:
            if self.is_done:
                return True
            done = self._done = self._done or fresh
        with hooks.timed("wait", op=f"attachment {self.name}"):
            done.wait(timeout_seconds)
        return self.is_done

    def result(self, timeout_seconds: float | None = None) -> Any:
        """The result; blocks until it is there.

        Raises:
            TimeoutError: it was not there in time.
            Exception: the error of the stage that should have provided it.
        """
        give_up = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        while not self.wait(None if give_up is None else max(0.0, give_up - time.monotonic())):
            if give_up is not None and time.monotonic() >= give_up:
                raise TimeoutError(f"{self.name!r} was not attached within {timeout_seconds} s")
        if isinstance(self.outcome, Failure):
            raise self.outcome.raised()
        return self.outcome

    def settle(self, outcome: Any) -> None:
        """Wake who waits: with the outcome, or with MISSING so that one of them takes over."""
        with self._lock:
            if outcome is not MISSING:
                self.outcome = outcome
            done, self._done = self._done, None
            callbacks, self._callbacks = self._callbacks, []
        if done is not None:
            done.set()
        for callback in callbacks:
            try:
                callback(self)
            except Exception:  # noqa: BLE001 - the others wait, too
                _log.exception("a callback of the request for %r raised", self.name)


class Attachments:
    """The results attached to one frame. Reads take no lock.

    The lock must be one that a thread may take again: the garbage collector may run a finaliser
    that drops results on a thread which is inside of it.
    """

    __slots__ = ("_lock", "attached_ns", "requests", "values")

    def __init__(self, lock: threading.RLock) -> None:
        self._lock = lock
        self.values: dict[Key, Any] = {}
        self.requests: dict[Key, Request] | None = None
        self.attached_ns: dict[Key, int] | None = None

    def attach(self, key: Key, value: Any) -> bool:
        """Attach `value` and note the time. False where something is attached there already."""
        with self._lock:
            if key in self.values:
                return False
            if self.attached_ns is None:
                self.attached_ns = {}
            self.attached_ns[key] = time.perf_counter_ns()
            self.values[key] = value
            request = self.requests.pop(key, None) if self.requests else None
        if request is not None:
            request.settle(value)
        return True

    def request(self, key: Key) -> Request:
        """The request for `key`: done when attached, shared by all who ask."""
        with self._lock:
            if key in self.values:
                return Request(key[0], self.values[key])
            return self._open(key)

    def _open(self, key: Key) -> Request:
        if self.requests is None:
            self.requests = {}
        return self.requests.setdefault(key, Request(key[0]))

    def claim(self, key: Key) -> Request | None:
        """Become the one who computes `key`.

        Returns:
            A request with `owner` set to this thread: compute, then `finish` or `abandon`. A
            request of another owner: wait for it. None: it is attached already.
        """
        with self._lock:
            if key in self.values:
                return None
            request = self._open(key)
            if request.owner is None:
                request.is_stale = False
                request.owner = threading.get_ident()
            return request

    def finish(self, request: Request, results: dict[Key, Any]) -> None:
        """Attach all that the owner of `request` computed (or its `Failure`); wake who waits.

        Nothing is attached where the pixels were overwritten since the claim: ask again.
        """
        with self._lock:
            is_stale = request.is_stale
            known = self.requests or {}
            waiting = {key: known[key] for key in results if key in known}
            if is_stale:
                request.owner = None
            else:
                self.values.update(results)
                for key in waiting:
                    del known[key]
        for key, one in waiting.items():
            one.settle(MISSING if is_stale else results[key])

    def abandon(self, key: Key) -> None:
        """Give this thread's claim back, undone; nothing happens where it has none.

        An interrupt is never remembered, the next reader computes.
        """
        with self._lock:
            request = self.requests.get(key) if self.requests else None
            if request is None or request.owner != threading.get_ident():
                return
            request.owner = None
        request.settle(MISSING)

    def drop_provided(self) -> None:
        """Forget what stages computed; what users attached stays."""
        with self._lock:
            for key in [key for key in self.values if key[1] is not None]:
                del self.values[key]

    def overwritten(self) -> None:
        """Forget what stages compute from the pixels alone; what looks back in time stays."""
        with self._lock:
            for request in list((self.requests or {}).values()):
                request.is_stale = True
            for key in list(self.values):
                if key[1] is not None and not getattr(key[1], "looks_back", False):
                    del self.values[key]

    def names(self) -> Iterator[Key]:
        """The keys of all that is attached, failures left out."""
        return (key for key, value in list(self.values.items()) if not isinstance(value, Failure))
