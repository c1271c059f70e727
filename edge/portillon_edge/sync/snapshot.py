"""Fetching a snapshot over HTTP: resumed where it stopped, no larger than offered, checked against its signed hash."""

import hashlib
import logging
import ssl
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from portillon_wire.messages import SnapshotOffer

from portillon_edge.errors import LinkMisconfigured, SnapshotInterrupted, SnapshotRefused, StoreBusy
from portillon_edge.sync.broker_settings import is_loopback

log = logging.getLogger(__name__)

CHUNK_BYTES = 65_536
TIMEOUT = httpx.Timeout(10.0, read=30.0)
_SOON = frozenset({408, 416, 425, 429, 500, 502, 503, 504})


class SnapshotFetcher:
    """Downloads into `folder`; one partial file is kept, for the offer under way."""

    def __init__(self, folder: Path, *, base_url: str | None = None, ca_file: Path | None = None) -> None:
        """`base_url` replaces scheme and host of what offers say; `ca_file` is trusted beside the system's authorities.

        Raises LinkMisconfigured.
        """
        self._folder = folder
        self._base_url = base_url
        try:
            self._tls = ssl.create_default_context()
            if ca_file is not None:
                self._tls.load_verify_locations(ca_file)
        except (OSError, ssl.SSLError) as error:
            raise LinkMisconfigured(f"{ca_file}: no certificates can be read from it: {error}") from error

    def fetch(self, offer: SnapshotOffer, *, cancelled: Callable[[], bool]) -> Path:
        """The whole file as offered. Raises SnapshotRefused, SnapshotInterrupted or StoreBusy (both: it resumes)."""
        path = self._folder / f"snapshot-{offer.sha256[:16]}.part"
        try:
            self._remove_others(path)
            if not path.exists() or path.stat().st_size != offer.size:
                self._download(offer, path, cancelled)
            self._check(offer, path)
        except OSError as error:
            raise StoreBusy(f"{path}: the snapshot cannot be kept: {error}") from error
        return path

    def forget(self) -> None:
        """Remove what was downloaded: it is in force, or not wanted any more."""
        self._remove_others(None)

    def _download(self, offer: SnapshotOffer, path: Path, cancelled: Callable[[], bool]) -> None:
        have = path.stat().st_size if path.exists() else 0
        if have > offer.size:
            path.unlink()
            have = 0
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        url = self._url(offer)
        try:
            with (
                httpx.Client(verify=self._tls, timeout=TIMEOUT, trust_env=False) as client,
                client.stream("GET", url, headers=headers) as response,
            ):
                resumed = self._accept(response, have, path, offer)
                self._write(response, path, offer.size, have if resumed else 0, cancelled)
        except httpx.InvalidURL as error:
            raise SnapshotRefused(f"{url}: no URL to fetch a snapshot from: {error}") from error
        except httpx.HTTPError as error:
            raise SnapshotInterrupted(
                f"snapshot {offer.epoch}/{offer.revision}: {type(error).__name__} {error}"
            ) from error

    def _accept(self, response: httpx.Response, have: int, path: Path, offer: SnapshotOffer) -> bool:
        """Whether the answer goes on where the file ends; False: it starts from the beginning."""
        if response.status_code == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            return True
        if response.status_code == 200:
            return False
        what = f"snapshot {offer.epoch}/{offer.revision}: the cloud answered {response.status_code}"
        if response.status_code in _SOON or response.status_code == 206:
            path.unlink(missing_ok=True)
            raise SnapshotInterrupted(what)
        raise SnapshotRefused(f"{what}: the offer is no longer good")

    def _write(self, response: httpx.Response, path: Path, size: int, have: int, cancelled: Callable[[], bool]) -> None:
        with path.open("ab" if have else "wb") as file:
            for chunk in response.iter_raw(CHUNK_BYTES):
                if cancelled():
                    raise SnapshotInterrupted("the download was cancelled")
                have += len(chunk)
                if have > size:
                    raise SnapshotRefused(f"{response.url.host} sends more than the {size} bytes offered")
                file.write(chunk)
        if have < size:
            raise SnapshotInterrupted(f"{response.url.host} sent {have} of {size} bytes")

    def _check(self, offer: SnapshotOffer, path: Path) -> None:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != offer.sha256:
            path.unlink()
            raise SnapshotRefused(f"snapshot {offer.epoch}/{offer.revision}: SHA-256 {found}, signed is {offer.sha256}")

    def _url(self, offer: SnapshotOffer) -> str:
        url = offer.url
        if self._base_url is not None:
            offered = urlsplit(url)
            url = self._base_url.rstrip("/") + offered.path + (f"?{offered.query}" if offered.query else "")
        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
            raise SnapshotRefused(f"{url}: snapshots come over https (http on loopback only)")
        return url

    def _remove_others(self, keep: Path | None) -> None:
        for path in self._folder.glob("snapshot-*.part"):
            if path != keep:
                path.unlink(missing_ok=True)
