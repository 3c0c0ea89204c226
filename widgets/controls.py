"""How does one turn the knobs of a pipeline while it runs? `Controls(pipeline)`.

Every parameter gets the control that its declaration asks for, grouped by stage. A change is set at
once and reaches the picture with the next frame; a change that code makes shows up here. Undo takes
back what one hand did: a drag is one step. The widgets are those of ipywidgets, found by name:
`controls.knobs["blur.sigma"]`.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import ipywidgets
import traitlets

from toolkit.parameters import ParameterError
from widgets.closing import close_whole
from widgets.history import History
from widgets.page import script, style
from widgets.presets import PresetBar, PresetFolder
from widgets.rerun import close_with_cell
from widgets.routes import keep_answering, publishing_context
from widgets.section import Section
from widgets.still import Still

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from toolkit import Pipeline
    from widgets.history import Key

__all__ = ["Controls", "ControlsBar"]

_MOST_OPEN = 12  # parameters; with more of them, stages are folded to begin with


class ControlsBar(Still, anywidget.AnyWidget):
    """The line above the stages: undo, redo, reset, and what happened last.

    Its script also hears the keys and the drags of the controls that it stands in.
    """

    _esm = script("controls")
    _css = style("controls")
    can_undo = traitlets.Bool(False).tag(sync=True)
    can_redo = traitlets.Bool(False).tag(sync=True)
    gesture = traitlets.Int(0).tag(sync=True)
    note = traitlets.Unicode("").tag(sync=True)


class Controls(Still, ipywidgets.VBox):  # pyright: ignore[reportIncompatibleMethodOverride]  # ipywidgets types its bundle as less than it is
    """The parameters of a pipeline, live.

    ```python
    controls = Controls(pipeline, presets="presets")
    controls
    ```

    Args:
        pipeline: whose parameters.
        want: names of results; then only stages that run for them are shown.
        presets: a folder for presets; without it there are none.
        is_open: whether stages show their knobs to begin with; without it, a pipeline with many
            parameters is folded.

    Attributes:
        knobs: every control by stage and parameter, such as `"blur.sigma"`.
        sections: the stages by name.
        selected: name of the stage that is marked and open; link it to a graph's.

    Raises:
        GraphError: a name in `want` that nobody provides.
    """

    selected = traitlets.Unicode("").tag(sync=True)

    def __init__(
        self,
        pipeline: Pipeline,
        *,
        want: Iterable[str] | None = None,
        presets: str | Path | None = None,
        is_open: bool | None = None,
    ) -> None:
        self.pipeline = pipeline
        self.history = History()
        self._showing: set[int] = set()
        self._views: set[str] = set()
        graph = pipeline.graph
        stages = graph.stages if want is None else graph.needed(want)
        count = sum(len(one.params) for one in stages)
        self.sections = {
            one.name: Section(
                one,
                pipeline.params[one.name],
                moved=self._moved,
                switched=self._switched,
                reset=self.reset,
                is_open=count <= _MOST_OPEN if is_open is None else is_open,
            )
            for one in stages
            if one.params or one.hands_on is not None
        }
        self.knobs: dict[str, Any] = {
            f"{stage}.{name}": knob
            for stage, section in self.sections.items()
            for name, knob in section.knobs.items()
        }
        self.bar = ControlsBar()
        self.bar.on_msg(self._asked)
        self.bar.observe(self._dragged, "gesture")
        top: list[Any] = [self.bar]
        self.presets: PresetBar | None = None
        if presets is not None:
            self._folder = PresetFolder(pipeline, presets)
            self.presets = PresetBar(self._folder, load=self._load, say=self._say)
            top.append(self.presets)
        super().__init__([*top, *self.sections.values()])
        self.add_class("dh-controls")
        keep_answering(self)
        keep_answering(self.bar)
        close_with_cell(self)
        pipeline.params.watch(self._changed)
        self._show(frozenset(self.sections))

    # -- what a hand can do -----------------------------------------------------------------------

    def undo(self) -> None:
        """Take back the last step that was made in these controls."""
        self._apply(self.history.undo(), "Undid")

    def redo(self) -> None:
        """Do again what was taken back last."""
        self._apply(self.history.redo(), "Did again")

    def reset(self, stage: str | None = None) -> None:
        """Set all parameters of a stage, or of all that are shown, as they were declared.

        Bypassed stages run again.

        Raises:
            KeyError: a stage that is not shown.
        """
        names = list(self.sections) if stage is None else [stage]
        after: dict[Key, Any] = {}
        for name in names:
            section = self.sections[name]
            after |= {(name, spec.name): spec.default for spec in self.pipeline.params[name]}
            if section.switch is not None:
                after[name, ""] = False
        before = self._state()
        self._set(after)
        self._note(before)
        self._say(f"Reset {stage or 'all'}.")

    def close(self) -> None:
        """Close every widget in here, and watch the pipeline no longer."""
        if self.comm is None:
            return
        self.pipeline.params.unwatch(self._changed)
        for one in (*self.sections.values(), self.bar, self.presets):
            if one is not None:
                close_whole(one)
        close_whole(self.layout)
        self.unobserve_all()
        super().close()

    def still_text(self) -> str:
        """The parameters by stage, with their units: the same in every run."""
        _, values, bypassed = self.pipeline.params.snapshot()
        lines = []
        for name, section in self.sections.items():
            shown = ", ".join(
                f"{spec.name} = {_text(values[name][spec.name])}"
                f"{' ' + unit if (unit := getattr(spec.domain, 'unit', '')) else ''}"
                for spec in section.stage.params
            )
            state = " (bypassed)" if name in bypassed else ""
            lines.append(f"{name}{state}: {shown or 'no parameters'}")
        return "\n".join(lines)

    # -- from the page ----------------------------------------------------------------------------

    def _moved(self, stage: str, name: str, value: Any) -> None:
        """A knob has a new value: set it, or say why not and let the knob go back."""
        if threading.get_ident() in self._showing:
            return
        params, section = self.pipeline.params[stage], self.sections[stage]
        before = getattr(params, name)
        sentence = self._refusal(stage, name, value)
        if not sentence:
            try:
                params.update({name: value})
            except ParameterError as error:
                sentence = str(error)
        if sentence:
            publishing_context().run(section.refuse, name, sentence)
            self._changed(frozenset({stage}))
            return
        publishing_context().run(section.forgive)
        key = (stage, name)
        self.history.note({key: before}, {key: getattr(params, name)}, whole=False)
        self._show_history()

    def _refusal(self, stage: str, name: str, value: Any) -> str:
        """Why the stage would not take the value; empty too where it takes no value as it stands.

        What other values made impossible can so be left step by step.
        """
        sentence = self.pipeline.why_refused(stage, **{name: value})
        return "" if sentence and self.pipeline.why_refused(stage) else sentence

    def _switched(self, stage: str, is_on: bool) -> None:
        if threading.get_ident() in self._showing:
            return
        before = self._state()
        self._set({(stage, ""): not is_on})
        self._note(before)

    def _dragged(self, change: dict[str, Any]) -> None:
        self.history.gesture = change["new"]

    def _asked(self, _: Any, content: dict[str, Any], __: Any) -> None:
        """What the bar's script sends: a button, a key, or that a view came or went."""
        kind, view = content.get("t"), str(content.get("view", ""))
        if kind == "shown":
            self._views.add(view)
            self.pipeline.params.watch(self._changed)
            self._changed(frozenset(self.sections))
        elif kind == "gone":
            self._views.discard(view)
            if not self._views:  # the cell ran again, or its output was cleared
                self.pipeline.params.unwatch(self._changed)
        elif kind in ("undo", "redo", "reset"):
            getattr(self, kind)()

    def _load(self, name: str) -> None:
        before = self._state()
        self._folder.load(name)
        self._note(before)

    # -- to the page ------------------------------------------------------------------------------

    def _changed(self, names: frozenset[str]) -> None:
        """Parameters changed, whoever did it, on whatever thread."""
        publishing_context().run(self._show, names)

    def _show(self, names: frozenset[str]) -> None:
        """Set the controls to what is true now, until it stays true while they are set."""
        params = self.pipeline.params
        versions = None
        with self._not_listening():
            while versions != params.versions:
                versions, values, bypassed = params.snapshot()
                for name in names & self.sections.keys():
                    self.sections[name].show(values[name], bypassed)
                names = frozenset(self.sections)

    @contextmanager
    def _not_listening(self) -> Iterator[None]:
        """What this thread sets meanwhile was not moved by a hand."""
        me = threading.get_ident()
        was_showing = me in self._showing
        self._showing.add(me)
        try:
            yield
        finally:
            if not was_showing:
                self._showing.discard(me)

    @traitlets.observe("selected")
    def _select(self, change: dict[str, Any]) -> None:
        for name, section in self.sections.items():
            if name == change["new"]:
                section.unfold()
            section.mark(name == change["new"])

    # -- steps ------------------------------------------------------------------------------------

    def _state(self) -> dict[Key, Any]:
        _, values, bypassed = self.pipeline.params.snapshot()
        state: dict[Key, Any] = {
            (stage, name): value for stage, own in values.items() for name, value in own.items()
        }
        return state | {(stage, ""): stage in bypassed for stage in values}

    def _note(self, before: Mapping[Key, Any]) -> None:
        """Remember what differs from `before` as one step."""
        after = self._state()
        keys = [key for key in after if after[key] != before[key]]
        if keys:
            self.history.note(
                {key: before[key] for key in keys}, {key: after[key] for key in keys}, whole=True
            )
        self._show_history()

    def _set(self, state: Mapping[Key, Any]) -> None:
        values: dict[str, dict[str, Any]] = {}
        switches = {stage: value for (stage, name), value in state.items() if not name}
        for (stage, name), value in state.items():
            if name:
                values.setdefault(stage, {})[name] = value
        params = self.pipeline.params
        others = params.bypassed - switches.keys()
        bypassed = others | {stage for stage, is_bypassed in switches.items() if is_bypassed}
        params.load(values, bypassed=bypassed if switches else None)
        for stage in {stage for stage, _ in state} & self.sections.keys():
            publishing_context().run(self.sections[stage].forgive)

    def _apply(self, state: Mapping[Key, Any], verb: str) -> None:
        if state:
            self._set(state)
            (stage, name), *more = state
            what = f"{len(state)} changes" if more else f"{stage}.{name}" if name else stage
            self._say(f"{verb} {what}.")
        self._show_history()

    def _show_history(self) -> None:
        def show() -> None:
            self.bar.can_undo, self.bar.can_redo = self.history.can_undo, self.history.can_redo

        publishing_context().run(show)

    def _say(self, sentence: str) -> None:
        publishing_context().run(self.bar.set_trait, "note", sentence)


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
