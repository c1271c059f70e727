import base64
import json
from pathlib import Path

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_wire.errors import ForeignError, ForgedError, MalformedError, SignatureError, WireError
from portillon_wire.messages import FeedEntry, Lease, SignedMessage, SnapshotOffer
from portillon_wire.rows import RowChange, canonical_body
from portillon_wire.signature import KeyUse, PublicKey, PublicKeys, SigningKey, sign, typ_of, verify

KEY = SigningKey.from_bytes("cloud-1", bytes(range(32)))
KEYS = PublicKeys({"cloud-1": PublicKey(KEY.public, frozenset(KeyUse))})
ENTRY = FeedEntry(
    gateway="gw-1",
    epoch=1,
    revision=7,
    changes=(
        RowChange(kind="policy", key="site", body={"time_zone": "America/Montreal"}),
        RowChange(kind="entitlement", key="k1.00", body=None),
    ),
    root="ab" * 16,
    issued_ms=1_790_000_000_000,
)
LEASE = Lease(
    gateway="gw-1", epoch=1, revision=7, root="ab" * 16, issued_ms=1_790_000_000_000, duration_s=259_200, counter=42,
    business_ms=1_790_000_000_000, clock_rev=0, rate=1, mode="live",
)  # fmt: skip
OFFER = SnapshotOffer(
    gateway="gw-1", epoch=2, revision=9, root="cd" * 16, url="/gateway/v1/snapshot/t", size=10, sha256="0" * 64, rows=3,
    issued_ms=1_790_000_000_000,
)  # fmt: skip
MESSAGES = [ENTRY, LEASE, OFFER]
GOLDEN = json.loads((Path(__file__).parents[2] / "wire/golden/tokens.json").read_text())


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: type(m).__name__)
def test_a_token_reads_back_and_never_changes(message: SignedMessage) -> None:
    """Ed25519 is deterministic: the golden tokens are byte for byte what this version signs and reads."""
    token = sign(message, KEY)
    assert verify(type(message), token, keys=KEYS, gateway="gw-1") == message
    assert token.decode() == GOLDEN[type(message).__name__]


def test_a_token_for_another_gateway_is_foreign() -> None:
    """A rightly signed message for a neighbour does nothing here."""
    with pytest.raises(ForeignError, match="gw-1"):
        verify(Lease, sign(LEASE, KEY), keys=KEYS, gateway="gw-2")


def test_a_lease_is_no_feed_entry() -> None:
    """Each kind of message has its own typ."""
    with pytest.raises(MalformedError, match="expected a portillon-feed token"):
        verify(FeedEntry, sign(LEASE, KEY), keys=KEYS, gateway="gw-1")


def test_an_unknown_or_misused_key_proves_nothing() -> None:
    """A key that is not on the local list, or not for this use, is as good as a forgery."""
    stranger = SigningKey.from_bytes("cloud-1", bytes(32))
    with pytest.raises(ForgedError, match="does not fit"):
        verify(Lease, sign(LEASE, stranger), keys=KEYS, gateway="gw-1")
    with pytest.raises(ForgedError, match="does not know"):
        verify(Lease, sign(LEASE, SigningKey.from_bytes("other", bytes(32))), keys=KEYS, gateway="gw-1")
    feed_only = PublicKeys({"cloud-1": PublicKey(KEY.public, frozenset({KeyUse.FEED}))})
    with pytest.raises(ForgedError, match="may not sign a lease"):
        verify(Lease, sign(LEASE, KEY), keys=feed_only, gateway="gw-1")


def test_no_other_algorithm_is_accepted() -> None:
    """An HMAC made with the public key as secret, or no signature at all, is refused (the classic JWT attacks)."""
    headers = {"typ": "portillon-lease", "kid": "cloud-1", "aud": "gw-1"}
    body = LEASE.model_dump_json().encode()
    for algorithm, secret in (("HS256", KEY.public), ("none", None)):
        token = jwt.PyJWS().encode(body, secret, algorithm=algorithm, headers=headers)  # type: ignore[arg-type]
        with pytest.raises(SignatureError):
            verify(Lease, token.encode(), keys=KEYS, gateway="gw-1")


def test_the_audience_in_the_header_counts_too() -> None:
    """Header and payload must both name this gateway."""
    headers = {"typ": "portillon-lease", "kid": "cloud-1", "aud": "gw-2"}
    token = jwt.PyJWS().encode(LEASE.model_dump_json().encode(), KEY.private, algorithm="EdDSA", headers=headers)
    with pytest.raises(ForeignError):
        verify(Lease, token.encode(), keys=KEYS, gateway="gw-1")


@given(position=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_no_flipped_bit_goes_unseen(position: int, bit: int) -> None:
    """Any single flipped bit makes a token worthless (or leaves the very same bytes after base64 decoding)."""
    token = bytearray(sign(LEASE, KEY))
    position %= len(token)
    token[position] ^= 1 << bit
    if _decoded(bytes(token)) == _decoded(sign(LEASE, KEY)):
        return
    with pytest.raises(WireError):
        verify(Lease, bytes(token), keys=KEYS, gateway="gw-1")


@given(st.binary(max_size=200))
def test_junk_is_malformed_and_never_a_crash(token: bytes) -> None:
    """Any bytes that are no token raise MalformedError."""
    with pytest.raises(MalformedError):
        typ_of(token)


def test_private_keys_never_show() -> None:
    """A signing key in a log shows its id only."""
    assert "private" not in repr(KEY)


def test_a_body_has_one_spelling() -> None:
    """Key order and white space of the sender do not matter to hash or MAC."""
    assert canonical_body({"b": [1, 2], "a": "é"}) == '{"a":"é","b":[1,2]}'.encode()


def _decoded(token: bytes) -> list[bytes] | None:
    try:
        return [base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4)) for part in token.split(b".")]
    except ValueError:
        return None
