"""A table that a person wrote: which event says what comes next."""

import math

import pytest

from toolkit.scheduler.predict_rules import Rule, Rules

NAMES = ("chat", "call", "idle")
EVENTS = ("ring", "mouse", "no_input")
SECOND = 10**9


def rules(*table):
    return Rules(NAMES, EVENTS, rules=table)


def test_a_rule_holds_right_after_its_event_and_fades():
    predictor = rules(Rule("ring", "call", 0.9, fade_seconds=3.0))
    assert predictor.probabilities(0)["call"] == 0
    predictor.observe("ring", SECOND)
    assert predictor.probabilities(SECOND)["call"] == 0.9
    assert predictor.probabilities(4 * SECOND)["call"] == pytest.approx(0.9 / math.e)


def test_of_several_rules_for_a_name_the_surest_holds():
    predictor = rules(Rule("ring", "call", 0.9), Rule("mouse", "call", 0.4))
    predictor.observe("mouse", 0)
    assert predictor.probabilities(0)["call"] == 0.4
    predictor.observe("ring", 0)
    assert predictor.probabilities(0)["call"] == 0.9


def test_rules_that_contradict_each_other_share_what_there_is():
    predictor = rules(Rule("ring", "call", 0.9), Rule("mouse", "chat", 0.6))
    predictor.observe("mouse", 0)
    predictor.observe("ring", 0)
    assert predictor.probabilities(0) == {
        "chat": pytest.approx(0.4),
        "call": pytest.approx(0.6),
        "idle": 0.0,
    }


def test_a_rule_for_what_has_the_focus_takes_nothing_from_the_others():
    predictor = rules(Rule("ring", "call", 1.0), Rule("mouse", "chat", 0.6))
    predictor.switched("call", 0)
    predictor.observe("ring", 0)
    predictor.observe("mouse", 0)
    assert predictor.probabilities(0)["chat"] == 0.6


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        (Rule("rang", "call"), "'rang' is no event"),
        (Rule("ring", "cal"), "'cal' is no name"),
        (Rule("ring", "call", 1.5), "a probability lies in"),
        (Rule("ring", "call", math.nan), "a probability lies in"),
        (Rule("ring", "call", 0.5, 0.0), "fade_seconds must be above 0"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(rule, sentence):
    with pytest.raises(ValueError, match=sentence):
        rules(rule)
