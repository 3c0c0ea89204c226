"""Where do sliders, checks and docs come from? From one annotation on the parameter.

A parameter is declared once, `sigma: Annotated[float, Range(0.3, 5.0, 0.1, "px")] = 1.2`, and the
slider's ends, the validation and the documentation follow. Values are plain and hashable, so that a
snapshot of them can tell two results apart.
"""

from __future__ import annotations

import inspect
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "Choice",
    "Matrix",
    "ParamSpec",
    "ParameterError",
    "Range",
    "Switch",
    "read_parameters",
]


class ParameterError(ValueError):
    """A parameter got a value that it does not take."""


@dataclass(frozen=True, slots=True)
class Range:
    """A number between `lo` and `hi`, both included.

    Attributes:
        lo: smallest value.
        hi: largest value.
        step: what one touch of a slider changes; None for any value. Values need not lie on steps.
        unit: unit of the number, such as `"px"`; empty for a plain one.
        doc: one line for people.
    """

    lo: float
    hi: float
    step: float | None = None
    unit: str = ""
    doc: str = ""

    def check(self, value: Any, *, whole: bool) -> float | int:
        """The value as int or float.

        Raises:
            ParameterError: not a number, not a whole one where it must be, or outside of the range.
        """
        if isinstance(value, bool) or not hasattr(value, "__float__"):
            raise ParameterError(f"{value!r} is not a number")
        try:
            number = float(value) + 0.0  # so that -0.0 is 0.0, and both have the same result
        except (TypeError, ValueError, RuntimeError, OverflowError) as error:
            raise ParameterError(f"{value!r} is not a number: {error}") from error
        if whole and not number.is_integer():
            raise ParameterError(f"{value!r} is not a whole number")
        if not self.lo <= number <= self.hi or math.isnan(number):
            raise ParameterError(
                f"{number:g}{self.unit and ' ' + self.unit} is outside {self.describe()}"
            )
        return int(number) if whole else number

    def describe(self) -> str:
        """Such as `0.3..5 px`."""
        return f"{self.lo:g}..{self.hi:g}{self.unit and ' ' + self.unit}"


@dataclass(frozen=True, slots=True, init=False)
class Choice:
    """One of a few names."""

    names: tuple[str, ...]
    doc: str

    def __init__(self, *names: str, doc: str = "") -> None:
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "doc", doc)

    def check(self, value: Any, *, whole: bool) -> str:
        """The name.

        Raises:
            ParameterError: it is not one of them.
        """
        if not isinstance(value, str) or value not in self.names:
            raise ParameterError(f"{value!r} is not one of {self.describe()}")
        return value

    def describe(self) -> str:
        """Such as `'gftt', 'harris'`."""
        return ", ".join(map(repr, self.names))


@dataclass(frozen=True, slots=True)
class Matrix:
    """A small matrix of numbers, given as rows, an array or a tensor, kept as a tuple of rows."""

    rows: int
    columns: int
    doc: str = ""

    def check(self, value: Any, *, whole: bool) -> tuple[tuple[float, ...], ...]:
        """The rows. A tensor on a device is downloaded, once, here.

        Raises:
            ParameterError: another shape, or something that is not a number.
        """
        listed = value.tolist() if hasattr(value, "tolist") else value
        try:
            rows = tuple(tuple(float(one) for one in row) for row in listed)
        except (TypeError, ValueError, OverflowError) as error:
            raise ParameterError(f"{value!r} is not {self.describe()}: {error}") from error
        if len(rows) != self.rows or any(len(row) != self.columns for row in rows):
            shape = f"{len(rows)}x{len(rows[0]) if rows else 0}"
            raise ParameterError(f"a matrix of {shape} is not {self.describe()}")
        if not all(math.isfinite(one) for row in rows for one in row):
            raise ParameterError("a matrix with NaN or infinity maps no pixel")
        return rows

    def describe(self) -> str:
        """Such as `a 3x3 matrix`."""
        return f"a {self.rows}x{self.columns} matrix"


@dataclass(frozen=True, slots=True)
class Switch:
    """On or off."""

    doc: str = ""

    def check(self, value: Any, *, whole: bool) -> bool:
        """The value as bool.

        Raises:
            ParameterError: neither True nor False.
        """
        if getattr(value, "shape", ()) != () or value not in (True, False):
            raise ParameterError(f"{value!r} is neither True nor False")
        return bool(value)

    def describe(self) -> str:
        """Always `True or False`."""
        return "True or False"


@dataclass(frozen=True, slots=True)
class ParamSpec:
    """One parameter of one stage: what a slider, a check and the docs need to know."""

    name: str
    default: Any
    domain: Range | Choice | Matrix | Switch
    is_whole: bool = False

    @property
    def doc(self) -> str:
        """One line for people."""
        return self.domain.doc

    def check(self, value: Any) -> Any:
        """The value in its plain, hashable form.

        Raises:
            ParameterError: it is not in the domain.
        """
        return self.domain.check(value, whole=self.is_whole)


def read_parameters(prepare: Callable[..., Any]) -> tuple[ParamSpec, ...]:
    """The parameters of a stage: the keyword-only arguments of its `prepare`.

    Raises:
        TypeError: one has no default, or no `Range`, `Choice`, `Matrix` or `bool` in its
            annotation.
    """
    specs: list[ParamSpec] = []
    for one in inspect.signature(prepare).parameters.values():
        if one.kind is not inspect.Parameter.KEYWORD_ONLY:
            continue
        annotation = one.annotation
        if isinstance(annotation, str):
            annotation = eval(annotation, getattr(inspect.unwrap(prepare), "__globals__", {}))
        domain, kind = _read_domain(annotation)
        if domain is None or one.default is inspect.Parameter.empty:
            raise TypeError(
                f"parameter {one.name!r} needs a default and an annotation such as "
                "Annotated[float, Range(0.3, 5.0, 0.1, 'px')], Annotated[str, Choice('a', 'b')], "
                "Annotated[tuple, Matrix(3, 3)] or bool"
            )
        spec = ParamSpec(one.name, one.default, domain, kind is int)
        specs.append(ParamSpec(one.name, spec.check(one.default), domain, kind is int))
    return tuple(specs)


def _read_domain(annotation: Any) -> tuple[Range | Choice | Matrix | Switch | None, Any]:
    if annotation is bool:
        return Switch(), bool
    if get_origin(annotation) is not Annotated:
        return None, None
    kind, *notes = get_args(annotation)
    if kind is bool:
        return Switch(next((note for note in notes if isinstance(note, str)), "")), bool
    found = [note for note in notes if isinstance(note, Range | Choice | Matrix)]
    return (found[0] if found else None), kind
