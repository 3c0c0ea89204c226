"""A message is a small header and bytes; whatever comes in, nothing but `WireError` comes out."""

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.live.wire import LONGEST_HEADER, WireError, check, pack, pack_text, unpack

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    # a lone half of a pair is no text that could be sent
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)
headers = st.dictionaries(st.text(max_size=10), json_values, max_size=5).map(
    lambda header: {**header, "t": "frame"}
)


def message(header, payload=b""):
    """A message as it lies on the wire, with a header that `pack` might not write."""
    return struct.pack("<I", len(header)) + header + payload


def test_a_message_comes_out_as_it_went_in():
    sent = pack({"t": "frame", "id": 7}, b"picture")
    assert sent[:4] == b"\x14\x00\x00\x00"
    assert sent == b'\x14\x00\x00\x00{"t":"frame","id":7}' + b"picture"
    header, payload = unpack(sent)
    assert header == {"t": "frame", "id": 7}
    assert payload == b"picture"


def test_a_payload_starts_at_a_multiple_of_8_and_is_a_view():
    sent = pack({"t": "ack"}, b"x")
    payload = unpack(sent)[1]
    assert (len(sent) - 1) % 8 == 0
    assert payload.obj is sent


def test_a_text_message_is_the_header_alone():
    assert pack_text({"t": "ack", "id": 1}) == '{"t":"ack","id":1}'
    assert unpack('{"t":"ack","id":1}') == ({"t": "ack", "id": 1}, b"")


@given(headers, st.binary(max_size=50))
def test_any_header_and_payload_come_back(header, payload):
    for kind in (bytes, bytearray, memoryview):
        read, rest = unpack(kind(pack(header, payload)))
        assert read == header
        assert rest == payload
    assert unpack(pack_text(header))[0] == header


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_whatever_comes_in_is_a_message_or_a_wire_error(anything):
    try:
        header, _ = unpack(anything)
        check(header)
    except WireError as refusal:
        assert str(refusal)  # noqa: PT017 - which of the two it is, is the example's


@given(st.binary(max_size=60), st.integers(0, 80), st.integers(0, 255))
def test_a_message_that_was_damaged_is_a_message_or_a_wire_error(payload, place, value):
    sent = bytearray(pack({"t": "camera", "id": 3, "w": 640, "h": 480, "codec": "jpeg"}, payload))
    sent[place % len(sent)] = value
    for damaged in (sent, sent[: place % len(sent)]):
        try:
            check(unpack(damaged)[0])
        except WireError as refusal:
            assert str(refusal)  # noqa: PT017 - which of the two it is, is the example's


@given(
    st.sampled_from(["hello", "see", "ack", "camera", "ping", "bye", "other"]),
    st.dictionaries(
        st.sampled_from(
            ["view", "want", "codec", "visible", "key", "width", "w", "h", "id", "quality"]
        ),
        json_values,
    ),
)
def test_whatever_a_header_says_is_right_or_a_wire_error(kind, fields):
    try:
        check({**fields, "t": kind})
    except WireError as refusal:
        assert str(refusal)  # noqa: PT017 - which of the two it is, is the example's


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        (b"", "0 bytes; the length of its header alone takes 4"),
        (b"\x04\x00\x00", "3 bytes"),
        (b"\xff\xff\xff\xff", "a header of 4294967295 bytes; at most 65536"),
        (b"\x0c\x00\x00\x00{}", "12 bytes in a message of 6: it was cut off"),
        (message(b'{"t":"x"}'), "byte 13, which is no multiple of 8"),
        (message(b"\xff\xfe  "), "no UTF-8: invalid start byte at byte 0"),
        (message(b"{]  "), "no JSON"),
        (message(b"[]  "), "the header is list; it must be an object"),
        (message(b"{}  "), "'t': None; it must be a short name"),
        ("[" * 60_000, "no JSON"),
        ('{"t":"x","n":' + "9" * 5000 + "}", "no JSON"),
        ('{"t":"x","n":NaN}', "NaN is no JSON number"),
        ('{"t":"' + "x" * 33 + '"}', "short name"),
        (" " * (LONGEST_HEADER + 1), "at most 65536 are read"),
    ],
)
def test_an_error_says_what_was_wrong(broken, sentence):
    with pytest.raises(WireError) as refusal:
        unpack(broken)
    assert sentence in str(refusal.value)


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ({"t": "hello"}, "'hello' without 'view'"),
        ({"t": "ack"}, "'ack' without 'id'"),
        ({"t": "ack", "id": True}, "'id' of 'ack' is True"),
        ({"t": "ack", "id": 1, "drawn_ms": float("inf")}, "'drawn_ms' of 'ack' is inf"),
        ({"t": "hello", "view": "../x"}, "1 to 64 letters, digits, - or _"),
        ({"t": "see", "width": 1.5}, "'width' of 'see' is 1.5; it must be 0 to 16384"),
        ({"t": "see", "codec": "vp8"}, "it must be 'jpeg' or 'h264'"),
        ({"t": "see", "codec": []}, "it must be 'jpeg' or 'h264'"),
        ({"t": "see", "visible": 1}, "true or false"),
        ({"t": "see", "want": "a\nb"}, "a name of at most 200 letters"),
        ({"t": "see", "beside": ["gray"]}, "'beside' of 'see' is ['gray']"),
        ({"t": "see", "camera": None}, "'camera' of 'see' is None; it must be true or false"),
        ({"t": "camera", "id": 1, "w": 16385, "h": 1, "codec": "jpeg"}, "'w' of 'camera'"),
    ],
)
def test_a_wrong_field_is_named(header, sentence):
    with pytest.raises(WireError) as refusal:
        check(header)
    assert sentence in str(refusal.value)


def test_what_is_not_known_is_left_alone():
    check({"t": "see", "colour": object()})
    check({"t": "divider", "id": "left"})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), b"bytes"])
def test_a_header_that_json_cannot_say_is_not_sent(value):
    with pytest.raises(WireError, match="cannot be sent"):
        pack({"t": "frame", "value": value})


def test_a_header_that_would_not_be_read_is_not_sent():
    with pytest.raises(WireError, match="at most 65536 are sent"):
        pack({"t": "note", "text": "x" * LONGEST_HEADER})


def test_a_header_is_plain_json():
    assert json.loads(pack({"t": "note", "text": "ä\u2028"})[4:]) == {
        "t": "note",
        "text": "ä\u2028",
    }
