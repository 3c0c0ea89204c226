"""What comes, and how much of it? A load is what it says, and contexts change what comes of it."""

import statistics

import pytest

from toolkit.demos.workload import BACKGROUND, CONTEXTS, KINDS, RATES, arrivals_of
from toolkit.scheduler import NEVER, Level, simulate
from toolkit.scheduler.loads import load_of


def simulated(context, *, load=1.5, mode="lanes"):
    return simulate(
        arrivals_of(load, seconds=4, seed=7),
        policy=mode,
        seconds=4,
        kinds=KINDS,
        contexts=CONTEXTS,
        shifts=[(0, context)] if context else [],
    )


def test_a_load_of_one_and_a_half_offers_half_more_than_the_cores_have():
    offered = [
        load_of(arrivals_of(1.5, seconds=20, seed=seed), seconds=20, cores=2) for seed in range(10)
    ]
    assert statistics.fmean(offered) == pytest.approx(1.5, rel=0.03)


@pytest.mark.parametrize("cores", [1, 4, 8])
def test_load_counts_over_the_cores_that_there_are(cores):
    arrivals = arrivals_of(1.0, seconds=20, seed=1, cores=cores)
    assert load_of(arrivals, seconds=20, cores=cores) == pytest.approx(1.0, rel=0.05)


def test_the_same_seed_gives_the_same_arrivals_and_another_one_others():
    assert arrivals_of(1, seconds=2, seed=3) == arrivals_of(1, seconds=2, seed=3)
    assert arrivals_of(1, seconds=2, seed=3) != arrivals_of(1, seconds=2, seed=4)


def test_arrivals_come_in_order_and_every_kind_among_them():
    arrivals = arrivals_of(1, seconds=10, seed=0)
    releases = [arrival.release_ns for arrival in arrivals]
    assert releases == sorted(releases)
    assert {arrival.kind for arrival in arrivals} == set(KINDS)


def test_frames_and_sound_are_due_when_the_next_comes_and_nothing_else_has_a_deadline():
    for arrival in arrivals_of(1, seconds=1, seed=0):
        if arrival.kind in RATES:
            period_ns = arrival.deadline_ns - arrival.release_ns
            assert period_ns == pytest.approx(1e9 / RATES[arrival.kind], abs=1)
        else:
            assert arrival.deadline_ns == NEVER


def test_only_the_overlay_is_optional_and_only_training_never_ends():
    arrivals = arrivals_of(1, seconds=1, seed=0)
    assert {arrival.kind for arrival in arrivals if arrival.optional} == {"overlay"}
    assert [arrival.kind for arrival in arrivals if arrival.repeats] == ["train"]


def test_background_is_what_is_less_urgent_than_a_conversation():
    assert {kind for kind, level in KINDS.items() if level > Level.HIGH} == set(BACKGROUND)


@pytest.mark.parametrize("wrong", [{"load": 0}, {"seconds": 0}, {"cores": 0}])
def test_what_is_not_positive_is_refused(wrong):
    given = {"load": 1, "seconds": 1, "seed": 0, **wrong}
    with pytest.raises(ValueError, match=next(iter(wrong))):
        arrivals_of(given.pop("load"), **given)


def test_contexts_name_kinds_that_there_are():
    assert {kind for context in CONTEXTS for kind in context.levels} <= set(KINDS)


def test_in_a_chat_the_first_token_comes_sooner_and_the_last_one_too():
    plain, chat = simulated(None).kinds["chat"], simulated("chat").kinds["chat"]
    assert chat.first_p50_ms < 0.7 * plain.first_p50_ms
    assert chat.p95_ms < 0.7 * plain.p95_ms


def test_in_a_video_call_every_overlay_is_there_and_the_chat_waits():
    plain, call = simulated(None), simulated("video_call")
    assert call.kinds["overlay"].missed == 0 < plain.kinds["overlay"].missed
    assert call.kinds["chat"].first_p95_ms > plain.kinds["chat"].first_p95_ms


def test_while_idle_training_gets_on():
    plain, idle = simulated(None), simulated("idle")
    assert idle.kinds["train"].share > 5 * plain.kinds["train"].share
