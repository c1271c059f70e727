"""What is not rightly signed for this gateway does nothing but get recorded."""

import base64
import json

from edge.feed_maker import FeedMaker, removed, signed
from edge.sync.desk import Desk, S, acted, reasons
from hypothesis import given
from hypothesis import strategies as st
from portillon_edge.sync.inputs import (
    Connected,
    Received,
)
from portillon_wire.signature import SigningKey
from portillon_wire.topics import Down


def test_forged_foreign_retained_and_malformed_messages_do_nothing_but_get_recorded(
    desk: Desk, feed: FeedMaker
) -> None:
    """Feed and lease alike: nothing but one event each."""
    stranger = SigningKey.generate("k1")
    entry, lease = feed.entry(removed(1)), feed.lease(revision=1)
    foreign = entry.model_copy(update={"gateway": "gw2"})
    header, _, signature = signed(entry).split(b".")
    other = base64.urlsafe_b64encode(json.dumps({"v": 1}).encode()).rstrip(b"=")
    tries = [
        (Received(Down.FEED, signed(entry, stranger)), "forged"),
        (Received(Down.LEASE, signed(lease, stranger)), "forged"),
        (Received(Down.FEED, b".".join((header, other, signature))), "forged"),
        (Received(Down.FEED, signed(foreign)), "foreign"),
        (Received(Down.LEASE, signed(lease.model_copy(update={"gateway": "gw2"}))), "foreign"),
        (Received(Down.FEED, signed(entry), retained=True), "retained"),
        (Received(Down.LEASE, signed(lease), retained=True), "retained"),
        (Received(Down.FEED, signed(lease)), "malformed"),
        (Received(Down.LEASE, signed(entry)), "malformed"),
        (Received(Down.FEED, b"\x00\xff junk"), "malformed"),
        (Received(Down.LEASE, b""), "malformed"),
        (Received(Down.FEED, signed(entry.model_copy(update={"v": 2}))), "unknown_version"),
    ]
    for received, reason in tries:
        done = desk.give(received)
        assert reasons(done) == [reason], received
        assert len(done) == 1
    assert desk.position.revision == 1 and desk.keeper.lease_counter == 0


def test_a_flood_of_forged_messages_does_not_flood_the_journal(desk: Desk) -> None:
    """A thousand of them are a few events; the count of the rest is told later."""
    done = desk.give(*[Received(Down.FEED, b"junk")] * 1_000)
    assert len(done) == 20
    desk.now_ns += 60 * S
    (late,) = desk.give(Received(Down.FEED, b"junk"))
    assert "980 more" in late.detail  # type: ignore[union-attr]


@given(st.binary(max_size=200))
def test_no_bytes_make_the_session_fail(junk: bytes) -> None:
    """Whatever arrives under whichever name: an event, no exception, no action."""
    desk = Desk()
    desk.give(Connected())
    for name in Down:
        assert acted(desk.give(Received(name, junk))) == []
