"""`from widgets import Controls` works, and `import widgets` loads nothing until then."""

import subprocess
import sys

import pytest

import widgets


def test_every_public_name_is_there_and_is_its_own():
    assert widgets.__all__ == sorted(widgets.__all__)
    assert [getattr(widgets, name).__name__ for name in widgets.__all__] == widgets.__all__


def test_an_unknown_name_is_said_with_the_known_ones():
    with pytest.raises(AttributeError, match=r"widgets has no 'Slider'; it has .*Controls"):
        widgets.Slider  # noqa: B018


def test_importing_widgets_loads_none_of_them():
    code = "import sys, widgets; print({'ipywidgets', 'torch'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
