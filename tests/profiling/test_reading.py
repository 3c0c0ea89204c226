"""Files and sockets: what the system was asked for, with its bytes."""

import contextvars
import io
import os
import socket
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


def test_reads_that_the_toolkit_reports_are_not_counted_twice(tmp_path):
    path = tmp_path / "one"
    path.write_bytes(b"x" * 100)
    with profile(keep="all") as session, hooks.timed("io", 7, op="demux"):
        path.read_bytes()
    assert [(one.op, one.nbytes) for one in events_of(session, "io")] == [("demux", 7)]
