"""Tell endpoints what happened: signed, again after a failure, for three days; and as wrong as the faults say."""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from portillon_psp import faults, shapes
from portillon_psp.books import Book, Books
from portillon_psp.errors import InvalidRequestError
from portillon_psp.params import Params

AGAIN_AFTER_S = (60, 300, 1800, 7200, 18_000, 36_000, 36_000, 36_000, 36_000, 36_000)
"""Growing waits that end within three days (https://docs.stripe.com/webhooks#behaviors)."""

AT_ONCE = 100

Post = Callable[[str, bytes, Mapping[str, str]], int]
"""Send a body to a URL; the answer's status, 0 for none."""


@dataclass(frozen=True, slots=True)
class _Letter:
    seq: int
    url: str
    body: bytes
    signature: str
    copies: int


def make_endpoint(book: Book, given: Params) -> dict[str, Any]:
    """POST /v1/webhook_endpoints; the secret is shown this once."""
    endpoint = {
        "id": book.new_id("we"),
        "object": "webhook_endpoint",
        "api_version": given.text("api_version", None),
        "application": None,
        "created": book.now_s,
        "description": given.text("description", None),
        "enabled_events": list(given.listed("enabled_events", ("*",))),
        "livemode": False,
        "metadata": given.group("metadata"),
        "status": "enabled",
        "url": given.text("url"),
    }
    given.done()
    if not str(endpoint["url"]).startswith(("http://", "https://")):
        raise InvalidRequestError("url: an endpoint is reached by http:// or https://", param="url")
    secret = "whsec_" + hashlib.sha256(f"{book.account}:{endpoint['id']}".encode()).hexdigest()[:32]
    book.put({**endpoint, "_secret": secret})
    return {**endpoint, "secret": secret}


def sign(secret: str, at_s: int, body: bytes) -> str:
    """The Stripe-Signature header (https://docs.stripe.com/webhooks#verify-manually)."""
    mac = hmac.new(secret.encode(), f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at_s},v1={mac}"


def deliver(books: Books, account: str, post: Post, *, real_s: int) -> int:
    """Tell what is to be told by now; how many letters were taken. `real_s` dates signatures, as receivers check it."""
    taken = 0
    while True:
        with books.open(account) as book:
            letters = _due(book, real_s)
        if letters is None:
            return taken
        for letter in letters:
            header = {"Stripe-Signature": letter.signature}
            ok = [200 <= post(letter.url, letter.body, header) < 300 for _ in range(letter.copies)]
            with books.open(account) as book:
                _done(book, letter, ok=any(ok))
            taken += any(ok)


def _due(book: Book, real_s: int) -> list[_Letter] | None:
    """The next letters to send, without those that the faults lose or hold back; None: nothing is due."""
    lies = faults.of(book)
    rows = book.db.execute(
        "SELECT seq, event, endpoint, tries FROM delivery WHERE account = ? AND at_s <= ? ORDER BY at_s, seq LIMIT ?",
        (book.account, book.now_s, AT_ONCE),
    ).fetchall()
    if not rows:
        return None
    letters = []
    for seq, event_id, endpoint_id, tries in rows:
        if tries == 0 and lies.chance("lost", seq) < lies.lost_ppm:
            book.db.execute("DELETE FROM delivery WHERE account = ? AND seq = ?", (book.account, seq))
            continue
        if tries == 0 and lies.chance("late", seq) < lies.late_ppm:
            book.db.execute(
                "UPDATE delivery SET at_s = at_s + ?, tries = 1 WHERE account = ? AND seq = ?",
                (max(lies.late_s, 1), book.account, seq),
            )
            continue
        endpoint, event = book.get("webhook_endpoint", endpoint_id), book.get("event", event_id)
        body = json.dumps(shapes.plain(event), indent=2).encode()
        copies = 2 if lies.chance("repeated", seq) < lies.repeated_ppm else 1
        letters.append(_Letter(seq, endpoint["url"], body, sign(endpoint["_secret"], real_s, body), copies))
    if lies.shuffled:
        letters.sort(key=lambda letter: lies.chance("order", letter.seq))
    return letters


def _done(book: Book, letter: _Letter, *, ok: bool) -> None:
    where = (book.account, letter.seq)
    row = book.db.execute("SELECT tries FROM delivery WHERE account = ? AND seq = ?", where).fetchone()
    if row is None:
        return
    if ok or row[0] >= len(AGAIN_AFTER_S):
        book.db.execute("DELETE FROM delivery WHERE account = ? AND seq = ?", where)
    else:
        book.db.execute(
            "UPDATE delivery SET at_s = ?, tries = tries + 1 WHERE account = ? AND seq = ?",
            (book.now_s + AGAIN_AFTER_S[row[0]], *where),
        )
