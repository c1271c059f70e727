"""Sums and rows of buckets prove what they are before anybody compares them."""

import json
from pathlib import Path

import pytest
from portillon_wire.digest import BUCKETS, Digest, bucket_of
from portillon_wire.errors import MessageError
from portillon_wire.messages import REPAIR_BUCKETS_MAX, SyncReport, WantedRows, decode, encode
from portillon_wire.repair import BucketRows, BucketSums
from portillon_wire.rows import RowChange, RowName
from portillon_wire.signature import KeyUse, PublicKey, PublicKeys, SigningKey, sign, verify

KEY = SigningKey.from_bytes("cloud-1", bytes(range(32)))
KEYS = PublicKeys({"cloud-1": PublicKey(KEY.public, frozenset({KeyUse.FEED}))})
GOLDEN = json.loads((Path(__file__).parents[2] / "wire/golden/tokens.json").read_text())
POLICY = RowChange(kind="policy", key="site", body={"time_zone": "America/Montreal"})
BUCKET = bucket_of("policy", "site")
ASKED = WantedRows(
    epoch=1, revision=7, root="ab" * 16, buckets=(BUCKET,), after=RowName(kind="policy", key="a")
)  # fmt: skip
ROWS = BucketRows(gateway="gw-1", asked=ASKED, rows=(POLICY,), more=True)


def digest() -> Digest:
    made = Digest.empty()
    made.add("policy", "site", b'{"time_zone":"America/Montreal"}')
    return made


def test_rows_read_back_and_never_change() -> None:
    """The golden token is byte for byte what this version signs and reads, and it says what it answers."""
    token = sign(ROWS, KEY)
    assert verify(BucketRows, token, keys=KEYS, gateway="gw-1") == ROWS
    assert token.decode() == GOLDEN["BucketRows"]


def test_sums_read_back_and_tell_what_differs() -> None:
    """Sixteen thousand bytes of sums travel in less than thirty thousand, and compare as a digest does."""
    said = BucketSums.of(digest(), gateway="gw-1", epoch=1, revision=7)
    token = sign(said, KEY)
    assert len(token) < 30_000
    heard = verify(BucketSums, token, keys=KEYS, gateway="gw-1")
    assert heard == said and heard.digest.differing(Digest.empty()) == {BUCKET}


@pytest.mark.parametrize("wrong", [{"root": "cd" * 16}, {"sums": "!" * 21_848}, {"sums": ""}])
def test_sums_that_do_not_make_their_root_are_refused(wrong: dict[str, str]) -> None:
    """Whoever compares against them need not ask whether they are whole."""
    content = json.loads(encode(BucketSums.of(digest(), gateway="gw-1", epoch=1, revision=7))) | wrong
    with pytest.raises(MessageError):
        decode(BucketSums, json.dumps(content).encode())


@pytest.mark.parametrize(
    "wrong",
    [
        {"rows": [{"kind": "policy", "key": "site", "body": None}]},
        {"rows": [{"kind": "policy", "key": "elsewhere", "body": {}}]},
        {"rows": []},
    ],
    ids=["deleted", "of another bucket", "more after none"],
)
def test_rows_that_were_not_asked_for_are_refused(wrong: dict[str, object]) -> None:
    """An answer holds rows of the buckets asked for, never deletions, and no promise of more after none."""
    assert bucket_of("policy", "elsewhere") != BUCKET
    with pytest.raises(MessageError):
        decode(BucketRows, json.dumps(json.loads(encode(ROWS)) | wrong).encode())


def test_a_wish_is_bounded() -> None:
    """Nobody asks for half a table by buckets, nor for a bucket that there is not."""
    report = SyncReport(
        epoch=1, revision=7, root="ab" * 16, lease_counter=0, clock_rev=0, boot_id="b", want_rows=ASKED
    )  # fmt: skip
    assert decode(SyncReport, encode(report)).want_rows == ASKED
    for buckets in (list(range(REPAIR_BUCKETS_MAX + 1)), [BUCKETS]):
        content = json.loads(encode(report))
        content["want_rows"]["buckets"] = buckets
        with pytest.raises(MessageError):
            decode(SyncReport, json.dumps(content).encode())


def test_a_gateway_that_asks_for_rows_is_understood_by_a_cloud_of_before() -> None:
    """The wish is one more field of the report: who does not know it reads the rest, and answers nothing to it."""
    content = json.loads(encode(SyncReport(
        epoch=1, revision=7, root="ab" * 16, lease_counter=0, clock_rev=0, boot_id="b", want_rows=ASKED
    )))  # fmt: skip
    content.pop("want_rows")
    assert decode(SyncReport, json.dumps(content).encode()).want_rows is None


def test_a_bucket_is_emptied_alone() -> None:
    """Its rows are counted in anew; the other buckets stay as they are."""
    both = digest()
    both.add("zone_rule", "*", b"{}")
    assert both.differing(digest()) == {bucket_of("zone_rule", "*")}
    both.empty_bucket(bucket_of("zone_rule", "*"))
    assert both.root() == digest().root() and not both.differing(digest())
