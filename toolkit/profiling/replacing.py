"""How are calls of a library heard? By wrapping attributes, which get back what they were."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["Replaced", "Seam"]

_INHERITED = object()


@dataclass(frozen=True, slots=True)
class Seam:
    """A place where calls can be heard: an attribute of a module or of a class made in Python.

    Attributes:
        owner: the module or class.
        name: of the attribute.
        wrap: makes of the callable that is there the one that is heard.
    """

    owner: Any
    name: str
    wrap: Callable[[Callable[..., Any]], Callable[..., Any]]


class Replaced:
    """Seams with their wrappers in place, from `put` to `take`.

    Whoever wrapped one of them meanwhile calls ours, so it stays whole and passes calls on.

    Args:
        seams: answers the seams, when they are to be wrapped.
    """

    def __init__(self, seams: Callable[[], Iterable[Seam]]) -> None:
        self._seams = seams
        self._places: list[tuple[Seam, Any, Any]] = []

    def put(self) -> None:
        """Wrap all of them."""
        for seam in self._seams():
            original = getattr(seam.owner, seam.name)
            before = _own(seam)
            wrapper = functools.wraps(original)(seam.wrap(original))
            self._places.append((seam, before, wrapper))
            setattr(seam.owner, seam.name, wrapper)

    def take(self) -> None:
        """Give each one back what it was, in the reverse order."""
        while self._places:
            seam, before, wrapper = self._places[-1]
            if _own(seam) is wrapper:
                if before is _INHERITED:
                    delattr(seam.owner, seam.name)
                else:
                    setattr(seam.owner, seam.name, before)
            self._places.pop()


def _own(seam: Seam) -> Any:
    """What the owner itself has there, without what it inherits."""
    own = cast("Mapping[str, Any]", vars(seam.owner))
    return own.get(seam.name, _INHERITED)
