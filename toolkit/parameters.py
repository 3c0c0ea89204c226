"""Where do sliders, checks and docs come from? From one annotation on the parameter.

A parameter is declared once, `sigma: Annotated[float, Range(0.3, 5.0, 0.1, "px")] = 1.2`, and the
slider's ends, the validation and the documentation follow. Values are plain and hashable, so that a
snapshot of them can tell two results apart.
"""

from __future__ import annotations

import inspect
import math
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, get_args, get_origin

from toolkit.watching import Watchers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = [
    "Choice",
    "Matrix",
    "ParamSpec",
    "ParameterError",
    "Parameters",
    "Range",
    "Snapshot",
    "StageParameters",
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


class StageParameters:
    """The parameters of one stage, read and set as attributes: `params["blur"].sigma = 2.0`."""

    __slots__ = ("_lock", "_specs", "_stage", "_values", "_version", "_watchers")
    _lock: threading.RLock
    _watchers: Watchers
    _specs: dict[str, ParamSpec]
    _stage: str
    _values: dict[str, Any]
    _version: int

    def __init__(
        self,
        stage: str,
        specs: tuple[ParamSpec, ...],
        lock: threading.RLock | None = None,
        watchers: Watchers | None = None,
    ) -> None:
        set_own = object.__setattr__
        set_own(self, "_stage", stage)
        set_own(self, "_specs", {spec.name: spec for spec in specs})
        set_own(self, "_values", {spec.name: spec.default for spec in specs})
        set_own(self, "_version", 0)
        set_own(self, "_lock", lock or threading.RLock())
        set_own(self, "_watchers", Watchers() if watchers is None else watchers)

    def __getattr__(self, name: str) -> Any:
        if name in self._values:
            return self._values[name]
        raise AttributeError(self._unknown(name))

    def __setattr__(self, name: str, value: Any) -> None:
        self.update({name: value})

    def __reduce__(self) -> str:
        raise TypeError(
            f"the parameters of {self._stage!r} belong to their pipeline and are not copied; "
            "take their values: pipeline.params.to_dict()"
        )

    def __dir__(self) -> list[str]:
        return [*self._specs, "spec", "update", "reset"]

    def __iter__(self) -> Iterator[ParamSpec]:
        return iter(self._specs.values())

    def __len__(self) -> int:
        return len(self._specs)

    def __repr__(self) -> str:
        listed = ", ".join(f"{name}={value!r}" for name, value in self._values.items())
        return f"{self._stage}({listed})"

    def spec(self, name: str) -> ParamSpec:
        """Range, default, step and unit of one parameter.

        Raises:
            AttributeError: the stage has no such parameter; the text lists those it has.
        """
        if name in self._specs:
            return self._specs[name]
        raise AttributeError(self._unknown(name))

    def check(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values in their plain form, all of them checked, none set.

        Raises:
            ParameterError: an unknown name, or a value outside its domain.
        """
        checked: dict[str, Any] = {}
        if not hasattr(values, "items"):
            raise ParameterError(f"{self._stage}: {values!r} is no table of names and values")
        for name, value in values.items():
            if name not in self._specs:
                raise ParameterError(self._unknown(name))
            try:
                checked[name] = self._specs[name].check(value)
            except ParameterError as error:
                raise ParameterError(f"{self._stage}.{name}: {error}") from None
        return checked

    def update(self, values: Mapping[str, Any]) -> None:
        """Set several at once: all of them, or none when one is refused."""
        self._put(self.check(values))
        self._watchers.tell(frozenset({self._stage}))

    def reset(self) -> None:
        """Set all to their defaults."""
        self.update({spec.name: spec.default for spec in self._specs.values()})

    def snapshot(self) -> tuple[int, dict[str, Any]]:
        """Version and values as they are now; the dict is never written again."""
        return self._version, self._values

    def _put(self, checked: dict[str, Any]) -> None:
        with self._lock:
            object.__setattr__(self, "_values", {**self._values, **checked})
            object.__setattr__(self, "_version", self._version + 1)

    def _unknown(self, name: str) -> str:
        known = ", ".join(self._specs) or "none at all"
        return f"stage {self._stage!r} has no parameter {name!r}; it has {known}"


class Snapshot(NamedTuple):
    """All parameters of one moment; never written again.

    Attributes:
        versions: to tell whether something has changed since.
        values: by stage and name.
        bypassed: names of the stages that hand their input on.
    """

    versions: tuple[int, ...]
    values: dict[str, dict[str, Any]]
    bypassed: frozenset[str]


class Parameters:
    """The parameters of a pipeline, by stage, and which stages are bypassed.

    Args:
        stages: the parameters of each stage.
        fixed: stages that cannot be bypassed, each with the sentence that says why.
    """

    def __init__(
        self,
        stages: Mapping[str, tuple[ParamSpec, ...]],
        fixed: Mapping[str, str] | None = None,
    ) -> None:
        self._lock = threading.RLock()
        self._watchers = Watchers()
        self._stages = {
            name: StageParameters(name, specs, self._lock, self._watchers)
            for name, specs in stages.items()
        }
        self._fixed = dict(fixed or {})
        self._bypassed: frozenset[str] = frozenset()
        self._bypass_version = 0

    def __getitem__(self, stage: str) -> StageParameters:
        if stage in self._stages:
            return self._stages[stage]
        raise KeyError(f"no stage {stage!r} in this pipeline; it has {', '.join(self._stages)}")

    def __iter__(self) -> Iterator[str]:
        return iter(self._stages)

    def __len__(self) -> int:
        return len(self._stages)

    def __repr__(self) -> str:
        return "\n".join(
            f"{one!r}{' bypassed' if name in self._bypassed else ''}"
            for name, one in self._stages.items()
        )

    @property
    def versions(self) -> tuple[int, ...]:
        """One number per stage and one for what is bypassed, which grow with each change."""
        return (*[one._version for one in self._stages.values()], self._bypass_version)

    @property
    def bypassed(self) -> frozenset[str]:
        """Names of the stages that hand their input on instead of computing."""
        return self._bypassed

    def why_fixed(self, stage: str) -> str:
        """Why the stage cannot be bypassed; empty where it can.

        Raises:
            KeyError: an unknown stage.
        """
        self[stage]
        return self._fixed.get(stage, "")

    def switch(self, *, bypass: Iterable[str] = (), enable: Iterable[str] = ()) -> None:
        """Let some stages hand their input on, and others compute.

        Raises:
            ParameterError: an unknown stage, or one that cannot be bypassed; the text says why.
        """
        on, off = self._check_bypass(bypass), list(enable)
        self._check_known(off)
        with self._lock:
            touched = self._bypass((self._bypassed | on) - {*off})
        self._tell(touched)

    def watch(self, callback: Callable[[frozenset[str]], object]) -> None:
        """Call `callback(names)` after each change, with the stages that it touched.

        It is called on the thread that made the change, and reads what is true now: with two
        threads changing, another change may be made already. It is held weakly: keep the function,
        or the object of a method.
        """
        self._watchers.add(callback)

    def unwatch(self, callback: Callable[[frozenset[str]], object]) -> None:
        """Call it no longer."""
        self._watchers.remove(callback)

    def snapshot(self) -> Snapshot:
        """Versions and values of all stages, and what is bypassed, of one moment."""
        with self._lock:
            taken = {name: one.snapshot() for name, one in self._stages.items()}
            bypassed, bypass_version = self._bypassed, self._bypass_version
        versions = (*[version for version, _ in taken.values()], bypass_version)
        return Snapshot(versions, {name: values for name, (_, values) in taken.items()}, bypassed)

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """All values, plain, by stage and name."""
        return {name: dict(one.snapshot()[1]) for name, one in self._stages.items() if len(one)}

    def load(
        self,
        values: Mapping[str, Mapping[str, Any]],
        *,
        bypassed: Iterable[str] | None = None,
    ) -> None:
        """Set the values of `to_dict`: all of them, or none when one is refused.

        Args:
            values: by stage and name; what is not named stays.
            bypassed: all stages to bypass; without it they stay as they are.

        Raises:
            ParameterError: an unknown stage or parameter, a value outside its domain, or a stage
                that cannot be bypassed.
        """
        if not hasattr(values, "items"):
            raise ParameterError(f"{values!r} is no table of stages and their parameters")
        self._check_known(values)
        checked = {stage: self._stages[stage].check(own) for stage, own in values.items()}
        bypass = None if bypassed is None else self._check_bypass(bypassed)
        with self._lock:
            for stage, own in checked.items():
                self._stages[stage]._put(own)
            touched = frozenset() if bypass is None else self._bypass(bypass)
        self._tell(touched.union(checked))

    def _bypass(self, stages: frozenset[str]) -> frozenset[str]:
        """Under the lock: let exactly these be bypassed; those for which that is new."""
        touched = stages ^ self._bypassed
        if touched:
            self._bypassed = stages
            self._bypass_version += 1
        return touched

    def _tell(self, touched: frozenset[str]) -> None:
        if touched:
            self._watchers.tell(touched)

    def _check_bypass(self, stages: Iterable[str]) -> frozenset[str]:
        if isinstance(stages, str) or not hasattr(stages, "__iter__"):
            raise ParameterError(f"{stages!r} is no list of stages to bypass")
        names = list(stages)
        self._check_known(names)
        for name in names:
            if self._fixed.get(name):
                raise ParameterError(self._fixed[name])
        return frozenset(names)

    def _check_known(self, stages: Iterable[str]) -> None:
        for name in stages:
            if not isinstance(name, str) or name not in self._stages:
                raise ParameterError(
                    f"no stage {name!r} in this pipeline; it has {', '.join(self._stages)}"
                )
