"""Files and sockets: what the system was asked for, with its bytes."""

import contextvars
import io
import os
import socket
import ssl
from contextlib import nullcontext

import pytest

from toolkit import hooks
from toolkit.profiling import profile


def events_of(session, kind):
    return [event for event in session.events if event.kind == kind]


def test_bytes_are_counted_when_they_reach_the_system(tmp_path):
    with profile(keep="all") as session, (tmp_path / "one").open("wb") as file:
        file.write(b"123")
        file.write(b"45")
        assert events_of(session, "io") == []
    assert [(one.op, one.nbytes) for one in events_of(session, "io")] == [("file.write", 5)]


def test_what_a_buffer_answers_is_no_read(tmp_path):
    path = tmp_path / "one"
    path.write_bytes(b"x" * 100)
    with profile(keep="all") as session, path.open("rb") as file:
        file.read(10)
        file.read(20)
    assert [(one.op, one.nbytes) for one in events_of(session, "io")] == [("file.read", 100)]


def test_a_file_opened_by_its_name_is_heard(tmp_path):
    path = tmp_path / "one"
    with profile(keep="all") as session, open(path, "wb") as file:  # noqa: PTH123 - the subject
        file.write(b"123")
    assert [(one.op, one.nbytes) for one in events_of(session, "io")] == [("file.write", 3)]


@pytest.mark.parametrize("mode", ["w", "wb", "x", "ab", "a", "w+", "wb+", "r+b"])
@pytest.mark.parametrize("buffering", [-1, 0, 1, 4096])
def test_a_file_is_what_it_is_without_a_session(tmp_path, mode, buffering):
    def attempt(name):
        path = tmp_path / name
        if "r" in mode:
            path.write_bytes(b"12345")
        try:
            warned = pytest.warns() if "b" in mode and buffering == 1 else nullcontext()
            with warned, path.open(mode, buffering) as file:
                kind = [type(file)]
                file.write("new" if "b" not in mode else b"new")
                details = (type(file.name), file.mode, getattr(file, "line_buffering", None))
            return kind, details, path.read_bytes()
        except ValueError as error:
            return str(error)

    plain = attempt("plain")
    with profile():
        heard = attempt("heard")
    if buffering == 0 and "b" in mode:
        assert issubclass(heard[0].pop(), plain[0].pop())
    assert heard == plain


@pytest.mark.parametrize(
    "arguments", [("",), ("rw",), ("rbt",), ("rb", -1, "utf-8"), ("r", 0), ("r",), ("w", 9)]
)
def test_what_open_refuses_it_refuses_with_the_same_words(arguments, tmp_path):
    folder = tmp_path

    def refusal():
        with pytest.raises((TypeError, ValueError, OSError)) as refused:
            folder.open(*arguments).close()
        return str(refused.value)

    plain = refusal()
    with profile():
        assert refusal() == plain


def test_text_keeps_its_encoding_and_its_line_ends(tmp_path):
    path = tmp_path / "text"
    with profile(keep="all") as session:
        with path.open("w", encoding="latin-1", newline="\r\n") as file:
            file.write("ä\n")
        with path.open(encoding="latin-1", newline="") as file:
            assert file.read() == "ä\r\n"
    assert path.read_bytes() == b"\xe4\r\n"
    assert sum(one.nbytes for one in events_of(session, "io")) == 6


def test_a_file_that_outlives_its_session_is_heard_no_more(tmp_path):
    with profile(keep="all") as session:
        file = (tmp_path / "one").open("wb", buffering=0)
    file.write(b"123")
    file.close()
    assert events_of(session, "io") == []


def test_a_context_that_does_not_listen_gets_a_plain_file(tmp_path):
    with profile():
        context = contextvars.Context()
        file = context.run(open, tmp_path / "one", "wb", 0)
        file.close()
    assert type(file) is io.FileIO


def test_calls_of_the_system_are_heard(tmp_path):
    path = tmp_path / "one"
    with profile(keep="all") as session:
        number = os.open(path, os.O_RDWR | os.O_CREAT)
        os.write(number, b"12345")
        os.lseek(number, 0, os.SEEK_SET)
        os.read(number, 3)
        os.close(number)
    heard = [(one.op, one.nbytes) for one in events_of(session, "io")]
    assert heard == [("os.write", 5), ("os.read", 3)]


def test_sockets_are_heard_in_both_directions():
    near, far = socket.socketpair()
    with near, far, profile(keep="all") as session:
        near.sendall(b"12345")
        far.recv(2)
        far.recv_into(bytearray(3))
        far.setblocking(False)
        with pytest.raises(BlockingIOError):
            far.recv(1)
    heard = [(one.op, one.nbytes) for one in events_of(session, "io")]
    assert heard == [("socket.sendall", 5), ("socket.recv", 2), ("socket.recv_into", 3)]


# Of nobody, signed by itself: it is not verified, so that no clock can make the tests fail.
CERTIFICATE = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg2mufVHVvmDVciWwN
9H5AVMoCRTozo08jDQWiFso5MhKhRANCAARXYbTZolgxPT95l21jNX/E+7OcfSuG
wB/zli/nzH1Kqr7+QafA2kO81CK9k7vSNryzlDjzT8TkMBWqCZnlR+wH
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBfzCCASWgAwIBAgIUTjf0ILOnxl7Y9O89Y5NVTI0HY9swCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyODA2NTY0MVoYDzIxMjYxMTA0
MDY1NjQxWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARXYbTZolgxPT95l21jNX/E+7OcfSuGwB/zli/nzH1Kqr7+QafA2kO8
1CK9k7vSNryzlDjzT8TkMBWqCZnlR+wHo1MwUTAdBgNVHQ4EFgQUP7SiPT0xAnMG
gfpIo3XFKI3GTfgwHwYDVR0jBBgwFoAUP7SiPT0xAnMGgfpIo3XFKI3GTfgwDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiB6kU9Z2Wr9QQTC2g9H+xwA
xDrxY8rgH9L5/QSqbeHLgQIhAIcitUZWYrGG228cN5SVbRkxrPb2LFfWLct/w1rA
CiSF
-----END CERTIFICATE-----
"""


@pytest.fixture
def secured(tmp_path):
    """Two ends of a connection that agreed on its keys already."""
    (tmp_path / "certificate.pem").write_text(CERTIFICATE)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "certificate.pem")
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    near, far = socket.socketpair()
    near.setblocking(False)
    far.setblocking(False)
    with (
        client.wrap_socket(near, do_handshake_on_connect=False) as sends,
        server.wrap_socket(far, server_side=True, do_handshake_on_connect=False) as receives,
    ):
        agreeing = [sends, receives]
        while agreeing:
            agreeing = [one for one in agreeing if not has_agreed(one)]
        yield sends, receives


def has_agreed(end):
    """Whether one end is done, after it did what it can without the other."""
    try:
        end.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


def test_secured_sockets_are_heard_with_the_bytes_of_the_plain_text(secured):
    near, far = secured
    with profile(keep="all") as session:
        near.sendall(b"12345")
        assert far.recv(2) == b"12"
        assert far.recv_into(bytearray(3)) == 3
        near.send(b"6")
        assert far.read(1) == b"6"
    heard = [(one.op, one.nbytes) for one in events_of(session, "io")]
    sent, got = "SSLSocket.send", "SSLSocket.read"
    assert heard == [(sent, 5), (got, 2), (got, 3), (sent, 1), (got, 1)]


def test_a_secured_socket_that_has_nothing_yet_is_no_read(secured):
    _, far = secured
    with profile(keep="all") as session, pytest.raises(ssl.SSLWantReadError):
        far.recv(1)
    assert events_of(session, "io") == []


def test_a_file_that_the_system_sends_by_itself_is_heard_once(tmp_path):
    (tmp_path / "one").write_bytes(b"12345")
    near, far = socket.socketpair()
    with near, far, (tmp_path / "one").open("rb") as file, profile(keep="all") as session:
        os.sendfile(near.fileno(), file.fileno(), 1, 3)
        near.sendfile(file)
        assert far.recv(8) == b"23412345"
    heard = [(one.op, one.nbytes) for one in events_of(session, "io")]
    assert heard == [("os.sendfile", 3), ("socket.sendfile", 5), ("socket.recv", 8)]


def test_reads_that_the_toolkit_reports_are_not_counted_twice(tmp_path):
    path = tmp_path / "one"
    path.write_bytes(b"x" * 100)
    with profile(keep="all") as session, hooks.timed("io", 7, op="demux"):
        path.read_bytes()
    assert [(one.op, one.nbytes) for one in events_of(session, "io")] == [("demux", 7)]
