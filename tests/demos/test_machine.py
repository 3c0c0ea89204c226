"""What does the toolkit know about the machine it runs on?"""

import sys

from toolkit.demos import machine


def test_a_description_has_what_a_result_must_be_stored_with():
    described = machine.describe_machine()
    for key in ("commit", "cpu", "cores", "gpu", "os", "python", "torch", "threads", "date"):
        assert key in described
    assert described["cpu"] != "?"
    assert machine.cores() >= 1


def test_the_browser_named_in_the_environment_wins(monkeypatch):
    monkeypatch.setenv("DOWNHILL_CHROMIUM", sys.executable)
    assert machine.find_chromium() == sys.executable


def test_a_named_browser_that_is_not_there_is_no_browser(monkeypatch, tmp_path):
    monkeypatch.setenv("DOWNHILL_CHROMIUM", str(tmp_path / "none"))
    assert machine.find_chromium() is None
    monkeypatch.setenv("DOWNHILL_CHROMIUM", "")
    assert machine.find_chromium() is None


def test_a_browser_that_playwright_brought_is_found(monkeypatch, tmp_path):
    brought = tmp_path / ".cache/ms-playwright/chromium-1200/chrome-linux/chrome"
    brought.parent.mkdir(parents=True)
    brought.touch()
    monkeypatch.delenv("DOWNHILL_CHROMIUM", raising=False)
    monkeypatch.setattr(machine, "_INSTALLED_BROWSERS", ())
    monkeypatch.setattr(machine.shutil, "which", lambda name: None)
    monkeypatch.setattr(machine.Path, "home", lambda: tmp_path)
    assert machine.find_chromium() == str(brought)
