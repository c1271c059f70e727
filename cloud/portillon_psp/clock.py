"""The service's clock, which only moves when it is told to; and all that happens on the way, in order."""

from collections.abc import Callable, Mapping

from portillon_psp import disputes, intents, money, refunds, shapes
from portillon_psp.behaviours import DAY_S, MANDATE_DIES_AFTER_S
from portillon_psp.books import Book, Books
from portillon_psp.errors import InvalidRequestError


def _pay_out(book: Book, _id: str) -> None:
    money.pay_out(book)
    book.plan(book.now_s + DAY_S, "payout", "")


def _mandate_unused(book: Book, mandate_id: str) -> None:
    mandate = book.get("mandate", mandate_id)
    dies_s = mandate["_used_s"] + MANDATE_DIES_AFTER_S
    if dies_s > book.now_s:
        book.plan(dies_s, "mandate_unused", mandate_id)
        return
    mandate["status"] = "inactive"
    book.put(mandate)
    book.emit("mandate.updated", shapes.plain(mandate))


_HAPPENS: Mapping[str, Callable[[Book, str], object]] = {
    "debit_settles": intents.settle_debit,
    "dispute": disputes.open_dispute,
    "inquiry": lambda book, charge_id: disputes.open_dispute(book, charge_id, inquiry=True),
    "evidence_due": disputes.evidence_due,
    "dispute_decided": disputes.decide,
    "refund_arrives": refunds.arrive,
    "refund_fails": refunds.fail,
    "mandate_unused": _mandate_unused,
    "payout": _pay_out,
}


def start(book: Book, now_s: int) -> None:
    """Set a new account's clock, and its daily payouts."""
    book.db.execute("UPDATE account SET now_s = ? WHERE name = ?", (now_s, book.account))
    book.now_s = now_s
    book.plan(now_s + DAY_S, "payout", "")


def next_due_s(book: Book) -> int | None:
    """When the next thing happens by itself; None: nothing will."""
    row = book.db.execute("SELECT min(at_s) FROM due WHERE account = ?", (book.account,)).fetchone()
    due_s: int | None = row[0]
    return due_s


def advance(books: Books, account: str, to_s: int) -> int:
    """Let time pass up to `to_s`; how many things happened. Each in a transaction: a crash loses and repeats none."""
    happened = 0
    while True:
        with books.open(account) as book:
            if to_s < book.now_s:
                raise InvalidRequestError(f"the clock stands at {book.now_s}; it does not go back to {to_s}")
            row = book.db.execute(
                "SELECT seq, at_s, what, id FROM due WHERE account = ? AND at_s <= ? ORDER BY at_s, seq LIMIT 1",
                (account, to_s),
            ).fetchone()
            book.now_s = to_s if row is None else max(row[1], book.now_s)
            book.db.execute("UPDATE account SET now_s = ? WHERE name = ?", (book.now_s, account))
            if row is None:
                return happened
            book.db.execute("DELETE FROM due WHERE account = ? AND seq = ?", (account, row[0]))
            _HAPPENS[row[2]](book, row[3])
            happened += 1
