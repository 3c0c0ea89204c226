"""Which benchmarks are there, and what did they measure? Ratios, since milliseconds do not travel.

A benchmark is `tests/benchmarks/bench_NAME.py` in a checkout, with `run(quick: bool) -> dict` whose
answer has `name`, `ratios` (a name to a number) and perhaps `rows`; the machine is filled in here.
It may import what lies beside it, as it may when it is run as a script.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.demos import WrongUse
from toolkit.demos.machine import describe_machine

if TYPE_CHECKING:
    from rich.console import Console

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "benchmarks"


def find(name: str | None = None, *, folder: Path = FOLDER) -> list[Path]:
    """The benchmark files of a checkout in order of name, or the one called `name`.

    Raises:
        WrongUse: none has that name, or this is no checkout; the message lists those there are.
    """
    paths = sorted(folder.glob("bench_*.py"))
    if not paths:
        raise WrongUse(
            f"no benchmarks in {folder}: they come with a checkout of the sources, "
            "git clone the repository and run this command there"
        )
    names = [path.stem.removeprefix("bench_") for path in paths]
    if name is None:
        return paths
    wanted = name.removeprefix("bench_")
    if wanted not in names:
        raise WrongUse(f"no benchmark {name!r}; there are {', '.join(names)}")
    return [paths[names.index(wanted)]]


def run(path: Path, *, quick: bool = False) -> dict[str, Any]:
    """Run one benchmark file and return its result, complete with the machine's description."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise WrongUse(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))
    sys.modules[path.stem] = module  # where its dataclasses look for what they are made of
    try:
        spec.loader.exec_module(module)
        result = dict(module.run(quick=quick))
    finally:
        sys.path.remove(str(path.parent))
        del sys.modules[path.stem]
    result.setdefault("name", path.stem.removeprefix("bench_"))
    result["machine"] = {**describe_machine(), **result.get("machine", {})}
    return result


def together(results: list[dict[str, Any]]) -> dict[str, Any]:
    """One object for several results: ratios as `benchmark/ratio`, each result under its name."""
    if len(results) == 1:
        return results[0]
    ratios = {
        f"{result['name']}/{ratio}": value
        for result in results
        for ratio, value in result["ratios"].items()
    }
    machine = results[0]["machine"] if results else describe_machine()
    return {"name": "all", "ratios": ratios, "machine": machine, "benchmarks": results}


def print_table(results: list[dict[str, Any]], console: Console) -> None:
    """Print every ratio of every benchmark, one line each."""
    from rich.table import Table

    table = Table(title="Ratios", title_justify="left")
    table.add_column("benchmark")
    table.add_column("ratio", overflow="fold")
    table.add_column("value", justify="right")
    for result in results:
        for row, (ratio, value) in enumerate(result["ratios"].items()):
            table.add_row(result["name"] if row == 0 else "", ratio, f"{value:.3g}")
    console.print(table)
    if results:
        machine = results[0]["machine"]
        console.print(f"{machine['cpu']}, {machine['cores']} cores, torch {machine['torch']}")
