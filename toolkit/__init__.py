"""Downhill: real-time media AI in which no resource is used unless necessary.

Names are loaded when they are first used, so that `import toolkit` loads neither torch nor
ipywidgets.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolkit.frame import Frame as Frame
    from toolkit.pipeline import Pipeline as Pipeline
    from toolkit.pool import FramePool as FramePool
    from toolkit.ring import FrameRing as FrameRing

_HOMES = {
    "Frame": "toolkit.frame",
    "FramePool": "toolkit.pool",
    "FrameRing": "toolkit.ring",
    "Pipeline": "toolkit.pipeline",
    "load_ipython_extension": "toolkit.profiling.magics",  # for `%load_ext toolkit`
}

__version__ = "0.1.0"
__all__ = ["Frame", "FramePool", "FrameRing", "Pipeline"]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"toolkit has no {name!r}; it has {', '.join(__all__)} and its modules")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
