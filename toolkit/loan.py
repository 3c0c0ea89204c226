"""What does a pipeline lend with a frame? The snapshot of parameters.

And the way to each result.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from toolkit import hooks
from toolkit.attachments import MISSING, Failure
from toolkit.node import StageError
from toolkit.provider import Provider

if TYPE_CHECKING:
    from collections.abc import Iterable

    from toolkit.attachments import Attachments, Key, Request
    from toolkit.frame import Frame
    from toolkit.node import Node
    from toolkit.pipeline import Pipeline

__all__ = ["Edition", "Loan"]


class Step(NamedTuple):
    """How one result comes about under one snapshot: the stage, its results, its parameters."""

    node: Node
    keys: tuple[Key, ...]
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Edition:
    """One snapshot of all parameters, and the way to each result under it.

    Attributes:
        versions: of the parameters, to tell when a new edition is due.
        keys: name of a result to its key.
        steps: name of a result to how it comes about.
        bypassed: names of the stages that hand their input on: the name of such a result leads to
            that input's key and step, so that it costs nothing and is shared by all who want it.
        run: token of the run that stages with history belong to, or None.
    """

    versions: tuple[int, ...]
    keys: dict[str, Key]
    steps: dict[str, Step]
    bypassed: frozenset[str]
    run: object

    @classmethod
    def of(cls, pipeline: Pipeline, run: object) -> Edition:
        """Take the snapshot."""
        versions, values, bypassed = pipeline.params.snapshot()
        keys: dict[str, Key] = {}
        steps: dict[str, Step] = {}
        for one in pipeline.graph.stages:
            if one.name in bypassed and one.hands_on is not None:
                (name,), source = one.provides, one.hands_on
                keys[name] = keys.get(source, (source, None))
                if source in steps:
                    steps[name] = steps[source]
                continue
            inputs = tuple(keys.get(name, (name, None)) for name in one.requires)
            provider = Provider.of(one, values[one.name], inputs, run if one.history else None)
            keys.update({name: (name, provider) for name in one.provides})
            own = tuple(keys[name] for name in one.provides)
            step = Step(pipeline.nodes[one.name], own, values[one.name])
            steps.update(dict.fromkeys(one.provides, step))
        return cls(versions, keys, steps, bypassed, run)


class Loan:
    """Stands behind one lent frame: knows the keys, computes what is asked for.

    Attributes:
        keys: name of a result to its key.
        table: listeners of the place that runs the pipeline; they hear every thread that computes.
    """

    __slots__ = ("_edition", "_gap_seconds", "_pipeline", "_previous", "keys", "table")

    def __init__(self, edition: Edition, pipeline: Pipeline) -> None:
        self._edition = edition
        self._pipeline = pipeline
        self._previous: Frame | None = None
        self._gap_seconds = 0.0
        self.keys = edition.keys
        self.table: hooks.Table | None = None

    @property
    def bypassed(self) -> frozenset[str]:
        """Names of the stages that hand their input on, under the snapshot of this frame."""
        return self._edition.bypassed

    def look_back(self, previous: Frame, gap_seconds: float) -> None:
        """Let stages with history see the frame before: a lease, held until they are done."""
        self._previous = previous
        self._gap_seconds = gap_seconds

    def forget(self) -> None:
        """Give the previous frame back: all that looks at it is attached, or never will be."""
        previous, self._previous = self._previous, None
        if previous is not None:
            previous.release()

    def provide(self, frame: Frame, name: str, attachments: Attachments) -> Any:
        """Compute `name` now, or wait for the thread that is computing it.

        The computation has a lease of its own: whoever reads may release the frame meanwhile.

        Raises:
            StageError: the stage failed, now or on an earlier read with the same parameters.
        """
        own = frame.lend(self)
        try:
            while (value := self._read(name, attachments)) is MISSING:
                self.settle(own, (name,))
            return value
        finally:
            own.release()

    def settle(self, frame: Frame, names: Iterable[str]) -> None:
        """Compute those of `names` that nobody has computed yet; the pipeline provides all of them.

        What a computation needs around it is set up once for all of them. Nobody may release the
        frame meanwhile.

        Raises:
            StageError: as `provide`; the names after it are not computed.
        """
        missing = deque(names)
        while missing:
            request = self._pipeline.computing(partial(self._advance, frame, missing))
            if request is not None:
                request.wait()

    def _advance(self, frame: Frame, missing: deque[str]) -> Request | None:
        """Compute what is missing, up to a result that another thread computes: what to wait for.

        Takes out of `missing` what is there.
        """
        attachments = frame._attachments
        table = self.table
        if table is None:
            table = hooks.table()
        request = None
        with hooks.using(table), torch.no_grad():
            while missing and request is None:
                if self._read(missing[0], attachments) is not MISSING:
                    missing.popleft()
                else:
                    request = self._compute(frame, missing[0], attachments)
        return request

    def _input(self, frame: Frame, name: str, attachments: Attachments) -> Any:
        """What a stage takes: computed inside of the same computation, where it has to be."""
        if name not in self.keys:
            return frame[name]
        while (value := self._read(name, attachments)) is MISSING:
            request = self._compute(frame, name, attachments)
            if request is not None:
                request.wait()
        return value

    def _read(self, name: str, attachments: Attachments) -> Any:
        """What is attached, or MISSING. An error in its place is raised, for this reader."""
        value = attachments.values.get(self.keys[name], MISSING)
        if isinstance(value, Failure):
            raise value.raised()
        return value

    def _compute(self, frame: Frame, name: str, attachments: Attachments) -> Request | None:
        """Compute `name` and attach it; the request to wait for, if it is another's."""
        step = self._edition.steps.get(name)
        if step is None:  # a bypassed stage hands on what the source attaches, and it did not
            _ = frame[self.keys[name][0]]
            return None
        keys = step.keys
        try:
            request = attachments.claim(keys[0])
            if request is None or request.owner != threading.get_ident():
                return request
            try:
                inputs = [self._input(frame, one, attachments) for one in step.node.stage.requires]
                results = self._call(step.node, frame, inputs, step.values)
            except StageError as error:  # of a stage that this one needs
                attachments.finish(request, dict.fromkeys(keys, Failure(error)))
                raise
            except Exception as error:
                # No name here holds the new error: it would hold this call, and that the frame.
                raise self._failed(step, frame, error, attachments, request) from error
            attachments.finish(request, dict(zip(keys, results, strict=True)))
        except BaseException:  # an interrupt: the next reader computes
            attachments.abandon(keys[0])
            raise
        return None

    def _failed(
        self, step: Step, frame: Frame, cause: Exception, attachments: Attachments, request: Request
    ) -> StageError:
        """Attach the failure for every reader, and make the error for this one."""
        error = StageError.about(step.node.stage.name, frame.index, cause)
        attachments.finish(request, dict.fromkeys(step.keys, Failure(error)))
        return error

    def _call(
        self, node: Node, frame: Frame, inputs: list[Any], values: dict[str, Any]
    ) -> tuple[Any, ...]:
        if not node.stage.history:
            return node.run(frame, inputs, values)
        if self._previous is None:
            return node.run_first(frame, inputs)
        try:
            earlier = [self._previous[name] for name in node.stage.history]
        except StageError:  # it failed on the frame before: it starts anew, as after a gap
            return node.run_first(frame, inputs)
        return node.run(frame, inputs, values, earlier, self._gap_seconds)
