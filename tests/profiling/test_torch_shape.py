"""What users of torch.profiler know works here, too: schedules, handlers, tables, traces."""

import json
import logging

import pytest
import torch

from toolkit.profiling import profile

CYCLES = torch.profiler.schedule(wait=1, warmup=1, active=2, repeat=2)


def train(session, steps=10):
    for _ in range(steps):
        torch.ones(8)
        session.step()


def test_the_readme_of_torch_reads_the_same(tmp_path):
    schedule = torch.profiler.schedule(wait=1, warmup=1, active=2)
    with profile(schedule=schedule, on_trace_ready=lambda prof: handed.append(prof)) as prof:
        handed = []
        for _ in range(4):
            torch.ones(8)
            prof.step()
    assert handed == [prof]
    assert "aten::ones" in prof.key_averages().table(sort_by="self_cpu_memory_usage", row_limit=10)
    prof.export_chrome_trace(tmp_path / "trace.json")
    assert json.loads((tmp_path / "trace.json").read_text())["traceEvents"]


def test_a_handler_is_called_at_the_end_of_each_recorded_cycle():
    handed = []
    with profile(
        schedule=CYCLES, on_trace_ready=lambda session: handed.append(session.frame_count)
    ) as session:
        train(session)
    assert handed == [2, 4]


def test_cycles_that_follow_at_once_are_told_apart():
    handed = []
    schedule = torch.profiler.schedule(wait=0, warmup=1, active=2)
    with profile(
        schedule=schedule, on_trace_ready=lambda session: handed.append(session.frame_count)
    ) as session:
        train(session, 8)
    assert handed == [2, 4, 5]


def test_a_plain_schedule_has_cycles_where_it_pauses():
    handed = []
    with profile(
        schedule=lambda step: step % 5 < 2,
        on_trace_ready=lambda session: handed.append(session.frame_count),
    ) as session:
        train(session)
    assert handed == [2, 4]


def test_without_a_schedule_a_handler_is_called_once_at_the_end():
    handed = []
    with profile(on_trace_ready=handed.append) as session:
        train(session, 3)
        assert handed == []
    assert handed == [session]


def test_frames_of_a_pipeline_are_steps_of_the_schedule(play):
    handed = []
    with profile(
        schedule=CYCLES, on_trace_ready=lambda session: handed.append(session.bill().frames)
    ):
        play(frames=10)
    assert handed == [2, 4]


def test_a_handler_may_write_a_trace_of_each_cycle(tmp_path):
    def write(session):
        session.export_chrome_trace(tmp_path / f"{session.frame_count}.json")

    with profile(schedule=CYCLES, on_trace_ready=write) as session:
        train(session)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2.json", "4.json"]


def test_a_handler_that_raises_stops_no_frame(play, caplog):
    def fail(session):
        raise ZeroDivisionError

    with caplog.at_level(logging.ERROR), profile(schedule=CYCLES, on_trace_ready=fail) as session:
        play(frames=10)
    assert session.bill().frames == 4
    assert len(caplog.records) == 1
    assert any("on_trace_ready raised ZeroDivisionError" in note for note in session.bill().notes)


@pytest.mark.parametrize("level", ["counts", "lines"])
def test_what_a_handler_does_is_nobody_s_work(level):
    with profile(level, schedule=CYCLES, on_trace_ready=lambda _: torch.ones(999)) as session:
        train(session)
    assert session.bill().whole.total.allocated_bytes == 4 * 32


def test_rows_are_flat_dicts_for_pandas(session):
    (row,) = [row for row in session.key_averages().records() if row["stage"] == "double"]
    assert (row["operator"], row["calls"], row["allocated_bytes"]) == ("aten::add", 3, 3072)
    assert all(isinstance(value, str | int) for value in row.values())
