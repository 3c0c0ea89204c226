"""Who pays in a plain loop? The step does, also for what its source did under a frame's index."""

import torch

from toolkit import hooks
from toolkit.profiling import profile


def work_on(index: int, nbytes: int) -> None:
    """What a source does: it reports under the index of the frame that it is about to give."""
    with hooks.scope("decode", index):
        hooks.report("io", nbytes, op="packet")


def test_a_step_pays_for_the_source_that_it_read():
    with profile() as session:
        for index in range(3):
            work_on(index, 100)
            session.step()
    assert session.bill().frames == 3
    assert session.bill().stage("decode").calls == 3
    assert session.bill().stage("decode").total.io_bytes == 300
    assert [frame.stages["", "decode"].io_bytes for frame in session.frames] == [100, 100, 100]


def test_what_is_left_after_the_last_step_is_not_charged_its_copies_again():
    source, target = torch.ones(8), torch.zeros(8)
    with profile() as session:
        for _ in range(3):
            target.copy_(source)
            session.step()
    assert session.bill().whole.copies["h2h"]["count"] == 3


def test_a_source_that_does_not_begin_at_zero_is_paid_for_in_its_step():
    with profile() as session:
        for index in (70, 71, 5, 6):
            work_on(index, 10)
            session.step()
    assert session.bill().frames == 4
    assert [frame.stages["", "decode"].io_bytes for frame in session.frames] == [10, 10, 10, 10]


def test_events_of_a_step_are_kept_once():
    with profile(keep="all") as session:
        for index in range(2):
            work_on(index, 10)
            session.step()
    assert [event.nbytes for event in session.events if event.kind == "io"] == [10, 10]


def test_a_look_for_one_frame_more_at_the_end_of_a_file_is_no_frame():
    with profile() as session:
        for index in range(2):
            work_on(index, 10)
            hooks.frame_begin(index)
            hooks.frame_end(index)
        work_on(2, 1)
    assert session.bill().frames == 2
    assert session.bill().stage("decode").total.io_bytes == 21
