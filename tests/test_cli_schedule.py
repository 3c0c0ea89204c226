"""The command `schedule`, as a shell sees it."""

import json
import sys
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from toolkit import cli
from toolkit.demos import WrongUse

DONE = {"kinds": {"frame": {"done": 3}}, "interrupted": False}


@pytest.fixture
def run(monkeypatch):
    """Run `schedule` with the work itself replaced; returns how it ended."""

    def run(work, *words):
        module = SimpleNamespace(run_schedule=work)
        monkeypatch.setitem(sys.modules, "toolkit.demos.schedule", module)
        return CliRunner().invoke(cli.app, ["schedule", *words])

    return run


def failing(error):
    def work(**options):
        raise error

    return work


def test_a_simulation_prints_one_json_object_with_misses_latencies_and_shares_by_kind():
    words = "schedule --simulate --load 1.5 --seed 7 --mode guard --seconds 1 --workers 2 --json"
    ended = CliRunner().invoke(cli.app, words.split())
    assert ended.exit_code == 0, ended.output
    answer = json.loads(ended.stdout)
    assert (answer["seed"], answer["mode"], answer["load"]) == (7, "guard", 1.5)
    figures = {"miss_percent", "p50_ms", "p95_ms", "p99_ms", "share"}
    assert all(figures <= set(answer["kinds"][kind]) for kind in ("frame", "chat", "train"))
    assert 0 < answer["background_share"] < 1


def test_options_are_handed_on(run, tmp_path):
    asked = {}

    def work(**options):
        asked.update(options)
        return DONE

    path = tmp_path / "trace.json"
    words = f"--context chat --load 1.5 --seconds 3 --workers 4 --seed 9 --mode both --trace {path}"
    assert run(work, *words.split()).exit_code == 0
    del asked["console"]
    assert asked == {
        "load": 1.5,
        "context": "chat",
        "mode": "both",
        "seconds": 3.0,
        "workers": 4,
        "seed": 9,
        "is_simulated": False,
        "trace": path,
    }


def test_what_is_left_out_has_a_default(run):
    asked = {}

    def work(**options):
        asked.update(options)
        return DONE

    assert run(work).exit_code == 0
    assert (asked["load"], asked["context"]) == (1.0, "default")
    assert asked["mode"] is asked["seed"] is asked["workers"] is asked["trace"] is None


def test_wrong_use_ends_with_2_and_one_object_that_says_why(run):
    ended = run(failing(WrongUse("--load 9: too much")), "--json")
    assert ended.exit_code == 2
    assert json.loads(ended.stdout) == {"error": "--load 9: too much"}
    assert "Error: --load 9: too much" in ended.stderr


@pytest.mark.parametrize("words", [["--mode", "best"], ["--context", "party"], ["--workers", "0"]])
def test_options_that_there_are_not_end_with_2(run, words):
    assert run(failing(AssertionError), *words).exit_code == 2


def test_an_interrupt_before_anything_ran_ends_with_130(run):
    assert run(failing(KeyboardInterrupt)).exit_code == cli.INTERRUPTED


def test_an_interrupt_after_something_was_done_ends_with_0_and_what_there_is(run):
    answer = DONE | {"interrupted": True}
    ended = run(lambda **_: answer, "--json")
    assert ended.exit_code == 0
    assert json.loads(ended.stdout) == answer


def test_an_interrupt_after_nothing_was_done_ends_with_130(run):
    answer = {"kinds": {"frame": {"done": 0}}, "interrupted": True}
    assert run(lambda **_: answer).exit_code == cli.INTERRUPTED
