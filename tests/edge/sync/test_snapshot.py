"""A snapshot is fetched whole or resumed, never larger than offered, and never believed before its hash fits."""

from pathlib import Path
from typing import Any

import pytest
from edge.feed_maker import FeedMaker, entitled, policy
from edge.sync.snapshot_server import SnapshotServer
from portillon_edge.errors import LinkMisconfigured, SnapshotInterrupted, SnapshotRefused
from portillon_edge.sync.snapshot import SnapshotFetcher
from portillon_wire.messages import SnapshotOffer


@pytest.fixture
def offer(snapshot_server: SnapshotServer) -> SnapshotOffer:
    feed = FeedMaker()
    feed.put(policy(), *(entitled(number) for number in range(3_000)))
    made, snapshot_server.body = feed.snapshot(url=snapshot_server.url)
    assert made.size > 100_000
    return made


def fetch(folder: Path, offer: SnapshotOffer, **more: Any) -> Path:
    return SnapshotFetcher(folder, **more).fetch(offer, cancelled=lambda: False)


def test_a_whole_file_is_fetched_once(tmp_path: Path, snapshot_server: SnapshotServer, offer: SnapshotOffer) -> None:
    """What is there already, whole and right, is not fetched again."""
    path = fetch(tmp_path, offer)
    assert path.read_bytes() == snapshot_server.body
    assert fetch(tmp_path, offer) == path and len(snapshot_server.requests) == 1


def test_a_cut_download_resumes_where_it_stopped(
    tmp_path: Path, snapshot_server: SnapshotServer, offer: SnapshotOffer
) -> None:
    """The second request asks for the rest only."""
    snapshot_server.cut_after, snapshot_server.cuts_left = 70_000, 1
    with pytest.raises(SnapshotInterrupted):
        fetch(tmp_path, offer)
    (part,) = tmp_path.glob("*.part")
    kept = part.stat().st_size
    assert kept > 0
    assert fetch(tmp_path, offer).read_bytes() == snapshot_server.body
    assert snapshot_server.requests == [None, f"bytes={kept}-"]


def test_a_server_without_ranges_starts_from_the_beginning(
    tmp_path: Path, snapshot_server: SnapshotServer, offer: SnapshotOffer
) -> None:
    """An answer of 200 to a Range is the whole file again, not its rest."""
    snapshot_server.cut_after, snapshot_server.cuts_left = 70_000, 1
    with pytest.raises(SnapshotInterrupted):
        fetch(tmp_path, offer)
    snapshot_server.ranges = False
    assert fetch(tmp_path, offer).read_bytes() == snapshot_server.body


@pytest.mark.parametrize("body", ["other", "longer", "shorter"])
def test_other_bytes_than_the_signed_ones_are_refused(
    tmp_path: Path, snapshot_server: SnapshotServer, offer: SnapshotOffer, body: str
) -> None:
    """Same length with other content, more, or less: never handed on, and nothing wrong is kept to build upon."""
    right = snapshot_server.body
    snapshot_server.body = {"other": right[:-1] + b"x", "longer": right + b"x", "shorter": right[:-1]}[body]
    expected = SnapshotInterrupted if body == "shorter" else SnapshotRefused
    with pytest.raises(expected):
        fetch(tmp_path, offer)
    snapshot_server.body = right
    assert fetch(tmp_path, offer).read_bytes() == right


@pytest.mark.parametrize(
    ("status", "error"), [(404, SnapshotRefused), (410, SnapshotRefused), (503, SnapshotInterrupted)]
)
def test_an_offer_that_is_gone_is_told_from_a_server_that_is_busy(
    tmp_path: Path, snapshot_server: SnapshotServer, offer: SnapshotOffer, status: int, error: type[Exception]
) -> None:
    """Gone: another offer is needed. Busy: the same one later."""
    snapshot_server.status = status
    with pytest.raises(error, match=str(status)):
        fetch(tmp_path, offer)


def test_clear_text_is_for_loopback_only(tmp_path: Path, snapshot_server: SnapshotServer, offer: SnapshotOffer) -> None:
    """A signed offer does not make http over a network right; a configured base replaces the host."""
    far = offer.model_copy(update={"url": "http://cloud.example/snapshot"})
    with pytest.raises(SnapshotRefused, match="https"):
        fetch(tmp_path, far)
    base = snapshot_server.url.removesuffix("/snapshot")
    assert fetch(tmp_path, far, base_url=base).read_bytes() == snapshot_server.body


def test_nobody_there_is_tried_again(tmp_path: Path, offer: SnapshotOffer) -> None:
    """A refused connection is transient."""
    with pytest.raises(SnapshotInterrupted, match="ConnectError"):
        fetch(tmp_path, offer.model_copy(update={"url": "http://127.0.0.1:9/snapshot"}))


def test_an_unreadable_authority_is_told_at_the_start(tmp_path: Path) -> None:
    """Not at three in the morning, when the first snapshot is needed."""
    with pytest.raises(LinkMisconfigured, match=r"ca\.pem"):
        SnapshotFetcher(tmp_path, ca_file=tmp_path / "ca.pem")
