"""Is a session replayed as it was? Sessions that the simulator itself recorded, so all is known."""

from dataclasses import replace

import pytest

from toolkit.scheduler.arrivals import Arrival
from toolkit.scheduler.contexts import Context
from toolkit.scheduler.executors.calibration import Calibration
from toolkit.scheduler.executors.sim import simulate
from toolkit.scheduler.lanes import LAYOUTS
from toolkit.scheduler.loads import KINDS, workload
from toolkit.scheduler.recording import Recording
from toolkit.scheduler.rerun import what_if

MS = 1_000_000
EXACT = Calibration()


def recorded(load, *, mode="levels", kinds=KINDS, contexts=(), shifts=(), seconds=1.0, workers=2):
    """A recording of a simulated session on an exact machine."""
    outcome = simulate(
        load,
        policy=mode,
        seconds=seconds,
        workers=workers,
        kinds=kinds,
        contexts=contexts,
        shifts=shifts,
        calibration=EXACT,
        with_trace=True,
    )
    lanes = LAYOUTS[mode](workers)
    snapshot = {
        "workers": len(lanes),
        "lanes": [[lane.first, lane.last] for lane in lanes],
        "kinds": [{"name": name, "base": int(level)} for name, level in kinds.items()],
        "contexts": ["default", *(context.name for context in contexts)],
        "mode": mode,
    }
    return Recording.of(snapshot, outcome.trace)


def test_what_if_a_pool_had_run_this_session():
    answer = what_if(recorded(workload(1.5, seconds=1, seed=0)), policy="pool", calibration=EXACT)
    assert answer.recorded.miss_rate(["cam1"]) < 0.3 < answer.instead.miss_rate(["cam1"])
    lines = str(answer).split("\n\n")[0].splitlines()
    assert [line.split("  ")[0] for line in lines[1:]] == [
        "levels, recorded",
        "levels, simulated",
        "pool instead",
    ]


def test_work_that_ended_is_replayed_to_the_nanosecond():
    load = [
        Arrival(0, "chat", (4 * MS, 4 * MS)),
        Arrival(MS, "cam1", (3 * MS,), deadline_ns=20 * MS),
        Arrival(2 * MS, "train", (5 * MS,)),
    ]
    answer = what_if(recorded(load, workers=1), policy="levels", calibration=EXACT)
    assert answer.simulated.kinds == answer.recorded.kinds
    assert answer.instead == answer.simulated
    assert answer.replay.arrivals == tuple(load)


def test_a_context_begins_in_the_replay_when_it_did():
    kinds = {"frame": 0, "chat": 1}
    talk = Context("talk", {"chat": "CRITICAL", "frame": "NORMAL"})
    load = [
        Arrival(at * MS, kind, (8 * MS,)) for at in range(0, 400, 10) for kind in ("frame", "chat")
    ]
    session = recorded(
        load, kinds=kinds, contexts=[talk], shifts=[(0.1, "talk")], seconds=0.4, workers=1
    )
    answer = what_if(session, policy="levels", calibration=EXACT)
    assert answer.simulated.kinds["chat"].done == answer.recorded.kinds["chat"].done
    assert answer.simulated.kinds["chat"].done > 20


def test_costs_that_were_recorded_are_not_added_again():
    session = recorded([Arrival(0, "chat", (10 * MS,))])
    dear = replace(EXACT, slowdown=2.0, cost_noise=0.5)
    answer = what_if(session, policy="levels", calibration=dear)
    assert answer.simulated.kinds["chat"].p50_ms == 10


def test_a_recording_of_nothing_is_refused():
    with pytest.raises(ValueError, match="nothing to replay"):
        what_if(replace(recorded([Arrival(0, "chat", (MS,))]), end_ns=0), policy="pool")


def test_a_context_holds_whose_begin_is_not_recorded_any_more():
    load = [
        one
        for at in range(60)
        for one in (
            Arrival(at * 15 * MS, "chat", (4 * MS, 4 * MS)),
            Arrival(at * 15 * MS + MS, "train", (6 * MS,)),
        )
    ]
    whole = recorded(
        load,
        contexts=[Context("night", {"train": "CRITICAL", "chat": "LOW"})],
        shifts=[(0.005, "night")],
        workers=1,
    )
    rest = replace(
        whole,
        events=tuple(one for one in whole.events if one.t_ns > 300 * MS),
        start_ns=300 * MS,
        lost=1,
    )
    answer = what_if(rest, policy="levels", calibration=EXACT)
    for kind in ("chat", "train"):
        assert answer.simulated.kinds[kind].p95_ms == pytest.approx(
            answer.recorded.kinds[kind].p95_ms, abs=1.0
        )
