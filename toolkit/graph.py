"""In which order do stages run? Sorted by what they require and provide, once.

When they are composed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from toolkit.stages.declare import Stage

__all__ = ["Graph", "GraphError"]


class GraphError(ValueError):
    """The stages do not fit together."""


@dataclass(frozen=True)
class Graph:
    """Stages in an order in which each comes after what it requires.

    Attributes:
        stages: sorted.
        providers: name of a result to the stage that provides it.
        roots: names that the frame brings along.
    """

    stages: tuple[Stage, ...]
    providers: dict[str, Stage]
    roots: frozenset[str]

    @classmethod
    def build(cls, stages: Sequence[Stage], given: Iterable[str] = ()) -> Graph:
        """Sort the stages.

        Args:
            stages: in any order.
            given: names that the source attaches to its frames, beside `"pixels"`.

        Raises:
            GraphError: two stages of one name, a result provided twice, a missing provider, or a
                cycle; the text names the stages.
        """
        roots = frozenset({"pixels", *given})
        providers = _providers(stages, roots)
        ordered: list[Stage] = []
        for one in stages:
            _visit(one, providers, roots, ordered, [])
        for one in ordered:
            for name in one.history:
                _require(name, one, providers, roots)
        return cls(tuple(ordered), providers, roots)

    def needed(self, want: Iterable[str], bypassed: Collection[str] = ()) -> tuple[Stage, ...]:
        """The stages that run when `want` is asked for, in order.

        Args:
            want: names of results.
            bypassed: names of stages that hand their input on: they do not run, and of what they
                require, only that input is needed.

        Raises:
            GraphError: a name that nobody provides.
        """
        ordered: list[Stage] = []
        for name in want:
            if name in self.providers:
                _visit(self.providers[name], self.providers, self.roots, ordered, [], bypassed)
            elif name not in self.roots:
                raise GraphError(
                    f"no stage provides {name!r}; there are {', '.join(self.providers)}"
                )
        return tuple(ordered)


def _providers(stages: Sequence[Stage], roots: frozenset[str]) -> dict[str, Stage]:
    providers: dict[str, Stage] = {}
    names: set[str] = set()
    for one in stages:
        if one.name in names:
            raise GraphError(
                f"two stages are called {one.name!r}; rename one with "
                f"stage.using({one.name + '_2'!r}, ...)"
            )
        names.add(one.name)
        for name in one.provides:
            if name in providers or name in roots:
                by = f"stage {providers[name].name!r}" if name in providers else "the frame"
                raise GraphError(f"{name!r} is provided by stage {one.name!r} and by {by}")
            providers[name] = one
    return providers


def _require(
    name: str, by: Stage, providers: dict[str, Stage], roots: frozenset[str]
) -> Stage | None:
    if name in roots:
        return None
    if name not in providers:
        raise GraphError(
            f"stage {by.name!r} requires {name!r}, which no stage provides; add a stage for it, or "
            f"say given=({name!r},) when the source attaches it. "
            f"Provided: {', '.join(sorted({*roots, *providers}))}."
        )
    return providers[name]


def _visit(
    one: Stage,
    providers: dict[str, Stage],
    roots: frozenset[str],
    ordered: list[Stage],
    path: list[Stage],
    bypassed: Collection[str] = (),
) -> None:
    if one in ordered:
        return
    if one in path:
        circle = [*path[path.index(one) :], one]
        raise GraphError(
            f"these stages wait for each other: {' -> '.join(each.name for each in circle)}; "
            "look back at the previous frame with prev_... to break the circle"
        )
    source = one.hands_on if one.name in bypassed else None
    for name in one.requires if source is None else (source,):
        provider = _require(name, one, providers, roots)
        if provider is not None:
            _visit(provider, providers, roots, ordered, [*path, one], bypassed)
    if source is None:
        ordered.append(one)
