"""Pictures to a page, and messages back, over real sockets on loopback."""

import threading

import pytest

from toolkit import hooks
from toolkit.live import WireError, serve


def test_a_page_says_hello_gets_a_picture_and_acknowledges_it(browser, listener, endpoint):
    page = browser.connect(endpoint)
    page.send({"t": "hello", "view": "view-1", "want": None, "codec": "jpeg", "visible": True})
    welcome, _ = page.read()
    assert welcome["transport"] == "websocket"
    assert welcome["credits"] == 2

    [(_, viewer, hello)] = listener.wait_for("joined")
    assert (viewer.id, viewer.transport, hello["codec"]) == ("view-1", "websocket", "jpeg")
    viewer.send({"t": "frame", "id": 7, "codec": "jpeg"}, b"a picture")
    header, payload = page.read()
    assert (header["id"], bytes(payload)) == (7, b"a picture")

    page.send({"t": "ack", "id": header["id"], "drawn_ms": 1.5})
    [(_, sender, ack, _)] = listener.wait_for("received")
    assert (sender, ack["id"]) == (viewer, 7)
    page.close()
    assert listener.wait_for("left") == [("left", viewer)]


def test_a_camera_s_picture_reaches_the_audience_as_it_is(browser, listener, endpoint):
    page = browser.connect(endpoint)
    page.hello()
    header = {"t": "camera", "id": 1, "w": 64, "h": 48, "codec": "jpeg", "key": True}
    page.send(header, bytes(range(256)) * 100)
    [(_, _, heard, payload)] = listener.wait_for("received")
    assert heard == header
    assert payload == bytes(range(256)) * 100


def test_a_view_over_a_memoryview_is_sent_whole(browser, listener, endpoint):
    page = browser.connect(endpoint)
    page.hello()
    listener.wait_for("joined")[0][1].send({"t": "frame", "id": 1}, memoryview(b"xpicture")[1:])
    assert bytes(page.read()[1]) == b"picture"


def test_a_ping_is_answered_without_the_audience(browser, listener, endpoint):
    page = browser.connect(endpoint)
    page.hello()
    page.send({"t": "ping", "sent_ms": 12.5})
    assert page.read()[0] == {"t": "pong", "sent_ms": 12.5}
    assert listener.of("received") == []


def test_several_threads_may_send_to_one_view(browser, listener, endpoint):
    page = browser.connect(endpoint)
    page.hello()
    viewer = listener.wait_for("joined")[0][1]
    threads = [
        threading.Thread(target=viewer.send, args=({"t": "frame", "id": number}, b"x"))
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    assert sorted(page.read()[0]["id"] for _ in threads) == list(range(8))
    for thread in threads:
        thread.join()


def test_a_view_that_connects_anew_takes_the_place_of_its_older_connection(
    browser, listener, endpoint
):
    older, newer = browser.connect(endpoint), browser.connect(endpoint)
    older.hello("view-1")
    newer.hello("view-1")
    assert older.read_to_end() == 4001
    [first, second] = listener.wait_for("joined", 2)
    assert listener.wait_for("left") == [("left", first[1])]
    second[1].send({"t": "frame", "id": 1})
    assert newer.read()[0]["id"] == 1


def test_another_view_with_the_same_token_is_refused(browser, listener, endpoint):
    first, second = browser.connect(endpoint), browser.connect(endpoint)
    first.hello("view-1")
    second.send({"t": "hello", "view": "view-2"})
    assert second.read_to_end() == 4002
    first.send({"t": "ping", "sent_ms": 1})
    assert first.read()[0]["t"] == "pong"
    assert len(listener.of("joined")) == 1


def test_two_views_of_one_widget_have_a_token_each(browser, listener, endpoint):
    with serve(listener) as second:
        second.allow_origin("http://localhost:8888")
        assert second.token != endpoint.token
        assert second.port == endpoint.port
        browser.connect(endpoint).hello("view-1")
        browser.connect(second).hello("view-2")
        assert [event[1].id for event in listener.wait_for("joined", 2)] == ["view-1", "view-2"]


def test_closing_an_endpoint_ends_its_view_and_no_other(browser, listener, endpoint):
    second = serve(listener)
    second.allow_origin("http://localhost:8888")
    stays, goes = browser.connect(endpoint), browser.connect(second)
    stays.hello("stays")
    goes.hello("goes")
    second.close()
    assert [event[1].id for event in listener.of("left")] == ["goes"]
    assert goes.read_to_end() == 1001
    stays.send({"t": "ping", "sent_ms": 1})
    assert stays.read()[0]["t"] == "pong"


def test_the_kernel_can_end_a_view(browser, listener, endpoint):
    page = browser.connect(endpoint)
    page.hello()
    viewer = listener.wait_for("joined")[0][1]
    viewer.close("the source is gone")
    assert page.read_to_end() == 1001
    assert page.connection.close_reason == "the source is gone"
    listener.wait_for("left")
    viewer.send({"t": "frame", "id": 1})  # nothing happens


def test_what_an_audience_raises_ends_its_view_and_is_logged(browser, listener, endpoint, caplog):
    def fail(*_):
        raise LookupError("no such attachment")

    listener.received = fail
    page = browser.connect(endpoint)
    page.hello()
    page.send({"t": "ack", "id": 1})
    assert page.read_to_end() == 1011
    listener.wait_for("left")
    assert "no such attachment" in caplog.text


def test_a_header_that_json_cannot_say_is_an_error_at_the_sender(browser, listener, endpoint):
    page = browser.connect(endpoint)
    page.hello()
    viewer = listener.wait_for("joined")[0][1]
    with pytest.raises(WireError, match="cannot be sent"):
        viewer.send({"t": "frame", "pts_seconds": float("nan")})
    viewer.send({"t": "note"})
    assert page.read()[0]["t"] == "note"


def test_what_is_sent_and_received_stands_on_the_bill_of_who_listens(browser, listener):
    class Bill:
        def __init__(self):
            self.events = []

        def event(self, event):
            self.events.append((event.kind, event.op, event.nbytes))

    received, sent = Bill(), Bill()
    hooks.listen(received)
    endpoint = serve(listener)
    hooks.unlisten(received)
    with endpoint:
        endpoint.allow_origin("http://localhost:8888")
        page = browser.connect(endpoint)
        page.hello()
        page.send({"t": "ack", "id": 1})
        listener.wait_for("received")
        hooks.listen(sent)
        listener.of("joined")[0][1].send({"t": "frame", "id": 1}, bytes(1000))
        hooks.unlisten(sent)
        page.read()
    assert ("io", "live.receive", len('{"t":"ack","id":1}')) in received.events
    assert sent.events == [
        ("serialize", "live.pack", 1000),
        ("io", "live.send", 4 + 20 + 1000),
    ]


def test_without_a_listener_nothing_is_reported(browser, listener, endpoint, monkeypatch):
    monkeypatch.setattr(hooks, "Event", None)  # making one would fail
    page = browser.connect(endpoint)
    page.hello()
    listener.wait_for("joined")[0][1].send({"t": "frame", "id": 1}, b"x")
    assert page.read()[0]["id"] == 1


def test_an_endpoint_does_not_show_its_token(endpoint):
    assert endpoint.token not in repr(endpoint)
