"""A notebook that is looked at without a kernel still says, and shows, what was there."""

import base64

import anywidget
import ipywidgets
import pytest
import traitlets

from widgets.still import Still

PNG = b"\x89PNG\r\n\x1a\n and the rest"
VIEW = "application/vnd.jupyter.widget-view+json"


class Poster(Still, anywidget.AnyWidget):
    _esm = "export default {}"

    def still_text(self):
        return "Poster(640x480)"

    def still_png(self):
        return PNG


class Plain(Still, ipywidgets.VBox):
    pass


def test_the_view_comes_with_a_line_of_text_and_a_picture():
    data, metadata = Poster()._repr_mimebundle_()
    assert data["text/plain"] == "Poster(640x480)"
    assert base64.b64decode(data["image/png"]) == PNG
    assert data[VIEW]["model_id"]
    assert metadata == {}


def test_without_a_picture_there_is_text_alone():
    data, _ = Plain()._repr_mimebundle_()
    assert set(data) == {"text/plain", VIEW}


@pytest.mark.parametrize("make", [Poster, Plain])
def test_the_text_is_the_same_in_every_run(make):
    first, second = (make()._repr_mimebundle_()[0]["text/plain"] for _ in range(2))
    assert first == second
    assert "0x" not in first.replace("640x480", "")


class Long(Plain):
    def still_text(self):
        return "gray: no parameters\nblur: sigma = 1.0 px"


class Failing(Plain):
    def still_text(self):
        raise RuntimeError("the pipeline is gone")


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (Poster, "Poster(640x480)"),
        (Plain, "Plain()"),
        (Long, "Long(gray: no parameters …)"),
        (Failing, "Failing()"),
    ],
)
def test_a_box_says_one_line_of_what_it_holds(make, line):
    assert repr(make()) == line
    data = ipywidgets.HBox([make()])._repr_mimebundle_()
    assert data["text/plain"] == f"HBox(children=({line},))"


def test_a_widget_without_a_view_shows_its_picture():
    class Viewless(Poster):
        _view_name = traitlets.Unicode(None, allow_none=True).tag(sync=True)

    data, _ = Viewless()._repr_mimebundle_()
    assert set(data) == {"text/plain", "image/png"}
