"""How does a live picture become a film? Without gaps, and to a playable end."""

import pytest

from toolkit import Pipeline, media
from toolkit.live.recording import Recording
from toolkit.stages import gray


class FakeWriter:
    def __init__(self, width, height):
        self.size = (width, height)
        self.written = []
        self.is_closed = False

    def write(self, picture, pts_seconds):
        self.written.append((tuple(picture.shape), pts_seconds))

    def close(self):
        self.is_closed = True


@pytest.fixture
def recorded():
    """A recording of `gray`, its writers, and what was told at its end."""
    writers, told = [], []

    def open_writer(width, height):
        writers.append(FakeWriter(width, height))
        return writers[-1]

    return Recording("gray", open_writer, told.append), writers, told


def test_each_shown_frame_is_written_whole(make_player, film, viewer, recorded):
    recording, (writers), told = recorded
    player = make_player(Pipeline([gray]), film)
    player.watch(viewer, width=4)
    player.record(recording)
    player.run(0.2, acknowledge=[viewer])
    assert player.is_recording
    player.record(None)
    assert [writer.size for writer in writers] == [(8, 6)]
    player._engine.record(None)
    assert writers[0].is_closed
    assert [shape for shape, _ in writers[0].written] == [(1, 6, 8)] * 3
    assert told == [3]


def test_it_goes_on_when_nobody_looks(make_player, film, recorded):
    recording, writers, _ = recorded
    player = make_player(Pipeline([gray]), film)
    player.record(recording)
    player.run(0.3)
    assert len(writers[0].written) == 4


def test_times_go_on_where_the_source_jumps(make_player, make_film, recorded):
    recording, writers, _ = recorded
    player = make_player(Pipeline([gray]), make_film(3), loop=True)
    player.record(recording)
    player.run(0.4)
    assert [pts for _, pts in writers[0].written] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])


def test_close_finishes_the_file(make_player, film, recorded):
    recording, writers, told = recorded
    player = make_player(Pipeline([gray]), film)
    player.record(recording)
    player.run(0.1)
    player.close()
    assert writers[0].is_closed
    assert told == [2]


def test_a_writer_that_fails_ends_the_recording_and_not_the_player(make_player, film, viewer):
    def refuse(width, height):
        raise OSError("the disk is full")

    told = []
    player = make_player(Pipeline([gray]), film, want="gray")
    player.watch(viewer)
    player.record(Recording("gray", refuse, told.append))
    player.run(0.1, acknowledge=[viewer])
    assert viewer.notes == ["the recording ended: gray: the disk is full"]
    assert told == [0]
    assert not player.is_recording
    assert len(viewer.frames) == 2


def test_the_file_plays(make_player, make_film, tmp_path):
    path = tmp_path / "film.mp4"
    recording = Recording(
        "gray", lambda w, h: media.VideoWriter(path, width=w, height=h), lambda frames: None
    )
    with media.open(media.bundled_clip()) as clip:
        player = make_player(Pipeline([gray]), clip)
        player.record(recording)
        player.run(0.3)
        player.close()
    with media.open(path) as film:
        assert len([frame.index for frame in film]) == 10
        assert (film.width, film.height) == (640, 360)
