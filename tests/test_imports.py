"""Does `import toolkit` stay cheap? Asked of a fresh interpreter, since this one has all loaded."""

import subprocess
import sys

import pytest

HEAVY = {"torch", "kornia", "numpy", "av", "matplotlib", "ipywidgets", "anywidget", "IPython"}


def heavy_after(statement: str) -> set[str]:
    """The heavy libraries that a fresh interpreter has loaded after `statement`."""
    code = f"{statement}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    return HEAVY & set(done.stdout.split())


@pytest.mark.parametrize(
    "module",
    [
        *("toolkit", "toolkit.hooks", "toolkit.cli", "toolkit.demos", "toolkit.demos.machine"),
        *("toolkit.scheduler", "toolkit.scheduler.executors.sim"),
    ],
)
def test_importing_it_loads_nothing_heavy(module):
    assert heavy_after(f"import {module}") == set()


def test_a_lazy_name_loads_its_home_when_it_is_used():
    assert "torch" in heavy_after("import toolkit; toolkit.FrameRing")


def test_a_heavy_import_would_be_noticed():
    assert heavy_after("import numpy") == {"numpy"}


def test_every_name_the_package_promises_is_there():
    import toolkit

    assert [name for name in toolkit.__all__ if not hasattr(toolkit, name)] == []
    assert set(toolkit.__all__) <= set(dir(toolkit))
