"""What the service knows, in one SQLite file that a crash does not hurt: objects, keys, what falls due or is told."""

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from portillon_psp.errors import NotFoundError

API_VERSION = "2026-10-28"
"""What answers and events are shaped like; a client that pins another is told so."""

EPOCH_S = 1_735_689_600  # 2025-01-01: where a new account's clock stands until it is set

_SCHEMA = """
CREATE TABLE IF NOT EXISTS account (
    name TEXT PRIMARY KEY, now_s INTEGER NOT NULL, last INTEGER NOT NULL DEFAULT 0, faults TEXT NOT NULL DEFAULT '{}'
) STRICT;
CREATE TABLE IF NOT EXISTS object (
    account TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, seq INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (account, id)
) STRICT;
CREATE INDEX IF NOT EXISTS object_by_kind ON object (account, kind, seq);
CREATE INDEX IF NOT EXISTS object_by_customer ON object (account, kind, json_extract(body, '$.customer'), seq);
CREATE TABLE IF NOT EXISTS used_key (
    account TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, at_s INTEGER NOT NULL,
    status INTEGER, body TEXT, PRIMARY KEY (account, key)
) STRICT;
CREATE TABLE IF NOT EXISTS due (
    account TEXT NOT NULL, at_s INTEGER NOT NULL, seq INTEGER NOT NULL, what TEXT NOT NULL, id TEXT NOT NULL,
    PRIMARY KEY (account, seq)
) STRICT;
CREATE INDEX IF NOT EXISTS due_by_time ON due (account, at_s, seq);
CREATE TABLE IF NOT EXISTS delivery (
    account TEXT NOT NULL, seq INTEGER NOT NULL, event TEXT NOT NULL, endpoint TEXT NOT NULL, at_s INTEGER NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (account, seq)
) STRICT;
CREATE INDEX IF NOT EXISTS delivery_by_time ON delivery (account, at_s, seq);
CREATE TABLE IF NOT EXISTS lied (account TEXT NOT NULL, request TEXT NOT NULL, PRIMARY KEY (account, request)) STRICT;
"""


class Book:
    """One account's books inside a transaction."""

    def __init__(self, db: sqlite3.Connection, account: str) -> None:
        self.account = account
        self.db = db
        row = db.execute("SELECT now_s, faults FROM account WHERE name = ?", (account,)).fetchone()
        self.now_s: int = row[0]
        self.faults: Mapping[str, Any] = json.loads(row[1])

    def next(self) -> int:
        """A number that was never given out."""
        row = self.db.execute("UPDATE account SET last = last + 1 WHERE name = ? RETURNING last", (self.account,))
        last: int = row.fetchone()[0]
        return last

    def new_id(self, prefix: str) -> str:
        """A new object's id."""
        return f"{prefix}_{self.account}{self.next():08d}"

    def get(self, kind: str, object_id: str) -> dict[str, Any]:
        """One object. Raises NotFoundError."""
        row = self.db.execute(
            "SELECT body FROM object WHERE account = ? AND id = ? AND kind = ?", (self.account, object_id, kind)
        ).fetchone()
        if row is None:
            raise NotFoundError(f"No such {kind}: {object_id!r}", code="resource_missing", param="id")
        body: dict[str, Any] = json.loads(row[0])
        return body

    def any(self, object_id: str) -> dict[str, Any]:
        """One object, whatever its kind. Raises NotFoundError."""
        row = self.db.execute("SELECT kind FROM object WHERE account = ? AND id = ?", (self.account, object_id))
        kind = row.fetchone()
        return self.get(kind[0] if kind else "object", object_id)

    def all(self, kind: str, **equal: str) -> Iterator[dict[str, Any]]:
        """Every object of a kind whose fields are equal to these, newest first, read as they are asked for."""
        return self.before(None, kind, **equal)

    def before(self, object_id: str | None, kind: str, **equal: str) -> Iterator[dict[str, Any]]:
        """Those that came before this one. Raises NotFoundError."""
        where, values = ["account = ?", "kind = ?"], [self.account, kind]
        for name, value in equal.items():
            where.append(f"json_extract(body, '$.{name}') = ?")  # as the index has it; the names are the routes' own
            values.append(value)
        if object_id is not None:
            self.get(kind, object_id)
            where.append("seq < (SELECT seq FROM object WHERE account = ? AND id = ?)")
            values += [self.account, object_id]
        rows = self.db.execute(
            f"SELECT body FROM object WHERE {' AND '.join(where)} ORDER BY seq DESC",  # noqa: S608
            values,
        )
        return (json.loads(row[0]) for row in rows)

    def put(self, one: Mapping[str, Any]) -> None:
        """Keep an object as it is now."""
        self.db.execute(
            "INSERT INTO object (account, id, kind, seq, body) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (account, id) DO UPDATE SET body = excluded.body",
            (self.account, one["id"], one["object"], self.next(), json.dumps(one)),
        )

    def plan(self, at_s: int, what: str, object_id: str) -> None:
        """Have `what` happen to an object once the clock gets there."""
        self.db.execute(
            "INSERT INTO due (account, at_s, seq, what, id) VALUES (?, ?, ?, ?, ?)",
            (self.account, at_s, self.next(), what, object_id),
        )

    def emit(self, type_: str, one: Mapping[str, Any], *, previous: Mapping[str, Any] | None = None) -> None:
        """Write an event, with the object as it is now, and have every endpoint told that asked for it."""
        about = {"object": one} if previous is None else {"object": one, "previous_attributes": previous}
        event_id, told = self.new_id("evt"), 0
        for endpoint in self.all("webhook_endpoint", status="enabled"):
            if not {"*", type_}.isdisjoint(endpoint["enabled_events"]):
                told += 1
                self.db.execute(
                    "INSERT INTO delivery (account, seq, event, endpoint, at_s) VALUES (?, ?, ?, ?, ?)",
                    (self.account, self.next(), event_id, endpoint["id"], self.now_s),
                )
        self.put(
            {
                "id": event_id,
                "object": "event",
                "api_version": API_VERSION,
                "created": self.now_s,
                "data": about,
                "livemode": False,
                "pending_webhooks": told,
                "request": {"id": None, "idempotency_key": None},
                "type": type_,
            }
        )


class Books:
    """The file. One writer at a time: requests of all accounts happen one after the other."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;" + _SCHEMA)

    @contextmanager
    def open(self, account: str) -> Iterator[Book]:
        """A transaction on one account, which is made with the first."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._db.execute("INSERT OR IGNORE INTO account (name, now_s) VALUES (?, ?)", (account, EPOCH_S))
                yield Book(self._db, account)
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def accounts(self) -> list[str]:
        """Every account there is."""
        with self._lock:
            return [row[0] for row in self._db.execute("SELECT name FROM account ORDER BY name")]

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()
