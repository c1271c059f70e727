"""A table as one file over HTTP: whole, resumed, expired."""

import warnings
from types import SimpleNamespace

import pytest
from cloud.gateways.conftest import BASE_URL, Gym
from cloud.gateways.pretend_gateway import PretendGateway
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from portillon_cloud.gateways import snapshot
from portillon_cloud.gateways.api import snapshot_router
from portillon_cloud.gateways.byte_range import UnsatisfiableRangeError, byte_range
from portillon_cloud.gateways.errors import SnapshotGoneError

with warnings.catch_warnings():  # starlette wants httpx2, which no package here needs otherwise
    warnings.simplefilter("ignore")
    from fastapi.testclient import TestClient


@pytest.fixture
def http(gym: Gym, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    monkeypatch.setattr(snapshot, "CHUNK_BYTES", 64)  # many pieces
    app = FastAPI()
    app.state.services = SimpleNamespace(db=gym.db, clock=gym.clock)
    app.include_router(snapshot_router)
    return TestClient(app, base_url=BASE_URL)


def test_it_is_fetched_whole_and_in_parts(http: TestClient, gym: Gym, front: PretendGateway) -> None:
    """Any range is the same bytes as in the whole, so that a broken fetch goes on where it stopped."""
    offer = front.offers[0]
    whole = http.get(offer.url)
    assert (whole.status_code, len(whole.content)) == (200, offer.size)
    assert whole.headers["etag"] == f'"{offer.sha256}"'
    for start, end in ((0, 1), (63, 65), (100, offer.size)):
        part = http.get(offer.url, headers={"Range": f"bytes={start}-{end - 1}", "If-Range": whole.headers["etag"]})
        assert part.status_code == 206
        assert part.content == whole.content[start:end]
        assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{offer.size}"
    assert http.get(offer.url, headers={"Range": f"bytes={offer.size}-"}).status_code == 416
    assert http.get(offer.url, headers={"Range": "bytes=5-", "If-Range": '"other"'}).content == whole.content


def test_it_ends_with_its_hour(http: TestClient, gym: Gym, front: PretendGateway) -> None:
    """A guessed or an old URL gives nothing, and the next snapshot clears the shelf."""
    url = front.offers[0].url
    with pytest.raises(SnapshotGoneError):
        http.get(url[:-1])
    gym.clock.forward(ms=snapshot.LIFE_MS)
    with pytest.raises(SnapshotGoneError):
        http.get(url)
    gym.talk([front.report(want_snapshot=True)], front)
    with gym.db.read() as conn:
        assert snapshot.kept_snapshots(conn) == 1
    assert front.offers[-1].url != url


def test_two_wishes_at_once_make_one_snapshot(gym: Gym, front: PretendGateway) -> None:
    """A gateway that asks again while it is fetching gets the same offer."""
    gym.talk([front.report(want_snapshot=True), front.report(want_snapshot=True)], front)
    with gym.db.read() as conn:
        assert snapshot.kept_snapshots(conn) == 1


@given(
    size=st.integers(1, 200),
    first=st.none() | st.integers(0, 250),
    last=st.none() | st.integers(0, 250),
)
def test_any_range_is_part_of_the_whole_or_refused(size: int, first: int | None, last: int | None) -> None:
    """Never a byte that is not there; what is no single range means the whole."""
    header = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    try:
        part = byte_range(header, size)
    except UnsatisfiableRangeError:
        assert (first is not None and first >= size) or (first is None and last == 0)
        return
    if part is None:
        assert (first is None and last is None) or (first is not None and last is not None and last < first)
        return
    start, end = part
    assert 0 <= start < end <= size
    assert start == first if first is not None else end == size


@pytest.mark.parametrize("header", [None, "", "bytes=0-1,3-4", "rows=0-1", "bytes=a-b", "bytes"])
def test_other_headers_mean_the_whole(header: str | None) -> None:
    """RFC 9110: a Range that is not understood is ignored."""
    assert byte_range(header, 10) is None
