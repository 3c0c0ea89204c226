"""The workload from a terminal: what comes of it, simulated and live, and what is shown of it."""

import io
import json
import threading

import pytest
from rich.console import Console

from toolkit.demos import WrongUse, live_load, schedule
from toolkit.demos.schedule import run_schedule
from toolkit.demos.schedule_view import View, watching
from toolkit.demos.workload import CONTEXTS, KINDS
from toolkit.scheduler import Scheduler
from toolkit.scheduler.reasons import Reason

FIGURES = {"miss_percent", "p50_ms", "p95_ms", "p99_ms", "share"}


@pytest.fixture
def run():
    """Run it; returns its answer and what it printed."""

    def run(**options):
        printed = io.StringIO()
        given = {
            "load": 1.5,
            "context": "default",
            "mode": "lanes",
            "seconds": 1.0,
            "workers": 2,
            "seed": 7,
            "is_simulated": True,
            "trace": None,
            **options,
        }
        answer = run_schedule(**given, console=Console(file=printed, width=80))
        return answer, printed.getvalue()

    return run


@pytest.fixture
def cheap_work(monkeypatch):
    """Quanta that cost nothing, so that a live run asks nothing of the machine."""
    monkeypatch.setattr("toolkit.demos.torch_work.TorchWork", lambda seed: lambda kind, cost: None)


def test_the_table_fits_into_a_terminal_of_80_columns(run):
    _, text = run(load=2.0, seconds=3.0)
    for name in ("consolidate", "CRITICAL", "p50 / p95 / p99 ms", "share"):
        assert name in text
    assert "…" not in text


def without_machine(answer):
    return {key: value for key, value in answer.items() if key != "machine"}


@pytest.mark.parametrize("mode", ["lanes", "guard", "both"])
def test_simulated_it_says_what_came_of_each_kind(run, mode):
    answer, printed = run(mode=mode)
    assert (answer["mode"], answer["seed"], answer["load"]) == (mode, 7, 1.5)
    assert all(set(of) >= FIGURES for of in answer["kinds"].values())
    assert {"frame", "chat"} <= set(answer["kinds"]) <= set(KINDS)
    shares = sum(of["share"] for of in answer["kinds"].values())
    assert 0 < answer["background_share"] < shares <= 1
    assert "seed 7" in printed
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer


def test_without_a_mode_it_is_the_scheduler_s_own(run):
    with Scheduler(KINDS, workers=1) as scheduler:
        assert run(mode=None)[0]["mode"] == scheduler.snapshot()["mode"]


def test_the_same_seed_gives_the_same_answer(run):
    first, again, other = (without_machine(run(seed=seed)[0]) for seed in (7, 7, 8))
    assert first == again
    assert first["kinds"] != other["kinds"]


def test_without_a_seed_a_fresh_one_is_drawn_and_printed(run):
    answer, printed = run(seed=None)
    assert f"seed {answer['seed']}" in printed


def test_critical_work_is_in_time_while_half_too_much_comes(run):
    answer, _ = run(seconds=4.0)
    for kind in ("frame", "frame30", "audio"):
        assert answer["kinds"][kind]["miss_percent"] <= 0.3


def test_where_nothing_is_left_for_the_background_no_ratio_is_told(run):
    answer, printed = run(load=3.0)
    assert answer["background_of_left"] is None
    assert "nothing was left" in printed


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"context": "party"}, "--context party: there is no such one, but default, chat"),
        ({"load": 0.0}, "--load 0: above 0, and at most 3"),
        ({"load": 3.5}, "--load 3.5"),
    ],
)
def test_what_there_is_not_is_wrong_use(run, wrong, told):
    with pytest.raises(WrongUse, match=told):
        run(**wrong)


def test_a_trace_that_cannot_be_written_is_refused_before_anything_runs(run, tmp_path):
    with pytest.raises(WrongUse, match=r"--trace .*gone.*Name a file"):
        run(trace=tmp_path / "gone" / "trace.json")


def test_a_simulated_run_leaves_a_trace_for_perfetto(run, tmp_path):
    run(trace=tmp_path / "trace.json")
    document = json.loads((tmp_path / "trace.json").read_text())
    assert document["otherData"]["mode"] == "lanes"
    assert any(event["ph"] == "X" for event in document["traceEvents"])


def test_live_every_kind_is_released_on_real_threads_with_real_torch_work(run, tmp_path):
    path = tmp_path / "trace.json"
    answer, printed = run(is_simulated=False, load=0.2, context="chat", trace=path)
    released = {kind: of["released"] for kind, of in answer["kinds"].items()}
    assert (released["frame"], released["frame30"], released["audio"]) == (60, 30, 50)
    assert not answer["interrupted"]
    assert answer["simulated"] is False
    assert answer["kinds"]["frame"]["done"] > 0
    assert path.stat().st_size > 0
    assert "background share" in printed


def test_an_interrupt_ends_a_live_run_with_what_there_is(run, cheap_work, monkeypatch):
    def interrupt(log, at_ns, sleep):
        raise KeyboardInterrupt

    monkeypatch.setattr(live_load, "_sleep_until", interrupt)
    answer, printed = run(is_simulated=False)
    assert answer["interrupted"]
    assert "Interrupted" in printed


def finished(scheduler):
    """Two frames that are done, and one that is late."""
    for seconds in (60.0, 60.0, 1e-9):
        scheduler.submit(lambda: None, kind="frame", deadline_seconds=seconds).result()


def shown(view):
    console = Console(file=io.StringIO(), width=120, force_terminal=True, color_system=None)
    console.print(view)
    return console.file.getvalue()


def test_the_view_shows_lanes_levels_and_misses_with_their_causes():
    with Scheduler(KINDS, workers=2, mode="lanes", contexts=CONTEXTS) as scheduler:
        view = View(scheduler)
        finished(scheduler)
        text = shown(view)
    assert "CRITICAL" in text
    assert "LOW-IDLE" in text
    (row,) = [line.split() for line in text.splitlines() if line.strip().startswith("frame ")]
    assert row[:4] == ["frame", "CRITICAL", "0", "3"]
    assert row[5] == "33.3"
    causes = {reason.name.lower() for reason in Reason}
    assert row[7] in causes


def test_the_view_shows_shifts_with_their_reason():
    with Scheduler(KINDS, workers=2, contexts=CONTEXTS) as scheduler:
        view = View(scheduler)
        scheduler.set_context("chat")
        text = shown(view)
    assert "HIGH -> CRITICAL" in text
    assert "context chat, somebody asked for it" in text
    assert "another context holds" in text


def test_the_view_shows_what_a_worker_runs():
    running, go_on = threading.Event(), threading.Event()

    def wait():
        running.set()
        go_on.wait(60)

    with Scheduler(KINDS, workers=1) as scheduler:
        view = View(scheduler)
        handle = scheduler.submit(wait, kind="chat")
        running.wait(60)
        text = shown(view)
        go_on.set()
    assert f"chat {handle.number}" in text


def test_where_there_is_no_terminal_a_line_says_how_it_stands():
    printed = io.StringIO()
    console = Console(file=printed, width=100)
    with Scheduler(KINDS, workers=1) as scheduler, watching(scheduler, console) as view:
        finished(scheduler)
        line = view.line()
    assert "3 done; missed: frame 33.3 %" in line
    assert f"{scheduler.snapshot()['mode']}, context default; queued: nothing" in line
    assert "\x1b" not in printed.getvalue()


def test_in_a_terminal_tables_are_drawn_while_it_runs():
    printed = io.StringIO()
    console = Console(file=printed, width=100, force_terminal=True)
    with Scheduler(KINDS, workers=1) as scheduler, watching(scheduler, console):
        finished(scheduler)
    assert "speculate" in printed.getvalue()


def test_the_default_context_is_the_one_that_a_scheduler_begins_with():
    with Scheduler(KINDS, workers=1, contexts=CONTEXTS) as scheduler:
        assert scheduler.context == schedule.DEFAULT_CONTEXT
