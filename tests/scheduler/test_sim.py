"""Does the simulator drive the policy as threads would? Loads small enough to follow by hand."""

import json

import pytest

from toolkit.scheduler.arrivals import Arrival
from toolkit.scheduler.comparison import COLUMNS, compare
from toolkit.scheduler.contexts import Context
from toolkit.scheduler.executors.calibration import MEASURED, Calibration
from toolkit.scheduler.executors.sim import POLICIES, simulate
from toolkit.scheduler.kinds import Kind
from toolkit.scheduler.levels import Level
from toolkit.scheduler.loads import BACKGROUND, workload
from toolkit.scheduler.outcome import Outcome
from toolkit.scheduler.policy import Policy
from toolkit.scheduler.reasons import Happening, Reason
from toolkit.scheduler.rivals import RIVALS
from toolkit.scheduler.trace import records

MS = 1_000_000
SECOND = 1000 * MS
EXACT = Calibration()
KINDS = {"frame": Level.CRITICAL, "chat": Level.HIGH, "train": Level.LOW}


def run(*arrivals, policy="levels", seconds=1.0, workers=1, **options) -> Outcome:
    options = {"kinds": KINDS, "calibration": EXACT, "with_trace": True, **options}
    return simulate(arrivals, policy=policy, seconds=seconds, workers=workers, **options)


def happened(outcome):
    """What happened to which task at which ms: all but shifts and notes without a task."""
    return [
        (event.t_ns / MS, Happening(event.happening).name, event.task)
        for event in records(outcome.trace)
        if event.task
    ]


def test_how_do_a_pool_and_lanes_compare_on_the_standard_load():
    load = workload(1.5, seconds=2, seed=0)
    outcomes = [simulate(load, policy=policy, seconds=2) for policy in ("pool", "lanes")]
    table = str(compare(outcomes))
    assert outcomes[0].miss_rate(["cam1", "cam2"]) > 0.9
    assert outcomes[1].miss_rate(["cam1", "cam2"]) < 0.01
    blocks = [block.splitlines() for block in table.split("\n\n")]
    assert len(blocks) > 1  # what finds no room beside the rest stands below
    for block in blocks:
        assert [line.split()[0] for line in block] == ["policy", "pool", "lanes"]
    assert max(map(len, table.splitlines())) <= COLUMNS


def test_the_end_of_the_last_quantum_is_the_end_of_the_task():
    outcome = run(Arrival(0, "chat", (2 * MS, 3 * MS)))
    assert happened(outcome) == [
        (0, "SUBMIT", 1),
        (0, "START", 1),
        (2, "QUANTUM", 1),
        (5, "DONE", 1),
    ]
    chat = outcome.kinds["chat"]
    assert (chat.done, chat.p50_ms, chat.first_p50_ms, chat.share) == (1, 5, 2, 0.005)


def test_work_that_repeats_never_ends_and_gives_way_at_the_end_of_a_quantum():
    outcome = run(
        Arrival(0, "train", (10 * MS,), repeats=True),
        Arrival(12 * MS, "frame", (3 * MS,), deadline_ns=25 * MS),
        seconds=0.1,
    )
    assert outcome.kinds["train"].done == 0
    assert outcome.kinds["train"].share == pytest.approx(0.9, abs=0.001)  # 93 ms, 3 unfinished
    assert outcome.kinds["frame"].p50_ms == 11  # from 12 until 20 it waits
    assert outcome.miss_rate(["frame"]) == 0


@pytest.mark.parametrize("first_ms", [1, 20, 100])
def test_the_guard_keeps_no_kind_away_for_long_whose_first_quantum_was_slow(first_ms):
    frames = [
        Arrival(n * SECOND // 60, "frame", (MS,), (n + 1) * SECOND // 60, key="frame")
        for n in range(600)
    ]
    train = Arrival(100 * MS, "train", (first_ms * MS, *(MS,) * 20_000))
    arrivals = sorted([*frames, train], key=lambda one: one.release_ns)
    kinds, rates = {"frame": "CRITICAL", "train": "LOW"}, {"frame": 60}
    outcome = simulate(arrivals, seconds=10.0, workers=1, kinds=kinds, rates=rates)
    assert outcome.share(["train"]) > 0.6  # of 94 % that frames leave


def test_with_lanes_the_operating_system_preempts():
    outcome = run(
        Arrival(0, "train", (10 * MS,), repeats=True),
        Arrival(12 * MS, "frame", (3 * MS,), deadline_ns=25 * MS),
        policy="lanes",
    )
    assert outcome.kinds["frame"].p50_ms == pytest.approx(3, rel=0.02)


def test_a_newer_frame_replaces_one_that_is_queued_and_that_is_a_miss():
    outcome = run(
        Arrival(0, "chat", (30 * MS,)),
        Arrival(MS, "frame", (MS,), deadline_ns=20 * MS, key="frame"),
        Arrival(20 * MS, "frame", (MS,), deadline_ns=40 * MS, key="frame"),
    )
    frame = outcome.kinds["frame"]
    assert (frame.released, frame.due, frame.missed, frame.shed, frame.done) == (2, 2, 1, 1, 1)


def test_a_task_may_await_another_which_inherits_its_level():
    outcome = run(
        Arrival(0, "frame", (MS, MS), awaits=(2,)),
        Arrival(0, "chat", (50 * MS,)),
        Arrival(0, "train", (2 * MS,)),
    )
    assert [event for event in happened(outcome) if event[1] in ("BLOCK", "WAKE", "DONE")] == [
        (1, "BLOCK", 1),
        (3, "DONE", 3),
        (3, "WAKE", 1),
        (4, "DONE", 1),
        (54, "DONE", 2),
    ]


def test_what_is_awaited_before_its_release_is_released_then_and_only_once():
    outcome = run(Arrival(0, "frame", (MS, MS), awaits=(1,)), Arrival(500 * MS, "train", (2 * MS,)))
    assert outcome.kinds["frame"].p50_ms == 4
    assert [what for _, what, _ in happened(outcome)].count("SUBMIT") == 2


def test_on_a_device_a_kernel_is_not_preempted_even_with_lanes():
    outcome = run(
        Arrival(0, "train", (10 * MS,), on_device=True),
        Arrival(2 * MS, "frame", (3 * MS,), on_device=True),
        policy="lanes",
    )
    assert outcome.kinds["frame"].p50_ms == 11


def test_a_context_holds_from_its_shift_on():
    chat_first = Context("chat", {"chat": "CRITICAL", "frame": "NORMAL"})
    load = [
        Arrival(at * MS, kind, (8 * MS,)) for at in range(0, 400, 10) for kind in ("frame", "chat")
    ]
    outcome = run(
        *load, contexts=[chat_first], shifts=[(0.2, "chat")], seconds=0.4, with_trace=True
    )
    events = records(outcome.trace)
    names = [event.t_ns / MS for event in events if event.happening == Happening.CONTEXT]
    assert names == [200]
    done = [e.kind for e in events if e.happening == Happening.DONE and e.t_ns > 210 * MS]
    assert done.count(1) > 4 * done.count(0)  # the chat is kind 1


def test_a_kind_that_misses_its_deadlines_asks_for_more_as_it_does_on_threads():
    kinds = {"chat": Level.HIGH, "pose": Kind("NORMAL", raise_to="CRITICAL")}
    load = [
        Arrival(at * 20 * MS, kind, (15 * MS,), deadline_ns=(at + 1) * 20 * MS)
        for at in range(100)
        for kind in ("chat", "pose")
    ]
    events = records(run(*load, kinds=kinds, seconds=2).trace)
    asked = [event for event in events if event.happening == Happening.LEVEL and not event.task]
    assert (asked[0].kind, asked[0].level, asked[0].reason) == (1, Level.HIGH, Reason.DEADLINE)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("calibration", [Calibration.ideal(), MEASURED], ids=["ideal", "measured"])
def test_the_same_seed_is_the_same_events(policy, calibration):
    load = workload(1.5, seconds=0.5, seed=1)

    def outcome(seed):
        return simulate(load, policy=policy, seconds=0.5, seed=seed, calibration=calibration)

    assert outcome(1) == outcome(1)
    assert outcome(1).event_hash != outcome(2).event_hash


@pytest.mark.parametrize("policy", POLICIES)
def test_no_policy_uses_more_than_the_machine_has_and_all_leave_little_idle(policy):
    load = workload(1.5, seconds=2, seed=1)
    outcome = simulate(load, policy=policy, seconds=2)
    assert 0.75 < outcome.share(outcome.kinds) <= 1.0
    assert outcome.share(BACKGROUND) < outcome.share(outcome.kinds)


@pytest.mark.parametrize("policy", RIVALS)
def test_a_rival_s_events_are_like_ours(policy):
    outcome = run(Arrival(0, "chat", (2 * MS, 3 * MS)), policy=policy)
    events = happened(outcome)
    assert [events[0], events[1], events[-1]] == [
        (0, "SUBMIT", 1),
        (0, "START", 1),
        (5, "DONE", 1),
    ]


def test_a_rival_skips_a_frame_while_the_last_one_is_not_done():
    outcome = run(
        Arrival(0, "frame", (30 * MS,), deadline_ns=20 * MS, key="frame"),
        Arrival(20 * MS, "frame", (MS,), deadline_ns=40 * MS, key="frame"),
        policy="pool",
    )
    frame = outcome.kinds["frame"]
    assert (frame.due, frame.missed, frame.shed, frame.done) == (2, 2, 1, 1)


def test_a_policy_of_one_s_own_can_be_simulated():
    policy = Policy(KINDS, workers=3, mode="levels")
    outcome = run(Arrival(0, "chat", (2 * MS,)), policy=policy)
    assert outcome.policy == "levels"
    assert outcome.kinds["chat"].share == pytest.approx(0.002 / 3)


def test_an_outcome_is_plain_data():
    outcome = run(Arrival(0, "chat", (2 * MS,)))
    assert json.loads(json.dumps(outcome.as_dict()))["kinds"]["chat"]["done"] == 1


def test_a_policy_that_there_is_not_is_named_with_those_that_there_are():
    with pytest.raises(ValueError, match=r"'fifo' is unknown; there are levels, guard"):
        run(policy="fifo")


def test_outcomes_of_different_work_are_not_compared():
    with pytest.raises(ValueError, match="different kinds"):
        compare([run(Arrival(0, "chat", (MS,))), run(Arrival(0, "frame", (MS,)))])


def test_each_number_of_a_comparison_stands_below_its_kind():
    chat, train = Arrival(0, "chat", (2 * MS,)), Arrival(0, "train", (9 * MS,))
    one = run(chat, train, workers=2)
    other = run(chat, train, workers=2, policy="guard", kinds=dict(reversed(KINDS.items())))
    assert list(one.kinds) != list(other.kinds)
    heads, *lines = str(compare([one, other])).splitlines()
    assert heads.split()[:7] == ["policy", "chat", "p95", "ms", "train", "p95", "ms"]
    assert [line.split()[1:3] for line in lines] == [["2", "9"], ["2", "9"]]


def test_outcomes_of_one_policy_are_one_row():
    outcomes = [run(Arrival(0, "chat", (ms * MS,))) for ms in (2, 4)]
    (row,) = compare(outcomes).rows
    assert (row.policy, row.kind, row.missed, row.p50_ms) == ("levels", "chat", None, 3)
    assert compare(outcomes).of("levels", "chat") == row


def test_a_declared_rate_is_known_from_the_second_release_on():
    load = [
        Arrival(0, "train", (30 * MS,), repeats=True),
        *(Arrival(at * 100 * MS, "frame", (60 * MS,)) for at in (0, 1)),
    ]

    def held_ms(rates):
        events = records(run(*load, policy="guard", rates=rates, seconds=0.11).trace)
        return [e.t_ns / MS for e in events if e.happening == Happening.GUARD]

    assert held_ms({}) == []
    assert held_ms({"frame": 10})[0] == 90  # its next quantum would end after 120
