"""A bypassed stage hands its input on: by reference, from the next frame on, for all readers."""

import json

import pytest
import torch

from toolkit import Frame, FrameRing, Pipeline
from toolkit.frame import MissingAttachment
from toolkit.parameters import ParameterError
from toolkit.pipeline import StageError
from toolkit.profiling import profile
from toolkit.stages import blur, corners, edges, gray, motion, overlay, rgb, sobel, threshold
from toolkit.stages.declare import Gray, Pointwise, stage


@stage("soft", footprint=Pointwise())
def soft(shade: Gray) -> Gray:
    return shade / 2


@stage("fading", footprint=Pointwise(), first=torch.clone)
def fading(gray: Gray, prev_fading: Gray) -> Gray:
    return (gray + prev_fading) / 2


def frames(count=4):
    """Gray frames, each a little brighter than the one before."""
    ring = FrameRing(4, width=16, height=16, pixel_format="gray")
    for number in range(count):
        slot = ring.acquire()
        slot.pixels.fill_(40 * number)
        yield ring.publish(slot, pts_seconds=number / 10, index=number)


def picture():
    return Frame.from_image(torch.rand(3, 24, 32))


def test_the_result_of_a_bypassed_stage_is_its_input_itself():
    pipeline = Pipeline([gray, blur, sobel])
    pipeline.bypass("blur")
    seen = pipeline.bind(picture())
    assert seen["blur"] is seen["gray"]
    assert pipeline.timings["blur"].calls == 0
    assert pipeline.bypassed == ("blur",)
    pipeline.enable("blur")
    assert pipeline.bypassed == ()


def test_an_overlay_that_is_bypassed_shows_the_picture_and_what_it_needed_does_not_run():
    pipeline = Pipeline([rgb, gray, blur, sobel, edges, corners, overlay])
    pipeline.bypass("overlay")
    seen = pipeline.bind(picture())
    assert seen["overlay"] is seen["rgb"]
    assert [name for name, one in pipeline.timings.items() if one.calls] == ["rgb"]
    assert pipeline.order(["overlay"]) == ("rgb",)
    assert "overlay" not in pipeline.order()


def test_a_bypass_is_on_no_bill():
    pipeline = Pipeline([gray, blur])
    pipeline.bypass("blur")
    with profile() as session:
        for frame in pipeline.run(frames()):
            frame["blur"]
    assert "blur" not in [one.name for one in session.bill().stages]


def test_it_takes_effect_at_the_next_frame_everywhere_at_once():
    pipeline = Pipeline([gray, blur, motion])
    handed_on = []
    for frame in pipeline.run(frames()):
        if frame.index == 1:
            pipeline.bypass("blur")
        handed_on.append(frame["blur"] is frame["gray"])
    assert handed_on == [False, False, True, True]


def test_bypassed_and_not_do_not_collide_on_one_frame_and_share_what_agrees():
    with_blur, without = Pipeline([gray, blur, sobel]), Pipeline([gray, blur, sobel])
    without.bypass("blur")
    straight = Pipeline([gray, sobel.using(blur="gray")])
    frame = picture()
    one, two, three = (pipeline.bind(frame) for pipeline in (with_blur, without, straight))
    assert one["gray"] is two["gray"]
    assert not one["sobel"].equal(two["sobel"])
    assert two["sobel"] is three["sobel"]


def test_names_and_in_see_what_is_handed_on():
    pipeline = Pipeline([gray, blur])
    pipeline.bypass("blur")
    seen = pipeline.bind(picture())
    assert "blur" not in seen
    seen["gray"]
    assert "blur" in seen
    assert seen.names() == ("gray", "blur")
    assert seen.request("blur").is_done


def test_what_is_wanted_of_each_frame_may_be_bypassed():
    pipeline = Pipeline([gray, blur])
    pipeline.bypass("blur")
    for frame in pipeline.run(frames(), want=["blur"]):
        assert frame.get("blur") is frame.get("gray") is not None


def test_several_bypassed_in_a_row_hand_on_the_first_input():
    again = blur.using("again", gray="blur")
    pipeline = Pipeline([gray, blur, again])
    pipeline.bypass("blur", "again")
    seen = pipeline.bind(picture())
    assert seen["again"] is seen["gray"]


def test_what_the_source_attaches_is_handed_on_too():
    pipeline = Pipeline([soft], given=["shade"])
    pipeline.bypass("soft")
    frame = picture()
    with pytest.raises(MissingAttachment, match="nothing provides 'shade'"):
        pipeline.bind(frame)["soft"]
    shade = torch.ones(1, 1, 2, 2)
    frame.attach("shade", shade)
    assert pipeline.bind(frame)["soft"] is shade


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("threshold", r"'threshold' cannot be bypassed: it takes gray \(Gray\) and gives Mask"),
        ("gray", r"it takes pixels \(Tensor\) and gives Gray.*that nobody asks for does not run"),
        ("depth", r"no stage 'depth' in this pipeline; it has gray, blur, threshold"),
    ],
)
def test_a_stage_without_an_input_of_its_kind_is_not_bypassed_and_says_why(name, reason):
    pipeline = Pipeline([gray, blur, threshold])
    with pytest.raises(ParameterError, match=reason):
        pipeline.bypass("blur", name)
    assert pipeline.bypassed == ()


def test_which_stages_can_be_bypassed_is_known_before():
    pipeline = Pipeline([gray, blur, threshold])
    assert [name for name in pipeline.order() if pipeline.can_bypass(name)] == ["blur"]
    with pytest.raises(KeyError, match="no stage 'depth'"):
        pipeline.can_bypass("depth")


def test_a_stage_that_looks_back_begins_anew_from_its_input_after_a_bypass():
    pipeline = Pipeline([gray, fading])
    pipeline.bypass("fading")
    means = []
    for frame in pipeline.run(frames()):
        if frame.index == 1:
            pipeline.enable("fading")
        means.append(round(float(frame["fading"].mean() * 255)))
    assert means == [0, 40, 60, 90]  # (80 + 40) / 2, then (120 + 60) / 2
    assert pipeline.timings["fading"].calls == 2


def test_tasks_do_not_run_what_a_bypass_makes_needless():
    pipeline = Pipeline([rgb, gray, blur, sobel, edges, corners, overlay, motion])
    pipeline.bypass("overlay", "motion")
    steps = []
    for number, task in enumerate(pipeline.tasks(frames(2), want=["overlay"])):
        steps.append(len(list(task)))
        if number == 0:
            pipeline.enable("overlay", "motion")
    assert steps == [1, 8]


def test_an_error_of_the_input_is_the_error_of_what_is_handed_on():
    @stage("dark", footprint=Pointwise())
    def dark(pixels) -> Gray:
        raise ZeroDivisionError("no light")

    pipeline = Pipeline([dark, soft.using(shade="dark")])
    pipeline.bypass("soft")
    with pytest.raises(StageError, match="stage 'dark' failed"):
        pipeline.bind(picture())["soft"]


def test_presets_carry_it_and_old_ones_load_with_all_stages_running(tmp_path):
    pipeline, path = Pipeline([gray, blur]), tmp_path / "soft.json"
    pipeline.bypass("blur")
    pipeline.save_preset(path)
    pipeline.enable("blur")
    pipeline.load_preset(path)
    assert pipeline.bypassed == ("blur",)
    preset = json.loads(path.read_text())
    del preset["bypassed"]
    path.write_text(json.dumps(preset))
    pipeline.load_preset(path)
    assert pipeline.bypassed == ()


@pytest.mark.parametrize("wrong", [["gray"], ["depth"], "blur", 3, [["blur"]]])
def test_a_preset_with_a_wrong_bypass_changes_nothing(tmp_path, wrong):
    pipeline, path = Pipeline([gray, blur]), tmp_path / "wrong.json"
    stages = {"blur": {"sigma": 3.0}}
    path.write_text(json.dumps({"format": 1, "stages": stages, "bypassed": wrong}))
    with pytest.raises(ParameterError):
        pipeline.load_preset(path)
    assert pipeline.params["blur"].sigma != 3.0


def test_the_picture_says_so_in_words_and_by_shape():
    pipeline = Pipeline([gray, blur])
    assert "bypassed" not in pipeline.svg().partition("</style>")[2]
    pipeline.bypass("blur")
    picture = pipeline.svg().partition("</style>")[2]
    assert ">bypassed</text>" in picture
    assert 'class="dh-past"' in picture
    assert "blur from gray (bypassed: gives gray)" in pipeline.svg()
    assert "blur(" in repr(pipeline.params)
    assert "bypassed" in repr(pipeline.params)


def test_values_that_a_stage_would_refuse_are_known_before_they_are_set():
    pipeline = Pipeline([gray, blur, sobel, edges])
    assert pipeline.why_refused("edges", low=0.3) == ""  # it has seen no frame yet
    pipeline.bind(picture())["edges"]
    assert "lower low" in pipeline.why_refused("edges", low=0.3)
    assert pipeline.why_refused("edges", low=0.01) == ""
    assert "is outside" in pipeline.why_refused("blur", sigma=99)
