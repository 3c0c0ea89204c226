"""Which pixels of the input does a pixel of the result need? Declared.

So that stages can be fused.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Footprint", "Gather", "Global", "Pointwise", "Reduction", "Stencil"]


@dataclass(frozen=True, slots=True)
class Pointwise:
    """Each pixel of the result needs the same pixel of the input."""


@dataclass(frozen=True, slots=True)
class Stencil:
    """Each pixel of the result needs its neighbours up to `radius` px away."""

    radius: int


@dataclass(frozen=True, slots=True)
class Gather:
    """Each pixel of the result needs a few pixels from places that the constants tell."""


@dataclass(frozen=True, slots=True)
class Reduction:
    """The result is a small summary, or needs one, of the whole input."""


@dataclass(frozen=True, slots=True)
class Global:
    """Any pixel of the result may need any pixel of the input."""


Footprint = Pointwise | Stencil | Gather | Reduction | Global
