"""Nothing stays behind: no thread, no socket, whatever way an endpoint goes."""

import gc
import os
import socket
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import pytest

from toolkit.live import serve

REPOSITORY = Path(__file__).resolve().parents[2]
FILES = Path("/proc/self/fd")
ORIGIN = "http://localhost:8888"

needs_files = pytest.mark.skipif(not FILES.is_dir(), reason="the system lists no open files")


def threads():
    return [thread.name for thread in threading.enumerate() if thread.name == "downhill-live"]


def server_thread():
    return next(one for one in threading.enumerate() if one.name == "downhill-live")


def sockets():
    """Open sockets of this process."""
    found = set()
    for file in FILES.iterdir():
        try:
            target = str(file.readlink())
        except OSError:
            continue  # the folder's own, closed by now
        if target.startswith(("socket:", "anon_inode:[eventpoll]")):
            found.add((file.name, target))
    return found


def is_listening(port):
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def test_the_server_starts_with_the_first_endpoint_and_ends_with_the_last(listener):
    assert threads() == []
    first, second = serve(listener), serve(listener)
    assert threads() == ["downhill-live"]
    first.close()
    assert is_listening(second.port)
    second.close()
    assert threads() == []
    assert not is_listening(second.port)


@needs_files
def test_a_thousand_endpoints_leave_nothing(listener):
    serve(listener).close()  # what is loaded once is loaded
    before = sockets()
    for _ in range(50):
        some = [serve(listener) for _ in range(20)]
        assert threads() == ["downhill-live"]
        for endpoint in some:
            endpoint.close()
    assert threads() == []
    assert sockets() == before


@needs_files
def test_where_no_thread_is_to_be_had_no_socket_stays(listener, monkeypatch):
    def refuse(_):
        raise RuntimeError("can't start new thread")

    before = sockets()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="can't start"):
            serve(listener)
    assert sockets() == before
    serve(listener).close()


@needs_files
def test_connections_go_with_their_endpoint(browser, listener):
    before = sockets()
    endpoint = serve(listener)
    endpoint.allow_origin(ORIGIN)
    pages = [browser.connect(endpoint) for _ in range(2)]
    pages[0].hello()
    endpoint.close()
    assert [kind for kind, *_ in listener.heard] == ["joined", "left"]
    for page in pages:
        page.read_to_end()
    assert sockets() == before


def test_closing_twice_does_nothing(listener):
    endpoint = serve(listener)
    endpoint.close()
    endpoint.close()
    assert threads() == []


def test_a_server_that_ended_is_followed_by_a_new_one(browser, listener):
    serve(listener).close()
    with serve(listener) as endpoint:
        endpoint.allow_origin(ORIGIN)
        browser.connect(endpoint).hello()


def test_an_endpoint_that_nobody_holds_closes_itself(listener):
    serve(listener)
    gc.collect()
    for thread in threading.enumerate():
        if thread.name == "downhill-live":
            thread.join(30)
    assert threads() == []


def test_an_audience_and_its_endpoint_that_hold_each_other_are_collected(make_listener):
    audience = make_listener()
    audience.endpoint = serve(audience)
    thread, gone = server_thread(), weakref.ref(audience)
    del audience
    gc.collect()
    assert gone() is None
    thread.join(30)
    assert not thread.is_alive()


def test_an_endpoint_may_be_closed_by_what_its_view_says(browser, make_listener):
    class Closing(make_listener):
        def received(self, viewer, header, payload):
            self.endpoint.close()
            super().received(viewer, header, payload)

    audience = Closing()
    audience.endpoint = serve(audience)
    audience.endpoint.allow_origin(ORIGIN)
    thread = server_thread()
    page = browser.connect(audience.endpoint)
    page.hello()
    page.send({"t": "ack", "id": 1})
    audience.wait_for("received")
    thread.join(30)
    assert not thread.is_alive()
    assert len(audience.of("left")) == 1


SCRIPT = """\
import os, signal, sys, threading, socket
from toolkit.live import serve

class Audience:
    def joined(self, viewer, hello): pass
    def received(self, viewer, header, payload): pass
    def left(self, viewer): print("left", flush=True)

audience = Audience()
endpoint = serve(audience)
def is_listening():
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", endpoint.port)) == 0
"""


def run(code):
    """Run a program of its own to its end; what it printed."""
    path = os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", SCRIPT + code],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.split()


def test_a_program_that_closes_nothing_comes_to_its_end():
    assert run("print(is_listening())") == ["True"]


def test_an_interrupt_of_the_main_thread_does_not_reach_the_server():
    code = """
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print("interrupted")
print(is_listening())
endpoint.close()
print(threading.active_count())
"""
    assert run(code) == ["interrupted", "True", "1"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_holds_no_socket_and_can_serve_itself():
    code = """
import warnings
warnings.simplefilter("ignore")
read, write = os.pipe()
child = os.fork()
if child == 0:
    os.read(read, 1)           # the parent has closed its own by now
    print("child", is_listening(), flush=True)
    endpoint.close()           # not the child's: nothing happens
    second = serve(audience)
    print(second.port != endpoint.port, threading.active_count(), flush=True)
    second.close()
    print(threading.active_count(), flush=True)
    sys.exit()
print("parent", is_listening(), flush=True)
endpoint.close()
os.write(write, b"x")
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
    assert run(code) == ["parent", "True", "child", "False", "True", "2", "1", "0"]
