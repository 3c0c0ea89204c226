"""Who may import whom? The picture below, read off the sources themselves.

A part is one idea, of one or more modules; `MAY_IMPORT` draws its arrows. To change the picture on
purpose, change it here, in the same commit as the import, and say why.
"""

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Which part a module directly below toolkit/ belongs to; one that is not here is a part of its own.
PART_OF = {
    "address": "frame",
    "attachments": "frame",
    "images": "frame",
    "ownership": "frame",
    "pool": "frame",
    "reader": "frame",
    "ring": "frame",
    "ring_state": "frame",
    "traffic": "frame",
    "slot": "frame",
    "spec": "frame",
    "graph": "pipeline",
    "loan": "pipeline",
    "node": "pipeline",
    "picture": "pipeline",
    "provider": "pipeline",
    "domains": "parameters",
    "watching": "parameters",
    "__main__": "cli",
}
BELOW_PIPELINE = {"hooks", "devices", "frame", "media", "parameters", "stages"}
MAY_IMPORT = {
    "hooks": set(),
    "devices": {"hooks"},
    "memory": {"hooks"},
    "parameters": set(),
    "frame": {"hooks", "devices"},
    "media": {"hooks", "devices", "frame"},
    "live": {"hooks", "devices", "frame", "memory"},
    "stages": {"hooks", "devices", "frame", "parameters"},
    "evaluation": {"hooks", "devices", "frame", "media"},
    "pipeline": BELOW_PIPELINE - {"media"},
    "plan": {*BELOW_PIPELINE, "pipeline"} - {"media"},
    "profiling": {"hooks", "frame"},
    "scheduler": {"hooks"},
    "weights": {"hooks"},
    "thoughts": {"hooks", "devices", "frame", "scheduler"},
    "avatar": {"hooks", "frame", "weights"},
    "checklist": {"hooks", "profiling", "scheduler"},
    "demos": {
        *BELOW_PIPELINE,
        *("evaluation", "memory", "pipeline", "plan", "profiling", "scheduler", "weights"),
        *("thoughts", "avatar", "live", "checklist"),
    },
    "cli": {"demos", "devices", "evaluation", "media"},
    "toolkit": {"frame", "pipeline"},  # its lazy names, which are imported for type checkers only
}
STANDARD_LIBRARY_ONLY = {"hooks", "scheduler"}
# What some dependency installs under a name that is not its own, or brings along and we may use.
BROUGHT_ALONG = {
    "cv2": "opencv-python-headless",
    "IPython": "ipywidgets",
    "PIL": "matplotlib",
    "nbclient": "jupyterlab",
    "nbformat": "jupyterlab",
    "traitlets": "ipywidgets",
}
# Libraries that some users have and none needs: which parts may offer to work with them, by name.
WHERE_INSTALLED = {"cv2": {"demos", "stages"}}
# A module that nothing but this library loads, so that whoever has it has the library.
LOADED_BY = {"toolkit.profiling.pytest_plugin": "pytest"}


def part_of(module: str) -> str:
    """`toolkit.media.video` is of part `media`, `toolkit.ring` of part `frame`."""
    name = module.split(".")[1] if "." in module else "toolkit"
    return PART_OF.get(name, name)


def imports(source: str, *, module: str) -> Iterator[str]:
    """Every module that `source` imports, wherever in the file; relative ones made absolute."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join([*module.split(".")[: -node.level], *filter(None, [base])])
            if base in ("toolkit", "widgets"):
                yield from (f"{base}.{alias.name}" for alias in node.names)
            else:
                yield base


def wrong_imports(source: str, *, module: str) -> list[str]:
    """The imports of `source` that the picture does not allow, as sentences."""
    part = part_of(module)
    if part not in MAY_IMPORT:
        return [f"{module} is in no part of the picture: add it to tests/test_layers.py"]
    allowed = MAY_IMPORT[part] | {part}
    found = []
    for imported in imports(source, module=module):
        root = imported.partition(".")[0]
        if root == "widgets":
            found.append(f"{module} imports {imported}; nothing in toolkit imports widgets")
        elif imported.startswith("toolkit.") and part_of(imported) not in allowed:
            found.append(f"{module} imports {imported}; allowed are {sorted(allowed)}")
        elif LOADED_BY.get(module) == root:
            continue
        elif root not in ("toolkit", *sys.stdlib_module_names) and not _may_use(part, root):
            found.append(f"{module} imports {imported}, which {part} may not use")
    return found


def _may_use(part: str, library: str) -> bool:
    if part in WHERE_INSTALLED.get(library, ()):
        return True
    return part not in STANDARD_LIBRARY_ONLY and BROUGHT_ALONG.get(library, library) in declared()


def declared() -> set[str]:
    """The libraries a module may import: run-time dependencies and the extras that users choose."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    lines = [*project["dependencies"], *extras["lab"], *extras["fused"]]
    return {line.partition(">")[0].partition("=")[0].strip() for line in lines}


def private_imports(source: str, *, module: str) -> list[str]:
    """Names with an underscore that `source` takes from another module of ours."""
    return [
        f"{module} imports {alias.name} from {node.module}; a name with _ is its module's own"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("toolkit")
        for alias in node.names
        if alias.name.startswith("_") and not alias.name.endswith("__")
    ]


def modules(package: str) -> list[tuple[str, Path]]:
    """Dotted name and path of every module of `package`."""
    found = []
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found.append((name, path))
    return found


def test_every_import_of_the_toolkit_is_in_the_picture():
    wrong = [
        sentence
        for module, path in modules("toolkit")
        for sentence in wrong_imports(path.read_text(encoding="utf-8"), module=module)
    ]
    assert not wrong, "\n".join(wrong)


def test_no_module_takes_a_private_name_of_another():
    wrong = [
        sentence
        for package in ("toolkit", "widgets")
        for module, path in modules(package)
        for sentence in private_imports(path.read_text(encoding="utf-8"), module=module)
    ]
    assert not wrong, "\n".join(wrong)


def test_the_picture_has_no_cycle():
    done: set[str] = set()
    waiting = dict(MAY_IMPORT)
    while waiting:
        ready = [part for part, below in waiting.items() if below <= done]
        assert ready, f"a cycle among {sorted(waiting)}"
        done.update(ready)
        waiting = {part: below for part, below in waiting.items() if part not in done}


@pytest.mark.parametrize(
    ("module", "line", "sentence"),
    [
        ("toolkit.frame", "import toolkit.pipeline", "toolkit.frame imports toolkit.pipeline"),
        ("toolkit.ring", "from toolkit import media", "toolkit.ring imports toolkit.media"),
        ("toolkit.media.video", "from toolkit.stages import rgb", "allowed are"),
        ("toolkit.media.video", "from ..profiling import x", "imports toolkit.profiling"),
        ("toolkit.stages.gray", "from widgets import live", "nothing in toolkit imports widgets"),
        ("toolkit.hooks", "import numpy", "hooks may not use"),
        ("toolkit.scheduler.policy", "def f():\n    import torch", "scheduler may not use"),
        ("toolkit.frame", "import cv2", "frame may not use"),
        ("toolkit.profiling.session", "import pytest", "profiling may not use"),
        ("toolkit.helpers", "", "in no part of the picture"),
    ],
)
def test_a_wrong_import_is_caught(module, line, sentence):
    assert sentence in "".join(wrong_imports(line, module=module))


def test_a_right_import_is_not_caught():
    source = "import time\nimport torch\nfrom toolkit import hooks, ring"
    assert wrong_imports(source, module="toolkit.media.video") == []


def test_a_private_import_is_caught():
    assert private_imports("from toolkit.ring import _Lease", module="toolkit.pool")
    assert not private_imports("from toolkit import __version__", module="toolkit.cli")
