"""Whom is a thought charged to? To its annotator, step by step, on whichever thread it runs."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from toolkit import hooks

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = ["charged"]


def charged(
    work: Callable[[], Any], *, stage: str, frame: int, table: hooks.Table
) -> Generator[Any, Any, Any]:
    """Do `work`: a plain call, or one that gives a generator or a coroutine, driven to its end.

    No scope stays open between two steps, when the worker does something else.

    Args:
        work: what to do.
        stage: the scope that each step is charged to.
        frame: index of the frame that it is spent on.
        table: who listens.
    """

    def step(call: Callable[..., Any], *values: Any) -> Any:
        with hooks.using(table), hooks.scope(stage, frame):
            return call(*values)

    result = step(work)
    if inspect.iscoroutine(result):
        return (yield from _driven(result.__await__(), step))
    if inspect.isgenerator(result):
        return (yield from _driven(result, step))
    return result


def _driven(steps: Generator[Any, Any, Any], step: Callable[..., Any]) -> Generator[Any, Any, Any]:
    """What `yield from steps` does, each step through `step` (PEP 380)."""
    call, value = steps.send, None
    while True:
        try:
            awaited = step(call, value)
        except StopIteration as end:
            return end.value
        try:
            call, value = steps.send, (yield awaited)
        except GeneratorExit:
            step(steps.close)
            raise
        except BaseException as error:  # noqa: BLE001 - what was awaited failed: work may catch it
            call, value = steps.throw, error
