"""Do pip, conda and the pinned versions speak of the same set? Three files, held together here.

After changing a dependency, write the pins anew from an environment that has it installed:
`python tests/test_environment.py --write`.
"""

import re
import sys
import tomllib
from importlib.metadata import distribution
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / "constraints.txt"
WRITE = "python tests/test_environment.py --write"
CONDA_NAMES = {
    "torch": "pytorch",
    "matplotlib": "matplotlib-base",
    "opencv-python-headless": "py-opencv",
}
HEADER = f"""\
# The versions this project is tested with. Written by `{WRITE}`.
# pip install -c constraints.txt -e '.[lab,fused,test,dev]'
"""


def declared() -> dict[str, list[Requirement]]:
    """Every requirement of pyproject.toml, by group: run, lab, test, ..."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = {"run": project["dependencies"], **project["optional-dependencies"]}
    return {group: [Requirement(line) for line in lines] for group, lines in groups.items()}


def all_declared() -> list[Requirement]:
    return [requirement for group in declared().values() for requirement in group]


def pinned() -> dict[str, str]:
    """Name to version, from constraints.txt."""
    lines = CONSTRAINTS.read_text().splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return dict(pairs)


def installed_closure() -> dict[str, str]:
    """Name to version of all that the declared requirements bring in, in this environment."""
    waiting = all_declared()
    found: dict[str, str] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if (name, frozenset(requirement.extras)) in seen:
            continue
        seen.add((name, frozenset(requirement.extras)))
        package = distribution(name)
        found[name] = Version(package.version).public  # "2.13.0+cpu" resolves nowhere else
        needs = [Requirement(line) for line in package.requires or []]
        waiting += [need for need in needs if _applies(need, extras=requirement.extras)]
    return dict(sorted(found.items()))


def _applies(need: Requirement, *, extras: set[str]) -> bool:
    marker = need.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


def conda_ranges() -> dict[str, str]:
    """Name to range in environment.yml, those of its pip section too."""
    lines = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    by_pip = next(line["pip"] for line in lines if isinstance(line, dict))
    names = [line for line in [*lines, *by_pip] if isinstance(line, str) and line != "-e ."]
    parts = [re.fullmatch(r"([\w-]+)(.*)", line) for line in names]
    return {part[1]: part[2] for part in parts if part}


def test_conda_gets_every_requirement_of_pyproject_with_the_same_range():
    wanted = {
        CONDA_NAMES.get(need.name, need.name): set(str(need.specifier).split(","))
        for need in all_declared()
    }
    conda = {name: set(given.split(",")) for name, given in conda_ranges().items()}
    del conda["python"], conda["pip"]
    assert conda == wanted, "environment.yml and pyproject.toml differ"


def test_conda_gets_the_python_that_pyproject_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert conda_ranges()["python"] == project["requires-python"]


def test_every_requirement_is_pinned_to_a_version_inside_its_range():
    pins = pinned()
    for requirement in all_declared():
        version = pins.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not in constraints.txt: {WRITE}"
        assert requirement.specifier.contains(version), f"{requirement} is pinned to {version}"


def test_pins_carry_no_local_version():
    assert [pin for pin in pinned().items() if "+" in pin[1]] == []


def test_every_pin_can_be_installed_on_the_oldest_python():
    """One that cannot has pip try every other version of everything, for minutes, in vain."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    oldest = project["requires-python"].removeprefix(">=") + ".0"
    allowed = {
        name: SpecifierSet(distribution(name).metadata["Requires-Python"] or "")
        for name in pinned()
    }
    too_new = {name: str(given) for name, given in allowed.items() if not given.contains(oldest)}
    assert not too_new, f"install older versions of these, then {WRITE}: {too_new}"


def test_torch_is_pinned_to_the_tested_version():
    assert pinned()["torch"] == "2.13.0"


def test_every_run_time_dependency_has_a_reason():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    reasons = set(re.findall(r"^- \*\*([\w-]+)\*\*", text, flags=re.MULTILINE))
    assert {requirement.name for requirement in declared()["run"]} <= reasons


if __name__ == "__main__" and "--write" in sys.argv:
    pins = "".join(f"{name}=={version}\n" for name, version in installed_closure().items())
    CONSTRAINTS.write_text(HEADER + pins)
