"""How are parameters read and set while frames run? Each change is whole, and told to who watches.

`params["blur"].sigma = 2.0` checks the value and sets it; a frame that enters takes a snapshot of
all of them, and of which stages are bypassed. What a parameter takes is declared in
`toolkit.domains`.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from toolkit.domains import (
    Choice,
    Matrix,
    ParameterError,
    ParamSpec,
    Range,
    Switch,
    read_parameters,
)
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
    "Switch",
    "read_parameters",
]


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
