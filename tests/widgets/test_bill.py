"""Does the bill show what the session has, and cost what was asked for?"""

import re
import threading
from array import array
from pathlib import Path

import pytest
import torch

import widgets
from toolkit import FrameRing, Pipeline
from toolkit.profiling import budget, profile
from toolkit.stages import blur, gray
from widgets import Bill
from widgets.bill_rows import MEASURES, limits_of, pack, values_of

SCRIPT = Path(widgets.__file__).parent / "static" / "bill.js"


@pytest.fixture
def pipeline():
    return Pipeline([gray, blur], name="soft")


@pytest.fixture
def play(pipeline):
    """Runs the pipeline over so many small frames."""
    ring = FrameRing(4, width=32, height=24, pixel_format="rgb")
    pixels = torch.zeros(3, 24, 32, dtype=torch.uint8)

    def run(frames=3, name="blur"):
        source = (ring.copy_in(pixels, pts_seconds=index / 30) for index in range(frames))
        for frame in pipeline.run(source):
            frame[name]

    return run


def unpacked(buffer):
    """Rows as the page reads them: number, index, level, and values by place."""
    numbers, rows, at = array("d", buffer), [], 0
    while at < len(numbers):
        number, index, level, count = map(int, numbers[at : at + 4])
        at += 4
        stages = {}
        for _ in range(count):
            stages[int(numbers[at])] = list(numbers[at + 1 : at + 1 + len(MEASURES)])
            at += 1 + len(MEASURES)
        rows.append((number, index, level, stages))
    return rows


def test_a_bill_shows_each_frame_of_a_pipeline(by_hand, pipeline, play):
    bill = by_hand(Bill, pipeline, budget=budget(allocations=0))
    bill.see()
    play(3)
    bill.tick()
    ((message, buffer),) = bill.told("rows")
    assert message["stages"] == ["(outside stages)", "gray", "blur"]
    assert [row[:3] for row in unpacked(buffer)] == [(0, 0, 0), (1, 1, 0), (2, 2, 0)]


def test_what_is_shown_is_what_the_session_has(by_hand, pipeline, play):
    bill = by_hand(Bill, pipeline)
    bill.see()
    for frames in (3, 1, 5):
        play(frames)
        bill.tick_after(0.1)
    messages = bill.told("rows")
    names = messages[0][0]["stages"]
    shown = [row for _, buffer in messages for row in unpacked(buffer)]
    frames = list(bill.session.frames)
    assert [row[0] for row in shown] == list(range(9))
    for row, frame in zip(shown, frames, strict=True):
        named = {names[place]: values for place, values in row[3].items()}
        assert named == {
            stage or "(outside stages)": values_of(tally)
            for (_, stage), tally in frame.stages.items()
        }


def test_frames_are_counted_on_any_thread(by_hand, pipeline, play):
    bill = by_hand(Bill, pipeline)
    bill.see()
    worker = threading.Thread(target=play)
    worker.start()
    worker.join()
    play(2)
    bill.tick()
    assert bill.session.frame_count == 5


def test_only_what_is_new_is_sent(by_hand, pipeline, play):
    bill = by_hand(Bill, pipeline)
    bill.see()
    play(3)
    bill.tick()
    bill.told("rows")
    bill.tick_after(0.3)
    assert bill.sent == ()
    play(1)
    bill.tick_after(0.1)
    ((message, buffer),) = bill.told("rows")
    assert "stages" not in message
    assert [row[0] for row in unpacked(buffer)] == [3]


def test_a_second_view_gets_what_it_has_not(by_hand, pipeline, play):
    bill = by_hand(Bill, pipeline)
    bill.see()
    play(3)
    bill.tick()
    bill.told("rows")
    bill.see(view="b", have=1)
    bill.tick_after(0.1)
    ((message, buffer),) = bill.told("rows")
    assert message["stages"]
    assert [row[0] for row in unpacked(buffer)] == [1, 2]


def test_a_stage_keeps_its_place_when_a_view_is_scrolled_out_and_in(by_hand, pipeline, play):
    bill = by_hand(Bill, pipeline)
    bill.see()
    play(3)
    bill.tick()
    ((before, _),) = bill.told("rows")
    bill.see(visible=False)
    bill.see(have=3)
    play(2, name="pixels")  # these ran no stage; the page has rows of frames that did
    bill.tick_after(0.1)
    ((after, buffer),) = bill.told("rows")
    assert after["stages"] == before["stages"] == ["(outside stages)", "gray", "blur"]
    assert [set(row[3]) for row in unpacked(buffer)] == [{0}, {0}]


def test_words_are_sent_at_most_four_times_a_second(by_hand, pipeline, play):
    bill = by_hand(Bill, pipeline)
    bill.see()
    told = 0
    for _ in range(10):
        play(1)
        bill.tick_after(0.1)
        told += len(bill.told("words"))
    assert 3 <= told <= 4


def test_what_is_bypassed_is_said_among_the_notes(by_hand, pipeline, play):
    bill = by_hand(Bill, pipeline)
    pipeline.bypass("blur")
    bill.see()
    play(1)
    bill.tick()
    ((words,),) = bill.told("words")
    assert words["notes"][0] == "bypassed, at no cost: blur"


def test_a_bill_that_nobody_sees_records_nothing_and_is_heard_by_nobody(by_hand, pipeline, play):
    bill = by_hand(Bill, pipeline)
    play(3)
    assert bill.session.frame_count == 0
    bill.see()
    play(2)
    bill.see(visible=False)
    play(3)
    assert bill.session.frame_count == 2
    bill.see()
    play(1)
    assert bill.session.frame_count == 3


def test_a_bill_can_go_on_recording_while_it_is_hidden(by_hand, pipeline, play):
    bill = by_hand(Bill, pipeline, while_hidden=True)
    play(3)
    assert bill.session.frame_count == 3
    assert not bill.is_seen


def test_a_stopped_bill_keeps_its_frames_and_takes_no_more(by_hand, pipeline, play):
    bill = by_hand(Bill, pipeline)
    bill.see()
    play(2)
    bill.stop()
    play(2)
    assert bill.session.frame_count == 2
    bill.start()
    play(1)
    assert bill.session.frame_count == 3


def test_a_session_that_is_given_is_shown_and_no_other_is_opened(by_hand, pipeline, play):
    with profile() as session:
        bill = by_hand(Bill, pipeline, session=session)
        bill.see()
        play(3)
        session.catch_up()
        bill.tick()
        ((_, buffer),) = bill.told("rows")
    assert len(unpacked(buffer)) == 3
    assert not bill.has_own_session
    play(3)
    assert bill.session is session
    assert session.frame_count == 3


def test_a_given_session_says_whose_work_is_missing(by_hand, pipeline):
    done = threading.Event()
    worker = threading.Thread(target=done.wait, name="player of mine")
    worker.start()
    with profile() as session:
        bill = by_hand(Bill, pipeline, session=session)
        bill.see()
        bill.tick()
        ((words,),) = bill.told("words")
    done.set()
    worker.join()
    assert "player of mine" in words["missing"]


def test_a_look_shows_every_allocation_of_the_next_frame_with_its_line(by_hand, pipeline, play):
    bill = by_hand(Bill, pipeline)
    bill.see()
    play(3)
    bill.page(t="look")
    play(4)
    bill.tick()
    ((message,),) = bill.told("lines")
    assert message["frame"] == 3
    frame = bill.session.frames[3]
    assert frame.level == "exact"
    allocations = sum(row[4] for row in message["rows"]) + message["rest"][0]
    nbytes = sum(row[5] for row in message["rows"]) + message["rest"][1]
    assert (allocations, nbytes) == (frame.total().allocations, frame.total().allocated_bytes)
    assert all(":" in row[2] for row in message["rows"])
    assert [one.level for one in list(bill.session.frames)[4:]] == ["counts"] * 3


def test_the_rows_of_a_look_come_before_its_lines(by_hand, pipeline, play):
    bill = by_hand(Bill, pipeline)
    bill.see()
    bill.look()
    play(1)
    bill.tick()
    assert [one[0]["t"] for one in bill.sent] == ["rows", "lines", "words"]


def test_level_exact_is_for_one_frame_and_goes_back(by_hand, pipeline, play):
    bill = by_hand(Bill, pipeline)
    bill.see()
    bill.level = "exact"
    play(2)
    bill.tick()
    assert bill.level == "counts"
    assert bill.exact is not None
    assert bill.exact.frames == 1


def test_level_lines_looks_at_one_frame_in_thirty(by_hand, pipeline, play):
    bill = by_hand(Bill, pipeline)
    bill.see()
    bill.level = "lines"
    play(61)
    bill.tick()
    ((message,),) = bill.told("lines")
    assert bill.session.levels == {"lines": 3, "counts": 58}
    assert (message["frame"], message["frames"]) == (None, 3)


def test_a_look_waits_while_nobody_sees(by_hand, pipeline, play):
    bill = by_hand(Bill, pipeline)
    bill.look()
    play(2)
    bill.see()
    bill.tick()
    assert bill.exact is None
    play(1)
    bill.tick()
    assert bill.exact.frames == 1


def test_a_closed_bill_leaves_no_session_open(by_hand, pipeline, play):
    bill = by_hand(Bill, pipeline)
    bill.see()
    bill.look()
    play(1)
    bill.close()
    play(2)
    assert bill.session.frame_count == 1
    assert bill.session.plan is None


@pytest.mark.parametrize(
    "ask", [Bill.look, Bill.start, lambda bill: bill.set_trait("level", "exact")]
)
def test_a_closed_bill_looks_at_nothing(by_hand, pipeline, ask):
    bill = by_hand(Bill, pipeline, while_hidden=True)
    bill.close()
    ask(bill)
    assert not pipeline._listeners


def test_the_budget_of_a_bill_goes_to_the_page_by_measure(by_hand, pipeline):
    held = budget(allocations=0, allocated_bytes=100, d2h_bytes=0, syncs=0, warmup=2)
    bill = by_hand(Bill, pipeline, budget=held)
    assert bill.limits == {"allocations": 0, "bytes": 100, "d2h_bytes": 0, "syncs": 0}
    assert bill.warmup == 2


def test_a_limit_that_is_no_sum_over_stages_is_refused():
    with pytest.raises(ValueError, match=r"cannot show a limit on peak_bytes; it shows allocat"):
        limits_of({"peak_bytes": 1})


def test_the_page_and_the_kernel_have_the_same_measures_in_the_same_order():
    table = SCRIPT.read_text().partition("export const MEASURES = [")[2].partition("];")[0]
    assert re.findall(r'^  \["(\w+)"', table, re.MULTILINE) == list(MEASURES)


def test_a_row_has_the_amounts_of_each_stage_exactly(pipeline, play):
    with profile() as session:
        play(1)
    frame = session.frames[0]
    places = {key: place for place, key in enumerate(frame.stages)}
    ((number, index, level, stages),) = unpacked(pack([frame], 7, places))
    assert (number, index, level) == (7, 0, 0)
    for key, tally in frame.stages.items():
        named = dict(zip(MEASURES, stages[places[key]], strict=True))
        assert named["bytes"] == tally.allocated_bytes
        assert named["copies"] == tally.copy_count()
        assert named["h2h_bytes"] == tally.copies.get("h2h", [0, 0])[1]
        assert named["ms"] == tally.ms


def test_a_bill_stands_as_a_table_without_times_and_a_picture(by_hand, pipeline, play):
    with profile() as session:
        play(4)
    bill = by_hand(Bill, pipeline, session=session)
    lines = bill.still_text().splitlines()
    assert lines[0] == "Bill of soft, a frame in the median"
    assert lines[1].split()[:2] == ["stage", "allocations"]
    assert [line.split()[0] for line in lines[2:]] == ["gray", "blur", "(outside"]
    assert "ms" not in bill.still_text()
    assert bill.still_png().startswith(b"\x89PNG")


def test_a_bill_without_frames_says_so_and_has_no_picture(by_hand, pipeline):
    bill = by_hand(Bill, pipeline)
    assert bill.still_text() == "Bill of soft: no frame yet"
    assert bill.still_png() is None
