"""Pictures that do not wait: the newest is lent, the rest is counted, and the thread goes away."""

import gc
import subprocess
import sys
import threading
import time

import pytest

from toolkit import hooks, media
from toolkit.media.live import LiveFeed
from toolkit.ring import RingFull

LIVE = "lavfi:testsrc2=size=64x48:rate=100:duration=4,realtime"


def readers():
    return [thread for thread in threading.enumerate() if thread.name.startswith("toolkit live")]


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    yield
    gc.collect()
    assert readers() == []


class Gate:
    """A deck that gives a frame each time it is told to, and lets the test see what was put."""

    def __init__(self, video, drop):
        self._deck = video._deck
        self.settings = type("Settings", (), {"drop": drop})()
        self.location, self.decoder = self._deck.location, self._deck.decoder
        self._may_go = threading.Semaphore(0)
        self.is_closed = threading.Event()

    def give(self, feed, count):
        """Let `count` frames through, one by one, each until it is in the box or dropped."""
        for _ in range(count):
            handled = feed.handled
            self._may_go.release()
            while feed.handled == handled and not self.is_closed.is_set():
                feed.was_put.wait()
                feed.was_put.clear()

    def next_frame(self):
        self._may_go.acquire()
        return None if self.is_closed.is_set() else self._deck.next_frame()

    def close(self):
        self.is_closed.set()
        self._may_go.release()
        self._deck.close()


class Feed(LiveFeed):
    """A feed that says when a frame has been handled."""

    handled = 0

    def __init__(self, *args, **options):
        self.was_put = threading.Event()
        super().__init__(*args, **options)

    def _put(self, frame):
        try:
            super()._put(frame)
        finally:
            self.handled += 1
            self.was_put.set()


@pytest.fixture
def stepped(make_clip):
    """`stepped(drop)`: a feed whose camera moves by hand, over a clip of 12 frames."""
    made = []

    def make(drop):
        video = media.open(make_clip("clip.mp4"))
        gate = Gate(video, drop)
        feed = Feed(gate, is_paced=False, timeout_seconds=5.0)
        made.append((feed, gate, video))
        gate._may_go.release()
        assert feed.take().index == 0
        return feed, gate

    yield make
    for feed, gate, video in made:
        gate.is_closed.set()
        gate._may_go.release()
        feed.stop()
        video.close()


def test_who_comes_late_gets_the_newest_and_the_rest_is_counted(stepped):
    feed, gate = stepped("oldest")
    gate.give(feed, 4)
    assert feed.take().index == 4
    assert feed.dropped == 3


def test_newest_keeps_the_first_one_that_was_not_taken(stepped):
    feed, gate = stepped("newest")
    gate.give(feed, 4)
    assert feed.take().index == 1
    assert feed.dropped == 3


def test_error_says_that_nobody_came_in_time(stepped):
    feed, gate = stepped("error")
    gate.give(feed, 2)
    assert feed.take().index == 1
    with pytest.raises(RingFull, match=r"frame 1 .* was not taken before the next one came"):
        feed.take()


def test_a_live_graph_gives_growing_frames():
    with media.open(LIVE) as video:
        assert video.is_live
        frames = iter(video)
        indices = [next(frames).index for _ in range(10)]
        assert indices == sorted(set(indices))
        assert video.ring.stats.leased <= 2


def test_live_frames_that_are_all_wanted_are_all_delivered():
    graph = "lavfi:testsrc2=size=64x48:rate=200:duration=0.3,realtime"
    with media.open(graph, drop="block") as video:
        assert [frame.index for frame in video] == list(range(60))
        assert video.stats.dropped == 0


def test_a_slow_reader_loses_frames_and_sees_how_many(make_clip):
    graph = "lavfi:testsrc2=size=64x48:rate=1000:duration=0.5,realtime"
    taken = 0
    with media.open(graph) as video:
        for frame in video:
            taken += 1
            hashing = sum(frame.pixels.flatten().tolist()[:3000])  # a reader that takes its time
            assert hashing
        stats = video.stats
    assert stats.decoded == 500
    assert taken + stats.dropped == 500


def test_holding_every_slot_drops_what_comes_and_does_not_stop_the_thread():
    class Drops:
        def __init__(self):
            self.left, self.done = 5, threading.Event()

        def event(self, event):
            self.left -= event.kind == "drop"
            if not self.left:
                self.done.set()

    drops = Drops()
    hooks.listen(drops)
    with media.open(LIVE, slots=3) as video:
        frames = iter(video)
        held = [next(frames) for _ in range(3)]
        pixels = [frame.pixels.clone() for frame in held]
        assert drops.done.wait(10.0)
        hooks.unlisten(drops)
        assert video.stats.dropped >= 5
        assert all((a.pixels == b).all() for a, b in zip(held, pixels, strict=True))
        held.clear()
        assert next(frames).index > 5


def test_a_file_can_play_the_part_of_a_camera(make_clip):
    clip = make_clip("clip.mp4", fps=50)
    began = time.monotonic()
    with media.open(clip, live=True, drop="block") as video:
        assert [frame.index for frame in video] == list(range(12))
    assert time.monotonic() - began >= 0.2  # 11 steps of 20 ms, whatever the machine


def test_the_thread_reports_to_whoever_reads():
    class Listener:
        def __init__(self):
            self.seen = set()

        def event(self, event):
            self.seen.add((event.kind, event.stage))

    listener = Listener()
    with media.open(LIVE) as video:
        frames = iter(video)
        next(frames)
        hooks.listen(listener)  # after the thread has started
        try:
            while ("copy", "decode") not in listener.seen:
                next(frames)
        finally:
            hooks.unlisten(listener)
    assert ("io", "decode") in listener.seen
    assert ("wait", "") in listener.seen


def test_closing_joins_the_thread_and_ends_the_loop():
    with media.open(LIVE) as video:
        frames = iter(video)
        held = next(frames)
        assert len(readers()) == 1
        video.close()
        assert readers() == []
        assert list(frames) == []
        assert held.pixels.shape == (72, 64)


def test_stopping_wakes_a_reader_that_waits(stepped):
    feed, gate = stepped("oldest")
    taken = []
    waiter = threading.Thread(target=lambda: taken.append(feed.take()))
    waiter.start()
    stopper = threading.Thread(target=feed.stop)
    stopper.start()
    waiter.join(5.0)  # while the camera is still busy
    assert taken == [None]
    gate.is_closed.set()
    gate._may_go.release()
    stopper.join(5.0)
    assert not stopper.is_alive()


def test_a_video_that_is_collected_takes_its_thread_along():
    video = media.open(LIVE)
    frames = iter(video)
    next(frames)
    assert len(readers()) == 1
    del frames, video
    gc.collect()
    assert readers() == []


def test_a_source_that_falls_silent_is_named():
    graph = "lavfi:testsrc2=size=64x48:rate=4,realtime"
    with media.open(graph, timeout_seconds=0.05) as video:
        frames = iter(video)
        with pytest.raises(media.MediaError, match=r"no frame came for 0\.05 s"):
            list(frames)


def test_an_error_in_the_thread_reaches_the_reader_after_its_frames(test_data):
    path = test_data / "odd/no_timescale.mp4"
    seen = []
    with (
        media.open(path, live=True, drop="block", skip_faults=False) as video,
        pytest.raises(media.MediaError, match="packet"),
    ):
        seen.extend(frame.index for frame in video)
    assert seen == list(range(len(seen)))
    assert len(seen) >= 8


def test_leaving_the_interpreter_does_not_hang():
    program = (
        "from toolkit import media\n"
        f"video = media.open({LIVE!r})\n"
        "print(next(iter(video)).index >= 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.returncode, done.stderr) == ("True\n", 0, "")


def test_a_stream_over_the_network_arrives(make_clip):
    """A sender in this process: MPEG-TS over UDP on the loop-back, as a camera server does it."""
    import av

    clip = make_clip("clip.ts", count=50, gop=5, container="mpegts")
    stop = threading.Event()

    def send():
        while not stop.is_set():
            with (
                av.open(str(clip)) as source,
                av.open("udp://127.0.0.1:23917?pkt_size=1316", "w", format="mpegts") as target,
            ):
                stream = target.add_stream_from_template(source.streams.video[0])
                for packet in source.demux(video=0):
                    if packet.dts is not None:
                        packet.stream = stream
                        target.mux(packet)
                        stop.wait(0.004)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        with media.open("udp://127.0.0.1:23917", timeout_seconds=10) as video:
            assert video.is_live
            frames = iter(video)
            indices = [next(frames).index for _ in range(20)]
            assert indices == sorted(set(indices))
            assert (video.width, video.height) == (64, 48)
    finally:
        stop.set()
        sender.join()


def test_a_file_over_http_is_read_like_a_file(make_clip):
    import functools
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    clip = make_clip("clip.mkv")
    handler = functools.partial(Quiet, directory=str(clip.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            with media.open(f"http://127.0.0.1:{server.server_port}/clip.mkv") as video:
                assert not video.is_live
                assert [frame.index for frame in video] == list(range(12))
        finally:
            server.shutdown()
            serving.join()
