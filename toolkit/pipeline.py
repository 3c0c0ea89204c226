"""How do stages run? On demand, once for each frame, with the parameters the frame entered with.

A pipeline is a graph of stages. A frame that enters it gets a snapshot of the parameters; whoever
reads `frame["edges"]` gets the result, and only what it needs is computed. One thread at a time
computes; others wait for its one result.
"""

from __future__ import annotations

import json
import threading
import time
import weakref
from collections import deque
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from toolkit import hooks
from toolkit.attachments import Request
from toolkit.graph import Graph
from toolkit.loan import Edition, Loan
from toolkit.node import Node, StageError, StageTiming
from toolkit.parameters import ParameterError, Parameters
from toolkit.picture import Look, draw_graph
from toolkit.stages.kinds import why_not_bypassed

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from toolkit.frame import Frame
    from toolkit.stages.declare import Stage

__all__ = ["Pipeline", "StageError", "StageTiming"]

_PRESET_FORMAT = 1
_Answer = TypeVar("_Answer")


class Pipeline:
    """Stages composed by what they require and provide.

    ```python
    pipeline = Pipeline([rgb, gray, blur, sobel, edges])
    for frame in pipeline.run(video):
        show(frame["edges"])
    ```

    Args:
        stages: in any order.
        given: names that the source attaches to its frames itself.
        name: for people, in bills and pictures.

    Raises:
        GraphError: the stages do not fit together; the text names them.
    """

    def __init__(
        self, stages: Sequence[Stage], *, given: Iterable[str] = (), name: str = "pipeline"
    ) -> None:
        self.name = name
        self.graph = Graph.build(stages, given)
        self.params = Parameters(
            {one.name: one.params for one in self.graph.stages},
            fixed={one.name: why_not_bypassed(one) for one in self.graph.stages},
        )
        self.nodes = {one.name: Node(one, name) for one in self.graph.stages}
        self._ownership = _Ownership(name)
        self.computing = self._ownership.computing
        self._edition: Edition | None = None
        self._subscribed = tuple(one for one in self.graph.stages if one.history)
        self._listeners = hooks.Table()
        self._listeners_lock = threading.Lock()

    # -- running ----------------------------------------------------------------------------------

    def run(self, source: Iterable[Frame], *, want: Iterable[str] = ()) -> Generator[Frame]:
        """Lend each frame of `source` until the next iteration, readable through this pipeline.

        Nothing is computed until it is read, except what is in `want` and what stages with history
        need. Results are computed on the reading thread. A frame that the source gives twice is
        one frame: what is attached to it stays, and a stage with history sees it once.

        Args:
            source: any iterable of frames. Its end, its errors and its `close` are its own.
            want: names to compute before the frame is lent.

        Raises:
            GraphError: a name in `want` that nobody provides.
        """
        names = tuple(want)
        self.graph.needed(names)
        provided = [name for name in names if name in self.graph.providers]
        given = [name for name in names if name not in provided]
        for frame, loan in self._enter(source):
            index = frame.index
            with hooks.using(loan.table or hooks.table()):
                hooks.frame_begin(index)
                try:
                    self._settle(frame, loan, provided)
                    for name in given:
                        _ = frame[name]
                    yield frame
                finally:
                    frame.end_loan()
                    hooks.frame_end(index)

    def tasks(
        self, source: Iterable[Frame], *, want: Iterable[str]
    ) -> Iterator[Generator[Request | None, None, Frame]]:
        """The same work for a scheduler: one generator for each frame, one stage for each step.

        A generator yields None at the end of a stage, or a `Request` instead of blocking while
        another thread computes what it needs. It returns the frame, held: release it. A task that
        is dropped before its end is a gap to stages with history: they start anew after it.

        Args:
            source: any iterable of frames; the next one is taken when the next task is asked for.
            want: names to compute.
        """
        names = tuple(want)
        self.graph.needed(names)
        order: tuple[str, ...] = ()
        unasked: tuple[str, ...] = ()
        bypassed: frozenset[str] | None = None
        for frame, loan in self._enter(source):
            if loan.bypassed is not bypassed:
                bypassed = loan.bypassed
                order = tuple(one.name for one in self.graph.needed(names, bypassed))
                runs = {one.name for one in self._subscribed} - bypassed
                unasked = tuple(one for one in self.nodes if one in runs and one not in order)
            task = self._task(frame, loan, (*order, *unasked), frozenset(unasked))
            weakref.finalize(task, loan.forget).atexit = False
            del frame, loan
            yield task

    def bind(self, frame: Frame) -> Frame:
        """A lease on `frame`, readable through this pipeline with the parameters of now.

        For a still picture, or for a frame of another pipeline. Stages with history answer as on a
        first frame.
        """
        return frame.lend(Loan(self._current_edition(None), self))

    def order(self, want: Iterable[str] | None = None) -> tuple[str, ...]:
        """Names of the stages that run when `want` is asked for, in order; of all, without it.

        Bypassed stages do not run, nor does what they alone would need.
        """
        bypassed = self.params.bypassed
        if want is None:
            return tuple(name for name in self.nodes if name not in bypassed)
        return tuple(one.name for one in self.graph.needed(want, bypassed))

    # -- bypass -----------------------------------------------------------------------------------

    def bypass(self, *stages: str) -> None:
        """Let these stages hand their input on, from the next frame on: no copy, no time, no cost.

        The result of a bypassed stage *is* its first input of the same kind: a blur gives the gray
        picture that it would have softened, an overlay the picture that it would have drawn on.
        What only the bypassed stage would have needed does not run. There is no switch for "off":
        a stage that nobody asks for does not run anyway.

        Raises:
            ParameterError: an unknown stage, or one whose result no input can stand in for.
        """
        self.params.switch(bypass=stages)

    def enable(self, *stages: str) -> None:
        """Let these stages compute again, from the next frame on.

        Raises:
            ParameterError: an unknown stage.
        """
        self.params.switch(enable=stages)

    @property
    def bypassed(self) -> tuple[str, ...]:
        """Names of the bypassed stages, in order."""
        bypassed = self.params.bypassed
        return tuple(name for name in self.nodes if name in bypassed)

    def can_bypass(self, stage: str) -> bool:
        """Whether one input of the stage is of the same kind as its result.

        Raises:
            KeyError: an unknown stage.
        """
        return not self.params.why_fixed(stage)

    # -- parameters -------------------------------------------------------------------------------

    def why_refused(self, stage: str, /, **values: Any) -> str:
        """Why the stage would refuse these values beside its others; empty where it takes them.

        Some values are refused with others only: `edges` wants `low` below `high`. A stage tells so
        when it makes its constants, on the next frame. Here it makes them now, for the inputs that
        it saw last, and drops them: the cost of one change, on this thread.

        Raises:
            KeyError: an unknown stage.
        """
        own = self.params[stage]
        try:
            checked = own.check(values)
        except ParameterError as error:
            return str(error)
        return self.nodes[stage].why_refused({**own.snapshot()[1], **checked})

    def save_preset(self, path: str | Path) -> None:
        """Write all parameters, and which stages are bypassed, to a JSON file."""
        _, values, bypassed = self.params.snapshot()
        preset = {
            "format": _PRESET_FORMAT,
            "stages": {name: own for name, own in values.items() if own},
            "bypassed": [name for name in self.nodes if name in bypassed],
        }
        Path(path).write_text(json.dumps(preset, indent=2) + "\n", encoding="utf-8")

    def load_preset(self, path: str | Path) -> None:
        """Set the parameters of a JSON file: all of them, or none when one is refused.

        A preset that says nothing of bypassed stages is from a time when all of them ran: so they
        do.

        Raises:
            ValueError: not a preset, or of another format.
            ParameterError: a stage or parameter that is not here, a value out of range, or a stage
                that cannot be bypassed.
        """
        try:
            preset = json.loads(Path(path).read_text(encoding="utf-8"))
            found, stages = preset["format"], preset["stages"]
            if not isinstance(stages, dict):
                raise TypeError(f"its stages are {type(stages).__name__}, not a table")
        except (KeyError, RecursionError, TypeError, ValueError) as error:
            raise ValueError(
                f"{path} is not a preset: {error!r}; write one with save_preset"
            ) from error
        if found != _PRESET_FORMAT:
            raise ValueError(
                f"{path} has preset format {found}; this version reads {_PRESET_FORMAT}"
            )
        self.params.load(stages, bypassed=preset.get("bypassed", ()))

    # -- what can be seen -------------------------------------------------------------------------

    def listen(self, listener: object) -> None:
        """Let `listener` hear this pipeline from its next frame on, whichever thread runs it.

        Also what its source does to get a frame, and what is done with it until the next one.
        `toolkit.hooks.listen` hears all pipelines instead, but of one context alone.

        Raises:
            TypeError: it has no hook, see `toolkit.hooks`.
        """
        with self._listeners_lock:
            self._listeners = self._listeners.plus(listener)

    def unlisten(self, listener: object) -> None:
        """Take `listener` out again; it hears the end of a frame that is under way."""
        with self._listeners_lock:
            self._listeners = self._listeners.without(listener)

    @property
    def timings(self) -> dict[str, StageTiming]:
        """Calls and host time of each stage so far; on a GPU the time to queue, not to run."""
        return {name: node.timing for name, node in self.nodes.items()}

    def svg(self, costs: dict[str, str] | None = None) -> str:
        """The graph as a picture, with the median time of each stage once it has run.

        A bypassed stage has a dashed box, says so, and its arrow goes on from what it hands on.

        Args:
            costs: a line to print in a stage's box instead of the time.
        """
        timings = {name: one for name, one in self.timings.items() if one.calls}
        measured = {name: f"{one.median_ns / 1e6:.2f} ms" for name, one in timings.items()}
        shown = measured if costs is None else costs
        return draw_graph(self.graph, Look(costs=shown, bypassed=self.params.bypassed))

    def _repr_svg_(self) -> str:
        return self.svg()

    def __repr__(self) -> str:
        return f"Pipeline({self.name}: {', '.join(map(repr, self.graph.stages))})"

    # -- inside -----------------------------------------------------------------------------------

    def _enter(self, source: Iterable[Frame]) -> Iterator[tuple[Frame, Loan]]:
        """Frames of the source, each lent with a snapshot and with the way to its predecessor."""
        run = object()
        previous: Frame | None = None
        seen: object = None
        frames = iter(source)
        while True:
            listeners = self._listeners  # the same from the beginning of a frame to its end
            with hooks.using(listeners):
                frame = next(frames, None)
            if frame is None:
                break
            loan = Loan(self._current_edition(run if self._subscribed else None), self)
            loan.table = hooks.table() | listeners
            lent = frame.lend(loan)
            del frame
            now = (getattr(source, "discontinuities", 0), lent.spec)
            if previous is not None and now == seen and lent.pts_seconds >= previous.pts_seconds:
                loan.look_back(previous, lent.pts_seconds - previous.pts_seconds)
            elif previous is not None:
                previous.release()
            seen = now
            previous = lent.lease() if self._subscribed else None
            yield lent, loan

    def _settle(self, frame: Frame, loan: Loan, want: Sequence[str]) -> None:
        """Compute what runs on every frame, whether read or not."""
        for one in self._subscribed:
            if one.name in loan.bypassed:
                continue
            # An error is attached like a result: whoever reads it gets it, the others go on.
            with suppress(StageError):
                _ = frame[one.provides[0]]
        loan.forget()
        loan.settle(frame, want)

    def _task(
        self, frame: Frame, loan: Loan, order: tuple[str, ...], unasked: frozenset[str]
    ) -> Generator[Request | None, None, Frame]:
        try:
            for name in order:
                result = self.nodes[name].stage.provides[0]
                while (waiting := self._advance(frame, result, name in unasked)) is not None:
                    yield waiting
                yield None
        except BaseException:
            frame.release()
            raise
        finally:
            loan.forget()
        return frame

    def _advance(self, frame: Frame, result: str, is_unasked: bool) -> Request | None:
        """Compute one result, unless another thread stands in the way: the request to wait for."""
        request = frame.request(result)
        if request.is_done:
            return None
        is_foreign = request.owner not in (None, threading.get_ident())
        waiting = request if is_foreign else self._ownership.request()
        if waiting is not None:
            return waiting
        # Of a stage that nobody asked for, the error waits for whoever reads it.
        with suppress(StageError) if is_unasked else nullcontext():
            _ = frame[result]
        return None

    def _current_edition(self, run: object) -> Edition:
        edition = self._edition
        if edition is None or edition.versions != self.params.versions or edition.run is not run:
            edition = self._edition = Edition.of(self, run)
        return edition


class _Ownership:
    """Lets one thread at a time compute.

    The lock is taken by `with` alone: there no interrupt leaves it taken by nobody.
    """

    __slots__ = ("_depth", "_lock", "_owner", "_pipeline", "_waiting")

    def __init__(self, pipeline: str) -> None:
        self._lock = threading.RLock()
        self._owner: int | None = None
        self._depth = 0
        self._pipeline = pipeline
        self._waiting: deque[Request] = deque()

    def computing(self, work: Callable[[], _Answer]) -> _Answer:
        """Do `work` as the one who computes; waits for another first, and reports that."""
        me = threading.get_ident()
        began_ns = time.perf_counter_ns() if self._owner not in (None, me) else 0
        try:
            with self._lock:
                self._depth += 1
                try:
                    self._owner = me
                    if began_ns:
                        spent_ns = time.perf_counter_ns() - began_ns
                        hooks.report(
                            "wait",
                            op=f"owner of {self._pipeline}",
                            duration_ns=spent_ns,
                            off_cpu_ns=spent_ns,
                        )
                    return work()
                finally:
                    self._depth -= 1
                    self._owner = me if self._depth else None
        finally:
            while self._waiting and self._owner is None:
                self._waiting.popleft().settle(True)

    def request(self) -> Request | None:
        """What to wait for while another thread computes: done when it has left. None: go on."""
        me = threading.get_ident()
        if self._owner in (None, me):
            return None
        request = Request(f"owner of {self._pipeline}")
        self._waiting.append(request)
        return None if self._owner in (None, me) else request
