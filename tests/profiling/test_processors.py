"""Bills, comparisons and findings, from data made by hand."""

import pytest

from toolkit.profiling import Session
from toolkit.profiling.comparison import compare
from toolkit.profiling.findings import TUNED, findings
from toolkit.profiling.frames import FrameRecord
from toolkit.profiling.processors import OUTSIDE, stage_names, timeline
from toolkit.profiling.tally import Tally
from toolkit.profiling.units import format_bytes, format_count, format_ms


def session_of(*frames):
    """A session of frames, each a dict of stage to tally."""
    session = Session()
    for index, stages in enumerate(frames):
        record = FrameRecord(
            index, {("demo" if name else "", name): one for name, one in stages.items()}
        )
        session.add_frame(record, is_frame=True)
    return session


def blur(ms, nbytes, **more):
    return Tally(calls=1, time_ns=int(ms * 1e6), allocations=2, allocated_bytes=nbytes, **more)


def test_a_bill_has_medians_means_and_shares():
    session = session_of(
        {"blur": blur(1, 100), "": Tally(time_ns=1_000_000)},
        {"blur": blur(2, 100)},
        {"blur": blur(6, 400)},
    )
    one = session.bill().stage("blur")
    assert (one.ms_median, one.allocations_per_frame, one.allocated_bytes_per_frame) == (2, 2, 200)
    assert one.share == pytest.approx(0.9)
    assert session.bill().whole.ms_median == 2


def test_what_lies_outside_of_stages_comes_last():
    session = session_of({"": Tally(time_ns=1), "blur": blur(1, 1)})
    assert [one.name for one in session.bill().stages] == ["blur", OUTSIDE]


def test_a_stage_that_is_not_on_the_bill_is_named_with_those_that_are():
    with pytest.raises(KeyError, match="no stage 'edges' on this bill; there are blur"):
        session_of({"blur": blur(1, 1)}).bill().stage("edges")


def test_two_pipelines_with_the_same_stage_are_told_apart():
    names = stage_names([("left", "blur"), ("right", "blur"), ("left", "edges"), ("", "")])
    assert list(names.values()) == ["left/blur", "right/blur", "edges", OUTSIDE]


def test_plain_values_have_the_names_that_tools_rely_on():
    values = session_of({"blur": blur(2, 100, copies={"h2h": [3, 30]})}).bill().to_dict()
    assert values["frames"] == 1
    assert values["copies"] == {"h2d": 0, "d2h": 0, "d2d": 0, "h2h": 3}
    assert values["copied_bytes"]["h2h"] == 30
    assert {"dropped", "syncs", "waits_ms"} <= values.keys()
    stage = values["stages"][0]
    assert stage["name"] == "blur"
    assert stage["ms_median"] == 2
    assert stage["allocations_per_frame"] == 2
    assert stage["allocated_bytes_per_frame"] == 100


def test_two_bills_are_compared_stage_by_stage():
    before = session_of({"blur": blur(4, 400), "old": blur(1, 1)}).bill()
    after = session_of({"blur": blur(1, 100), "new": blur(1, 1)}).bill()
    comparison = compare(before, after)
    rows = {row.name: row for row in comparison.rows}
    assert list(rows) == ["blur", "old", "new", "whole frame"]
    assert rows["blur"].ratio("ms_median") == 0.25
    assert rows["old"].after is None
    assert rows["old"].ratio("ms_median") is None
    assert "0.25" in str(comparison)


def test_a_timeline_has_a_row_for_each_frame():
    session = session_of({"blur": blur(1, 10)}, {"blur": blur(2, 20)})
    rows = timeline(session.frames, stage_names(session.stages))
    assert rows[1] == {
        "index": 1,
        "ms": {"blur": 2.0},
        "allocations": {"blur": 2},
        "bytes": {"blur": 20},
    }


def test_findings_say_who_takes_the_time_and_the_bytes():
    session = session_of({"blur": blur(1, 300), "edges": blur(3, 100)})
    said = findings(session.bill())
    assert said[0] == "A frame takes 4.00 ms (median); 75% of the time is edges."
    assert (
        said[1] == "blur makes 75% of the bytes. A frame takes 400 B in 4 allocations on average."
    )


def test_findings_say_which_stage_only_warms_up():
    first = Tally(calls=1, time_ns=1, allocations=5, allocated_bytes=10)
    rest = Tally(calls=1, time_ns=1)
    said = findings(session_of({"blur": first}, {"blur": rest}, {"blur": rest}).bill())
    assert "blur allocates on its first frames only (5 in all)." in said


def test_findings_point_to_the_allocator_unless_it_is_tuned():
    session = session_of({"blur": blur(1, 1, page_faults=5000)})
    assert any("tune_allocator() stops" in line for line in findings(session.bill()))
    session.note(f"{TUNED} meanwhile")
    assert not any("tune_allocator()" in line for line in findings(session.bill()))


def test_findings_say_how_much_is_waiting():
    session = session_of({"blur": blur(10, 1, waits=1, wait_ns=5_000_000)})
    assert "50% of the time is spent waiting, most of it in blur." in findings(session.bill())


def test_nothing_is_found_in_nothing():
    assert findings(Session().bill()) == ["No frame was finished."]


def test_copies_without_a_size_are_said_to_have_none():
    session = session_of({"blur": blur(1, 1, copies={"h2h": [2, 0]}, unsized_copies=2)})
    assert any("2 copies wrote into memory" in note for note in session.bill().notes)


def test_operators_are_sorted_by_any_column(session):
    averages = session.key_averages()
    assert len(averages) >= 2
    table = averages.table(sort_by="self_cpu_memory_usage", row_limit=1)
    assert "aten::" in table
    assert "more; table(row_limit=-1) shows all" in table
    names = [row.name for row in averages]
    assert {"aten::add", "aten::clone"} <= set(names)


def test_a_column_that_is_not_there_is_named_with_those_that_are(session):
    with pytest.raises(ValueError, match="cannot sort by 'colour'; there is calls"):
        session.key_averages().table(sort_by="colour")


@pytest.mark.parametrize(
    ("nbytes", "written"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.00 kB"), (3_686_400, "3.69 MB"), (45e9, "45.0 GB")],
)
def test_bytes_are_written_with_three_digits(nbytes, written):
    assert format_bytes(nbytes) == written


def test_counts_and_milliseconds_are_short():
    assert [format_count(value) for value in (3.0, 2.56, 0.05)] == ["3", "2.6", "0.05"]
    assert [format_ms(value) for value in (0, 0.0421, 3.14159, 47.123, 238.7)] == [
        "0",
        "0.042",
        "3.14",
        "47.1",
        "239",
    ]


def test_copied_bytes_are_summed_over_directions_and_averaged_over_frames():
    session = session_of(
        {"blur": blur(2, 0, copies={"h2d": [1, 30], "h2h": [1, 10]})}, {"blur": blur(2, 0)}
    )
    assert session.bill().stage("blur").copied_bytes_per_frame == 20
