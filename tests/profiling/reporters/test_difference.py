"""Two sessions on one page: sentences, pairs of bars, a table, and functions that changed."""

import json

import pytest
import torch

from toolkit import hooks
from toolkit.cli import app
from toolkit.profiling import Session, profile
from toolkit.profiling.reporters import difference


def _run(size, *stages):
    with profile(level="lines") as session:
        for index in range(2):
            hooks.frame_begin(index)
            for name in stages:
                with hooks.scope(name, index, "demo"):
                    torch.ones(size)
            hooks.frame_end(index)
    return session


@pytest.fixture(scope="module")
def sessions():
    """Twice as many bytes before as after, and one stage that is gone."""
    return _run(2048, "blur", "old"), _run(1024, "blur", "new")


def test_the_page_says_what_changed(sessions, tmp_path, read_page):
    before, after = sessions
    path = before.compare(after).export_html(tmp_path / "difference.html", title="my change")
    page = read_page(path.read_text(encoding="utf-8"))
    text = " ".join(page.text)
    assert page.open == []
    assert "my change" in text
    assert "Allocated by a frame: 16.4 kB before, 8.19 kB after, 0.50 of it." in text
    assert "Only before: old." in text
    assert "Only after: new." in text
    assert "did not run" in text


def test_equal_amounts_are_called_the_same(sessions):
    before, _ = sessions
    said = difference.findings(before.compare(before))
    assert "Allocations of a frame: 2 before, 2 after, the same within 2%." in said
    assert not any(line.startswith("Only") for line in said)


def test_functions_that_take_more_or_less_are_listed_whatever_their_line_number(sessions):
    before, after = sessions
    changes = {one.stage: one for one in before.compare(after).lines}
    assert changes["blur"].where.endswith("test_difference.py _run")
    assert (changes["blur"].before, changes["blur"].after) == (8192, 4096)
    assert changes["blur"].change == -4096
    assert changes["old"].after == 0
    assert before.compare(before).lines == ()


def test_other_machines_are_told(sessions, tmp_path):
    before, after = sessions
    after.save(tmp_path / "after.json")
    other = Session.load(tmp_path / "after.json")
    other.machine["torch"] = "another"
    assert difference.findings(before.compare(other))[-1].startswith("They ran on different")


def test_names_are_escaped():
    evil = "<script>alert(1)</script>"
    session = _run(64, evil)
    page = difference.render(session.compare(session), title=evil)
    assert "<script>alert" not in page


def test_two_saved_sessions_are_compared_from_a_terminal(sessions, tmp_path, capsys):
    before, after = (tmp_path / name for name in ("before.json", "after.json"))
    sessions[0].save(before)
    sessions[1].save(after)
    page = tmp_path / "difference.html"
    with pytest.raises(SystemExit) as ended:
        app(["compare", str(before), str(after), "--html", str(page), "--json"])
    found = json.loads(capsys.readouterr().out)
    blur = {one["name"]: one for one in found["stages"]}["blur"]
    assert ended.value.code == 0
    assert blur["allocated_bytes_per_frame"] == {"before": 8192, "after": 4096, "ratio": 0.5}
    assert found["lines"][0]["after"] < found["lines"][0]["before"]
    assert page.exists()


def test_a_file_that_is_no_session_is_bad_input(sessions, tmp_path, capsys):
    wrong = tmp_path / "wrong.json"
    wrong.write_text("{}")
    with pytest.raises(SystemExit) as ended:
        app(["compare", str(wrong), str(wrong)])
    assert ended.value.code == 3
    assert "wrong.json is not a session" in capsys.readouterr().err.replace("\n", " ")
