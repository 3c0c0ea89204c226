"""Where time went at boundaries: lines, time off the processor, and what reports say."""

import time

import pytest

from toolkit import hooks
from toolkit.profiling import Session, profile
from toolkit.profiling.findings import findings

HERE = "test_bottlenecks.py"


class _Clock:
    """Wall and processor time of one thread, moved by hand."""

    def __init__(self, monkeypatch):
        self.wall_ns = self.cpu_ns = 1_000_000
        monkeypatch.setattr(time, "perf_counter_ns", lambda: self.wall_ns)
        monkeypatch.setattr(time, "thread_time_ns", lambda: self.cpu_ns)

    def run(self, ms):
        self.wall_ns += ms * 1_000_000
        self.cpu_ns += ms * 1_000_000

    def stop(self, ms):
        self.wall_ns += ms * 1_000_000


@pytest.fixture
def clock(monkeypatch):
    return _Clock(monkeypatch)


def test_time_off_the_processor_that_no_wait_explains_is_printed(clock):
    with profile() as session, hooks.scope("stage", 0):
        clock.run(4)
        with hooks.timed("wait", op="queue"):
            clock.stop(2)
        clock.stop(3)  # a lock
    total = session.bill().stage("stage").total
    assert (total.time_ns, total.off_cpu_ns) == (9_000_000, 5_000_000)
    assert total.unnamed_off_cpu_ns == 3_000_000
    (said,) = (line for line in findings(session.bill()) if "off the CPU" in line)
    assert "Of 9 ms a frame on average 5 were spent off the CPU, 2 of them" in said.replace(
        ".00", ""
    )


def test_a_wait_that_spins_explains_no_time_off_the_processor(clock):
    with profile() as session, hooks.scope("stage", 0):
        with hooks.timed("wait", op="device"):
            clock.run(5)
        clock.stop(2)
    total = session.bill().stage("stage").total
    assert (total.wait_ns, total.unnamed_off_cpu_ns) == (5_000_000, 2_000_000)


def test_a_bill_whose_time_is_all_named_does_not_speak_of_the_processor(clock):
    with profile() as session, hooks.scope("stage", 0), hooks.timed("wait", op="queue"):
        clock.stop(9)
    assert not [line for line in findings(session.bill()) if "off the CPU" in line]


def test_findings_name_the_longest_of_each_kind_with_its_line(clock, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: clock.stop(seconds))
    with profile("lines") as session, hooks.scope("stage", 0):
        time.sleep(8)
        with hooks.timed("serialize", 1000, op="msgpack"):
            clock.run(3)
        with hooks.timed("io", 2000, op="disk"):
            clock.run(2)
    said = "\n".join(findings(session.bill()))
    assert "The longest: time.sleep at" in said
    assert "Reading and writing 2.00 kB takes" in said
    assert "Turning objects into bytes or back takes" in said
    assert said.count(HERE) == 3


def test_rows_of_bottlenecks_survive_a_file(tmp_path, clock):
    with profile("lines") as session, hooks.scope("stage", 0):
        with hooks.timed("wait", op="queue"):
            clock.stop(4)
        with hooks.timed("io", 10, op="disk"):
            clock.run(1)
    session.save(tmp_path / "one.json")
    loaded = Session.load(tmp_path / "one.json").bill()
    assert loaded.bottlenecks == session.bill().bottlenecks
    rows = [(row.kind, row.op, row.counts.count, row.counts.nbytes) for row in loaded.bottlenecks]
    rows = [row for row in rows if row[0] != "gc"]  # the collector comes when it likes
    assert rows == [("wait", "queue", 1, 0), ("io", "disk", 1, 10)]


def test_the_page_has_a_table_of_them_with_text_escaped(tmp_path, clock):
    with profile() as session, hooks.scope("stage", 0), hooks.timed("wait", op="<queue>"):
        clock.stop(4)
    page = session.export_html(tmp_path / "page.html").read_text(encoding="utf-8")
    assert 'aria-label="bottlenecks"' in page
    assert "&lt;queue&gt;" in page
    assert "<queue>" not in page


def test_json_has_what_the_bill_shows(clock):
    with profile() as session, hooks.scope("stage", 0), hooks.timed("wait", op="queue"):
        clock.stop(4)
    told = session.bill().to_dict()
    assert told["whole"]["off_cpu_ms"] == 4
    assert told["whole"]["unnamed_off_cpu_ms"] == 0
    (row,) = told["bottlenecks"]
    assert (row["kind"], row["op"], row["ms_per_frame"]) == ("wait", "queue", 4)
