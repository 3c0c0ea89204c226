"""`with profile() as session:` around any torch code."""

import threading

import pytest
import torch

from toolkit import hooks
from toolkit.profiling import profile

pytestmark = pytest.mark.usefixtures("each_way_of_counting")


def test_a_session_bills_each_stage_and_frame(play):
    with profile() as session:
        play(frames=3, size=256)
    bill = session.bill()
    assert bill.frames == 3
    assert [one.name for one in bill.stages] == ["double", "copy", "look", "(outside stages)"]
    double, copy, look = (bill.stage(name) for name in ("double", "copy", "look"))
    assert (double.calls, double.allocations_per_frame) == (3, 1)
    assert double.allocated_bytes_per_frame == 1024
    assert copy.copies["h2h"] == {"count": 3, "bytes": 3 * 1024}
    assert (look.total.waits, look.waits_ms) == (3, 6.0)


def test_code_that_is_no_pipeline_says_step():
    picture = torch.ones(256)
    with profile() as session:
        for _ in range(4):
            picture.clone()
            session.step()
    bill = session.bill()
    assert bill.frames == 4
    assert bill.stage("(outside stages)").allocations_per_frame == 1
    assert [frame.index for frame in session.frames] == [0, 1, 2, 3]


def test_code_without_steps_is_one_frame():
    with profile() as session:
        torch.ones(256)
    assert session.bill().frames == 1
    assert session.bill().whole.total.allocated_bytes == 1024


def test_the_peak_of_a_session_leaves_out_what_an_earlier_one_left_alive():
    with profile():
        kept = torch.ones(4096)
    with profile() as session:
        torch.ones(8)
    assert (kept.numel(), session.bill().whole.total.peak_bytes) == (4096, 32)


def test_a_frame_that_an_earlier_session_did_not_see_the_end_of_is_none_of_a_later_one():
    with profile():
        hooks.frame_begin(7)
    hooks.frame_end(7)
    with profile() as session:
        torch.ones(8)
    assert [frame.index for frame in session.frames] == [0]


def test_an_empty_session_has_an_empty_bill():
    with profile() as session:
        pass
    bill = session.bill()
    assert (bill.whole.total.allocations, bill.whole.total.allocated_bytes) == (0, 0)


def test_a_step_beside_a_pipeline_makes_no_frame_of_its_own():
    with profile() as session:
        for index in range(3):
            hooks.frame_begin(index)
            torch.ones(8)
            hooks.frame_end(index)
            session.step()
    assert session.bill().frames == 3


def test_a_level_that_does_not_exist_is_named_with_those_that_do():
    with pytest.raises(
        ValueError, match=r"'all' does not exist; there is 'counts', 'lines', 'exact'\."
    ):
        profile(level="all")


def test_a_keep_that_does_not_exist_is_named_with_those_that_do():
    with pytest.raises(ValueError, match="there is 'fold' and 'all'"):
        profile(keep="some")


@pytest.mark.parametrize("values", [0, 8])
def test_a_session_is_opened_once(values):
    opened = profile()
    with opened:
        torch.ones(values)
    with pytest.raises(RuntimeError, match="opened already"), opened:
        pass


def test_a_step_after_the_end_is_refused():
    with profile() as session:
        pass
    with pytest.raises(RuntimeError, match="not open"):
        session.step()


def test_nested_sessions_both_see_everything(play):
    with profile() as outer:
        play(frames=1)
        with profile() as inner:
            play(frames=2)
        play(frames=1)
    assert (outer.bill().frames, inner.bill().frames) == (4, 2)
    assert inner.bill().stage("double").allocations_per_frame == 1
    assert outer.bill().stage("double").total.allocations == 4


@pytest.mark.parametrize(
    ("outside", "inside"), [("counts", "lines"), ("lines", "counts"), ("counts", "exact")]
)
def test_of_nested_sessions_the_one_that_asks_for_most_gets_it_in_every_scope(outside, inside):
    with profile(outside) as outer, profile(inside) as inner:
        for index in range(12):  # more than are looked at in any case
            with hooks.scope("stage", index):
                torch.ones(8)
    for session in (outer, inner):
        (row,) = [one for one in session.lines() if one.op == "aten::ones"]
        assert row.counts.allocations == 12
        assert "test_capture.py" in row.source


def test_a_session_inside_a_scope_sees_the_rest_of_it():
    with profile() as outer, hooks.scope("stage", 0):
        torch.ones(8)
        with profile() as inner:
            torch.ones(8)
    assert inner.bill().stage("stage").total.allocations == 1
    assert outer.bill().stage("stage").total.allocations == 2


def test_work_on_another_thread_is_recorded_where_the_session_is_carried():
    def work(table):
        with hooks.using(table), hooks.scope("elsewhere", 0):
            torch.ones(256)

    with profile() as session:
        thread = threading.Thread(target=work, args=(hooks.table(),))
        thread.start()
        thread.join()
    assert session.bill().stage("elsewhere").total.allocated_bytes == 1024


def test_two_threads_at_once_are_told_apart():
    barrier = threading.Barrier(2)

    def work(table, name, count):
        with hooks.using(table):
            for index in range(50):
                barrier.wait()
                with hooks.scope(name, index):
                    for _ in range(count):
                        torch.ones(16)

    with profile() as session:
        threads = [
            threading.Thread(target=work, args=(hooks.table(), name, count))
            for name, count in (("one", 1), ("three", 3))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    bill = session.bill()
    assert bill.stage("one").total.allocations == 50
    assert bill.stage("three").total.allocations == 150


def test_a_thread_that_no_session_was_carried_to_is_not_on_the_bill():
    with profile() as session:
        thread = threading.Thread(target=lambda: torch.ones(1000))
        thread.start()
        thread.join()
    assert session.bill().whole.total.allocated_bytes == 0
    assert any("no session was carried to" in note for note in session.bill().notes)


def test_a_schedule_chooses_the_frames():
    with profile(schedule=lambda step: step % 2 == 0) as session:
        for _ in range(6):
            torch.ones(8)
            session.step()
    assert session.bill().frames == 3


def test_the_schedule_of_torch_is_one(play):
    schedule = torch.profiler.schedule(wait=1, warmup=1, active=2, repeat=1)
    with profile(schedule=schedule) as session:
        play(frames=10)
    assert session.bill().frames == 2
    assert session.bill().stage("double").total.allocations == 2


def test_an_error_in_a_stage_leaves_the_bill_of_what_was_done(play):
    def fail():
        torch.ones(256)
        raise ZeroDivisionError

    opened = profile()
    with pytest.raises(ZeroDivisionError), opened, hooks.scope("broken", 0):
        fail()
    assert opened.session.bill().stage("broken").total.allocations == 1
    with profile() as after:
        play(frames=1)
    assert after.bill().frames == 1


def test_nothing_is_listening_after_the_end():
    with profile():
        assert hooks.is_listening()
    assert not hooks.is_listening()


def test_a_step_is_billed_for_its_own_copies_and_the_rest_for_none():
    picture = torch.ones(256)
    with profile() as session:
        for _ in range(5):
            picture.clone()
            session.step()
    assert session.bill().whole.total.copies == {"h2h": [5, 5 * 1024]}
