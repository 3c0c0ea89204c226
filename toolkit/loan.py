"""What does a pipeline lend with a frame? The snapshot of parameters.

And the way to each result.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from toolkit import hooks
from toolkit.attachments import MISSING, Failure
from toolkit.node import StageError
from toolkit.provider import Provider

if TYPE_CHECKING:
    from toolkit.attachments import Attachments, Key, Request
    from toolkit.frame import Frame
    from toolkit.graph import Graph
    from toolkit.node import Node
    from toolkit.parameters import Parameters
    from toolkit.pipeline import Pipeline

__all__ = ["Edition", "Loan"]


@dataclass(frozen=True, slots=True)
class Edition:
    """One snapshot of all parameters, and the key of each result under it.

    Attributes:
        versions: of the parameters, to tell when a new edition is due.
        values: parameters by stage.
        keys: name of a result to its key.
        run: token of the run that stages with history belong to, or None.
    """

    versions: tuple[int, ...]
    values: dict[str, dict[str, Any]]
    keys: dict[str, Key]
    run: object

    @classmethod
    def of(cls, graph: Graph, parameters: Parameters, run: object) -> Edition:
        """Take the snapshot."""
        versions, values = parameters.snapshot()
        keys: dict[str, Key] = {}
        for one in graph.stages:
            inputs = tuple(keys.get(name, (name, None)) for name in one.requires)
            provider = Provider.of(one, values[one.name], inputs, run if one.history else None)
            keys.update({name: (name, provider) for name in one.provides})
        return cls(versions, values, keys, run)


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

        Raises:
            StageError: the stage failed, now or on an earlier read with the same parameters.
        """
        key = self.keys[name]
        pipeline = self._pipeline
        while True:
            value = attachments.values.get(key, MISSING)
            if value is not MISSING:
                if isinstance(value, Failure):
                    raise value.raised()
                return value
            node = pipeline.nodes[pipeline.graph.providers[name].name]
            with pipeline.owned():
                request = self._compute(node, frame, attachments)
            if request is not None:
                request.wait()

    def _compute(self, node: Node, frame: Frame, attachments: Attachments) -> Request | None:
        """Compute and attach what `node` provides; the request to wait for, if it is another's.

        The computation has a lease of its own: whoever reads may release the frame meanwhile.
        """
        keys = [self.keys[name] for name in node.stage.provides]
        own = frame.lend(self)
        try:
            request = attachments.claim(keys[0])
            if request is None or request.owner != threading.get_ident():
                return request
            try:
                results = self._run(node, own)
            except StageError as error:  # of a stage that this one needs
                attachments.finish(request, dict.fromkeys(keys, Failure(error)))
                raise
            except Exception as error:
                # No name here holds the new error: it would hold this call, and that the frame.
                raise self._failed(node, own, error, attachments, request) from error
            attachments.finish(request, dict(zip(keys, results, strict=True)))
        finally:
            attachments.abandon(keys[0])
            own.release()
        return None

    def _failed(
        self, node: Node, frame: Frame, cause: Exception, attachments: Attachments, request: Request
    ) -> StageError:
        """Attach the failure for every reader, and make the error for this one."""
        error = StageError.about(node.stage.name, frame.index, cause)
        failure = Failure(error)
        keys = [self.keys[name] for name in node.stage.provides]
        attachments.finish(request, dict.fromkeys(keys, failure))
        return error

    def _run(self, node: Node, frame: Frame) -> tuple[Any, ...]:
        stage = node.stage
        inputs = [frame[name] for name in stage.requires]
        values = self._edition.values[stage.name]
        table = self.table
        if table is None:
            table = hooks.table()
        with hooks.using(table), torch.no_grad():
            return self._call(node, frame, inputs, values)

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
