"""One string says where the pictures come from."""

import sys
from pathlib import Path

import pytest

from toolkit.media.errors import MediaError
from toolkit.media.locate import SCHEMES, _camera, locate


def test_a_path_is_a_file(tmp_path):
    path = tmp_path / "100%d odd:name.mp4"
    path.write_bytes(b"x")
    for source in (path, str(path), f"file://{path}"):
        location = locate(source)
        assert (location.kind, location.url, location.is_live) == ("file", str(path), False)


def test_a_graph_is_live_only_when_it_runs_in_real_time():
    assert locate("lavfi:testsrc2=rate=30").is_live is False
    assert locate("lavfi:testsrc2=rate=30,realtime").is_live is True
    assert locate("lavfi: testsrc2").url == "testsrc2"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_stream_is_live_unless_its_server_may_tell_its_length(scheme):
    location = locate(f"{scheme}://127.0.0.1/x")
    assert location.kind == "network"
    assert location.is_live is (None if scheme.startswith("http") else True)


@pytest.mark.parametrize(
    ("platform", "which", "format_name", "url"),
    [
        ("darwin", "1", "avfoundation", "1:none"),
        ("win32", "Brio", "dshow", "video=Brio"),
    ],
)
def test_cameras_of_other_platforms(platform, which, format_name, url):
    location = _camera(f"camera:{which}", which, platform)
    assert (location.format, location.url, location.is_live) == (format_name, url, True)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /dev")
def test_a_camera_that_is_not_there_is_named_with_a_way_out():
    with pytest.raises(MediaError, match=r"no camera /dev/video97; .*lavfi:testsrc2") as caught:
        locate("camera:97")
    assert caught.value.path == "camera:97"
    assert not Path("/dev/video97").exists()


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(MediaError, match=r"nowhere\.mp4': no such file \(looked in "):
        locate(tmp_path / "nowhere.mp4")


def test_an_empty_file_and_a_folder(tmp_path):
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(MediaError, match="is empty: 0 bytes"):
        locate(tmp_path / "empty.mp4")
    with pytest.raises(MediaError, match="is a folder"):
        locate(tmp_path)


def test_a_name_with_a_zero_byte_is_no_file():
    with pytest.raises(MediaError, match="null"):
        locate("a\0b")


def test_an_unknown_protocol_lists_the_known_ones():
    with pytest.raises(MediaError, match=r"'gopher' is not opened; use one of http, https"):
        locate("gopher://host/x")


def test_an_empty_graph_says_how_one_is_written():
    with pytest.raises(MediaError, match="write lavfi:testsrc2"):
        locate("lavfi:")


@pytest.mark.parametrize("source", [None, 0, b"x", [1]])
def test_what_is_no_name_is_refused_with_the_way_out(source):
    with pytest.raises(TypeError, match=r"Frame\.from_image"):
        locate(source)
