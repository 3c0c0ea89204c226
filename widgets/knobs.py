"""Which control fits a parameter? Its domain says: a slider, a list, a switch or a grid.

Each is a plain widget of ipywidgets with a `value`, so that it can be linked, observed and laid out
like any other.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import ipywidgets
import traitlets

from toolkit.parameters import Choice, Matrix, Range
from widgets.routes import keep_answering

if TYPE_CHECKING:
    from toolkit.parameters import ParamSpec

__all__ = ["MatrixKnob", "make_knob"]

_LABEL_WIDTH = "8.5em"


class MatrixKnob(ipywidgets.VBox):
    """A small matrix, one field for each number.

    Attributes:
        value: its rows, as tuples. A wrong shape is refused.
    """

    value = traitlets.Tuple()

    def __init__(self, rows: int, columns: int, *, description: str, tooltip: str) -> None:
        self.fields = [
            [
                ipywidgets.FloatText(
                    tooltip=f"{description}, row {row}, column {column}",
                    layout={"width": "6.5em"},
                )
                for column in range(1, columns + 1)
            ]
            for row in range(1, rows + 1)
        ]
        self._is_writing = False
        lines = [ipywidgets.HBox(line) for line in self.fields]
        label = ipywidgets.Label(description, tooltip=tooltip)
        super().__init__([label, *lines], tooltip=tooltip)
        self.add_class("dh-matrix")
        self.value = self._read()
        for field in self._all():
            keep_answering(field)
            field.observe(self._typed, "value")

    def _all(self) -> list[ipywidgets.FloatText]:
        return [field for line in self.fields for field in line]

    def _read(self) -> tuple[tuple[float, ...], ...]:
        return tuple(tuple(field.value for field in line) for line in self.fields)

    def _typed(self, _: Any) -> None:
        if not self._is_writing:
            self.value = self._read()

    @traitlets.validate("value")
    def _check(self, proposal: dict[str, Any]) -> tuple[tuple[float, ...], ...]:
        rows = tuple(tuple(map(float, row)) for row in proposal["value"])
        wanted = [len(line) for line in self.fields]
        if [len(row) for row in rows] != wanted:
            raise traitlets.TraitError(
                f"{rows} has not the shape of {len(wanted)}x{wanted[0]}: give rows of numbers"
            )
        return rows

    @traitlets.observe("value")
    def _shown(self, change: dict[str, Any]) -> None:
        if change["new"] == self._read():
            return
        self._is_writing = True
        try:
            for line, row in zip(self.fields, change["new"], strict=True):
                for field, number in zip(line, row, strict=True):
                    field.value = number
        finally:
            self._is_writing = False


def make_knob(spec: ParamSpec, value: Any) -> Any:
    """The control for one parameter, which shows `value`.

    Returns:
        A widget with a trait `value` that takes and gives what the parameter does.
    """
    domain = spec.domain
    options: dict[str, Any] = {"description": spec.name, "tooltip": _hint(spec)}
    if isinstance(domain, Matrix):
        knob = MatrixKnob(domain.rows, domain.columns, **options)
        knob.value = value
        return knob
    options |= {"value": value, "style": {"description_width": _LABEL_WIDTH}}
    options["layout"] = {"width": "auto"}
    if isinstance(domain, Range):
        knob = _slider(spec, domain, options)
    elif isinstance(domain, Choice):
        knob = ipywidgets.Dropdown(options=domain.names, **options)
    else:
        knob = ipywidgets.Checkbox(**options)
    keep_answering(knob)
    return knob


def _slider(spec: ParamSpec, domain: Range, options: dict[str, Any]) -> Any:
    options |= {"description": f"{spec.name}, {domain.unit}" if domain.unit else spec.name}
    if spec.is_whole:
        ends = {"min": math.ceil(domain.lo), "max": math.floor(domain.hi)}
        return ipywidgets.IntSlider(**ends, step=max(1, round(domain.step or 1)), **options)
    step = domain.step or (domain.hi - domain.lo) / 100
    places = max(_places(step), _places(spec.default))
    return ipywidgets.FloatSlider(
        min=domain.lo, max=domain.hi, step=step, readout_format=f".{places}f", **options
    )


def _places(number: float) -> int:
    """How many decimals it takes to write a number, four at most."""
    return next((places for places in range(4) if math.isclose(number, round(number, places))), 4)


def _hint(spec: ParamSpec) -> str:
    """What the control says when it is pointed at: the doc, then what it takes."""
    takes = f"{spec.domain.describe()}; {spec.default!r} unless set"
    return f"{spec.doc}: {takes}" if spec.doc else takes
