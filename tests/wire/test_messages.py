import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_wire.errors import MessageError, UnknownVersionError
from portillon_wire.messages import DeviceHealth, JournalBatch, Message, Status, SyncReport, decode, encode

REPORT = SyncReport(epoch=1, revision=2, root="0" * 32, lease_counter=3, clock_rev=0, boot_id="b1")


def test_a_message_reads_back() -> None:
    """What is sent is what is read."""
    assert decode(SyncReport, encode(REPORT)) == REPORT


def test_an_unknown_field_is_ignored() -> None:
    """A newer peer may say more; an older one still understands the rest."""
    content = json.loads(encode(REPORT)) | {"mood": "fine"}
    assert decode(SyncReport, json.dumps(content).encode()) == REPORT


def test_a_peer_that_knows_no_remarks_is_understood() -> None:
    """A gateway of before told none; a cloud of before ignores them."""
    told = {"name": "r", "kind": "reader rdm6300", "state": "up", "detail": ""}
    assert DeviceHealth.model_validate(told).remarks == ()
    assert DeviceHealth.model_validate(told | {"remarks": ["copyable:em4100"], "more": 1}).name == "r"


def test_an_unknown_version_says_which_side_to_update() -> None:
    """Another major version is refused as such, not as a puzzle about fields."""
    content = json.loads(encode(REPORT)) | {"v": 2}
    with pytest.raises(UnknownVersionError, match=r"version 2.*update the older side"):
        decode(SyncReport, json.dumps(content).encode())


def test_a_wrong_field_is_named() -> None:
    """The message says which field is wrong."""
    content = json.loads(encode(REPORT)) | {"revision": -1}
    with pytest.raises(MessageError, match="revision"):
        decode(SyncReport, json.dumps(content).encode())


def test_a_huge_payload_is_refused_before_it_is_parsed() -> None:
    """No peer can make the other side chew on megabytes."""
    with pytest.raises(MessageError, match="bytes"):
        decode(Status, b" " * 300_000)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("cls", [SyncReport, JournalBatch, Status])
@given(payload=st.binary(max_size=64) | json_values.map(lambda value: json.dumps(value).encode()))
def test_junk_is_an_error_and_never_a_crash(cls: type[Message], payload: bytes) -> None:
    """Any bytes either are the message or raise MessageError."""
    with contextlib.suppress(MessageError):
        decode(cls, payload)


def test_deep_nesting_is_an_error_and_never_a_crash() -> None:
    """A hundred thousand brackets do not end the process."""
    with pytest.raises(MessageError):
        decode(Status, b"[" * 100_000)
