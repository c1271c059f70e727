"""Idempotency keys: the same request again gets the same answer, another one under the key is refused.

Kept for a day, as Stripe promises at least (https://docs.stripe.com/api/idempotent_requests); an answer that came from
a check of the parameters alone is not kept.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from portillon_psp.books import Book
from portillon_psp.errors import IdempotencyError

LIFE_S = 86_400


def fingerprint(path: str, parameters: Mapping[str, Any]) -> str:
    """What makes two requests the same."""
    return hashlib.sha256(json.dumps([path, parameters], sort_keys=True).encode()).hexdigest()


def answered(book: Book, key: str, of: str) -> tuple[int, Any] | None:
    """The answer that was given under this key; None: it is new. Raises IdempotencyError for another request."""
    book.db.execute("DELETE FROM used_key WHERE account = ? AND at_s < ?", (book.account, book.now_s - LIFE_S))
    row = book.db.execute(
        "SELECT fingerprint, status, body FROM used_key WHERE account = ? AND key = ?", (book.account, key)
    ).fetchone()
    if row is None:
        return None
    if row[0] != of:
        raise IdempotencyError(
            f"Keys for idempotent requests can only be used with the same parameters; {key!r} was used with others."
        )
    return row[1], json.loads(row[2])


def keep(book: Book, key: str, of: str, status: int, body: Any) -> None:
    """Remember the answer."""
    book.db.execute(
        "INSERT INTO used_key (account, key, fingerprint, at_s, status, body) VALUES (?, ?, ?, ?, ?, ?)",
        (book.account, key, of, book.now_s, status, json.dumps(body)),
    )
