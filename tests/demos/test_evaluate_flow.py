"""Our flow and that of others on the same pairs, to a table, plots and one JSON object."""

import io
import json

import cv2
import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from toolkit.demos import BadInput, WrongUse, evaluate_flow, flow_cases
from toolkit.demos.evaluate_flow import run_flow
from toolkit.demos.flow_cases import draw_scenes
from toolkit.evaluation import BadData, write_flo

OPENCV = {f"opencv_{one}" for one in ("dis_ultrafast", "dis_fast", "dis_medium", "farneback")}


@pytest.fixture
def evaluate(tmp_path, monkeypatch):
    """Run it; returns its answer and what it printed. Plots are drawn where they are looked at."""

    def run(*, draws=False, **options):
        for plot in () if draws else ("plot_bars", "plot_shares"):
            monkeypatch.setattr(evaluate_flow, plot, lambda *what, **how: None)
        printed = io.StringIO()
        console = Console(file=printed, width=100)
        return run_flow(out=tmp_path, console=console, **options), printed.getvalue()

    return run


@pytest.fixture
def small(monkeypatch):
    """Drawn pairs of 96x64 px, so that a test takes a moment."""
    monkeypatch.setattr(flow_cases, "WIDTH", 96)
    monkeypatch.setattr(flow_cases, "HEIGHT", 64)


@pytest.fixture
def data(tmp_path):
    """Three pairs of noise that moves right by 1, 2 and 3 px."""
    folder = tmp_path / "data"
    folder.mkdir()
    noise = np.random.default_rng(4).integers(0, 255, (40, 50, 3), dtype=np.uint8)
    noise = cv2.GaussianBlur(noise, (5, 5), 0)
    for shift in (1, 2, 3):
        cv2.imwrite(str(folder / f"{shift}_img1.png"), noise)
        cv2.imwrite(str(folder / f"{shift}_img2.png"), np.roll(noise, shift, axis=1))
        flow = np.zeros((2, 40, 50), np.float32)
        flow[0] = shift
        write_flo(folder / f"{shift}_flow.flo", flow)
    return folder


def test_a_data_set_is_evaluated_with_every_method(evaluate, still_flow, data):
    result, printed = evaluate(data=data, preset="fast")
    assert set(result["metrics"]) == {"toolkit", *OPENCV}
    ours = result["metrics"]["toolkit"]
    assert ours["epe_mean"] == pytest.approx(2)
    assert ours["epe_median"] == pytest.approx(2, rel=1e-3)
    assert ours["fl_all"] == 0
    assert ours["backend"] == "torch"
    assert result["metrics"]["opencv_dis_medium"]["backend"] == "opencv"
    assert [one["name"] for one in result["pairs"]] == ["1", "2", "3"]
    assert [one["epe_mean"]["toolkit"] for one in result["pairs"]] == [1, 2, 3]
    assert (result["data"], result["seed"], result["preset"]) == (str(data), None, "fast")
    assert "preset fast, back end torch" in printed
    assert "opencv_dis_medium" in printed
    json.dumps(result, allow_nan=False)


def test_the_stage_gets_the_options_and_one_thread(evaluate, still_flow, data):
    evaluate(data=data, preset="best", backend="opencv")
    assert set(still_flow) == {("best", "opencv", 1)}
    assert len(still_flow) == 4  # the first pair twice; first frames are answered without it


def test_the_other_methods_find_what_moved(evaluate, still_flow, data):
    metrics = evaluate(data=data)[0]["metrics"]
    assert metrics["opencv_dis_medium"]["epe_median"] < 0.3 < metrics["toolkit"]["epe_median"]


def test_of_a_large_data_set_some_pairs_are_spread_over_it(evaluate, still_flow, data):
    assert [one["name"] for one in evaluate(data=data, pairs=2)[0]["pairs"]] == ["1", "2"]


def test_drawn_scenes_are_evaluated_with_the_seed_that_was_given(evaluate, still_flow, small):
    result, printed = evaluate(scenes=2, seed=7)
    assert len(result["pairs"]) == 2
    assert (result["seed"], result["data"]) == (7, None)
    assert "2 drawn scenes, seed 7" in printed
    assert evaluate(scenes=2, seed=7)[0]["pairs"] == result["pairs"]


def test_without_a_seed_a_fresh_one_is_drawn_and_printed(evaluate, still_flow, small):
    results = [evaluate(scenes=1) for _ in range(2)]
    seeds = [result["seed"] for result, _ in results]
    assert seeds[0] != seeds[1]
    assert all(f"seed {seed}" in said for seed, (_, said) in zip(seeds, results, strict=True))


def test_the_truth_of_a_drawn_pair_leads_to_the_second_picture(small):
    case = next(draw_scenes(1, seed=11))
    assert case.before.shape == case.after.shape == (3, 64, 96)
    y, x = np.mgrid[:64, :96].astype(np.float32)
    before, after = (
        np.moveaxis(one, 0, -1).astype(np.float32) for one in (case.before, case.after)
    )
    there = cv2.remap(after, x + case.truth.flow[0], y + case.truth.flow[1], cv2.INTER_LINEAR)
    assert np.abs(there - before)[case.truth.is_valid].mean() < 4 < np.abs(after - before).mean()


def test_the_plots_are_pictures_with_something_on_them(evaluate, still_flow, data):
    for path in evaluate(data=data, draws=True)[0]["plots"]:
        with Image.open(path) as picture:
            assert min(picture.size) > 200
            assert len(picture.convert("RGB").getcolors(1 << 24) or []) > 20


def test_an_interrupt_ends_with_the_pairs_that_were_finished(
    evaluate, still_flow, data, monkeypatch
):
    method = evaluate_flow.toolkit_method("torch", "fast")
    left = [3]  # the first one is warmed up with

    def interrupted(before, after):
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return method(before, after)

    monkeypatch.setattr(evaluate_flow, "toolkit_method", lambda *options: interrupted)
    result, printed = evaluate(data=data)
    assert result["interrupted"] is True
    assert [one["name"] for one in result["pairs"]] == ["1", "2"]
    assert result["metrics"]["opencv_dis_fast"]["pixels"] == 2 * 40 * 50
    assert "Interrupted: this is what was finished" in printed


def test_an_interrupt_before_the_first_pair_leaves_nothing(evaluate, data, monkeypatch):
    def interrupted(before, after):
        raise KeyboardInterrupt

    monkeypatch.setattr(evaluate_flow, "toolkit_method", lambda *options: interrupted)
    result, _ = evaluate(data=data)
    assert (result["metrics"], result["pairs"], result["plots"]) == ({}, [], [])


def test_without_opencv_there_are_no_peers_and_that_is_said(
    evaluate, still_flow, data, monkeypatch
):
    for module in ("flow_rivals", "evaluation_run", "opencv"):
        monkeypatch.setattr(f"toolkit.demos.{module}.find_opencv", lambda: None)
    result, printed = evaluate(data=data)
    assert set(result["metrics"]) == {"toolkit"}
    assert "OpenCV is not installed" in result["peers_missing"]
    assert "nobody to compare with" in printed
    with pytest.raises(WrongUse, match="--backend opencv: OpenCV is not installed here; pip"):
        evaluate(data=data, backend="opencv")


def test_options_that_contradict_each_other_are_wrong_use(evaluate, still_flow, data):
    with pytest.raises(WrongUse, match="--data is not drawn"):
        evaluate(data=data, seed=3)
    with pytest.raises(WrongUse, match="--pairs: that is for a data set"):
        evaluate(pairs=3)
    with pytest.raises(WrongUse, match=r"--preset: .*fast"):
        evaluate(data=data, preset="sloppy")


def test_a_folder_that_is_no_data_set_is_refused(evaluate, still_flow, tmp_path):
    with pytest.raises(BadData, match="holds no flow data"):
        evaluate(data=tmp_path)


def test_a_pair_without_a_known_truth_is_named(evaluate, still_flow, data):
    write_flo(data / "2_flow.flo", np.full((2, 40, 50), np.nan))
    with pytest.raises(BadInput, match="pair 2: none of 2000 pixels has a known truth"):
        evaluate(data=data)
