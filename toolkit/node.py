"""One stage inside a pipeline.

Its constants, kept until something changes, and what it has cost.
"""

from __future__ import annotations

import statistics
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolkit import hooks
from toolkit.stages.declare import InputSpec, Stage, spec_of

if TYPE_CHECKING:
    from toolkit.frame import Frame
    from toolkit.spec import FrameSpec

__all__ = ["Node", "StageError", "StageTiming"]

_REMEMBERED = 128


class StageError(RuntimeError):
    """A stage failed on a frame. Every reader of the result gets it; the cause is attached.

    Attributes:
        stage: name of the stage.
        frame_index: index of the frame.
    """

    def __init__(self, message: str, *, stage: str, frame_index: int) -> None:
        super().__init__(message)
        self.stage = stage
        self.frame_index = frame_index

    @classmethod
    def about(cls, stage: str, frame: Frame, cause: Exception) -> StageError:
        """The error that readers get for `cause`; of a stage it needs, that stage's own error."""
        if isinstance(cause, StageError):
            return cause
        error = cls(
            f"stage {stage!r} failed on frame {frame.index}: {type(cause).__name__}: {cause}",
            stage=stage,
            frame_index=frame.index,
        )
        error.__cause__ = cause
        return error


@dataclass(frozen=True, slots=True)
class StageTiming:
    """Host time of one stage: calls, and nanoseconds in all, of the last, and in the median."""

    calls: int
    total_ns: int
    last_ns: int
    median_ns: float


class Node:
    """A stage with its memory: the constants for the last parameters and inputs it saw."""

    def __init__(self, stage: Stage, pipeline: str) -> None:
        self.stage = stage
        self._pipeline = pipeline
        self._constants: dict[str, Any] = {}
        self._made_for: tuple[object, ...] = ()
        self._recent_ns: deque[int] = deque(maxlen=_REMEMBERED)
        self._calls = 0
        self._total_ns = 0

    @property
    def timing(self) -> StageTiming:
        """What it has cost so far."""
        recent = list(self._recent_ns)
        median = statistics.median(recent) if recent else 0.0
        return StageTiming(self._calls, self._total_ns, recent[-1] if recent else 0, median)

    def run(
        self,
        frame: Frame,
        inputs: list[Any],
        values: dict[str, Any],
        earlier: list[Any] | None = None,
        gap_seconds: float = 0.0,
    ) -> tuple[Any, ...]:
        """Run `apply`, after `prepare` where something changed; its results as a tuple."""
        stage = self.stage
        with hooks.scope(stage.name, frame.index, self._pipeline):
            began_ns = time.perf_counter_ns()
            constants = self._prepared(frame.spec, inputs, values)
            if earlier is None:
                result = stage.apply(*inputs, **constants)
            else:
                if stage.wants_gap:
                    constants = {**constants, "gap_seconds": gap_seconds}
                result = stage.apply(*self._in_order(inputs, earlier), **constants)
            self._note(time.perf_counter_ns() - began_ns)
        return self._unpacked(result)

    def run_first(self, frame: Frame, inputs: list[Any]) -> tuple[Any, ...]:
        """What a stage with history answers where there is no previous frame."""
        first = self.stage.first
        with hooks.scope(self.stage.name, frame.index, self._pipeline):
            began_ns = time.perf_counter_ns()
            result = first(*inputs) if first is not None else None
            self._note(time.perf_counter_ns() - began_ns)
        return self._unpacked(result)

    def _in_order(self, inputs: list[Any], earlier: list[Any]) -> list[Any]:
        current, previous = iter(inputs), iter(earlier)
        return [
            next(previous) if argument.startswith("prev_") else next(current)
            for argument in self.stage.arguments
        ]

    def _prepared(
        self, spec: FrameSpec, inputs: list[Any], values: dict[str, Any]
    ) -> dict[str, Any]:
        if self.stage.prepare_constants is None:
            return self._constants
        made_for = (values, spec, *map(spec_of, inputs))
        if self._made_for != made_for:
            told = InputSpec(spec, made_for[2:])
            self._constants = self.stage.make_constants(told, values)
            self._made_for = made_for
        return self._constants

    def _unpacked(self, result: Any) -> tuple[Any, ...]:
        names = self.stage.provides
        if len(names) == 1:
            return (result,)
        if not isinstance(result, tuple) or len(result) != len(names):
            raise TypeError(
                f"stage {self.stage.name!r} provides {', '.join(names)}: its apply must return a "
                f"tuple of {len(names)}, not {type(result).__name__}"
            )
        return tuple(result)

    def _note(self, spent_ns: int) -> None:
        self._calls += 1
        self._total_ns += spent_ns
        self._recent_ns.append(spent_ns)
