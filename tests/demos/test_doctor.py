"""What does the doctor say about a machine, and about what it lacks?"""

import io
import json

import pytest
from rich.console import Console

from toolkit.demos import doctor
from toolkit.demos.doctor import Finding


@pytest.fixture(scope="module")
def findings():
    return doctor.examine()


def found(findings, name):
    return next(finding for finding in findings if finding.name == name)


def test_it_looks_at_devices_video_jupyter_and_tools(findings):
    areas = {finding.area for finding in findings}
    assert areas == {"devices", "libraries", "video", "cameras", "jupyter", "toolchain"}
    assert "cores" in found(findings, "cpu").found
    assert "h264" in found(findings, "decoders").found
    assert "lavfi" in found(findings, "inputs").found
    assert found(findings, "kornia").found


def test_every_missing_thing_says_what_it_would_give_and_how_to_get_it(findings):
    missing = [finding for finding in findings if finding.found is None]
    assert [finding.name for finding in missing if not (finding.gives and finding.get)] == []


def test_opencv_is_a_choice_that_is_said_to_be_missing(monkeypatch):
    monkeypatch.setattr(doctor, "find_opencv", lambda: None)
    opencv = found(doctor.examine(), "opencv")
    assert opencv.found is None
    assert "compare with" in opencv.gives
    assert opencv.get == "pip install opencv-python-headless"


def test_what_hides_is_reported_missing(monkeypatch):
    monkeypatch.setenv("DOWNHILL_CHROMIUM", "")
    monkeypatch.setattr("shutil.which", lambda name: None)
    missing = {finding.name for finding in doctor.examine() if finding.found is None}
    assert {"chromium", "firefox", "node", "C", "C++"} <= missing


def test_the_answer_is_plain_json_with_the_missing_listed_once_more():
    have = Finding("devices", "cpu", "8 cores")
    lack = Finding("devices", "cuda", None, "speed", "buy one")
    answer = json.loads(json.dumps(doctor.as_json([have, lack])))
    assert answer["found"] == {"devices": {"cpu": "8 cores", "cuda": None}}
    assert [missing["name"] for missing in answer["missing"]] == ["cuda"]


def test_the_table_shows_what_is_there_and_what_is_not():
    shown = io.StringIO()
    console = Console(file=shown, width=100)
    have = Finding("devices", "cpu", "8 cores")
    doctor.print_table([have], console)
    assert "8 cores" in shown.getvalue()
    assert "does not have" not in shown.getvalue()
    doctor.print_table([have, Finding("devices", "cuda", None, "speed", "buy one")], console)
    assert "buy one" in shown.getvalue()


def test_a_kind_of_hardware_that_cannot_decode_is_not_called_usable():
    assert doctor._decodes_on("nonsense") is False
