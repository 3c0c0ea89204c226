"""What does one stage look like in controls? A line that folds, its switch, and its knobs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import ipywidgets

from widgets.closing import close_whole
from widgets.routes import keep_answering
from widgets.row import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from toolkit.parameters import StageParameters
    from toolkit.stages.declare import Stage

__all__ = ["Section"]


class Section(ipywidgets.VBox):
    """The controls of one stage.

    Args:
        stage: which.
        params: its parameters.
        moved: called with the stage, the parameter and the new value, when a knob was moved.
        switched: called with the stage and whether it shall run, when its switch was.
        reset: called with the stage, when all shall go back.
        is_open: whether its knobs are there to begin with.

    Attributes:
        knobs: by the parameter's name.
        switch: runs or bypassed; None for a stage that cannot be bypassed.
    """

    def __init__(
        self,
        stage: Stage,
        params: StageParameters,
        *,
        moved: Callable[[str, str, Any], None],
        switched: Callable[[str, bool], None],
        reset: Callable[[str], None],
        is_open: bool,
    ) -> None:
        values = params.snapshot()[1]
        self.stage = stage
        self._rows = {
            spec.name: Row(spec, values[spec.name], partial(moved, stage.name, spec.name))
            for spec in params
        }
        self.knobs = {name: row.knob for name, row in self._rows.items()}
        doc = (stage.__doc__ or "").strip().partition("\n")[0]
        self._fold = ipywidgets.Button(tooltip=f"show or hide the controls of {stage.name}")
        self._fold.add_class("dh-fold")
        self._fold.on_click(lambda _: self.unfold(not self.is_open))
        self._note = ipywidgets.Label("")
        self._note.add_class("dh-note")
        self._reset = ipywidgets.Button(
            description="Reset", tooltip=f"{stage.name}: all as it was declared"
        )
        self._reset.add_class("dh-small")
        self._reset.on_click(lambda _: reset(stage.name))
        self.switch: ipywidgets.Checkbox | None = None
        if stage.hands_on is not None:
            self.switch = ipywidgets.Checkbox(
                value=True,
                description=f"{stage.name} on",
                indent=False,
                tooltip=f"{stage.name}: off gives {stage.hands_on} in its place, at no cost",
                layout={"width": "auto"},
            )
            self.switch.add_class("dh-switch")
            self.switch.observe(lambda change: switched(stage.name, change["new"]), "value")
        head = [self._fold, self._note, self.switch, self._reset if self.knobs else None]
        self._head = ipywidgets.HBox([one for one in head if one is not None])
        self._head.add_class("dh-head")
        self._body = ipywidgets.VBox()
        self._body.add_class("dh-body")
        self._doc = ipywidgets.Label(doc)
        self._doc.add_class("dh-doc")
        super().__init__([self._head, self._body])
        self.add_class("dh-section")
        for one in (self._fold, self._reset, self.switch):
            if one is not None:
                keep_answering(one)
        self.is_open = False
        self.unfold(is_open)

    def unfold(self, is_open: bool = True) -> None:
        """Show the knobs, or fold them away: what is folded is not in the page."""
        self.is_open = is_open
        self._fold.description = f"{'▾' if is_open else '▸'} {self.stage.name}"
        self._body.children = [self._doc, *self._rows.values()] if is_open else []
        (self.add_class if is_open else self.remove_class)("dh-open")

    def close(self) -> None:
        """Close every widget of the section, folded ones too."""
        if self.comm is None:
            return
        for one in (*self._rows.values(), self._doc, self._head, self._body):
            close_whole(one)
        super().close()

    def mark(self, is_selected: bool) -> None:
        """Show that this is the stage that was chosen."""
        (self.add_class if is_selected else self.remove_class)("dh-selected")

    def show(self, values: Mapping[str, Any], bypassed: Collection[str]) -> None:
        """Set every knob to these values, and the switch."""
        is_bypassed = self.stage.name in bypassed
        for name, row in self._rows.items():
            row.show(values[name])
        if self.switch is not None and self.switch.value is is_bypassed:
            self.switch.value = not is_bypassed
        note = f"bypassed: gives {self.stage.hands_on}" if is_bypassed else ""
        if self._note.value != note:
            self._note.value = note

    def refuse(self, name: str, sentence: str) -> None:
        """Say beside a knob why its value was not taken, where it can be seen."""
        self.unfold()
        self._rows[name].refuse(sentence)

    def forgive(self) -> None:
        """Take all that away: something was taken since."""
        for row in self._rows.values():
            row.refuse("")
