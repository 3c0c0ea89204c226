"""How are benchmarks found, run and shown together?"""

import sys

import pytest

from toolkit.demos import WrongUse, bench


@pytest.fixture
def folder(tmp_path):
    for name, ratio in (("ring", 0.5), ("decode", 1.1)):
        result = {"name": name, "ratios": {"over naive": ratio}}
        (tmp_path / f"bench_{name}.py").write_text(f"def run(quick):\n    return {result}\n")
    (tmp_path / "notes.py").touch()
    return tmp_path


def test_all_benchmarks_are_found_in_order_or_one_by_name(folder):
    assert [path.stem for path in bench.find(folder=folder)] == ["bench_decode", "bench_ring"]
    assert [path.stem for path in bench.find("ring", folder=folder)] == ["bench_ring"]
    assert [path.stem for path in bench.find("bench_ring", folder=folder)] == ["bench_ring"]


def test_a_name_that_is_not_there_lists_those_that_are(folder):
    with pytest.raises(WrongUse, match=r"no benchmark 'rings'; there are decode, ring"):
        bench.find("rings", folder=folder)


def test_without_a_checkout_the_way_to_one_is_named(tmp_path):
    with pytest.raises(WrongUse, match="git clone"):
        bench.find(folder=tmp_path)


def test_a_result_is_completed_with_the_machine(folder):
    result = bench.run(folder / "bench_ring.py")
    assert result["ratios"] == {"over naive": 0.5}
    assert result["machine"]["torch"]


def test_a_benchmark_may_import_what_lies_beside_it(folder, monkeypatch):
    (folder / "beside_this_one.py").write_text("ratio = 0.7\n")
    path = folder / "bench_ring.py"
    path.write_text(
        "from beside_this_one import ratio\ndef run(quick):\n    return {'ratios': {'r': ratio}}\n"
    )
    monkeypatch.delitem(sys.modules, "beside_this_one", raising=False)
    before = list(sys.path)
    assert bench.run(path)["ratios"] == {"r": 0.7}
    assert sys.path == before


def test_a_benchmark_may_have_dataclasses(folder):
    path = folder / "bench_ring.py"
    path.write_text(
        "from __future__ import annotations\n"
        "from dataclasses import dataclass\n"
        "@dataclass\nclass Case:\n    ratio: float\n"
        "def run(quick):\n    return {'ratios': {'r': Case(0.7).ratio}}\n"
    )
    assert bench.run(path)["ratios"] == {"r": 0.7}
    assert "bench_ring" not in sys.modules


def test_several_results_become_one_object_with_full_ratio_names(folder):
    results = [bench.run(path) for path in bench.find(folder=folder)]
    whole = bench.together(results)
    assert whole["name"] == "all"
    assert whole["ratios"] == {"decode/over naive": 1.1, "ring/over naive": 0.5}
    assert bench.together(results[:1]) is results[0]
