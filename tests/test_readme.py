"""Is the README true? Its example runs, its links lead somewhere, its commands exist."""

import contextlib
import doctest
import io
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")


@pytest.fixture(scope="module")
def readme() -> str:
    return README.read_text(encoding="utf-8")


def promised_output(code: str) -> str:
    """The output that the comment lines of an example promise; `...` stands for anything."""
    return "".join(f"{line[2:]}\n" for line in code.splitlines() if line.startswith("# "))


def examples(readme: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", readme, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_an_example_prints_what_its_comments_say(readme, place, tmp_path, monkeypatch):
    assert len(examples(readme)) == 4
    code = examples(readme)[place]
    promised = promised_output(code)
    monkeypatch.chdir(tmp_path)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "README.md", "exec"), {"__name__": "readme"})
    same = doctest.OutputChecker().check_output(promised, printed.getvalue(), doctest.ELLIPSIS)
    assert same, f"it printed\n{printed.getvalue()}and promises\n{promised}"


def test_the_examples_are_short(readme):
    for block in examples(readme):
        statements = [line for line in block.splitlines() if line and not line.startswith("#")]
        assert 3 <= len(statements) <= 10


def test_it_can_be_read_in_one_go(readme):
    assert readme.count("\n") < 120


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_relative_link_leads_somewhere(document):
    text = (ROOT / document).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
    relative = [link for link in links if not link.startswith(("http://", "https://"))]
    assert [link for link in relative if not (ROOT / link).exists()] == []


def test_every_make_target_that_is_named_exists(readme):
    text = readme + (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = {match for code in in_code(text) for match in re.findall(r"^make (?:-k )?(\w+)", code)}
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert {"lab", "test", "demo"} <= named
    assert named <= targets


def in_code(text: str) -> list[str]:
    """The parts of a Markdown text that are set as code, inline or in blocks."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.DOTALL))
    return [line for block in blocks for line in block.splitlines()] + inline


def test_every_notebook_is_in_the_table(readme):
    lessons = sorted(path.name for path in (ROOT / "notebooks").glob("[0-9]*.ipynb"))
    assert lessons
    assert [name for name in lessons if f"notebooks/{name}" not in readme] == []


def test_an_output_that_differs_is_noticed():
    promised = promised_output("print(1)\n# 2\n")
    assert not doctest.OutputChecker().check_output(promised, "1\n", doctest.ELLIPSIS)
