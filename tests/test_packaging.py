"""Does an installed wheel have what a checkout has: both packages, the clip, the command?"""

import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> zipfile.ZipFile:
    """The wheel as hatchling builds it from this checkout, without network."""
    pytest.importorskip("hatchling", reason="hatchling builds the wheel: pip install hatchling")
    from hatchling.builders.wheel import WheelBuilder

    folder = tmp_path_factory.mktemp("wheel")
    built = next(WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"]))
    return zipfile.ZipFile(built)


def test_a_wheel_has_both_packages_and_the_bundled_clip(wheel):
    names = set(wheel.namelist())
    assert {"toolkit/__init__.py", "toolkit/cli.py", "widgets/__init__.py"} <= names
    assert {"toolkit/data/clip.mp4", "toolkit/data/clip_truth.safetensors"} <= names


def test_a_wheel_has_every_module_of_the_checkout_and_no_tests(wheel):
    names = set(wheel.namelist())
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "toolkit").rglob("*.py")}
    assert modules <= names
    assert not [name for name in names if name.startswith(("tests/", "notebooks/", "data/"))]


def test_a_wheel_brings_the_command_and_the_licence(wheel):
    about = [name for name in wheel.namelist() if ".dist-info/" in name]
    texts = {name.rpartition("/")[2]: wheel.read(name).decode() for name in about}
    assert "downhill = toolkit.cli:main" in texts["entry_points.txt"]
    assert "[pytest11]\ndownhill = toolkit.profiling.pytest_plugin" in texts["entry_points.txt"]
    assert "Apache License" in texts["LICENSE"]
    assert "Requires-Python: >=3.11" in texts["METADATA"]
