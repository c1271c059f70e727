"""What a gateway must know now, and how that differs from what its feed says."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from portillon_wire.digest import Digest, bucket_of
from portillon_wire.rows import RowChange, canonical_body
from sqlalchemy import Connection, delete, false, insert, or_, select

from portillon_cloud.access.operations import rows_for_accounts, site_rows
from portillon_cloud.clock import business_now_ms
from portillon_cloud.gateways.store import State
from portillon_cloud.gateways.tables import feed_row
from portillon_cloud.secrets import Keyring

ENTRY_CHANGES = 500
ENTRY_BYTES = 100_000
KEYS_PER_STATEMENT = 5_000  # SQLite takes 32,766 values in one statement, PostgreSQL 65,535

Fresh = dict[tuple[str, str], tuple[int | None, RowChange]]
"""Rows by kind and key, each with the account it belongs to; None: the site."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that is not as the feed says. `body` None: it goes."""

    change: RowChange
    account_id: int | None
    body: bytes | None
    was: bytes | None


class RowsNow:
    """The rows as they must be now, read once per round for all gateways of a site: one transaction, one truth."""

    def __init__(self, conn: Connection, keyring: Keyring, now_ms: int) -> None:
        self._conn, self._keyring, self._now_ms = conn, keyring, now_ms
        self._known: dict[tuple[int, tuple[int, ...], bool], Fresh] = {}

    def of(self, site_id: int, organisation_id: int, accounts: tuple[int, ...], *, site: bool) -> Fresh:
        """By name, with their accounts; the site's own first, so that a new policy goes before what it governs."""
        asked = (site_id, accounts, site)
        if asked not in self._known:
            fresh: Fresh = {}
            if site:
                fresh.update({(row.kind, row.key): (None, row) for row in site_rows(self._conn, site_id)})
            business_ms = business_now_ms(self._conn, organisation_id, self._now_ms)
            of_accounts = rows_for_accounts(
                self._conn, self._keyring, site_id=site_id, account_ids=accounts, now_ms=business_ms
            )
            for account_id, rows in of_accounts.items():
                fresh.update({(row.kind, row.key): (account_id, row) for row in rows})
            self._known[asked] = fresh
        return self._known[asked]


def differences(
    conn: Connection,
    state: State,
    accounts: Sequence[int],
    fresh: Fresh,
    *,
    site: bool,
) -> list[Difference]:
    """What to change so that these accounts' rows (and, if `site`, the site's own) are `fresh`."""
    row = feed_row.c
    rows = select(row.kind, row.key, row.account_id, row.body).where(row.gateway_id == state.gateway_id)
    of_these = or_(row.account_id.in_(accounts), row.account_id.is_(None) if site else false())
    had = {(one.kind, one.key): one for one in conn.execute(rows.where(of_these))}
    # A row that is new for these accounts may have been another's until now: a card changed hands.
    for keys in _batches([key for kind, key in fresh if (kind, key) not in had]):
        others = conn.execute(rows.where(row.key.in_(keys)))
        had.update({(one.kind, one.key): one for one in others if (one.kind, one.key) in fresh})
    found = []
    for name, (account_id, change) in fresh.items():
        was = had.pop(name, None)
        body = canonical_body(change.body or {})
        if was is None or was.body != body or was.account_id != account_id:
            found.append(Difference(change, account_id, body, None if was is None else was.body))
    gone = [
        Difference(RowChange(kind=kind, key=key, body=None), was.account_id, None, was.body)
        for (kind, key), was in had.items()
    ]
    return found + gone


def write_rows(conn: Connection, state: State, differences: Sequence[Difference]) -> None:
    """Make the feed's rows what they must be now."""
    row = feed_row.c
    for kind in {one.change.kind for one in differences if one.was is not None}:
        stale = [one.change.key for one in differences if one.was is not None and one.change.kind == kind]
        for keys in _batches(stale):
            conn.execute(
                delete(feed_row).where(row.gateway_id == state.gateway_id, row.kind == kind, row.key.in_(keys))
            )
    new = [
        {
            "gateway_id": state.gateway_id,
            "organisation_id": state.organisation_id,
            "kind": one.change.kind,
            "key": one.change.key,
            "account_id": one.account_id,
            "body": one.body,
            "bucket": bucket_of(one.change.kind, one.change.key),
        }
        for one in differences
        if one.body is not None
    ]
    if new:
        conn.execute(insert(feed_row), new)


def count(digest: Digest, differences: Sequence[Difference]) -> None:
    """Count the changes into the digest."""
    for one in differences:
        if one.was is not None:
            digest.remove(one.change.kind, one.change.key, one.was)
        if one.body is not None:
            digest.add(one.change.kind, one.change.key, one.body)


def _batches(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(keys), KEYS_PER_STATEMENT):
        yield keys[start : start + KEYS_PER_STATEMENT]


def split(differences: Sequence[Difference]) -> Iterator[list[Difference]]:
    """Parts of at most ENTRY_CHANGES rows and ENTRY_BYTES of names and bodies (one row alone may be larger)."""
    part: list[Difference] = []
    size = 0
    for one in differences:
        weight = len(one.change.kind) + len(one.change.key) + len(one.body or b"")
        if part and (len(part) == ENTRY_CHANGES or size + weight > ENTRY_BYTES):
            yield part
            part, size = [], 0
        part.append(one)
        size += weight
    if part:
        yield part
