"""Controls turn the knobs of a pipeline, and show what others turned."""

import gc
import threading
import weakref

import ipywidgets
import pytest
import torch
from ipywidgets import Widget

from toolkit import Frame, Pipeline
from toolkit.stages import blur, corners, edges, gray, overlay, rgb, sobel
from widgets import Controls


@pytest.fixture
def pipeline():
    return Pipeline([rgb, gray, blur, sobel, edges, corners, overlay], name="tour")


@pytest.fixture
def controls(pipeline, tmp_path):
    made = Controls(pipeline, presets=tmp_path / "presets")
    yield made
    made.close()


def press(controls, wish, **more):
    """What the bar's script sends for a button or a key."""
    controls._asked(controls.bar, {"t": wish, **more}, [])


def click(button):
    button.click()


def test_a_knob_sets_its_parameter_and_the_next_frame_has_it(pipeline, controls):
    frame = Frame.from_image(torch.rand(3, 24, 32))
    sharp = pipeline.bind(frame)["blur"]
    controls.knobs["blur.sigma"].value = 3.0
    assert pipeline.params["blur"].sigma == 3.0
    assert not pipeline.bind(frame)["blur"].equal(sharp)


def test_a_change_by_code_or_by_other_controls_shows_at_once(pipeline, controls):
    other = Controls(pipeline)
    pipeline.params["blur"].sigma = 2.0
    assert controls.knobs["blur.sigma"].value == other.knobs["blur.sigma"].value == 2.0
    other.knobs["corners.count"].value = 64
    assert controls.knobs["corners.count"].value == 64
    other.close()


def test_what_others_did_is_not_taken_back(pipeline, controls):
    controls.knobs["blur.sigma"].value = 3.0
    pipeline.params["corners"].count = 64
    controls.undo()
    assert (pipeline.params["blur"].sigma, pipeline.params["corners"].count) == (1.0, 64)


def test_undo_and_redo_by_the_buttons(pipeline, controls):
    controls.knobs["blur.sigma"].value = 3.0
    assert (controls.bar.can_undo, controls.bar.can_redo) == (True, False)
    press(controls, "undo")
    assert pipeline.params["blur"].sigma == controls.knobs["blur.sigma"].value == 1.0
    assert controls.bar.note == "Undid blur.sigma."
    press(controls, "redo")
    assert pipeline.params["blur"].sigma == controls.knobs["blur.sigma"].value == 3.0
    press(controls, "redo")
    assert (controls.bar.can_undo, controls.bar.can_redo) == (True, False)


def test_a_drag_is_one_step(pipeline, controls):
    controls.bar.gesture = 1
    for value in (2.0, 2.5, 3.0):
        controls.knobs["blur.sigma"].value = value
    controls.bar.gesture = 2
    controls.knobs["blur.sigma"].value = 4.0
    controls.bar.gesture = 0
    controls.undo()
    assert pipeline.params["blur"].sigma == 3.0
    controls.undo()
    assert pipeline.params["blur"].sigma == 1.0


def test_the_switch_bypasses_a_stage_and_code_moves_the_switch(pipeline, controls):
    section = controls.sections["blur"]
    section.switch.value = False
    assert pipeline.bypassed == ("blur",)
    assert any(getattr(one, "value", "") == "bypassed: gives gray" for one in descendants(section))
    controls.undo()
    assert pipeline.bypassed == ()
    assert section.switch.value is True
    pipeline.bypass("overlay")
    assert controls.sections["overlay"].switch.value is False


def test_a_stage_that_cannot_be_bypassed_has_no_switch(controls):
    assert controls.sections["edges"].switch is None


def test_stages_with_nothing_to_set_are_not_shown(controls):
    assert list(controls.sections) == ["rgb", "blur", "edges", "corners", "overlay"]


def test_reset_of_one_stage_and_of_all_are_steps(pipeline, controls):
    pipeline.params["blur"].sigma = 2.0
    pipeline.params["corners"].count = 64
    pipeline.bypass("blur")
    controls.reset("blur")
    assert (pipeline.params["blur"].sigma, pipeline.bypassed) == (1.0, ())
    assert pipeline.params["corners"].count == 64
    press(controls, "reset")
    assert pipeline.params["corners"].count == 256
    controls.undo()
    controls.undo()
    assert (pipeline.params["blur"].sigma, pipeline.bypassed) == (2.0, ("blur",))


def test_a_refused_value_says_why_beside_the_knob_and_goes_back(pipeline, controls):
    pipeline.bind(Frame.from_image(torch.rand(3, 24, 32)))["edges"]
    low, section = controls.knobs["edges.low"], controls.sections["edges"]
    low.value = 0.3
    assert low.value == pipeline.params["edges"].low == 0.0125
    assert any("lower low" in getattr(one, "value", "") for one in refusals(section))
    low.value = 0.02
    assert refusals(section) == []
    assert pipeline.params["edges"].low == 0.02


@pytest.mark.parametrize("then", ["reset", "undo", "other knob", "code"])
def test_the_reason_goes_when_something_else_is_taken(pipeline, controls, then):
    pipeline.bind(Frame.from_image(torch.rand(3, 24, 32)))["edges"]
    controls.knobs["edges.high"].value = 0.05
    controls.knobs["edges.low"].value = 0.3
    assert len(refusals(controls.sections["edges"])) == 1
    if then == "other knob":
        controls.knobs["edges.high"].value = 0.1
    elif then == "code":
        pipeline.params["edges"].low = 0.02
    else:
        getattr(controls, then)()
    assert refusals(controls.sections["edges"]) == []


def test_a_value_outside_of_the_domain_is_refused_too(pipeline, controls):
    controls.knobs["blur.sigma"].max = 99.0
    controls.knobs["blur.sigma"].value = 50.0
    assert controls.knobs["blur.sigma"].value == 1.0
    (sentence,) = refusals(controls.sections["blur"])
    assert "50 px is outside" in sentence.value


def test_what_code_made_impossible_can_be_left_step_by_step(pipeline, controls):
    pipeline.bind(Frame.from_image(torch.rand(3, 24, 32)))["edges"]
    pipeline.params["edges"].low = 0.4
    controls.knobs["edges.low"].value = 0.3
    assert pipeline.params["edges"].low == 0.3


def test_a_value_between_two_steps_stays_what_it_is_and_is_said(pipeline, controls):
    controls.selected = "blur"
    pipeline.params["blur"].sigma = 1.234
    sigma = controls.knobs["blur.sigma"]
    sigma.value = 1.2  # what the page answers, whose slider stands on steps
    assert pipeline.params["blur"].sigma == 1.234
    assert not controls.bar.can_undo
    texts = [getattr(one, "value", "") for one in descendants(controls.sections["blur"])]
    assert "exactly 1.234 px" in texts
    sigma.value = 1.4
    assert pipeline.params["blur"].sigma == 1.4


def test_only_stages_that_run_for_what_is_wanted_are_shown(pipeline):
    controls = Controls(pipeline, want=["edges"])
    assert list(controls.sections) == ["blur", "edges"]
    controls.close()


def test_a_large_pipeline_is_folded_and_what_is_selected_opens(pipeline, controls):
    assert not any(section.is_open for section in controls.sections.values())
    controls.selected = "blur"
    assert [name for name, one in controls.sections.items() if one.is_open] == ["blur"]
    small = Controls(pipeline, want=["blur"])
    assert small.sections["blur"].is_open
    small.close()


def test_presets_are_saved_loaded_and_deleted_at_the_second_press(pipeline, controls, tmp_path):
    bar = controls.presets
    controls.knobs["blur.sigma"].value = 3.0
    bar.name.value = "soft"
    click(bar.save)
    assert (tmp_path / "presets" / "soft.json").is_file()
    assert bar.name.options == ("soft",)
    pipeline.params["blur"].sigma = 1.0
    click(bar.load)
    assert controls.knobs["blur.sigma"].value == 3.0
    assert controls.bar.note == "Loaded 'soft'."
    controls.undo()
    assert pipeline.params["blur"].sigma == 1.0
    click(bar.delete)
    assert bar.name.options == ("soft",)
    click(bar.delete)
    assert bar.name.options == ()


@pytest.mark.parametrize("name", ["../out", "", "a/b", ".hidden"])
def test_a_preset_does_not_leave_its_folder(controls, tmp_path, name):
    controls.presets.name.value = name
    click(controls.presets.save)
    assert "name" in controls.bar.note
    assert list(tmp_path.rglob("*.json")) == []


def test_a_preset_that_is_not_there_is_said(controls):
    controls.presets.name.value = "sharp"
    click(controls.presets.load)
    assert controls.bar.note == "there is no preset 'sharp'; there are: none"


def test_closing_leaves_no_widget_and_no_watcher(pipeline, tmp_path):
    before = set(Widget.get_manager_state()["state"])
    controls = Controls(pipeline, presets=tmp_path)
    pipeline.bind(Frame.from_image(torch.rand(3, 24, 32)))["edges"]
    controls.knobs["edges.low"].value = 0.3
    gone = weakref.ref(controls)
    controls.close()
    controls.close()
    assert set(Widget.get_manager_state()["state"]) == before
    assert len(pipeline.params._watchers) == 0
    del controls
    gc.collect()
    assert gone() is None


def test_controls_whose_output_went_do_not_watch_until_they_are_shown_again(pipeline, controls):
    press(controls, "shown", view="a")
    press(controls, "shown", view="b")
    press(controls, "gone", view="a")
    pipeline.params["blur"].sigma = 2.0
    assert controls.knobs["blur.sigma"].value == 2.0
    press(controls, "gone", view="b")
    pipeline.params["blur"].sigma = 3.0
    assert controls.knobs["blur.sigma"].value == 2.0
    press(controls, "shown", view="c")
    assert controls.knobs["blur.sigma"].value == 3.0


def test_two_threads_that_turn_leave_knobs_at_what_is_true(pipeline, controls):
    other = Controls(pipeline)

    def turn(one, values):
        for value in values:
            one.knobs["blur.sigma"].value = value

    threads = [
        threading.Thread(target=turn, args=(one, values))
        for one, values in ((controls, [2.0, 3.0] * 20), (other, [4.0, 1.0] * 20))
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    sigma = pipeline.params["blur"].sigma
    assert controls.knobs["blur.sigma"].value == other.knobs["blur.sigma"].value == sigma
    other.close()


def test_knobs_compose_like_any_other_widget(controls):
    mine = ipywidgets.FloatSlider(min=0.1, max=5.0)
    link = ipywidgets.link((mine, "value"), (controls.knobs["blur.sigma"], "value"))
    mine.value = 2.5
    assert controls.pipeline.params["blur"].sigma == 2.5
    link.unlink()


def test_without_a_kernel_the_parameters_are_a_list(pipeline):
    controls = Controls(pipeline, want=["edges"])
    pipeline.bypass("blur")
    text = controls._repr_mimebundle_()[0]["text/plain"]
    assert text == ("blur (bypassed): sigma = 1 px\nedges: low = 0.0125 1/px, high = 0.025 1/px")
    controls.close()


def descendants(widget):
    for one in getattr(widget, "children", ()):
        yield one
        yield from descendants(one)


def refusals(section):
    return [one for one in descendants(section) if "dh-refused" in one._dom_classes]
