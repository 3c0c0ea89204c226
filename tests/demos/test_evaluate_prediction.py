"""Every predictor on users whom none has seen, to a table and one JSON object."""

import io
import json

import pytest
from rich.console import Console

from toolkit.demos import WrongUse, evaluate_prediction, prediction_users
from toolkit.demos.evaluate_prediction import (
    PREDICTORS,
    Step,
    deal,
    evaluate,
    replay,
    run_prediction,
    spend,
)
from toolkit.demos.prediction_users import EVENTS, FAMILIES, PLACES, Moment
from toolkit.scheduler.predict_logistic import Logistic
from toolkit.scheduler.promotions import Cap

SECOND = 10**9
NONE = dict.fromkeys(PLACES, 0.0)
COLD, WARM = 0.05 + 0.40, 0.05  # first response of a call, in seconds


@pytest.fixture
def few_switches(monkeypatch):
    """Users who do little, so that a test takes a moment."""
    monkeypatch.setattr(prediction_users, "SWITCHES", 12)


@pytest.fixture
def run(few_switches):
    """Run it with the fewest users; returns its answer and what it printed."""

    def run(**options):
        printed = io.StringIO()
        console = Console(file=printed, width=100)
        options = {"users": 12, "seed": None, **options}
        return run_prediction(console=console, **options), printed.getvalue()

    return run


def to_call(*probabilities):
    """One step a second with this probability of a call, and then the call."""
    steps = [Step(0, "chat", NONE)]
    for second, probability in enumerate(probabilities, 1):
        steps.append(Step(second * SECOND, "", {**NONE, "call": probability}))
    return [*steps, Step((len(probabilities) + 1) * SECOND, "call", NONE)]


def test_every_predictor_is_measured_on_every_family(run):
    result, printed = run(seed=3)
    assert tuple(result["metrics"]) == FAMILIES
    assert all(tuple(rows) == PREDICTORS for rows in result["metrics"].values())
    assert result["users"] == {"train": 6, "validation": 2, "test": 4}
    assert "seed 3: 6 train, 2 validation, 4 test" in printed
    assert all(family in printed for family in FAMILIES)
    json.dumps(result, allow_nan=False)


def test_without_prediction_nothing_is_saved_and_nothing_wasted(run):
    for rows in run(seed=3)[0]["metrics"].values():
        alone = rows["none"]
        assert alone["saved_ms"] == alone["wasted_per_switch"] == alone["cpu_share"] == 0


def test_the_same_seed_gives_the_same_numbers(run):
    assert run(seed=8)[0]["metrics"] == run(seed=8)[0]["metrics"]


def test_without_a_seed_a_fresh_one_is_drawn_and_printed(run):
    results = [run() for _ in range(2)]
    assert results[0][0]["seed"] != results[1][0]["seed"]
    assert all(f"seed {result['seed']}" in printed for result, printed in results)


def test_no_user_is_in_two_groups():
    users = deal("habits", 18, 5)
    every = [str(moments) for group in users for moments in group]
    assert [len(group) for group in users] == [9, 3, 6]
    assert len(set(every)) == 18


def test_signs_help_who_looks_at_them_and_nothing_helps_in_the_null_family(monkeypatch):
    monkeypatch.setattr(prediction_users, "SWITCHES", 30)
    rows = {(family, name): row for family, name, row in evaluate(12, 1)}
    assert rows["clear signs", "rules"]["mean_ms"] < 0.8 * rows["clear signs", "none"]["mean_ms"]
    assert rows["clear signs", "logistic"]["saved_ms"] > rows["clear signs", "last"]["saved_ms"]
    for name in PREDICTORS:
        assert rows["null", name]["mean_ms"] > 0.9 * rows["null", "none"]["mean_ms"]


def test_thresholds_are_chosen_without_a_look_at_the_users_that_are_measured(monkeypatch):
    monkeypatch.setattr(prediction_users, "SWITCHES", 8)
    seen = []
    choose = evaluate_prediction._choose
    monkeypatch.setattr(
        evaluate_prediction,
        "_choose",
        lambda predictor, users: seen.append(users) or choose(predictor, users),
    )
    list(evaluate(12, 2))
    for number, users in enumerate(seen):
        assert users == deal(FAMILIES[number // len(PREDICTORS)], 12, 2).validation


def test_waste_stays_below_the_cap_for_each_predictor(run):
    for rows in run(seed=4)[0]["metrics"].values():
        assert all(row["wasted_per_switch"] <= 0.5 + 3 / 12 for row in rows.values())


def test_a_promotion_in_time_saves_what_warming_up_costs():
    assert spend(to_call(0.9), 0.5).seconds == [pytest.approx(WARM)]
    assert spend(to_call(0.4), 0.5).seconds == [pytest.approx(COLD)]
    assert spend(to_call(0.9), 0.5).cpu_seconds == pytest.approx(0.40)


def test_a_promotion_that_began_late_saves_a_part():
    steps = to_call(0.9)
    late = [*steps[:-1], steps[-1]._replace(now_ns=steps[-2].now_ns + SECOND // 10)]
    outcome = spend(late, 0.5)
    assert outcome.seconds == [pytest.approx(COLD - 0.1)]
    assert outcome.cpu_seconds == pytest.approx(0.1)


def test_a_promotion_that_is_over_saves_nothing_and_is_wasted():
    outcome = spend(to_call(0.9, 0, 0, 0, 0, 0), 0.5)
    assert outcome.seconds == [pytest.approx(COLD)]
    assert (outcome.warmed, outcome.wasted) == (0, 1)
    assert outcome.cpu_seconds == pytest.approx(0.40)


def test_a_second_promotion_after_a_wasted_one_begins_anew():
    outcome = spend(to_call(0.9, 0, 0, 0, 0, 0, 0.9), 0.5)
    assert (outcome.warmed, outcome.wasted) == (1, 1)
    assert outcome.cpu_seconds == pytest.approx(0.80)
    refused = spend(to_call(0.9, 0, 0, 0, 0, 0, 0.9), 0.5, Cap(per_switch=0, at_once=1))
    assert refused.seconds == [pytest.approx(COLD)]


def test_replaying_a_user_leaves_the_predictor_as_it_was():
    model = Logistic(tuple(PLACES), EVENTS)
    moments = [
        Moment(0, "", "chat"),
        Moment(SECOND, "ring", ""),
        Moment(2 * SECOND, "", "call"),
    ] * 2
    assert replay(model, moments) == replay(model, moments)


def test_an_interrupt_ends_with_the_rows_that_were_finished(run, monkeypatch):
    real = evaluate_prediction._choose

    def interrupted(predictor, users):
        if type(predictor).__name__ == "Rules":
            raise KeyboardInterrupt
        return real(predictor, users)

    monkeypatch.setattr(evaluate_prediction, "_choose", interrupted)
    result, printed = run()
    assert result["interrupted"] is True
    assert {name: list(rows) for name, rows in result["metrics"].items()} == {
        "clear signs": ["none", "last", "frequency"]
    }
    assert "Interrupted: this is what was finished" in printed


def test_too_few_users_are_refused(run):
    with pytest.raises(WrongUse, match="--users 11: three groups need at least 12"):
        run(users=11)
