"""The lease in force on disk, apart from the table: a lost or rebuilt table gives no lease a second life."""

import json
import logging
from pathlib import Path

from portillon_rules.row_mac import row_mac

from portillon_edge.domain.timekeeping import SavedLease
from portillon_edge.store.durable_file import replace_file

log = logging.getLogger(__name__)


class LeaseFile:
    """`entitlements.lease`: one SavedLease with its MAC, replaced as a whole."""

    def __init__(self, path: Path, secret: bytes) -> None:
        self._path = path
        self._secret = secret

    def save(self, saved: SavedLease) -> None:
        """Write it durably. Raises OSError; then the one before is still there."""
        body = json.dumps(saved.to_body(), sort_keys=True)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(self._path, json.dumps({"lease": body, "mac": self._mac(body)}).encode())

    def load(self) -> SavedLease | None:
        """The lease saved last; None (and a log line) if there is none that can be trusted."""
        try:
            content = json.loads(self._path.read_bytes())
            if content["mac"] != self._mac(content["lease"]):
                raise ValueError("its MAC does not fit")
            return SavedLease.from_body(json.loads(content["lease"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.error("%s: the saved lease is not used (%s); the next one from the cloud is", self._path, error)
            return None

    def _mac(self, body: str) -> str:
        return row_mac("lease", "saved", body.encode(), self._secret).hex()
