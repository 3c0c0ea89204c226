"""What is a stage? Two pure functions: `prepare` makes constants, `apply` uses them on every frame.

    @stage("blur", footprint=Stencil(radius=7))
    def blur(gray: Gray, *, kernel: Tensor) -> Gray: ...

    @blur.prepare
    def _(spec: InputSpec, *, sigma: Annotated[float, Range(0.3, 5.0, 0.1, "px")] = 1.2): ...

The positional arguments of `apply` are what it requires; its keyword arguments are the constants.
`prepare` runs when a parameter or the input's specification changes, and never in between.
"""

from __future__ import annotations

import dataclasses
import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolkit.parameters import Choice, Matrix, ParameterError, ParamSpec, Range, read_parameters
from toolkit.stages.footprints import (
    Footprint,
    Gather,
    Global,
    Pointwise,
    Reduction,
    Stencil,
)
from toolkit.stages.kinds import handed_on
from toolkit.stages.values import (
    Corners,
    Edges,
    Features,
    Flow,
    Gradient,
    Gray,
    Image,
    InputSpec,
    Mask,
    Model,
    Odometry,
    Pairs,
    Pose,
    Pyramid,
    Rgb,
    TensorSpec,
    Tracks,
    spec_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "Choice",
    "Corners",
    "Edges",
    "Features",
    "Flow",
    "Footprint",
    "Gather",
    "Global",
    "Gradient",
    "Gray",
    "Image",
    "InputSpec",
    "Mask",
    "Matrix",
    "Model",
    "Odometry",
    "Pairs",
    "ParameterError",
    "Pointwise",
    "Pose",
    "Pyramid",
    "Range",
    "Reduction",
    "Rgb",
    "Stage",
    "Stencil",
    "TensorSpec",
    "Tracks",
    "spec_of",
    "stage",
]


@dataclass(frozen=True, eq=False, repr=False)
class Stage:
    """A declared stage. Call it to run `apply` by itself; give it to a `Pipeline` for frames.

    Attributes:
        name: what its result is attached as, unless `provides` says otherwise.
        apply: the function that runs on every frame.
        requires: names of the inputs on the same frame.
        footprint: which pixels a pixel of the result depends on.
        prepare_constants: the function that makes the constants, or None.
        history: names of the inputs on the previous frame (`prev_x`); such a stage is subscribed:
            it runs on every frame, in order, whether asked for or not.
        provides: names of the results.
        params: its parameters.
        first: for a stage with history, what it answers on the first frame: called with the
            current inputs.
        syncs: whether it makes the host wait for the device.
        dynamic_shape: whether the shape of the result depends on the pixels.
        wants_gap: whether `apply` takes `gap_seconds`, the time since the previous frame.
        arguments: the positional arguments of `apply` as they were written.
        hands_on: name of the input that stands in for the result while the stage is bypassed: the
            first one of the same kind, read off the annotations of `apply`; None where there is
            none.
    """

    name: str
    apply: Callable[..., Any]
    requires: tuple[str, ...]
    footprint: Footprint
    prepare_constants: Callable[..., Mapping[str, Any]] | None = None
    history: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()
    params: tuple[ParamSpec, ...] = ()
    first: Callable[..., Any] | None = None
    syncs: bool = False
    dynamic_shape: bool = False
    wants_gap: bool = False
    arguments: tuple[str, ...] = ()
    hands_on: str | None = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        if not self.provides:
            object.__setattr__(self, "provides", (self.name,))
        object.__setattr__(self, "__doc__", self.apply.__doc__)
        object.__setattr__(self, "hands_on", handed_on(self))
        if self.history and self.first is None:
            raise TypeError(
                f"stage {self.name!r} looks back at {', '.join(self.history)}: say what it answers "
                "on the first frame with @stage(..., first=...)"
            )

    def __call__(self, *inputs: Any, **constants: Any) -> Any:
        """Run `apply`. What it says of allocations, copies and syncs holds here too."""
        return self.apply(*inputs, **constants)

    def prepare(self, function: Callable[..., Mapping[str, Any]]) -> Callable[..., Any]:
        """Decorator: `function(spec, *, parameters...)` makes the constants that `apply` takes.

        Raises:
            TypeError: a parameter without default or domain.
        """
        object.__setattr__(self, "prepare_constants", function)
        object.__setattr__(self, "params", read_parameters(function))
        return function

    @property
    def defaults(self) -> dict[str, Any]:
        """Default value of each parameter."""
        return {spec.name: spec.default for spec in self.params}

    def constants(self, spec: InputSpec, **parameters: Any) -> dict[str, Any]:
        """Check the parameters and make the constants. Allocates them; may upload and sync.

        Raises:
            ParameterError: an unknown parameter, or a value outside its domain.
        """
        known = {one.name: one for one in self.params}
        values = self.defaults
        for name, value in parameters.items():
            if name not in known:
                raise ParameterError(
                    f"stage {self.name!r} has no parameter {name!r}; "
                    f"it has {', '.join(known) or 'none at all'}"
                )
            try:
                values[name] = known[name].check(value)
            except ParameterError as error:
                raise ParameterError(f"{self.name}.{name}: {error}") from None
        return self.make_constants(spec, values)

    def make_constants(self, spec: InputSpec, values: Mapping[str, Any]) -> dict[str, Any]:
        """The constants for values that are checked already."""
        return (
            {} if self.prepare_constants is None else dict(self.prepare_constants(spec, **values))
        )

    def using(self, name: str | None = None, **inputs: str) -> Stage:
        """The same stage under another name, or on other inputs: `blur.using("soft", gray="rgb")`.

        Raises:
            ValueError: an input that the stage does not have; or one name for several results.
        """
        for given in inputs:
            if given not in self.arguments:
                raise ValueError(
                    f"stage {self.name!r} has no input {given!r}, only {', '.join(self.arguments)}"
                )
        if name is not None and len(self.provides) > 1:
            raise ValueError(
                f"stage {self.name!r} provides {', '.join(self.provides)}: one name is not enough"
            )
        requires, history = iter(self.requires), iter(self.history)
        new_requires: list[str] = []
        new_history: list[str] = []
        for argument in self.arguments:
            if argument.startswith("prev_"):
                current = next(history)
                new_history.append(inputs.get(argument, current).removeprefix("prev_"))
            else:
                new_requires.append(inputs.get(argument, next(requires)))
        return dataclasses.replace(
            self,
            name=name or self.name,
            provides=(name,) if name else self.provides,
            requires=tuple(new_requires),
            history=tuple(new_history),
        )

    def __repr__(self) -> str:
        needs = ", ".join([*self.requires, *(f"prev_{one}" for one in self.history)])
        return f"Stage({needs} -> {', '.join(self.provides)})"


def stage(
    name: str,
    *,
    footprint: Footprint,
    provides: tuple[str, ...] = (),
    first: Callable[..., Any] | None = None,
    syncs: bool = False,
    dynamic_shape: bool = False,
) -> Callable[[Callable[..., Any]], Stage]:
    """Decorator: declare a stage around its `apply`.

    Args:
        name: what its result is attached as.
        footprint: which pixels a pixel of the result depends on.
        provides: names of the results, where there are several: `apply` returns a tuple of them.
        first: for a stage with `prev_x` inputs, what it answers on the first frame.
        syncs: say so when it makes the host wait for the device.
        dynamic_shape: say so when the shape of the result depends on the pixels.
    """

    def declare(apply: Callable[..., Any]) -> Stage:
        arguments = inspect.signature(apply).parameters.values()
        by_position = [
            one.name
            for one in arguments
            if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)
        ]
        history = [one for one in by_position if one.startswith("prev_")]
        return Stage(
            name=name,
            apply=apply,
            requires=tuple(one for one in by_position if one not in history),
            footprint=footprint,
            history=tuple(one.removeprefix("prev_") for one in history),
            provides=provides,
            first=first,
            syncs=syncs,
            dynamic_shape=dynamic_shape,
            wants_gap=any(
                one.name == "gap_seconds" and one.kind is one.KEYWORD_ONLY for one in arguments
            ),
            arguments=tuple(by_position),
        )

    return declare
