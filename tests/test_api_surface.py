"""Which names may users rely on? Those in api_surface.json; to lose one is a decision.

After adding or removing a name on purpose, write the list anew, and say in CHANGELOG.md what users
can do now or have to change: `python tests/test_api_surface.py --write`.
"""

import importlib
import json
import pkgutil
import sys
from pathlib import Path
from types import ModuleType

SURFACE = Path(__file__).parent / "api_surface.json"
WRITE = "python tests/test_api_surface.py --write"


def surface() -> dict[str, list[str]]:
    """Module to public names: toolkit, what lies directly below it, and modules these offer."""
    import toolkit

    found: dict[str, list[str]] = {"toolkit": sorted(toolkit.__all__)}
    for info in pkgutil.iter_modules(toolkit.__path__, "toolkit."):
        if not info.name.endswith("__main__"):
            _collect(importlib.import_module(info.name), found)
    return dict(sorted(found.items()))


def _collect(module: ModuleType, found: dict[str, list[str]]) -> None:
    names = getattr(module, "__all__", None)
    if names is None:
        return
    found[module.__name__] = sorted(names)
    for name in names:
        offered = getattr(module, name)
        if isinstance(offered, ModuleType) and offered.__name__.startswith(module.__name__):
            _collect(offered, found)


def differences(old: dict[str, list[str]], new: dict[str, list[str]]) -> tuple[set[str], set[str]]:
    """The names that are gone, and those that are new, in full."""
    before = {f"{module}.{name}" for module, names in old.items() for name in names}
    after = {f"{module}.{name}" for module, names in new.items() for name in names}
    return before - after, after - before


def test_no_public_name_is_gone_or_new_by_accident():
    gone, new = differences(json.loads(SURFACE.read_text()), surface())
    assert not gone, (
        f"public names are gone: {sorted(gone)}. If that is on purpose, say in CHANGELOG.md what "
        f"users have to change, then run: {WRITE}"
    )
    assert not new, f"public names are new: {sorted(new)}. Add them to the list: {WRITE}"


def test_every_public_name_exists():
    for module_name, names in surface().items():
        module = importlib.import_module(module_name)
        assert [name for name in names if not hasattr(module, name)] == [], module_name
        assert [name for name in names if name.startswith("_")] == [], module_name


def test_a_name_that_went_is_noticed():
    old = {"toolkit": ["Frame", "FrameRing"]}
    assert differences(old, {"toolkit": ["Frame"]}) == ({"toolkit.FrameRing"}, set())
    assert differences({"toolkit": ["Frame"]}, old) == (set(), {"toolkit.FrameRing"})


if __name__ == "__main__" and "--write" in sys.argv:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    SURFACE.write_text(json.dumps(surface(), indent=2) + "\n")
