"""How is a place in code written? Shorter than its path: `kornia/filters/sobel.py`, or `In[3]`."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path
from typing import Any

import toolkit

__all__ = ["INSTALLED", "TOOLKIT", "short_name"]

TOOLKIT = str(Path(toolkit.__file__).parent)
INSTALLED = tuple(sysconfig.get_path(name) for name in ("purelib", "platlib"))


def short_name(path: str) -> str:
    """Relative to where libraries lie, to the toolkit or the working folder; of a cell its number.

    A cell is written as the notebook writes it, `In[3]`; of one that ran twice it is the last run.
    """
    roots = (*INSTALLED, str(Path(TOOLKIT).parent), str(Path.cwd()))
    for root in roots:
        if path.startswith((root + "/", root + "\\")):
            return path[len(root) + 1 :].replace("\\", "/")
    return _cell(path) or path


def _cell(path: str) -> str:
    shell_of: Any = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = shell_of() if shell_of else None
    name_of = getattr(getattr(shell, "compile", None), "format_code_name", None)
    found = name_of(path) if name_of else None
    return found[1] if found else ""
