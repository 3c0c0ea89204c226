"""The marker and the fixture `frame_budget`, in small projects that pytest runs by itself."""

import os
import subprocess
import sys

import pytest
import torch

from toolkit.profiling import budget

LOADED = (torch, budget)  # here, so that a project that is run in this process need not do it

HEAD = """
import pytest
import torch

PICTURE = torch.ones(256)
OUT = torch.ones(256)

def use(number):
    for _ in range(number):
        torch.add(PICTURE, PICTURE)
"""


PLUGIN = ("-p", "toolkit.profiling.pytest_plugin", "-p", "no:cacheprovider")


@pytest.fixture
def run(pytester, monkeypatch):
    """Run a project of one test file and one ini file, with no other plugin."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run_project(test, ini="", *options):
        pytester.makeini(f"[pytest]\n{ini}")
        pytester.makepyfile(HEAD + test)
        return pytester.runpytest("--strict-markers", *PLUGIN, *options)

    return run_project


def test_a_test_within_its_budget_passes(run):
    done = run("""
@pytest.mark.frame_budget(allocations=2, syncs=0)
def test_it():
    use(2)
""")
    done.assert_outcomes(passed=1)


def test_a_test_over_its_budget_fails_with_the_offenders_and_no_traceback_of_ours(run):
    done = run("""
@pytest.mark.frame_budget(allocations=1)
def test_it():
    use(2)
""")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(
        [
            "over budget: allocations 2, limit 1",
            "The budget is set at *.py:[0-9]*.",
            "what *operator *count *bytes",
            "allocation *aten::add *2 *2.05 kB",
        ]
    )
    done.stdout.no_fnmatch_line("*toolkit/profiling*")
    done.stdout.no_fnmatch_line("*Traceback*")


def test_what_the_marker_leaves_out_comes_from_the_ini_file(run):
    test = """
@pytest.mark.frame_budget
def test_it():
    use(2)

@pytest.mark.frame_budget(allocations=2)
def test_looser():
    use(2)

def test_without_a_marker():
    use(2)
"""
    done = run(test, "frame_budget = allocations=0 syncs=0")
    done.assert_outcomes(failed=1, passed=2)
    done.stdout.fnmatch_lines(["over budget: allocations 2, limit 0"])


def test_the_marker_of_a_class_holds_for_its_tests_and_the_closest_one_wins(run):
    done = run("""
@pytest.mark.frame_budget(allocations=0)
class TestAll:
    def test_over(self):
        use(1)

    @pytest.mark.frame_budget(allocations=1)
    def test_own(self):
        use(1)

    @pytest.mark.frame_budget(allocations=None, copies=0)
    def test_lifted(self):
        use(9)
""")
    done.assert_outcomes(failed=1, passed=2)


def test_fixtures_are_not_measured(run):
    done = run("""
@pytest.fixture
def ready():
    use(9)
    yield
    use(9)

@pytest.mark.frame_budget(allocations=0)
def test_it(ready):
    pass
""")
    done.assert_outcomes(passed=1)


def test_steps_are_frames_and_the_warm_up_does_not_count(run):
    done = run("""
@pytest.mark.frame_budget(allocations=1, warmup=1)
def test_it(frame_budget):
    for number in (5, 1, 1):
        use(number)
        frame_budget.step()
    assert frame_budget.session.frame_count == 3
""")
    done.assert_outcomes(passed=1)


def test_the_fixture_holds_a_part_of_a_test(run):
    test = """
def test_it(frame_budget):
    use(9)
    with frame_budget(allocations=1):
        use(1)

def test_over(frame_budget):
    with frame_budget() as meter:
        use(9)
"""
    done = run(test, "frame_budget = allocations=2")
    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines(["*with frame_budget() as meter:", "*over budget: allocations 9*"])
    done.stdout.no_fnmatch_line("*toolkit/profiling*")


def test_a_step_without_a_budget_says_what_to_do(run):
    done = run("""
def test_it(frame_budget):
    frame_budget.step()
""")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*this test is under no budget: mark it with @pytest.mark.frame*"])


def test_a_test_that_fails_by_itself_keeps_its_own_failure(run):
    done = run("""
@pytest.mark.frame_budget(allocations=0)
def test_it():
    use(1)
    assert 1 == 2
""")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*assert 1 == 2*", "*Besides, up to there it was over budget*"])


def test_a_test_that_is_skipped_or_expected_to_fail_stays_so(run):
    done = run("""
@pytest.mark.frame_budget(allocations=0)
def test_skipped():
    use(1)
    pytest.skip("not here")

@pytest.mark.xfail(strict=True)
@pytest.mark.frame_budget(allocations=0)
def test_expected():
    use(1)
""")
    done.assert_outcomes(skipped=1, xfailed=1)


def test_every_warning_is_told_though_pytest_resets_the_filters(run):
    done = run("""
@pytest.mark.parametrize("number", [1, 1, 1])
@pytest.mark.frame_budget(allocations=0, action="warn")
def test_it(number):
    use(number)
""")
    done.assert_outcomes(passed=3, warnings=3)
    done.stdout.fnmatch_lines(["*OverBudgetWarning: over budget: allocations 1, limit 0*"])


@pytest.mark.parametrize(
    ("marker", "sentence"),
    [
        ("(alocations=0)", "*'alocations' does not exist. Did you mean 'allocations'? There is*"),
        ("(allocations=-1)", "*allocations=-1 is no count*"),
        ("(0)", "*0 has no name: write for example allocations=0.*"),
        ("", "*limits nothing: set some of allocations, allocated_bytes*"),
    ],
)
def test_a_wrong_marker_is_a_usage_error_before_any_test_runs(run, marker, sentence):
    done = run(f"""
def test_first():
    pass

@pytest.mark.frame_budget{marker}
def test_it():
    pass
""")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines([f"*ERROR: *::test_it: @pytest.mark.frame_budget{sentence}"])


@pytest.mark.parametrize(
    ("ini", "sentence"),
    [
        ("allocations", "*'allocations' is not name=value; write for example allocations=0*"),
        ("sync=0", "*'sync' does not exist. Did you mean 'syncs'?*"),
        ("allocations=few", "*allocations=few is no amount*"),
        ("action=shout", "*action='shout' does not exist; there is error, warn, off.*"),
    ],
)
def test_a_wrong_ini_file_is_a_usage_error(run, ini, sentence):
    done = run("def test_it(): pass", f"frame_budget = {ini}")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines([f"*ERROR: frame_budget = {ini}, in the ini file: {sentence}"])


def test_the_marker_is_known_and_explained(run):
    done = run("", "", "--markers")
    done.stdout.fnmatch_lines(["@pytest.mark.frame_budget(allocations=*"])


def test_a_project_without_budgets_does_not_pay_for_torch(pytester, repository):
    pytester.makepyfile("""
import sys

def test_it():
    assert "torch" not in sys.modules
""")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *PLUGIN],
        cwd=pytester.path,
        env={**os.environ, "PYTHONPATH": str(repository), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
