"""Who may not connect, or not go on, over real sockets: each is told why, and it is logged once."""

import socket

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPClientError

from toolkit.live import server

ORIGIN = "http://localhost:8888"
HANDSHAKE = (
    "GET /{token} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: " + ORIGIN + "\r\n"
    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@pytest.fixture
def refused(browser):
    """Connect, and give back the status and the sentence of the refusal."""

    def connect(endpoint, **options):
        with pytest.raises(HTTPClientError) as refusal:
            browser.connect(endpoint, **options)
        return refusal.value.code

    return connect


def raw(endpoint):
    """A socket after the handshake, for a peer that does not keep to the rules."""
    peer = socket.create_connection(("127.0.0.1", endpoint.port), timeout=30)
    peer.sendall(HANDSHAKE.format(token=endpoint.token, port=endpoint.port).encode())
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += peer.recv(1)
    assert b"101 Switching" in answer
    return peer


def masked(opcode, payload, *, is_last=True):
    """A frame as a client has to send it, with a mask of zeros (RFC 6455, section 5.2)."""
    first = (0x80 if is_last else 0) | opcode
    return bytes([first, 0x80 | 126]) + len(payload).to_bytes(2, "big") + bytes(4) + payload


def test_a_wrong_token_is_not_found(refused, endpoint):
    assert refused(endpoint, token="x" * 43) == 404


def test_another_origin_is_forbidden(refused, endpoint):
    assert refused(endpoint, origin="https://evil.example") == 403


def test_a_client_that_is_no_browser_is_forbidden(refused, endpoint):
    assert refused(endpoint, origin=None) == 403


def test_another_host_is_forbidden(refused, endpoint):
    assert refused(endpoint, host=f"evil.example:{endpoint.port}") == 403


def test_an_origin_that_is_the_host_it_asks_for_is_forbidden_still(refused, endpoint):
    """Taken for the same origin by its own browser, after DNS rebinding."""
    host = f"127.0.0.1:{endpoint.port}"
    assert refused(endpoint, host=host, origin=f"http://{host}") == 403


def test_a_refusal_is_one_sentence_and_logged_once(browser, refused, endpoint, caplog):
    async def fetch():
        address = f"http://127.0.0.1:{endpoint.port}/{endpoint.token}"
        return await AsyncHTTPClient().fetch(address, raise_error=False)

    answer = browser.run(fetch())
    assert answer.body == b"A request without an Origin is not answered.\n"
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    refused(endpoint, origin=None)
    refused(endpoint, origin="https://evil.example")
    refused(endpoint, origin="https://evil.example")
    told = [record.message for record in caplog.records]
    assert len(told) == 2
    assert "https://evil.example" in told[1]
    assert endpoint.token not in caplog.text


def test_what_is_no_websocket_is_refused(browser, endpoint):
    async def fetch(**options):
        address = f"http://127.0.0.1:{endpoint.port}/{endpoint.token}"
        return await AsyncHTTPClient().fetch(
            address, headers={"Origin": ORIGIN}, raise_error=False, **options
        )

    assert browser.run(fetch()).code == 400
    assert browser.run(fetch(method="DELETE")).code == 405


@pytest.mark.parametrize(
    "beginning",
    ["", "GET / HT", "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"],
    ids=["nothing", "a cut line", "no body"],
)
def test_a_request_that_does_not_come_to_an_end_is_cut_off(monkeypatch, limited, beginning):
    monkeypatch.setattr(server, "_IDLE_SECONDS", 0.2)
    endpoint = limited()
    with socket.create_connection(("127.0.0.1", endpoint.port), timeout=10) as peer:
        peer.sendall(beginning.encode())
        assert peer.recv(1) == b""


def test_a_page_that_connects_again_and_again_has_to_wait(browser, refused, listener, limited):
    now = [0.0]
    endpoint = limited(clock=lambda: now[0], connections_per_second=1.0)
    for _ in range(2):
        browser.connect(endpoint).hello()
    assert refused(endpoint) == 429
    now[0] = 1.0
    browser.connect(endpoint).hello()


def test_only_two_connections_may_wait_to_say_hello(browser, refused, endpoint):
    waiting = [browser.connect(endpoint) for _ in range(2)]
    assert refused(endpoint) == 429
    waiting[0].hello()


def test_who_says_no_hello_is_closed(browser, limited):
    page = browser.connect(limited(hello_seconds=0.0))
    assert page.read_to_end() == 1008
    assert page.connection.close_reason == "no hello within 0 s"


def test_who_says_something_else_first_is_closed(browser, endpoint, listener):
    page = browser.connect(endpoint)
    page.send({"t": "ack", "id": 1})
    assert page.read_to_end() == 1008
    assert listener.heard == []


@pytest.mark.parametrize(
    "message",
    [
        *(b"", b"\xff\xff\xff\xff", b"\x04\x00\x00\x00[]  ", "", "[]", '{"t":1}', "{"),
        *('{"t":"ack","id":true}', '{"t":"ack"}', '{"t":"ack","id":-1}'),
        '{"t":"camera","id":1,"w":0,"h":1,"codec":"jpeg"}',
    ],
)
def test_what_is_no_message_of_ours_closes_the_connection_with_a_reason(
    browser, listener, endpoint, message
):
    page = browser.connect(endpoint)
    page.hello()
    page.send_raw(message)
    assert page.read_to_end() == 1008
    assert page.connection.close_reason
    listener.wait_for("left")
    assert listener.of("received") == []


def test_a_message_that_is_too_large_closes_the_connection(browser, listener, limited):
    page = browser.connect(limited(message_nbytes=10_000))
    page.hello()
    page.send({"t": "camera", "id": 1, "w": 1, "h": 1, "codec": "jpeg"}, bytes(20_000))
    page.read_to_end()
    listener.wait_for("left")
    assert listener.of("received") == []


def test_a_message_in_many_parts_that_is_too_large_closes_the_connection(listener, limited):
    with raw(limited(message_nbytes=100_000)) as peer:
        peer.sendall(masked(0x1, b'{"t":"hello","view":"v"}'))
        listener.wait_for("joined")
        peer.sendall(masked(0x2, bytes(60_000), is_last=False) + masked(0x0, bytes(60_000)))
        listener.wait_for("left")
    assert listener.of("received") == []


def test_more_messages_a_second_than_a_view_may_send_close_the_connection(
    browser, listener, limited
):
    now = [0.0]
    page = browser.connect(limited(clock=lambda: now[0], messages_per_second=2.0))
    page.hello()
    for number in range(3):
        page.send({"t": "ack", "id": number})
    listener.wait_for("received", 3)
    now[0] = 1.0
    for number in range(3):
        page.send({"t": "ack", "id": number})
    assert page.read_to_end() == 1008
    listener.wait_for("left")
    assert len(listener.of("received")) == 5


def test_more_bytes_a_second_than_a_view_may_send_close_the_connection(browser, listener, limited):
    page = browser.connect(limited(clock=lambda: 0.0, nbytes_per_second=1000.0))
    page.hello()
    page.send({"t": "camera", "id": 1, "w": 1, "h": 1, "codec": "jpeg"}, bytes(3000))
    assert page.read_to_end() == 1008
    assert "MB a second" in page.connection.close_reason


def test_a_peer_that_reads_nothing_is_cut_off_and_the_sender_never_waits(listener, limited):
    with raw(limited(waiting_nbytes=1 << 20)) as peer:
        peer.sendall(masked(0x1, b'{"t":"hello","view":"v"}'))
        viewer = listener.wait_for("joined")[0][1]
        for number in range(100):  # far more than the system's buffers hold
            viewer.send({"t": "frame", "id": number}, bytes(500_000))
        assert listener.wait_for("left") == [("left", viewer)]


def test_a_connection_that_breaks_in_the_middle_of_a_message_is_noticed(listener, endpoint):
    with raw(endpoint) as peer:
        peer.sendall(masked(0x1, b'{"t":"hello","view":"v"}'))
        listener.wait_for("joined")
        peer.sendall(masked(0x2, bytes(60_000))[:1000])
    listener.wait_for("left")
    assert listener.of("received") == []


def test_an_endpoint_that_closes_in_the_middle_of_a_message_waits_for_no_end(listener, limited):
    endpoint = limited()
    with raw(endpoint) as peer:
        peer.sendall(masked(0x1, b'{"t":"hello","view":"v"}'))
        listener.wait_for("joined")
        peer.sendall(masked(0x2, bytes(60_000))[:1000])
        endpoint.close()
        assert len(listener.of("left")) == 1
