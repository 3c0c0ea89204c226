"""What stands on one line of controls? A knob, and beside it what has to be said of its value."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import ipywidgets

from toolkit.parameters import Range
from widgets.knobs import make_knob

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.parameters import ParamSpec

__all__ = ["Row"]


class Row(ipywidgets.VBox):
    """One parameter: its knob, why a value was refused, and what lies between two steps.

    A slider in a page can only stand on its steps, and says so to the kernel: told 0.0205, it
    answers 0.021. That is not taken for a hand's doing; the exact value is shown beside it.

    Args:
        spec: which parameter.
        value: what it is now.
        moved: called with a new value, when a hand moved the knob.
    """

    def __init__(self, spec: ParamSpec, value: Any, moved: Callable[[Any], None]) -> None:
        self.spec = spec
        self.knob = make_knob(spec, value)
        self._value = value
        self._refused = ""
        super().__init__([self.knob])
        self.add_class("dh-row")

        def heard(change: dict[str, Any]) -> None:
            if not self._stands_for(change["new"], self._value):
                moved(change["new"])

        self.knob.observe(heard, "value")

    def show(self, value: Any) -> None:
        """Set the knob to what is true."""
        if value != self._value:
            self._refused = ""
        self._value = value
        if self.knob.value != value and not self._stands_for(self.knob.value, value):
            self.knob.value = value
        self._say()

    def refuse(self, sentence: str) -> None:
        """Say why a value was not taken; an empty sentence takes that away."""
        self._refused = sentence
        self._say()

    def _say(self) -> None:
        between = "" if self._is_on_step(self._value) else f"exactly {self._value:g} {self._unit}"
        texts = [
            (css, text)
            for css, text in (("dh-exact", between.strip()), ("dh-refused", self._refused))
            if text
        ]
        old = self.children[1:]
        if texts == [(one._dom_classes[0], one.value) for one in old]:
            return
        new = []
        for css, text in texts:
            new.append(ipywidgets.Label(text))
            new[-1].add_class(css)
        self.children = (self.knob, *new)
        for one in old:
            one.layout.close()
            one.style.close()
            one.close()

    @property
    def _unit(self) -> str:
        return getattr(self.spec.domain, "unit", "")

    def _is_on_step(self, value: Any) -> bool:
        if not isinstance(self.spec.domain, Range):
            return True
        steps = (value - self.knob.min) / self.knob.step
        return value in (self.knob.min, self.knob.max) or math.isclose(
            steps, round(steps), abs_tol=1e-6
        )

    def _stands_for(self, shown: Any, value: Any) -> bool:
        """Whether a slider shows this because it cannot stand where the value is."""
        if self._is_on_step(value):
            return False
        return self._is_on_step(shown) and abs(shown - value) <= self.knob.step / 2 * (1 + 1e-6)
