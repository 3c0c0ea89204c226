"""When is a call of a library one event? When it is the outermost of its kind, and somebody hears.

`queue.get` waits by `Condition.wait`, and `json.load` calls `json.loads`: the outer one is
reported, once. Where a layer of the toolkit times the same kind by itself, nothing is reported.
Where nobody listens, a wrapper costs one look-up of a context variable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolkit import hooks

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.profiling.measures import Measure

__all__ = ["Act", "carries", "may_block", "waits"]

# Of sockets that do not block. By name, for nobody shall load `ssl` who has no use for it.
_NOTHING_YET = frozenset({"BlockingIOError", "SSLWantReadError", "SSLWantWriteError"})


class Act(hooks.timed):
    """One call that a wrapper times; what is inside of it adds to it."""

    __slots__ = ()


def waits(
    op: str, blocks: Callable[..., bool]
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Wrap a call that stops the thread itself.

    Args:
        op: what to call it on the bill.
        blocks: whether it will, from the same arguments.
    """

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        def heard(*args: Any, **kwargs: Any) -> Any:
            if "event" not in hooks.table() or not blocks(*args, **kwargs):
                return original(*args, **kwargs)
            outer = hooks.timing("wait")
            if outer is not None:
                outer.is_told = True
                return original(*args, **kwargs)
            with Act("wait", op=op):
                return original(*args, **kwargs)

        return heard

    return wrap


def may_block(op: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Wrap a call that waits by one of `waits`, or has no need to: then it is no event."""

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        def heard(*args: Any, **kwargs: Any) -> Any:
            if "event" not in hooks.table() or hooks.timing("wait") is not None:
                return original(*args, **kwargs)
            with Act("wait", op=op) as act:
                act.is_told = False
                return original(*args, **kwargs)

        return heard

    return wrap


def carries(
    kind: str, op: str, measure: Measure
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Wrap a call that carries bytes: reads, writes, or turns objects into bytes or back.

    Args:
        kind: `"io"` or `"serialize"`.
        op: what to call it on the bill.
        measure: tells how many bytes.
    """

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        def heard(*args: Any, **kwargs: Any) -> Any:
            if "event" not in hooks.table():
                return original(*args, **kwargs)
            outer = hooks.timing(kind)
            if outer is not None and not isinstance(outer, Act):
                return original(*args, **kwargs)
            nbytes_of = measure(args, kwargs)
            if outer is not None:
                result = original(*args, **kwargs)
                outer.nbytes += nbytes_of(result) or 0
                return result
            with Act(kind, op=op) as act:
                try:
                    result = original(*args, **kwargs)
                except OSError as error:
                    act.is_told = type(error).__name__ not in _NOTHING_YET
                    raise
                nbytes = nbytes_of(result)
                if nbytes is not None:
                    act.nbytes = nbytes
                return result

        return heard

    return wrap
