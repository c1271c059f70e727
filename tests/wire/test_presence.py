"""Presence travels signed like the feed, under a kind of its own, in bounded messages."""

import json
from pathlib import Path
from typing import Any

import pytest
from portillon_wire.errors import MalformedError, MessageError
from portillon_wire.messages import MAX_PAYLOAD_BYTES, FeedEntry, decode, encode
from portillon_wire.presence import PASSAGES_MAX, UNSEEN_MAX, PresenceNews, PresenceReport, Seen, Unseen
from portillon_wire.signature import KeyUse, PublicKey, PublicKeys, SigningKey, sign, verify

KEY = SigningKey.from_bytes("cloud-1", bytes(range(32)))
KEYS = PublicKeys({"cloud-1": PublicKey(KEY.public, frozenset({KeyUse.FEED}))})
NEWS = PresenceNews(
    gateway="gw-1",
    after=6,
    through=8,
    seen=(
        Seen(member="17", zone="gym", at_ms=1_790_000_000_000),
        Seen(member="18", zone="pool", left=True, at_ms=1_790_000_000_500),
    ),
    heard_ms=1_790_000_001_000,
    others=2,
    unseen=(Unseen(zone="gym", count=-3, at_ms=1_790_000_000_000),),
)
GOLDEN = json.loads((Path(__file__).parents[2] / "wire/golden/tokens.json").read_text())


def test_news_read_back_and_never_change() -> None:
    """The golden token is byte for byte what this version signs and reads; the feed's key signs it."""
    token = sign(NEWS, KEY)
    assert verify(PresenceNews, token, keys=KEYS, gateway="gw-1") == NEWS
    assert token.decode() == GOLDEN["PresenceNews"]


def test_news_are_no_feed_entry() -> None:
    """What is said of where people are can never be taken for a right to pass, nor the other way round."""
    with pytest.raises(MalformedError, match="expected a portillon-feed token"):
        verify(FeedEntry, sign(NEWS, KEY), keys=KEYS, gateway="gw-1")


def test_a_report_reads_back() -> None:
    """Where a gateway stands, what it told, and what it counted without knowing who."""
    report = PresenceReport(epoch=3, through=8, told_ms=None, unseen=(Unseen(zone="gym", count=1, at_ms=5),))
    assert decode(PresenceReport, encode(report)) == report


@pytest.mark.parametrize(
    "wrong",
    [
        {"through": 5},
        {"seen": [{"member": "", "zone": "gym", "at_ms": 1}]},
        {"seen": [{"member": "17", "zone": "the gym", "at_ms": 1}]},
        {"seen": [{"member": "17", "zone": "gym", "at_ms": 1}] * (PASSAGES_MAX + 1)},
        {"others": None},
    ],
)
def test_what_is_not_whole_is_no_news(wrong: dict[str, Any]) -> None:
    """Backwards, nameless, without end, from nowhere: refused before anybody acts on it."""
    payload = json.dumps({**json.loads(encode(NEWS)), **wrong}).encode()
    with pytest.raises(MessageError):
        decode(PresenceNews, payload)


def test_the_largest_news_fit_into_a_message() -> None:
    """Every bound together stays below the wire's."""
    news = PresenceNews(
        gateway="g" * 64,
        after=0,
        through=2**62,
        seen=(Seen(member="m" * 64, zone="z" * 64, left=True, at_ms=2**62),) * PASSAGES_MAX,
        heard_ms=2**62,
        others=99_999,
        unseen=(Unseen(zone="z" * 64, count=-1_000_000, at_ms=2**62),) * UNSEEN_MAX,
    )
    assert len(encode(news)) < MAX_PAYLOAD_BYTES
