"""The page: self-contained, escaped, readable without scripts, for keyboards, in both themes."""

import re

from toolkit import hooks
from toolkit.profiling import profile
from toolkit.profiling.reporters import charts, html


def test_the_page_is_written_to_a_file(session, tmp_path):
    path = html.write(session, tmp_path / "report.html", title="my clip")
    assert "<title>my clip</title>" in path.read_text(encoding="utf-8")


def test_every_tag_is_closed(session, read_page):
    assert read_page(html.render(session)).open == []


def test_the_page_needs_nothing_from_elsewhere(session, read_page):
    page = html.render(session)
    assert re.findall(r"(?:https?:)?//[\w.]+\.\w+", page) == []
    assert not any("src" in attributes for _, attributes in read_page(page).tags)


def test_all_text_is_escaped(read_page):
    evil = "<script>alert(1)</script>&\"'"
    with profile() as session, hooks.scope(evil, 0, evil):
        hooks.report("copy", 1, direction="h2h", op=evil)
    session.machine[evil] = evil
    session.note(evil)
    page = html.render(session, title=evil)
    assert "<script>alert" not in page
    assert [tag for tag, _ in read_page(page).tags].count("script") == 1
    assert evil in "".join(read_page(page).text)


def test_the_page_reads_without_scripts(session, read_page):
    text = " ".join(read_page(html.render(session)).text)
    for said in ("What it says", "double", "Frame by frame", "inside the host", "1.02 kB"):
        assert said in text


def test_drawings_have_labels_and_choices_are_native_inputs(session, read_page):
    tags = read_page(html.render(session)).tags
    drawings = [attributes for tag, attributes in tags if tag == "svg"]
    assert all(one.get("aria-label") or one.get("aria-hidden") == "true" for one in drawings)
    choices = {one["id"] for tag, one in tags if tag == "input"}
    labels = {one["for"] for tag, one in tags if tag == "label"}
    assert choices == labels
    assert all(one.get("scope") == "col" for tag, one in tags if tag == "th")


def test_both_themes_have_every_colour(session):
    style = html.render(session).split("<style>")[1].split("</style>")[0]
    light, dark = style.split("prefers-color-scheme: dark")[:2]
    used = set(re.findall(r"var\((--\w+)\)", style)) - {"--rows", "--depth"}  # set on elements
    dark = dark.split(".downhill h1")[0]
    assert used <= set(re.findall(r"(--\w+):", light))
    assert used <= set(re.findall(r"(--\w+):", dark))


def test_an_empty_session_makes_a_page(session):
    page = html.render(type(session)())
    assert "No frame was finished." in page


def test_a_notebook_shows_the_table(session):
    shown = session._repr_html_()
    assert "<table" in shown
    assert "double" in shown
    assert session.bill()._repr_html_() == shown


def test_many_frames_are_drawn_as_means_of_several():
    rows = [{"index": i, "ms": {"a": float(i)}} for i in range(300)]
    drawn = charts.columns(rows, "ms")
    assert len(drawn) == charts.MAX_COLUMNS
    assert drawn[0] == ("frames 0 to 1, mean", {"a": 0.5})


def test_a_warm_up_frame_is_cut_off_and_said_to_be():
    drawn = [("frame 0", {"a": 100.0})] + [(f"frame {i}", {"a": 1.0}) for i in range(1, 9)]
    shown = charts.timeline(drawn, ["a"], {"a": "red"}, str, label="ms.")
    assert "1 of them higher than the scale" in shown
    assert "<span>2.5</span>" in shown


def test_columns_in_which_nothing_is_are_left_out():
    with profile() as session:
        pass
    assert "conversions" not in html.table(session.bill())
    with profile() as session:
        hooks.report("convert", 10)
        session.step()
    assert "conversions" in html.table(session.bill())


def test_frames_looked_at_line_by_line_have_a_flame_and_a_table(play, read_page):
    with profile(level="lines") as session:
        play()
    page = read_page(html.render(session))
    text = " ".join(page.text)
    assert page.open == []
    assert "Where the bytes come from, line by line" in text
    assert "3 frames were looked at line by line" in text
    assert any(tag == "button" and "data-start" in attributes for tag, attributes in page.tags)


def test_without_lines_there_is_no_flame(session):
    assert "line by line" not in html.render(session)
