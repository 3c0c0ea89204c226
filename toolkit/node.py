"""One stage inside a pipeline.

Its constants, kept until something changes, and what it has cost.
"""

from __future__ import annotations

import statistics
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from toolkit import hooks
from toolkit.stages.declare import InputSpec, Stage, spec_of

if TYPE_CHECKING:
    from toolkit.frame import Frame
    from toolkit.spec import FrameSpec

__all__ = ["Node", "StageError", "StageTiming"]

_REMEMBERED = 128
_unheard = torch._C.DisableTorchFunction


class StageError(RuntimeError):
    """A stage failed on a frame. Every reader of the result gets it; the cause is attached.

    Attributes:
        stage: name of the stage.
        frame_index: index of the frame.
    """

    def __init__(self, message: str, stage: str, frame_index: int) -> None:
        super().__init__(message, stage, frame_index)  # all of them, so that it can be copied
        self.stage = stage
        self.frame_index = frame_index

    def __str__(self) -> str:
        return str(self.args[0])

    @classmethod
    def about(cls, stage: str, frame_index: int, cause: Exception) -> StageError:
        """The error that readers get for `cause`."""
        try:
            text = str(cause)
        except Exception as broken:  # noqa: BLE001 - the text of somebody's error is their code
            text = f"its text cannot be made: {broken!r}"
        error = cls(
            f"stage {stage!r} failed on frame {frame_index}: {type(cause).__name__}: {text}",
            stage,
            frame_index,
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
        # What the constants were made for, and they: one value, so that an interrupt tears nothing.
        self._prepared: tuple[tuple[object, ...], dict[str, Any]] = ((), {})
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
            constants = self._constants(frame.spec, inputs, values)
            if earlier is None:
                result = stage.apply(*inputs, **constants)
            else:
                if stage.wants_gap:
                    constants = {**constants, "gap_seconds": gap_seconds}
                result = stage.apply(*self._in_order(inputs, earlier), **constants)
            self._note(time.perf_counter_ns() - began_ns)
        return self._unpacked(result)

    def why_refused(self, values: dict[str, Any]) -> str:
        """Why `prepare` would refuse these values for the inputs it saw last; empty: it takes them.

        It makes the constants and drops them, so it costs what they cost. Before the first frame
        there is nothing to say.
        """
        known_for, _ = self._prepared
        if self.stage.prepare_constants is None or not known_for:
            return ""
        _, spec, *inputs = known_for
        try:
            self.stage.make_constants(InputSpec(spec, tuple(inputs)), values)  # type: ignore[arg-type]
        except Exception as error:  # noqa: BLE001 - whatever the stage says is what people read
            return str(error)
        return ""

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

    def _constants(
        self, spec: FrameSpec, inputs: list[Any], values: dict[str, Any]
    ) -> dict[str, Any]:
        known_for, constants = self._prepared
        if self.stage.prepare_constants is None:
            return constants
        with _unheard():  # a mode of torch need not hear each time what shape a picture has
            made_for = (values, spec, *map(spec_of, inputs))
        if known_for != made_for:
            constants = self.stage.make_constants(InputSpec(spec, made_for[2:]), values)
            self._prepared = (made_for, constants)
        return constants

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
