"""`%load_ext toolkit`, and then `%%frame_profile` on top of a cell."""

import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from toolkit import hooks
from toolkit.profiling import OverBudget, profile

SETUP = "import torch\npicture = torch.ones(256)"


@pytest.fixture
def shell(tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(colors="nocolor")
    shell.history_manager.enabled = False
    shell.run_line_magic("load_ext", "toolkit")
    shell.run_cell(SETUP)
    yield shell
    InteractiveShell.clear_instance()


@pytest.fixture
def run(shell):
    """Run a cell; gives its result and what was shown."""

    def run_cell(cell):
        with capture_output() as shown:
            result = shell.run_cell(cell)
        result.shown = shown
        result.text = shown.stdout + "".join(
            output.data["text/plain"] for output in shown.outputs if "text/plain" in output.data
        )
        return result

    return run_cell


def test_a_cell_is_run_and_its_bill_is_shown(run, shell):
    done = run("%%frame_profile\ndoubled = picture + picture\ndoubled.sum().item()")
    assert done.result == 512.0
    assert "Bill of 1 frames" in done.text
    assert shell.user_ns["doubled"].sum() == 512


def test_a_line_is_run_and_its_quotes_stay_as_they_are(run):
    done = run("%frame_profile -o session \"it is  's'\" + str(picture.numel())")
    assert done.result == "it is  's'256"
    assert "Bill of 1 frames" in done.text


def test_the_session_is_kept_under_a_name(run, shell):
    run("%%frame_profile -o spent\nfor _ in range(3):\n    picture + picture")
    assert shell.user_ns["spent"].bill().whole.total.allocations == 3


def test_a_semicolon_keeps_the_value_from_being_shown(run):
    assert run("%%frame_profile\npicture.sum();").result is None


def test_html_is_shown_where_it_is_asked_for(run):
    (output,) = run("%%frame_profile --html\npicture + picture;").shown.outputs
    assert "<table" in output.data["text/html"]
    assert "Bill of 1 frames" in output.data["text/plain"]


def test_a_cell_within_its_budget_is_like_any_other(run):
    assert run("%%frame_profile --budget allocations=1,syncs=0\npicture + picture;").success


def test_a_cell_over_its_budget_fails_after_its_bill_is_shown(run):
    done = run("%%frame_profile --budget allocations=1\n[picture + picture for _ in range(2)];")
    assert isinstance(done.error_in_exec, OverBudget)
    assert "aten::add" in str(done.error_in_exec)
    assert "Bill of 1 frames" in done.text


def test_a_budget_may_only_warn(run):
    with pytest.warns(UserWarning, match="over budget: allocations 1, limit 0"):
        done = run("%%frame_profile --budget allocations=0,action=warn\npicture + picture;")
    assert done.success


def test_an_error_of_the_cell_is_its_own_and_the_bill_is_shown_all_the_same(run, shell):
    done = run("%%frame_profile -o spent --budget allocations=0\npicture + picture\n1 / 0")
    assert isinstance(done.error_in_exec, ZeroDivisionError)
    assert shell.user_ns["spent"].bill().whole.total.allocations == 1
    assert "Bill of 1 frames" in done.text


def test_an_interrupt_leaves_a_session_that_can_be_read_and_nobody_who_listens(run, shell):
    done = run("%%frame_profile -o spent\npicture + picture\nraise KeyboardInterrupt")
    assert isinstance(done.error_in_exec, KeyboardInterrupt)
    assert shell.user_ns["spent"].bill().whole.total.allocations == 1
    assert not hooks.is_listening()
    with profile() as session:
        torch.ones(8)
    assert session.bill().whole.total.allocations == 1


def test_a_mistake_in_the_cell_is_a_syntax_error_as_usual(run):
    assert isinstance(run("%%frame_profile\n1 +").error_in_exec, SyntaxError)


def test_functions_of_a_cell_can_be_called_from_the_next_one(run):
    run("%%frame_profile\nfactor = 3\ndef times(x):\n    return factor * x")
    assert run("times(2)").result == 6


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("%frame_profile", "profiles nothing: write a statement behind it"),
        ("%%frame_profile 1 + 1\n2", "takes options alone in its line, not '1 + 1'"),
        (
            "%%frame_profile --budget alloc=0\n2",
            "'alloc' does not exist. Did you mean",
        ),
        ("%%frame_profile --budget action=warn\n2", "limits nothing: set some of allocations"),
        ("%%frame_profile --level deep\n2", "level 'deep' does not exist; there is 'counts'"),
        ("%%frame_profile --depth 3\n2", "option --depth not recognized"),
    ],
)
def test_wrong_use_says_what_is_right(run, capsys, line, sentence):
    done = run(line)
    assert type(done.error_in_exec).__name__ == "UsageError"
    assert sentence in str(done.error_in_exec)


def test_lines_of_a_cell_are_named_as_the_notebook_names_it(shell):
    shell.run_cell("def double():\n    return picture + picture", store_history=True)
    count = shell.execution_count - 1  # the number is that of the next cell
    with profile(level="lines") as session:
        shell.user_ns["double"]()
    (row,) = session.lines()
    assert row.line == f"In[{count}]:2 double"
