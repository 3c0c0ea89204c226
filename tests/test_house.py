"""Is the house in order? What can be read off the list of files that are under version control."""

import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = {".ci", "data", "notebooks", "tests", "toolkit", "widgets"}
VAGUE = {"utils", "util", "helpers", "helper", "base", "common", "misc"}
MOST_LINES = 500
MOST_BYTES = 1_000_000
EXECUTED = "notebooks/00__tour.ipynb"
TEXT = (
    ".py",
    ".js",
    ".css",
    ".md",
    ".ipynb",
    ".toml",
    ".yml",
    ".yaml",
    ".json",
    ".txt",
    "Makefile",
)
# The home of one person or one machine, spelt so that this line is not one itself.
MACHINE_PATH = re.compile(r"(?<![\w.:/])/(?:home|Users|root|work|mnt)/[\w.]|[A-Z]:\\Users\\")


@pytest.fixture(scope="module")
def files() -> list[str]:
    """The paths under version control that exist, relative to the root."""
    done = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip("not a checkout: there is no list of files")
    return [path for path in done.stdout.splitlines() if (ROOT / path).is_file()]


def test_there_are_no_other_folders_at_the_top(files):
    assert {path.partition("/")[0] for path in files if "/" in path} <= FOLDERS


def test_no_file_or_folder_has_a_name_that_says_nothing(files):
    parts = {path: set(Path(path).with_suffix("").parts) for path in files}
    assert [path for path, names in parts.items() if names & VAGUE] == []


def test_no_source_file_is_longer_than_a_reader_s_patience(files):
    sources = [
        path for path in files if path.endswith((".py", ".js", ".mjs", ".css", ".cpp", ".h"))
    ]
    lines = {path: (ROOT / path).read_text(encoding="utf-8").count("\n") for path in sources}
    assert {path: count for path, count in lines.items() if count > MOST_LINES} == {}


def test_no_file_outside_data_is_larger_than_a_megabyte(files):
    sizes = {path: (ROOT / path).stat().st_size for path in files if not path.startswith("data/")}
    assert {path: nbytes for path, nbytes in sizes.items() if nbytes > MOST_BYTES} == {}


def test_data_is_small_and_every_file_says_how_it_was_made(files):
    data = [path for path in files if path.startswith("data/") and not path.endswith("README.md")]
    assert sum((ROOT / path).stat().st_size for path in data) < 10 * MOST_BYTES
    told = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    assert [path for path in data if Path(path).name not in told] == []


def test_lessons_are_committed_without_outputs(files):
    lessons = [path for path in files if path.endswith(".ipynb") and path != EXECUTED]
    assert [path for path in lessons if _outputs(path)] == []


def test_the_tour_is_committed_executed():
    assert _outputs(EXECUTED), f"run {EXECUTED} and commit its outputs: it is the shop window"


def test_nothing_names_a_path_of_one_machine(files):
    found = [
        f"{path}:{number}: {line.strip()[:100]}"
        for path in files
        if path.endswith(TEXT)
        for number, line in enumerate((ROOT / path).read_text(encoding="utf-8").splitlines(), 1)
        if MACHINE_PATH.search(line)
    ]
    assert found == []


@pytest.mark.parametrize("line", ["cd {}me/ada/clips", "open('{}ot/.cache')", '"C:\\Users\\ada"'])
def test_a_path_of_one_machine_is_noticed(line):
    assert MACHINE_PATH.search(line.format("/" + ("ho" if "me/" in line else "ro")))


def test_the_changelog_has_a_place_for_what_comes_next():
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert headings[0] == "[Unreleased]"


def test_the_version_is_the_same_everywhere():
    import toolkit

    declared = re.search(r'^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert declared
    assert toolkit.__version__ == declared[1]


def _outputs(path: str) -> list[object]:
    cells = json.loads((ROOT / path).read_text(encoding="utf-8"))["cells"]
    return [output for cell in cells for output in cell.get("outputs", [])]
