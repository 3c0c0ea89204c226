"""Do the lessons keep their form, so that a student finds the same beats in each of them?"""

import json
import re
import statistics
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from toolkit.demos import execute_tour

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "notebooks"
TOUR = FOLDER / "00__tour.ipynb"
GALLERY = FOLDER / "90__gallery.ipynb"
LESSONS = sorted(set(FOLDER.glob("[0-9]*.ipynb")) - {TOUR, GALLERY})
SOLUTIONS = sorted((FOLDER / "solutions").glob("*.ipynb"))
ALL = [TOUR, GALLERY, *LESSONS, *SOLUTIONS]
WITHOUT_OUTPUTS = ALL[1:]
BEATS = [
    "Question",
    "Naive version",
    "Measure",
    "Disciplined version",
    "Measure again, side by side, same run",
    "Exercise",
]
QUESTIONS_BEGIN = (
    "What resources does it need",
    "Can it work with handles instead of data",
    "Does it need to allocate",
    "Does it block",
    "What is its priority",
    "Does it attach results or return them",
    "Where are the potential bottlenecks",
)
MAY_RAISE = "raises-exception"
PATH = re.compile(r"(?<![\w.:/])/(?:home|Users|root|work|mnt|tmp|usr|opt)/[\w.]|[A-Z]:\\\\")

each_lesson = pytest.mark.parametrize("lesson", [*LESSONS, *SOLUTIONS], ids=lambda path: path.stem)
each_without = pytest.mark.parametrize("path", WITHOUT_OUTPUTS, ids=lambda path: path.stem)
each_notebook = pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def code_of(notebook: dict) -> list[dict]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def text_of(notebook: dict) -> str:
    cells = notebook["cells"]
    return "\n\n".join("".join(one["source"]) for one in cells if one["cell_type"] == "markdown")


def tags_of(cell: dict) -> list[str]:
    return cell["metadata"].get("tags", [])


# -- every notebook -------------------------------------------------------------------------------


def test_there_is_a_tour_and_each_lesson_has_its_solution():
    assert TOUR.is_file()
    assert len(LESSONS) >= 2
    named = [path.stem.removesuffix("__SOLUTION") for path in SOLUTIONS]
    assert named == [path.stem for path in LESSONS]


@each_notebook
def test_it_is_a_valid_notebook_with_named_cells_and_the_usual_kernel(path):
    notebook = read(path)
    nbformat.validate(nbformat.from_dict(notebook))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    names = [cell["id"] for cell in notebook["cells"]]
    assert len(set(names)) == len(names)


@each_notebook
def test_it_can_be_read_in_one_go(path):
    notebook = read(path)
    assert 15 <= len(notebook["cells"]) <= 35
    lines = [len("".join(cell["source"]).splitlines()) for cell in code_of(notebook)]
    assert statistics.median(lines) <= 10


@each_notebook
def test_it_installs_and_downloads_nothing(path):
    code = "\n".join("".join(cell["source"]) for cell in code_of(read(path)))
    assert re.findall(r"^\s*[!%].*|https?://|urlopen|requests\.|hub\.load", code, re.M) == []


@each_notebook
def test_every_link_to_a_file_leads_somewhere(path):
    links = re.findall(r"\]\(([^)#\s:]+)\)", text_of(read(path)))
    assert [link for link in links if not (path.parent / link).exists()] == []


@each_without
def test_all_but_the_tour_are_committed_without_outputs(path):
    for cell in code_of(read(path)):
        assert cell["outputs"] == []
        assert cell["execution_count"] is None


@each_without
def test_the_hook_before_a_commit_leaves_a_notebook_as_it_is(path):
    pytest.importorskip("nbstripout")
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    options = re.findall(r"entry: \S*nbstripout(.*)", hooks)[0].split()
    command = [sys.executable, "-m", "nbstripout", *options, "--textconv", str(path)]
    stripped = subprocess.run(command, capture_output=True, check=True).stdout
    assert json.loads(stripped) == read(path)


# -- lessons --------------------------------------------------------------------------------------


@each_lesson
def test_a_lesson_has_the_six_beats_in_order(lesson):
    assert re.findall(r"^## (.*)$", text_of(read(lesson)), re.M) == BEATS


@each_lesson
def test_a_lesson_ends_with_the_questions_that_it_answered(lesson):
    last = "".join(read(lesson)["cells"][-1]["source"])
    assert last.startswith("### Which of the seven questions this answered")
    asked = re.findall(r"^- \*\*(.*?)\*\*", last, re.M)
    assert asked
    assert [one for one in asked if not one.startswith(QUESTIONS_BEGIN)] == []


@each_lesson
def test_a_lesson_asks_for_a_guess_before_each_measure(lesson):
    notebook = read(lesson)
    for beat in (one for one in BEATS if one.startswith("Measure")):
        below = text_of(notebook).split(f"## {beat}\n")[1]
        assert "uess" in below.split("\n## ")[0], f"no guess in {beat!r}"


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_an_exercise_stops_until_it_is_solved_and_its_check_follows(lesson):
    cells = code_of(read(lesson))
    marked = [cell["id"] for cell in cells if tags_of(cell)]
    count = len(marked) // 2
    assert count >= 1
    pairs = [name for n in range(1, count + 1) for name in (f"exercise-{n}", f"check-{n}")]
    assert marked == pairs
    for cell in (cell for cell in cells if cell["id"] in marked):
        assert tags_of(cell) == [MAY_RAISE]
        number = cell["id"].partition("-")[2]
        stops = f'raise NotImplementedError("exercise {number}: ' in "".join(cell["source"])
        assert stops == cell["id"].startswith("exercise")


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_a_solution_is_its_lesson_with_the_exercises_solved(lesson):
    solution = read(FOLDER / "solutions" / f"{lesson.stem}__SOLUTION.ipynb")
    for given, solved in zip(read(lesson)["cells"], solution["cells"], strict=True):
        assert tags_of(solved) == []
        assert given["id"] == solved["id"]
        if given["id"].startswith("exercise-") and given["cell_type"] == "code":
            assert "NotImplementedError" not in "".join(solved["source"])
        else:
            same = "".join(solved["source"]).replace("](../", "](")  # it lies one folder deeper
            assert "".join(given["source"]) == same


# -- the tour -------------------------------------------------------------------------------------


def test_the_tour_was_executed_from_top_to_bottom():
    cells = code_of(read(TOUR))
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert sum(bool(cell["outputs"]) for cell in cells) > len(cells) // 2


def test_the_tour_shows_no_error_no_path_and_no_widget_without_a_kernel():
    notebook = read(TOUR)
    outputs = [output for cell in code_of(notebook) for output in cell["outputs"]]
    assert [one for one in outputs if one["output_type"] == "error"] == []
    assert [one for one in outputs if one.get("name") == "stderr"] == []
    assert "widgets" not in notebook["metadata"]
    texts = [text for output in outputs for text in strings(output)]
    assert [text for text in texts if PATH.search(text) or "widget-view" in text] == []


def strings(value: object) -> list[str]:
    """All text in an output: lists of lines joined, and pictures left out."""
    if isinstance(value, dict):
        return [
            text
            for kind, one in value.items()
            if kind not in ("image/png", "image/jpeg")
            for text in (kind, *strings(one))
        ]
    return ["".join(value)] if isinstance(value, list) else [str(value)]


def test_the_tour_is_small_and_has_pictures_and_a_poster():
    assert TOUR.stat().st_size < 1_000_000
    outputs = [output for cell in code_of(read(TOUR)) for output in cell["outputs"]]
    kinds = [kind for output in outputs for kind in output.get("data", {})]
    assert sum(kind.startswith("image/") for kind in kinds) >= 8
    shown = next(cell for cell in code_of(read(TOUR)) if cell["id"] == "knobs-shown")
    assert "image/jpeg" in shown["outputs"][0]["data"]


# -- making it again ------------------------------------------------------------------------------

TINY = """
import ipywidgets, sys
picture = ipywidgets.Image(value=b"0123456789", format="png")
print("noise", file=sys.stderr)
slider = ipywidgets.FloatSlider(description="sigma", value=1.5)
ipywidgets.HBox([slider, picture])
"""


@pytest.fixture(scope="module")
def executed(tmp_path_factory) -> Path:
    """A notebook with a widget, a warning and a failure that is allowed, run and cleaned."""
    path = tmp_path_factory.mktemp("tour") / "tiny.ipynb"
    cells = [nbformat.v4.new_code_cell(TINY), nbformat.v4.new_code_cell("1 + 1")]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel, "me": "here"})
    nbformat.write(notebook, path)
    execute_tour.main(path)
    return path


def test_a_live_view_becomes_the_picture_that_it_shows(executed):
    shown, *others = code_of(read(executed))[0]["outputs"]
    assert others == []
    assert shown["data"] == {"image/png": "MDEyMzQ1Njc4OQ==", "text/plain": "sigma: 1.5"}


def test_what_another_run_would_change_is_left_out(executed):
    notebook = read(executed)
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}
    assert [cell["metadata"] for cell in notebook["cells"]] == [{}, {}]
    assert [cell["execution_count"] for cell in notebook["cells"]] == [1, 2]
    assert notebook["cells"][1]["outputs"][0]["data"] == {"text/plain": ["2"]}


def test_a_failing_cell_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "broken.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 / 0")]), path)
    before = path.read_text()
    with pytest.raises(Exception, match="ZeroDivisionError"):
        execute_tour.main(path)
    assert path.read_text() == before


def test_a_notebook_that_is_too_large_is_refused(tmp_path):
    path = tmp_path / "large.ipynb"
    cell = nbformat.v4.new_code_cell("print('x' * 1_100_000)")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    with pytest.raises(ValueError, match="1000000 are allowed"):
        execute_tour.main(path)
