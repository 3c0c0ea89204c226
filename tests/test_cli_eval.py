"""The commands `eval flow`, `eval pose` and `eval prediction`, as a shell sees them."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from toolkit import cli
from toolkit.demos import BadInput, WrongUse
from toolkit.evaluation import BadData

DONE = {"metrics": {"toolkit": {"ms": 1.0}}, "interrupted": False}
RUNS = {"flow": "run_flow", "pose": "run_pose"}


@pytest.fixture(params=RUNS)
def evaluate(request, monkeypatch, tmp_path):
    """Run one of the commands with the evaluation itself replaced; returns how it ended."""

    def run(evaluation, *words):
        module = SimpleNamespace(**{RUNS[request.param]: evaluation})
        monkeypatch.setitem(sys.modules, f"toolkit.demos.evaluate_{request.param}", module)
        words = ["eval", request.param, "--out", str(tmp_path / "out"), *words]
        return CliRunner().invoke(cli.app, words)

    run.name = request.param
    return run


def failing(error):
    def evaluation(**options):
        raise error

    return evaluation


def test_options_are_handed_on_and_one_json_object_is_printed(evaluate, tmp_path):
    given = {}

    def evaluation(**options):
        given.update(options)
        return DONE

    ended = evaluate(evaluation, "--scenes", "5", "--seed", "7", "--backend", "opencv", "--json")
    assert ended.exit_code == 0
    assert json.loads(ended.stdout) == DONE
    assert given.pop("console").stderr is True
    own = {
        "flow": {"pairs": None, "rendering": "final", "preset": "balanced"},
        "pose": {"frames": None},
    }
    assert given == {
        **{"data": None, "scenes": 5, "seed": 7, "backend": "opencv", "out": tmp_path / "out"},
        **own[evaluate.name],
    }


def test_data_is_a_folder(evaluate):
    given = {}

    def evaluation(**options):
        given.update(options)
        return DONE

    assert evaluate(evaluation, "--data", "sintel").exit_code == 0
    assert given["data"] == Path("sintel")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (WrongUse("no stage is called 'flow'"), 2),
        (BadInput("pair 3 is too small"), 3),
        (BadData("holds no flow data", path="folder"), 3),
        (PermissionError(13, "Permission denied", "flow.flo"), 3),
        (KeyboardInterrupt(), 130),
    ],
)
def test_every_error_is_one_sentence_and_its_code(evaluate, error, code):
    ended = evaluate(failing(error))
    assert ended.exit_code == code
    assert ended.stdout == ""
    assert len(ended.stderr.splitlines()) == 1
    if code != 130:
        said = json.loads(evaluate(failing(error), "--json").stdout)
        assert ended.stderr == f"Error: {said['error']}\n"


def test_an_interrupted_evaluation_that_finished_something_is_done(evaluate):
    assert evaluate(lambda **options: {**DONE, "interrupted": True}).exit_code == 0
    nothing = {"metrics": {}, "interrupted": True}
    assert evaluate(lambda **options: nothing).exit_code == 130


@pytest.mark.parametrize(
    "words", [["--backend", "cuda"], ["--scenes", "0"], ["--seed", "-1"], ["--nonsense"]]
)
def test_options_that_make_no_sense_are_wrong_use(evaluate, words):
    ended = evaluate(lambda **options: DONE, *words)
    assert ended.exit_code == 2
    assert ended.stderr


def test_a_folder_for_plots_that_cannot_be_made_is_wrong_use(evaluate, tmp_path):
    (tmp_path / "out").touch()
    ended = evaluate(lambda **options: DONE)
    assert ended.exit_code == 2


def test_an_evaluation_of_prediction_takes_users_and_a_seed_and_makes_no_folder(
    monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    given = {}
    module = SimpleNamespace(run_prediction=lambda **options: given.update(options) or DONE)
    monkeypatch.setitem(sys.modules, "toolkit.demos.evaluate_prediction", module)
    words = ["eval", "prediction", "--users", "24", "--seed", "7", "--json"]
    ended = CliRunner().invoke(cli.app, words)
    assert (ended.exit_code, json.loads(ended.stdout)) == (0, DONE)
    assert given.pop("console").stderr is True
    assert given == {"users": 24, "seed": 7}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [["--users", "11"], ["--seed", "-1"], ["--out", "plots"]])
def test_options_that_make_no_sense_for_prediction_are_wrong_use(words):
    ended = CliRunner().invoke(cli.app, ["eval", "prediction", *words])
    assert ended.exit_code == 2
    assert ended.stderr


def test_help_names_all_evaluations():
    ended = CliRunner().invoke(cli.app, ["eval", "--help"])
    assert ended.exit_code == 0
    assert all(word in ended.stdout for word in ("flow", "pose", "prediction", "odometry"))
