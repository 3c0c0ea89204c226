"""How is a cost enforced? `with budget(allocations=0):` around code, or as a decorator.

A budget counts things, never milliseconds: it says the same on every machine.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

from toolkit.profiling.holding import Holding
from toolkit.profiling.overrun import OverBudget
from toolkit.profiling.places import TOOLKIT, short_name
from toolkit.profiling.recording import follow
from toolkit.profiling.terms import LIMITS, Terms

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from toolkit.profiling.meter import Meter

__all__ = ["budget"]

_T = TypeVar("_T")
# The budgets that are open in this context, so that one object may serve several threads and tasks.
_open: ContextVar[tuple[tuple[budget, Holding], ...]] = ContextVar("toolkit.budgets", default=())


class budget:  # noqa: N801 - reads as a statement: `with budget(allocations=0):`
    """Context manager and decorator: what is used inside stays within limits, or it is told.

    ```python
    with budget(allocations=0, d2h_bytes=0, syncs=0, warmup=2):
        for frame in pipeline.run(video):
            show(frame["edges"])
    ```

    What is not set is not limited. With `per="frame"` each frame of a pipeline has the limits for
    itself, and what comes after the last one too; code that is no pipeline calls `step()` of what
    `with` gives, or is one block. With `per="block"` all of it together has them.

    A hook cannot stop a frame, so an error comes at the end of the block, with all frames that were
    over. It never takes the place of an exception of the block itself: that gets a note.

    As a decorator it holds for each call of a function, of a coroutine, or of a `@stage(...)`, of
    which it measures `apply` and not `prepare`. In a coroutine what other tasks do meanwhile is
    left out; an `await` in a `with` block lets them in.

    Recorded is this thread, and where pipelines and readers carry the context to. A torch.profiler
    that is on keeps the allocator's events to itself: then an `UnmeasuredWarning` says so.

    Args:
        allocations: blocks taken from torch's allocators, or reported by a layer of the toolkit.
        allocated_bytes: their bytes in total, whether or not they were freed meanwhile.
        peak_bytes: how far the bytes alive at once may rise.
        h2d_bytes: bytes copied from the host to a device.
        d2h_bytes: bytes copied from a device to the host.
        h2h_bytes: bytes copied inside the host.
        copies: number of copies, in all directions.
        syncs: times that the host waits for a device to finish.
        waits: waits that stopped the thread: for a queue, another thread, a device, or for time.
        action: `"error"` raises `OverBudget`, `"warn"` warns with `OverBudgetWarning` at once and
            each time, `"off"` measures nothing.
        per: `"frame"` or `"block"`.
        warmup: so many frames at the start, of a decorated function so many calls, do not count:
            the first ones make constants.

    Raises:
        ValueError: no limit at all, or a value that is none.
    """

    def __init__(
        self,
        *,
        allocations: int | None = None,
        allocated_bytes: int | None = None,
        peak_bytes: int | None = None,
        h2d_bytes: int | None = None,
        d2h_bytes: int | None = None,
        h2h_bytes: int | None = None,
        copies: int | None = None,
        syncs: int | None = None,
        waits: int | None = None,
        action: str = "error",
        per: str = "frame",
        warmup: int = 0,
    ) -> None:
        self.terms = Terms(
            allocations=allocations,
            allocated_bytes=allocated_bytes,
            peak_bytes=peak_bytes,
            h2d_bytes=h2d_bytes,
            d2h_bytes=d2h_bytes,
            h2h_bytes=h2h_bytes,
            copies=copies,
            syncs=syncs,
            waits=waits,
            action=action,
            per=per,
            warmup=warmup,
        )
        if not self.terms.limits:
            raise ValueError(f"budget() limits nothing: set some of {', '.join(LIMITS)}.")
        self._calls = 0

    @classmethod
    def of(cls, terms: Terms) -> budget:
        """The budget that `terms` describe."""
        return cls(**dataclasses.asdict(terms))

    def __repr__(self) -> str:
        limits = ", ".join(f"{name}={value}" for name, value in self.terms.limits.items())
        return f"budget({limits}, action={self.terms.action!r}, per={self.terms.per!r})"

    # -- as a context manager ---------------------------------------------------------------------

    def __enter__(self) -> Meter:
        holding = Holding(self.terms, _line_of_user())
        holding.__enter__()
        _open.set((*_open.get(), (self, holding)))
        return holding.meter

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        __tracebackhide__ = True  # pytest then shows the user's line
        open_ones = _open.get()
        place = max(index for index, (owner, _) in enumerate(open_ones) if owner is self)
        holding = open_ones[place][1]
        _open.set(open_ones[:place] + open_ones[place + 1 :])
        holding.__exit__(kind, value, at)
        _raise(holding)

    # -- as a decorator ---------------------------------------------------------------------------

    def __call__(self, target: _T) -> _T:
        """Hold a function, a coroutine or a stage to the budget on each call.

        Raises:
            TypeError: a generator, which has no end of its own; or nothing that can be called.
        """
        described: Any = target
        if dataclasses.is_dataclass(target) and hasattr(target, "apply"):
            wrapped = self._wrap(described.apply, stage=described.name)
            return dataclasses.replace(described, apply=wrapped)
        if inspect.isgeneratorfunction(target) or inspect.isasyncgenfunction(target):
            raise TypeError(
                f"{described.__qualname__} is a generator: its work is spread over the loop that "
                "reads it. Put `with budget(...)` around that loop."
            )
        if not callable(target):
            raise TypeError(f"a budget is for a function or a stage, not {type(target).__name__}.")
        wrapped: Any = self._wrap(described)
        return wrapped

    def _wrap(self, function: Callable[..., Any], stage: str = "") -> Callable[..., Any]:
        where = _definition_of(function)
        terms = self.terms.changed(warmup=0)
        if inspect.iscoroutinefunction(function):
            return self._wrap_coroutine(function, terms, where)

        @functools.wraps(function)
        def held(*inputs: Any, **options: Any) -> Any:
            __tracebackhide__ = True
            if self._is_warming_up():
                return function(*inputs, **options)
            with Holding(terms, where, stage=stage) as holding:
                result = function(*inputs, **options)
            _raise(holding)
            return result

        return held

    def _wrap_coroutine(
        self, function: Callable[..., Any], terms: Terms, where: str
    ) -> Callable[..., Any]:
        @functools.wraps(function)
        async def held(*inputs: Any, **options: Any) -> Any:
            __tracebackhide__ = True
            if self._is_warming_up():
                return await function(*inputs, **options)
            with Holding(terms, where) as holding:
                recording = holding.meter.recording
                if recording is None:
                    return await function(*inputs, **options)
                recording.pause()
                result = await follow(recording, function(*inputs, **options))
            _raise(holding)
            return result

        return held

    def _is_warming_up(self) -> bool:
        self._calls += 1
        return self._calls <= self.terms.warmup


def _raise(holding: Holding) -> None:
    __tracebackhide__ = True
    if holding.overrun is not None:
        raise OverBudget(holding.overrun)


def _line_of_user() -> str:
    """Where the innermost caller outside of this package stands, as `file:line`."""
    frame = inspect.currentframe()
    if frame is None:  # an interpreter that cannot say
        return ""
    while frame.f_back is not None and _is_ours(frame.f_code.co_filename):
        frame = frame.f_back
    return f"{short_name(frame.f_code.co_filename)}:{frame.f_lineno}"


def _is_ours(path: str) -> bool:
    return path.startswith(TOOLKIT) or path.endswith("contextlib.py")


def _definition_of(function: Callable[..., Any]) -> str:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return f"{short_name(code.co_filename)}:{code.co_firstlineno}" if code else repr(function)
