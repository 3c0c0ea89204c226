"""Without a socket: the same messages over the widget's comm, where all views share one."""

import pytest

from toolkit.live import CommEndpoint, Limits


class Widget:
    """What ipywidgets offers, with the page's side kept in a list."""

    def __init__(self):
        self.sent = []
        self.callbacks = []

    def send(self, content, buffers=None):
        self.sent.append((content, buffers))

    def on_msg(self, callback, remove=False):
        if remove:
            self.callbacks.remove(callback)
        else:
            self.callbacks.append(callback)

    def hear(self, header, *buffers):
        for callback in self.callbacks:
            callback(self, header, list(buffers))


@pytest.fixture
def widget():
    return Widget()


@pytest.fixture
def now():
    return [0.0]


@pytest.fixture
def endpoint(widget, listener, now):
    return CommEndpoint(
        widget, listener, limits=Limits(messages_per_second=4.0), clock=lambda: now[0]
    )


@pytest.fixture
def hello(widget, listener, endpoint):
    """Let a view say hello; gives its viewer."""

    def say(view):
        widget.hear({"t": "hello", "view": view})
        return listener.of("joined")[-1][1]

    return say


def test_a_view_says_hello_and_gets_a_picture_that_names_it(widget, listener, hello):
    viewer = hello("view-1")
    assert (viewer.id, viewer.transport) == ("view-1", "comm")
    [(welcome, _)] = widget.sent
    assert (welcome["t"], welcome["transport"], welcome["view"]) == ("welcome", "comm", "view-1")
    viewer.send({"t": "frame", "id": 7}, b"picture")
    assert widget.sent[-1] == ({"t": "frame", "id": 7, "view": "view-1"}, [b"picture"])
    widget.hear({"t": "ack", "id": 7, "view": "view-1"})
    [(_, sender, header, _)] = listener.of("received")
    assert (sender, header["id"]) == (viewer, 7)


def test_a_camera_s_picture_comes_as_a_buffer(widget, listener, hello):
    hello("view-1")
    header = {"t": "camera", "view": "view-1", "id": 1, "w": 2, "h": 2, "codec": "jpeg"}
    widget.hear(header, memoryview(b"picture"))
    assert listener.of("received")[0][3] == b"picture"


def test_two_views_are_told_apart(widget, listener, hello):
    first, second = hello("view-1"), hello("view-2")
    widget.hear({"t": "ack", "id": 1, "view": "view-1"})
    widget.hear({"t": "bye", "view": "view-2"})
    assert [event[1] for event in listener.of("received")] == [first]
    assert listener.of("left") == [("left", second)]


def test_a_ping_is_answered(widget, hello):
    hello("view-1")
    widget.hear({"t": "ping", "view": "view-1", "sent_ms": 3})
    assert widget.sent[-1][0] == {"t": "pong", "sent_ms": 3, "view": "view-1"}


@pytest.mark.parametrize("other", [{"t": "divider"}, {"t": "ack"}, {"t": []}, "text", None, []])
def test_other_messages_of_the_widget_are_left_alone(widget, listener, endpoint, other):
    widget.hear(other)
    assert listener.heard == []
    assert widget.sent == []


def test_a_view_that_is_not_known_is_asked_to_say_hello(widget, listener, endpoint):
    widget.hear({"t": "ack", "id": 1, "view": "view-1"})
    assert widget.sent == [({"t": "again", "view": "view-1"}, None)]
    widget.hear({"t": "bye", "view": "view-1"})
    assert len(widget.sent) == 1


def test_a_view_that_says_hello_anew_is_a_new_one(widget, listener, hello):
    older = hello("view-1")
    newer = hello("view-1")
    assert listener.of("left") == [("left", older)]
    widget.sent.clear()
    older.send({"t": "frame", "id": 1})
    newer.send({"t": "frame", "id": 2})
    assert [header["id"] for header, _ in widget.sent] == [2]


def test_a_view_that_fell_silent_is_dropped_when_it_is_sent_to(widget, listener, hello, now):
    viewer = hello("view-1")
    now[0] = 9.0
    viewer.send({"t": "frame", "id": 1})
    now[0] = 11.0
    viewer.send({"t": "frame", "id": 2})
    viewer.send({"t": "frame", "id": 3})
    assert listener.of("left") == [("left", viewer)]
    assert [header["id"] for header, _ in widget.sent if header["t"] == "frame"] == [1]


def test_a_wrong_message_ends_its_view_and_is_logged(widget, listener, hello, caplog):
    viewer = hello("view-1")
    widget.hear({"t": "ack", "id": -1, "view": "view-1"})
    assert listener.of("left") == [("left", viewer)]
    assert "'id' of 'ack' is -1" in caplog.text


@pytest.mark.parametrize("view", [None, [], "../x", {}])
def test_a_wrong_view_is_none(widget, listener, endpoint, view):
    widget.hear({"t": "hello", "view": view})
    assert listener.heard == []


def test_a_view_that_sends_too_much_is_dropped(widget, listener, hello):
    viewer = hello("view-1")
    for number in range(9):
        widget.hear({"t": "ack", "id": number, "view": "view-1"})
    assert len(listener.of("received")) == 8
    assert listener.of("left") == [("left", viewer)]


def test_views_cannot_be_opened_without_end(widget, listener, endpoint, caplog):
    for number in range(17):
        widget.hear({"t": "hello", "view": f"view-{number}"})
    assert len(listener.of("joined")) == 16
    assert "16 views" in caplog.text


def test_what_an_audience_raises_ends_its_view(widget, listener, hello, caplog):
    viewer = hello("view-1")

    def fail(*_):
        raise LookupError("no such attachment")

    listener.received = fail
    widget.hear({"t": "ack", "id": 1, "view": "view-1"})
    assert listener.of("left") == [("left", viewer)]
    assert "no such attachment" in caplog.text


def test_closing_ends_all_views_and_listens_no_more(widget, listener, endpoint, hello):
    hello("view-1")
    hello("view-2")
    endpoint.close()
    assert len(listener.of("left")) == 2
    assert widget.callbacks == []
