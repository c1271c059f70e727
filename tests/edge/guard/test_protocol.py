"""What gateway and guard say to each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_edge.guard.errors import ProtocolError
from portillon_edge.guard.protocol import (
    LINE_BYTES_MAX,
    REPLIES,
    REQUESTS,
    Lines,
    Locked,
    OutputFault,
    Release,
    Why,
    decode_reply,
    decode_request,
    encode,
)

names = st.text(max_size=20)
numbers = st.integers(1, 2**62)


@given(st.one_of(*(st.builds(message) for message in REQUESTS.values())).filter(lambda m: getattr(m, "on_ms", 1) > 0))
def test_requests_survive_the_line(message: object) -> None:
    """Every request is read as it was written."""
    assert decode_request(encode(message).rstrip(b"\n")) == message


@given(st.one_of(*(st.builds(message) for message in REPLIES.values())))
def test_replies_survive_the_line(message: object) -> None:
    """Every reply is read as it was written, in one line."""
    line = encode(message)
    assert line.count(b"\n") == 1
    assert decode_reply(line.rstrip(b"\n")) == message


def test_wire_form() -> None:
    """The form is stable: a gateway and a guard of two versions still meet."""
    assert encode(Release("lane1-relay", 500)) == b'{"is":"release","output":"lane1-relay","on_ms":500}\n'
    assert encode(Locked("a", 1, Why.START)) == b'{"is":"locked","output":"a","at_ns":1,"why":"start"}\n'


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"nonsense", "no JSON"),
        (b"\xff", "no JSON"),
        (b"[]", "unknown kind None"),
        (b'{"is":"open_sesame"}', "unknown kind 'open_sesame'"),
        (b'{"is":["release"]}', "unknown kind"),
        (b'{"is":"release","output":"a"}', r"instead of \['on_ms', 'output'\]"),
        (b'{"is":"release","output":"a","on_ms":5,"force":1}', "instead of"),
        (b'{"is":"release","output":"a","on_ms":"5"}', "on_ms is '5'"),
        (b'{"is":"release","output":"a","on_ms":true}', "on_ms is True"),
        (b'{"is":"release","output":"a","on_ms":5.5}', "on_ms is 5.5"),
        (b'{"is":"release","output":"a","on_ms":0}', "no release"),
        (b'{"is":"release","output":"a","on_ms":-5}', "no release"),
        (b'{"is":"locked","output":"a","at_ns":1,"why":"start"}', "unknown kind"),
    ],
)
def test_what_is_no_request_is_refused(line: bytes, expected: str) -> None:
    """Nothing is guessed: a line is a request with exactly its fields of exactly their types, or an error."""
    with pytest.raises(ProtocolError, match=expected):
        decode_request(line)


def test_unknown_reason_is_refused() -> None:
    """A reason that is no member of its enum is an error, not a string that travels on."""
    with pytest.raises(ProtocolError, match="whim"):
        decode_reply(b'{"is":"locked","output":"a","at_ns":1,"why":"whim"}')


@given(st.binary(max_size=200))
def test_noise_is_a_protocol_error(noise: bytes) -> None:
    """Any bytes are a request or a ProtocolError, never another exception."""
    try:
        decode_request(noise)
    except ProtocolError:
        return


@given(st.lists(st.binary(max_size=30).map(lambda raw: raw.replace(b"\n", b"")), max_size=8), st.data())
def test_lines_may_be_split_anywhere(lines: list[bytes], data: st.DataObject) -> None:
    """However the stream is cut, the same lines come out."""
    stream = b"".join(line + b"\n" for line in lines)
    cut = data.draw(st.integers(0, len(stream)))
    reader = Lines()
    assert reader.feed(stream[:cut]) + reader.feed(stream[cut:]) == lines


def test_endless_line_is_refused() -> None:
    """A peer that never ends its line cannot fill the memory."""
    reader = Lines()
    with pytest.raises(ProtocolError):
        for _ in range(LINE_BYTES_MAX + 1):
            reader.feed(b"x")


def test_long_detail_is_cut() -> None:
    """However long a driver's words, a message fits its line."""
    assert len(encode(OutputFault("a", "x" * 10_000, 1))) < LINE_BYTES_MAX
