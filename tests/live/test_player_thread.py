"""Does the player's thread begin, end and survive as it should? With the thread itself."""

import contextvars
import gc
import subprocess
import sys
import threading
import weakref

import pytest

from toolkit import Pipeline, hooks, media
from toolkit.live import serve
from toolkit.live.player import Player
from toolkit.live.recording import Recording
from toolkit.stages import gray

PATIENCE_SECONDS = 30


@pytest.fixture
def waiting(make_viewer):
    """A view that answers each frame at once, and can be waited for."""

    class Waiting(make_viewer):
        def __init__(self, view="a"):
            super().__init__(view)
            self.player = None
            self.enough = threading.Event()
            self.count = 3

        def send(self, header, payload=b""):
            super().send(header, payload)
            if header["t"] == "frame":
                self.player.received(self, {"t": "ack", "id": header["id"]}, memoryview(b""))
                if len(self.frames) >= self.count:
                    self.enough.set()

        def join(self, player):
            self.player = player
            player.joined(self, {"t": "hello", "view": self.id, "visible": True})
            assert self.enough.wait(PATIENCE_SECONDS)
            return self

    return Waiting()


@pytest.fixture
def fast_film(make_film):
    return make_film(1000, fps=1000.0)


def threads():
    return [one for one in threading.enumerate() if one.name == "downhill-player"]


def test_one_thread_from_the_first_view_to_close(fast_film, waiting):
    player = Player(Pipeline([gray]), fast_film, want="gray")
    assert threads() == []
    waiting.join(player)
    assert len(threads()) == 1
    player.close()
    assert threads() == []
    assert fast_film.ring.stats.leased == 0
    player.close()


def test_controls_of_a_player_that_nobody_watches_start_no_thread(film):
    with Player(Pipeline([gray]), film) as player:
        player.pause()
        player.step()
        player.seek(0.3)
        player.speed = 2.0
        player.play()
        assert threads() == []


def collect(thread):
    """What nobody has goes, and its thread with it."""
    for _ in range(20):
        gc.collect()
        thread.join(PATIENCE_SECONDS / 20)
        if not thread.is_alive():
            break


def test_a_player_that_nobody_has_is_collected_with_its_thread(fast_film, waiting):
    player = Player(Pipeline([gray]), fast_film, want="gray")
    waiting.join(player)
    (thread,) = threads()
    gone = weakref.ref(player)
    waiting.player = weakref.proxy(player)
    player.left(waiting)
    del player
    collect(thread)
    assert gone() is None
    assert threads() == []
    assert fast_film.ring.stats.leased == 0


def test_a_player_that_is_collected_while_it_records_finishes_its_film(fast_film):
    class Writer:
        enough = threading.Event()
        is_closed = threading.Event()

        def write(self, picture, pts_seconds):
            self.enough.set()

        def close(self):
            self.is_closed.set()

    told = []
    player = Player(Pipeline([gray]), fast_film, loop=True)
    player.record(Recording("gray", lambda width, height: Writer(), told.append))
    assert Writer.enough.wait(PATIENCE_SECONDS)
    (thread,) = threads()
    del player
    collect(thread)
    assert Writer.is_closed.is_set()
    assert len(told) == 1


def test_a_view_for_which_no_thread_was_to_be_had_is_forgotten(
    fast_film, waiting, make_viewer, monkeypatch
):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    player = Player(Pipeline([gray]), fast_film, want="gray")
    with monkeypatch.context() as without:
        without.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="new thread"):
            player.joined(make_viewer("gone"), {"t": "hello", "view": "gone", "visible": True})
    assert not player.is_running
    waiting.join(player)
    assert repr(player) == "Player(playing, 1 views)"
    player.close()


def test_the_thread_runs_in_the_context_that_is_made_for_it(fast_film, waiting):
    marked = contextvars.ContextVar("marked", default="")
    seen = []

    def context():
        made = contextvars.copy_context()
        made.run(marked.set, "the player's")
        return made

    player = Player(Pipeline([gray]), fast_film, want="gray", context=context)
    player.on_change = lambda: seen.append(marked.get())
    waiting.join(player)
    player.record(Recording("gray", None, lambda frames: seen.append(marked.get())))
    player.close()
    assert set(seen) == {"the player's"}


def test_listeners_of_the_place_that_made_it_hear_its_thread(fast_film, waiting):
    class Ear:
        def __init__(self):
            self.stages = set()

        def scope_begin(self, scope):
            self.stages.add(scope.stage)

    ear = Ear()
    hooks.listen(ear)
    try:
        player = Player(Pipeline([gray]), fast_film, want="gray")
        waiting.join(player)
        player.close()
    finally:
        hooks.unlisten(ear)
    assert {"gray", "display"} <= ear.stages


def test_a_source_that_raises_something_odd_does_not_end_the_thread(waiting, fast_film):
    class Odd:
        is_bad = True

        def __iter__(self):
            if self.is_bad:
                raise RuntimeError
            return iter(fast_film)

    source = Odd()
    player = Player(Pipeline([gray]), source, want="gray")
    told = threading.Event()
    player.on_change = told.set
    waiting.player = player
    player.joined(waiting, {"t": "hello", "view": "a", "visible": True})
    assert told.wait(PATIENCE_SECONDS)
    assert player.fault == "RuntimeError"
    source.is_bad = False
    player.play()
    assert waiting.enough.wait(PATIENCE_SECONDS)
    player.close()


def test_one_who_is_told_of_a_change_and_fails_does_not_end_the_thread(fast_film, waiting):
    def fail():
        raise RuntimeError("whoever looks on is broken")

    player = Player(Pipeline([gray]), fast_film, want="gray")
    player.on_change = fail
    waiting.join(player)
    (thread,) = threads()
    player.close()
    assert not thread.is_alive()
    assert not player.is_running
    assert fast_film.ring.stats.leased == 0


def test_a_view_that_comes_while_the_poster_is_made_waits_for_nothing(fast_film, waiting):
    is_posing, may_go_on = threading.Event(), threading.Event()

    class Slow(Pipeline):
        def bind(self, frame):
            is_posing.set()
            assert may_go_on.wait(PATIENCE_SECONDS)
            return super().bind(frame)

    player = Player(Slow([gray]), fast_film, want="gray")
    posters = []
    posing = threading.Thread(target=lambda: posters.append(player.poster("gray")))
    posing.start()
    assert is_posing.wait(PATIENCE_SECONDS)
    waiting.player = player
    coming = threading.Thread(
        target=player.joined, args=(waiting, {"t": "hello", "view": "a", "visible": True})
    )
    coming.start()
    coming.join(PATIENCE_SECONDS / 10)
    assert not coming.is_alive()
    assert waiting.frames == []
    may_go_on.set()
    assert waiting.enough.wait(PATIENCE_SECONDS)
    posing.join()
    player.close()
    assert posters[0].shape == (6, 8)
    assert [header["index"] for header in waiting.frames[:3]] == [0, 1, 2]


def test_a_camera_of_the_kernel_is_live(waiting):
    with media.open("lavfi:testsrc2=size=64x48:rate=100,realtime") as camera:
        player = Player(Pipeline([gray]), camera, want="gray")
        assert not player.can_seek
        waiting.join(player)
        player.close()
        assert camera.ring.stats.leased <= 1  # the newest, which waits in the camera's own box
    assert threads() == []


RECORDS = """
import sys, threading
from toolkit import Pipeline, media
from toolkit.live import Player, Recording
from toolkit.stages import gray

video = media.open(media.bundled_clip(), loop=True)
player = Player(Pipeline([gray]), video)
enough = threading.Event()

class Writer(media.VideoWriter):
    def write(self, *arguments):
        super().write(*arguments)
        if self.frames == 3:
            enough.set()

open_writer = lambda width, height: Writer(sys.argv[1], width=width, height=height)
player.record(Recording("gray", open_writer, lambda frames: None))
assert enough.wait(60)
"""


def test_a_program_that_ends_while_it_records_leaves_a_film_that_plays(tmp_path):
    path = tmp_path / "film.mp4"
    subprocess.run([sys.executable, "-c", RECORDS, str(path)], check=True, timeout=120)
    with media.open(path) as film:
        assert len([frame.index for frame in film]) >= 3


def test_a_page_over_a_socket_gets_pictures(fast_film, browser):
    with Player(Pipeline([gray]), fast_film, want="gray") as player, serve(player) as endpoint:
        endpoint.allow_origin("http://localhost:8888")
        page = browser.connect(endpoint)
        page.send({"t": "hello", "view": "v", "visible": True, "width": 8, "height": 6})
        kinds = []
        for _ in range(4):
            header, payload = page.read()
            kinds.append(header["t"])
            if header["t"] == "frame":
                assert bytes(payload[:2]) == b"\xff\xd8"
                page.send({"t": "ack", "id": header["id"]})
        assert kinds == ["welcome", "frame", "frame", "frame"]
        page.close()
    assert threads() == []
