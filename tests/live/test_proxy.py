"""Where the page's machine is not the kernel's: through a real Jupyter server with its proxy."""

import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from tests.browser.jupyter import run_server

pytest.importorskip("jupyter_server_proxy")


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory):
    with run_server(tmp_path_factory.mktemp("jupyter"), "jupyter_server") as server:
        yield server


@pytest.fixture
def origin(jupyter):
    """Of the server's pages."""
    return f"http://127.0.0.1:{jupyter.port}"


@pytest.fixture
def connect(browser, jupyter, origin, make_page):
    """Connect through the proxy, as a page of the server does."""

    def through(endpoint, *, token=None):
        headers = {"Origin": origin, "Authorization": f"token {jupyter.token}"}
        behind = f"proxy/{endpoint.port}/{token or endpoint.token}"

        async def open_socket():
            address = f"ws://127.0.0.1:{jupyter.port}/{behind}"
            return await websocket_connect(HTTPRequest(address, headers=headers))

        return make_page(browser.run(open_socket()))

    return through


def test_pictures_pass_through_the_server_of_the_page(connect, origin, listener, endpoint):
    endpoint.allow_origin(origin)
    page = connect(endpoint)
    assert page.hello()["transport"] == "proxy"
    viewer = listener.wait_for("joined")[0][1]
    assert viewer.transport == "proxy"
    viewer.send({"t": "frame", "id": 7}, bytes(100_000))
    header, payload = page.read()
    assert (header["id"], len(payload)) == (7, 100_000)
    page.send({"t": "camera", "id": 1, "w": 1, "h": 1, "codec": "jpeg"}, bytes(200_000))
    [(_, _, header, payload)] = listener.wait_for("received")
    assert (header["id"], len(payload)) == (1, 200_000)
    page.close()
    listener.wait_for("left")


def test_a_page_that_was_not_announced_is_refused_behind_the_proxy_too(connect, endpoint):
    """The proxy passes Origin and Host on as they came, and our refusal back as a closed socket."""
    assert _is_refused(connect, endpoint)


def test_a_wrong_token_is_refused_behind_the_proxy_too(connect, origin, endpoint):
    endpoint.allow_origin(origin)
    assert _is_refused(connect, endpoint, token="x" * 43)


def test_an_endpoint_that_closes_ends_the_page_s_connection(connect, origin, listener, limited):
    endpoint = limited()
    endpoint.allow_origin(origin)
    page = connect(endpoint)
    page.hello()
    endpoint.close()
    page.read_to_end()
    assert len(listener.of("left")) == 1


def _is_refused(connect, endpoint, **options):
    """Whether the proxy shuts the page out, before or after it accepted the page's socket."""
    try:
        page = connect(endpoint, **options)
    except HTTPClientError:
        return True
    return page.read() is None
