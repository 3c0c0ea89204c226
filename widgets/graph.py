"""What does a pipeline do right now? Its graph, live: what runs, what it costs, what is passed by.

The page asks for a new picture, at most four times a second and only while it shows this one; so a
graph that nobody sees costs nothing, and there is no thread here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from toolkit.picture import Look, draw_graph
from widgets.page import script, style
from widgets.rerun import close_with_cell
from widgets.routes import keep_answering, publishing_context
from widgets.still import Still

if TYPE_CHECKING:
    from collections.abc import Iterable

    from toolkit import Frame, Pipeline
    from toolkit.profiling.session import Session

__all__ = ["Graph"]


class Graph(Still, anywidget.AnyWidget):
    """The stages of a pipeline as a live picture.

    ```python
    graph = Graph(pipeline, want=["overlay"])
    ipywidgets.jslink((graph, "selected"), (controls, "selected"))
    ```

    Args:
        pipeline: which.
        want: what is asked for, so that stages that do not run for it can say so; without it, all
            that no other stage takes.
        session: a session that listens, for the bytes that each stage allocates.

    Attributes:
        selected: name of the stage that was chosen by mouse or keyboard, or empty.
        want: names of results; may be set later.

    Raises:
        GraphError: a name in `want` that nobody provides.
    """

    _esm = script("seen", "graph")
    _css = style("graph")
    picture = traitlets.Unicode("").tag(sync=True)
    selected = traitlets.Unicode("").tag(sync=True)
    want = traitlets.Tuple()

    def __init__(
        self,
        pipeline: Pipeline,
        *,
        want: Iterable[str] | None = None,
        session: Session | None = None,
    ) -> None:
        self.pipeline = pipeline
        self.session = session
        self._attached: frozenset[str] = frozenset()
        taken = {name for one in pipeline.graph.stages for name in (*one.requires, *one.history)}
        last = tuple(name for name in pipeline.graph.providers if name not in taken)
        super().__init__(want=last if want is None else tuple(want))
        keep_answering(self)
        close_with_cell(self)
        self.on_msg(self._asked)
        self.refresh()

    def look_at(self, frame: Frame) -> None:
        """Tick the stages whose results are attached to `frame` now. Computes and holds nothing."""
        self._attached = frozenset(frame.names())
        self.refresh()

    def refresh(self) -> None:
        """Draw anew; the page is told only where something changed."""
        picture = draw_graph(self.pipeline.graph, self._look(self._costs(), is_live=True))
        if picture != self.picture:
            publishing_context().run(self.set_trait, "picture", picture)

    def still_text(self) -> str:
        """The stages with what they take, and what is passed by: the same in every run."""
        bypassed = self.pipeline.params.bypassed
        return "\n".join(
            f"{one.name} from {', '.join((*one.requires, *one.history)) or 'nothing'}"
            f"{f' (bypassed: gives {one.hands_on})' if one.name in bypassed else ''}"
            for one in self.pipeline.graph.stages
        )

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """With a picture for pages without a kernel, without costs: they differ between runs."""
        data, metadata = super()._repr_mimebundle_(**options)
        data["image/svg+xml"] = draw_graph(self.pipeline.graph, self._look({}, is_live=False))
        return data, metadata

    @traitlets.validate("want")
    def _check_want(self, proposal: dict[str, Any]) -> tuple[str, ...]:
        self.pipeline.graph.needed(proposal["value"])
        return proposal["value"]

    @traitlets.observe("want")
    def _wanted(self, _: Any) -> None:
        self.refresh()

    def _asked(self, _: Any, content: dict[str, Any], __: Any) -> None:
        if content.get("t") == "look":
            self.refresh()
            publishing_context().run(self.send, {"t": "looked"})

    def _look(self, costs: dict[str, str], *, is_live: bool) -> Look:
        graph, bypassed = self.pipeline.graph, self.pipeline.params.bypassed
        always = [one.provides[0] for one in graph.stages if one.history]
        runs = {one.name for one in graph.needed([*self.want, *always], bypassed)}
        return Look(
            costs=costs,
            bypassed=bypassed,
            idle=[name for name in self.pipeline.nodes if name not in runs | bypassed],
            attached=self._attached,
            is_live=is_live,
        )

    def _costs(self) -> dict[str, str]:
        """The line in each box: its median time, and bytes on a frame on which it ran."""
        nbytes: dict[str, float] = {}
        if self.session is not None:
            for (pipeline, stage), record in self.session.stages.items():
                if pipeline == self.pipeline.name:
                    nbytes[stage] = record.total.allocated_bytes / max(1, record.frames)
        lines = {}
        for name, timing in self.pipeline.timings.items():
            parts = [f"{timing.median_ns / 1e6:.2f} ms"] if timing.calls else ["not run yet"]
            if name in nbytes:
                parts.append(_amount(nbytes[name]))
            lines[name] = " · ".join(parts)
        return lines


def _amount(nbytes: float) -> str:
    for unit in ("B", "kB", "MB"):
        if nbytes < 1000:
            return f"{nbytes:.3g} {unit}"
        nbytes /= 1000
    return f"{nbytes:.3g} GB"
