"""Where the page's machine is not the kernel's: through a real Jupyter server with its proxy."""

import json
import os
import secrets
import subprocess
import sys
import time
from contextlib import suppress

import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

pytest.importorskip("jupyter_server_proxy")

PATIENCE_SECONDS = 90


class JupyterServer:
    """A Jupyter server in a process of its own.

    Attributes:
        port: where it listens.
        token: that it asks for.
        origin: of its pages.
    """

    def __init__(self, port, token):
        self.port, self.token = port, token
        self.origin = f"http://127.0.0.1:{port}"

    def address(self, endpoint, token=None):
        """Where a page finds the endpoint through the proxy."""
        return f"ws://127.0.0.1:{self.port}/proxy/{endpoint.port}/{token or endpoint.token}"


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory):
    home = tmp_path_factory.mktemp("jupyter")
    token = secrets.token_hex(16)
    command = [
        *(sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root"),
        *("--ip=127.0.0.1", "--port=0", f"--ServerApp.root_dir={home}"),
        f"--IdentityProvider.token={token}",
    ]
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "IPYTHONDIR": str(home / "ipython"),
    }
    with (home / "server.log").open("w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            yield JupyterServer(_wait_for_port(server, home), token)
        finally:
            server.terminate()
            with suppress(subprocess.TimeoutExpired):
                server.wait(timeout=20)
            server.kill()
            server.wait()


def _wait_for_port(server, home):
    """The port in the file that the server writes when it listens."""
    written = home / "runtime" / f"jpserver-{server.pid}.json"
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with suppress(OSError, json.JSONDecodeError):
            return json.loads(written.read_text())["port"]
        with suppress(subprocess.TimeoutExpired):
            server.wait(timeout=0.2)
            break
    pytest.fail(f"the server did not start:\n{(home / 'server.log').read_text()[-3000:]}")


@pytest.fixture
def connect(browser, jupyter, make_page):
    """Connect through the proxy, as a page of the server does."""

    def through(endpoint, *, token=None):
        headers = {"Origin": jupyter.origin, "Authorization": f"token {jupyter.token}"}

        async def open_socket():
            address = jupyter.address(endpoint, token)
            return await websocket_connect(HTTPRequest(address, headers=headers))

        return make_page(browser.run(open_socket()))

    return through


def test_pictures_pass_through_the_server_of_the_page(connect, jupyter, listener, endpoint):
    endpoint.allow_origin(jupyter.origin)
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


def test_a_wrong_token_is_refused_behind_the_proxy_too(connect, jupyter, endpoint):
    endpoint.allow_origin(jupyter.origin)
    assert _is_refused(connect, endpoint, token="x" * 43)


def test_an_endpoint_that_closes_ends_the_page_s_connection(connect, jupyter, listener, limited):
    endpoint = limited()
    endpoint.allow_origin(jupyter.origin)
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
