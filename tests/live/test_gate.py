"""Who may connect: the headers of a request, one by one."""

import pytest

from toolkit.live.gate import Gate, find_gate

PORT = 40123
PAGE = "https://hub.example.org"


@pytest.fixture
def gate():
    gate = Gate(PORT)
    gate.allow_origin(PAGE)
    return gate


def test_the_announced_page_comes_in_on_loopback(gate):
    assert gate.refusal(host=f"127.0.0.1:{PORT}", origin=PAGE) == ""
    assert gate.transport(f"127.0.0.1:{PORT}") == "websocket"


def test_the_announced_page_comes_in_through_its_own_server(gate):
    assert gate.refusal(host="hub.example.org", origin=PAGE) == ""
    assert gate.transport("hub.example.org") == "proxy"


@pytest.mark.parametrize("host", [f"LOCALHOST:{PORT}", f"[::1]:{PORT}", "hub.example.org:443"])
def test_other_spellings_of_the_same_host_come_in(gate, host):
    assert gate.refusal(host=host, origin=PAGE) == ""


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://hub.example.org",
        "https://hub.example.org:8443",
        "https://hub.example.org.evil.example",
        "https://hub.example.or",
        "null",
        f"http://127.0.0.1:{PORT}",
    ],
)
def test_another_origin_is_refused(gate, origin):
    assert "origin" in gate.refusal(host=f"127.0.0.1:{PORT}", origin=origin)


@pytest.mark.parametrize("origin", [None, ""])
def test_a_request_without_an_origin_is_refused(gate, origin):
    assert "without an Origin" in gate.refusal(host=f"127.0.0.1:{PORT}", origin=origin)


@pytest.mark.parametrize(
    "host", ["", "evil.example", f"evil.example:{PORT}", "127.0.0.1", "127.0.0.1:80", "localhost"]
)
def test_a_name_that_was_bound_to_loopback_is_refused(gate, host):
    """DNS rebinding: the browser takes us for the server of the name in its address bar."""
    assert "Host" in gate.refusal(host=host, origin=PAGE)


def test_before_an_origin_was_told_nobody_comes_in():
    assert Gate(PORT).refusal(host=f"127.0.0.1:{PORT}", origin=PAGE)


@pytest.mark.parametrize(
    "origin",
    [
        *("null", "", "*", "hub.example.org", "https://", "https://a b", "https://a/path"),
        *("https://user@a", "https://a:0", "https://a:70000", "https://a?b", None, 3),
    ],
)
def test_what_is_no_origin_cannot_be_announced(gate, origin):
    with pytest.raises(ValueError, match="is no origin"):
        gate.allow_origin(origin)


def test_a_page_cannot_announce_origins_without_end(gate):
    for number in range(15):
        gate.allow_origin(f"http://host{number}:1")
    with pytest.raises(ValueError, match="16 origins"):
        gate.allow_origin("http://one.more:1")


@pytest.mark.parametrize("origin", ["HTTPS://Hub.Example.ORG", "https://hub.example.org/"])
def test_an_origin_is_the_same_in_capitals(origin):
    gate = Gate(PORT)
    gate.allow_origin(origin)
    assert gate.refusal(host="hub.example.org", origin=PAGE) == ""


def test_an_origin_by_address_may_be_of_version_6():
    gate = Gate(PORT)
    gate.allow_origin("http://[::1]:8888")
    assert gate.refusal(host="[::1]:8888", origin="http://[::1]:8888") == ""


def test_a_gate_is_found_by_its_token_alone():
    gates = [Gate(PORT) for _ in range(5)]
    assert find_gate(gates, gates[3].token) is gates[3]
    assert find_gate(gates, gates[3].token[:-1]) is None
    assert find_gate(gates, "") is None
    assert find_gate(gates, "tökën \udc80") is None


def test_a_token_is_long_and_never_the_same():
    tokens = {Gate(PORT).token for _ in range(100)}
    assert len(tokens) == 100
    assert all(len(token) == 43 for token in tokens)
