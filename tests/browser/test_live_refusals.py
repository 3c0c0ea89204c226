"""Who is kept out of a live view that plays, by real pages of a real browser?

Chromium writes a line of its own for each socket that fails, with the answer it got. That is how a
test knows that a refusal came from the kernel, and with which status.
"""

import re
import threading
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler

import pytest

from tests.browser.jupyter import write_notebook
from tests.browser.live_view import View

pytestmark = pytest.mark.browser

SETUP = """\
from toolkit import Pipeline
from toolkit.stages import gray, rgb
from widgets import Live
pipeline = Pipeline([rgb, gray])

class Misled(Live):
    '''Its pages are told a token that opens nothing.'''
    def send(self, content, buffers=None):
        wrong = {"token": "x" * 43} if content.get("t") == "where" else {}
        super().send(content | wrong, buffers)"""
LIVE = "live = Live(pipeline)\nlive"
MISLED = "live = Misled(pipeline, transports={})\nlive"
WRONG_TOKEN = "x" * 43
# "open" once a socket is open, and else the code that it closed with.
KNOCK = """(url) => new Promise((resolve) => {
    const socket = new WebSocket(url);
    socket.onopen = () => { resolve("open"); socket.close(); };
    socket.onclose = ({code}) => resolve(code);
})"""
CLOSED_ABNORMALLY = 1006
REFUSED = r"WebSocket connection to '[^']*' failed: .*Unexpected response code: {}$"


@pytest.fixture(scope="module")
def opened(lab, tmp_path_factory):
    """A notebook with the setup, and a cell that tests write."""
    path = tmp_path_factory.mktemp("refusals") / "refusals.ipynb"
    opened = lab.run(write_notebook(path, SETUP, "live = Live(pipeline)"))
    assert opened.errors == []
    yield opened
    opened.page.close()


@pytest.fixture
def stranger(tmp_path):
    """Address of a page on this machine: one from elsewhere is shut out by Chromium itself."""
    (tmp_path / "index.html").write_text("<link rel=icon href='data:,'>A page of somebody else.")
    pages = partial(SimpleHTTPRequestHandler, directory=tmp_path)
    with HTTPServer(("127.0.0.1", 0), pages) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture
def start(opened):
    """Write the cell, run it, and give back the view; at the end, close what it made."""
    opened.console_errors.clear()

    def run_cell(source):
        opened.run_cell(source)
        return View(opened)

    yield run_cell
    opened.run("live.close()")


@pytest.fixture
def playing(start):
    """A view that plays; at the end it must do so still, over the same socket."""
    view = start(LIVE)
    view.wait_for("facts", r"[1-9]\d* fps .* websocket")
    view.opened.run("guests = list(live.player._engine.views)")
    yield view
    before = view.ask("live.player.shown")
    view.ask_until(f"live.player.shown > {before} + 10", True)
    assert view.ask("list(live.player._engine.views) == guests")
    assert view.part("state").text_content() == view.part("fault").text_content() == ""
    view.wait_for("facts", r"[1-9]\d* fps .* websocket")


def address(view, *, token=None):
    """Where the page of `view` found its kernel, or beside it, with another token."""
    port, right = view.ask("[(one.port, one.token) for one in live._endpoints.values()][0]")
    return f"ws://127.0.0.1:{port}/{token or right}"


def test_the_page_itself_comes_in_with_its_token_and_without_it_does_not(playing):
    page, told = playing.page, playing.opened.console_errors
    assert page.evaluate(KNOCK, address(playing)) == "open"
    assert told == []
    assert page.evaluate(KNOCK, address(playing, token=WRONG_TOKEN)) == CLOSED_ABNORMALLY
    assert [bool(re.search(REFUSED.format(404), line)) for line in told] == [True], told


def test_a_page_of_another_origin_is_shut_out_though_it_has_the_token(playing, lab, stranger):
    told = []
    with lab.browser.new_context() as context:
        page = context.new_page()
        page.on("console", lambda message: told.append(message.text))
        page.goto(stranger)
        assert page.evaluate(KNOCK, address(playing)) == CLOSED_ABNORMALLY
    assert [bool(re.search(REFUSED.format(403), line)) for line in told] == [True], told


def test_a_view_that_no_socket_lets_in_plays_over_comm_messages_and_says_so(start):
    view = start(MISLED.format(["websocket", "proxy", "comm"]))
    view.wait_for("facts", r"[1-9]\d* fps .* comm ")
    assert view.part("state").text_content() == view.part("fault").text_content() == ""
    assert refused_alone(view)


def test_a_view_that_no_way_lets_in_says_which_were_tried(start):
    view = start(MISLED.format(["websocket"]))
    view.wait_for("state", "^The kernel answers, but lets nothing through by websocket")
    view.opened.keep_picture("live_no_way")
    assert refused_alone(view)


def refused_alone(view):
    """Whether the browser's own lines on failed sockets are all that the console has."""
    told = view.opened.console_errors
    return told and all(re.search(REFUSED.format(r"\d+"), line) for line in told)
