"""The hot path: what the local table says of one credential, and the site's rules. One point lookup and one short MAC;
nothing of the table is kept in memory but SQLite's own bounded page cache."""

import hashlib
import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from portillon_rules.decision import Lookup, RowDamaged, SiteRules
from portillon_rules.entitlement import Entitlement
from portillon_rules.row_mac import MAC_BYTES
from portillon_rules.visits import VisitRow
from portillon_wire.digest import bucket_of
from portillon_wire.rows import RowKind
from portillon_wire.rule_rows import RULE_KINDS, read_rule, site_rules

from portillon_edge.domain.position import EMPTY, Position
from portillon_edge.store.connection import is_corrupt, open_reader
from portillon_edge.store.pointer import Pointer

_LOOKUP = "SELECT body, mac FROM feed_row WHERE kind = ? AND key = ?"
_RULES = (
    "SELECT kind, key, body, mac FROM feed_row"  # noqa: S608 - question marks; the key's own order: no scan
    f" WHERE kind IN ({', '.join('?' * len(RULE_KINDS))})"
)
Found = TypeVar("Found")
_NO_RULES = SiteRules(None, {})
_parse = json.JSONDecoder().raw_decode
"""Whatever has a MAC was written in the one canonical form: there is no white space to look for around it."""


@dataclass(frozen=True, slots=True)
class Damage:
    """Something in the table is not as it was written; `whole_file`: nothing of it can be believed.

    `buckets`: where it lies, as far as that is known. `out_of_step`: those of them in which good rows, each with its
    MAC, are not the rows that were applied.
    """

    detail: str
    whole_file: bool
    buckets: frozenset[int] = frozenset()
    out_of_step: frozenset[int] = frozenset()


class EntitlementReader:
    """Reads the table in force, and follows when another file is put in force. Belongs to one thread."""

    def __init__(
        self, pointer: Pointer, secret: bytes, *, on_damage: Callable[[Damage], None] = lambda _: None
    ) -> None:
        self._pointer = pointer
        self._new_mac = hashlib.blake2b(key=secret, digest_size=MAC_BYTES).copy
        self._on_damage = on_damage
        self._connection: sqlite3.Connection | None = None
        self._opened = -1
        self._distrusted: frozenset[int] = frozenset()
        self._rules = _NO_RULES
        self._rules_version: tuple[int, int] | None = None

    def lookup(self, credential: str) -> Lookup:
        """The row of a credential hash; RowDamaged if there is one that cannot be trusted; None if there is none."""
        return self._find(RowKind.ENTITLEMENT, credential, Entitlement.from_body)

    def visits(self, member: str) -> VisitRow | RowDamaged | None:
        """What limits a member's visits; RowDamaged and None as for `lookup`."""
        return self._find(RowKind.VISITS, member, VisitRow.from_body)

    def site_rules(self) -> SiteRules:
        """Policy, schedules, plans and orders, read anew only when the table has changed."""
        try:
            connection = self._open()
            version = (self._opened, connection.execute("PRAGMA data_version").fetchone()[0])
            if version != self._rules_version:
                self._rules = self._read_rules(connection)
                self._rules_version = version
        except sqlite3.Error as error:
            self._damaged(f"reading the site's rules: {error}", error)
        return self._rules

    def position(self) -> Position:
        """The revision in force; EMPTY if there is none or it cannot be read."""
        try:
            row = self._open().execute("SELECT epoch, revision, root FROM position").fetchone()
        except sqlite3.Error as error:
            self._damaged(f"reading the position: {error}", error)
            return EMPTY
        return Position(*row) if row else EMPTY

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            self._opened = -1

    def _find(self, kind: RowKind, key: str, read: Callable[[str, Any], Found]) -> Found | RowDamaged | None:
        try:
            row = self._open().execute(_LOOKUP, (kind.value, key)).fetchone()
        except sqlite3.Error as error:
            self._damaged(f"looking up {kind} {key[:16]}…: {error}", error, bucket=bucket_of(kind, key))
            return RowDamaged(key)
        if self._distrusted and bucket_of(kind, key) in self._distrusted:
            return RowDamaged(key)
        if row is None:
            return None
        body, mac = row
        try:
            if self._mac_fits(kind.value, key, body, mac):
                return read(key, _parse(body)[0])
            detail = "its MAC does not fit"
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            detail = f"its body cannot be read: {error!r}"
        self._damaged(f"{kind} {key[:16]}…: {detail}", bucket=bucket_of(kind, key))
        return RowDamaged(key)

    def _mac_fits(self, kind: str, key: str, body: str, mac: bytes) -> bool:
        # `row_mac` spelled out, its keyed beginning made once; a test holds the two equal.
        own = self._new_mac()
        own.update(f"{kind}\0{key}\0{body}".encode())
        return own.digest() == mac

    def _open(self) -> sqlite3.Connection:
        while True:
            number, path = self._pointer.in_force
            if self._connection is not None and self._opened == number:
                return self._connection
            self.close()
            try:
                self._connection, self._opened = open_reader(path), number
                self._distrusted = _distrusted(self._connection)
            except sqlite3.OperationalError:
                if self._pointer.in_force[0] == number:
                    raise  # not because another file was put in force, and this one removed, at this very moment

    def _read_rules(self, connection: sqlite3.Connection) -> SiteRules:
        position = connection.execute("SELECT epoch, revision FROM position").fetchone() or (None, None)
        read: list[tuple[str, str, object]] = []
        for kind, key, body, mac in connection.execute(_RULES, RULE_KINDS):
            try:
                if not self._mac_fits(kind, key, body, mac):
                    self._damaged(f"{kind} {key!r}: its MAC does not fit", bucket=bucket_of(kind, key))
                elif bucket_of(kind, key) not in self._distrusted:
                    read.append((kind, key, read_rule(kind, key, json.loads(body))))
            except (KeyError, ValueError, TypeError, AttributeError) as error:
                self._damaged(f"{kind} {key!r}: its body cannot be read: {error!r}", bucket=bucket_of(kind, key))
        return site_rules(read, epoch=position[0], revision=position[1], went=_went(connection))

    def _damaged(self, detail: str, error: sqlite3.Error | None = None, *, bucket: int | None = None) -> None:
        buckets = frozenset() if bucket is None else frozenset({bucket})
        self._on_damage(Damage(detail, whole_file=error is not None and is_corrupt(error), buckets=buckets))


def _distrusted(connection: sqlite3.Connection) -> frozenset[int]:
    """The buckets in which nothing is believed until they are repaired. Raises sqlite3.Error."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'distrusted'").fetchone() is None:
        return frozenset()  # an older version wrote this file, and this one has not yet opened it to write
    return frozenset(bucket for (bucket,) in connection.execute("SELECT bucket FROM distrusted"))


def _went(connection: sqlite3.Connection) -> dict[int, int]:
    """By bucket, the revision at which the feed last said that orders went. Raises sqlite3.Error."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'went'").fetchone() is None:
        return {}  # as above
    return dict(connection.execute("SELECT bucket, revision FROM went"))
