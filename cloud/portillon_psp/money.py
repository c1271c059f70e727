"""The balance: what each payment, refund and dispute adds to it or takes from it, and the payouts that empty it."""

from typing import Any

from portillon_psp.behaviours import DAY_S
from portillon_psp.books import Book

FEE_PPM, FEE_MINOR = 29_000, 30  # 2.9 % + 0.30, a common card price; a simulator's, nobody's offer
DISPUTE_FEE_MINOR = 15_00
AVAILABLE_AFTER_S = 2 * DAY_S


def earned(book: Book, charge: dict[str, Any]) -> dict[str, Any]:
    """A payment came in; the fee is kept back."""
    fee = (charge["amount"] * FEE_PPM + 500_000) // 1_000_000 + FEE_MINOR
    return _moved(book, charge["amount"], fee, charge["currency"], "charge", charge["id"])


def given_back(book: Book, amount: int, currency: str, source: str) -> dict[str, Any]:
    """A refund went out; its fee is not given back."""
    return _moved(book, -amount, 0, currency, "refund", source)


def disputed(book: Book, amount: int, currency: str, source: str) -> dict[str, Any]:
    """The bank took it back, and asks a fee."""
    return _moved(book, -amount, DISPUTE_FEE_MINOR, currency, "adjustment", source, category="dispute")


def won_back(book: Book, amount: int, currency: str, source: str) -> dict[str, Any]:
    """The dispute was won: amount and fee come back."""
    return _moved(book, amount, -DISPUTE_FEE_MINOR, currency, "adjustment", source, category="dispute_reversal")


def pay_out(book: Book) -> None:
    """Send what is available to the bank, each currency for itself; nothing if it is nothing, or a debt."""
    waiting = [
        one for one in book.all("balance_transaction") if one["_payout"] is None and one["available_on"] <= book.now_s
    ]
    for currency in sorted({one["currency"] for one in waiting}):
        of = [one for one in waiting if one["currency"] == currency]
        total = sum(one["net"] for one in of)
        if total <= 0:
            continue
        payout = _payout(book, total, currency)
        moved = _moved(book, -total, 0, currency, "payout", payout["id"])
        payout["balance_transaction"] = moved["id"]
        book.put(payout)
        for one in (*of, moved):
            book.put({**one, "_payout": payout["id"], "status": "available"})
        book.emit("payout.created", payout)
        book.emit("payout.paid", payout)


def pay_out_by_hand(book: Book, amount: int, currency: str) -> dict[str, Any]:
    """Somebody orders a payout at the service's own pages: of which payments it is made nothing says."""
    payout = {**_payout(book, amount, currency), "automatic": False, "reconciliation_status": "not_applicable"}
    payout["balance_transaction"] = _moved(book, -amount, 0, currency, "payout", payout["id"])["id"]
    book.put(payout)
    book.emit("payout.created", payout)
    book.emit("payout.paid", payout)
    return payout


def _moved(
    book: Book, amount: int, fee: int, currency: str, type_: str, source: str, *, category: str | None = None
) -> dict[str, Any]:
    moved = {
        "id": book.new_id("txn"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": book.now_s + AVAILABLE_AFTER_S,
        "balance_type": "payments",
        "created": book.now_s,
        "currency": currency,
        "description": None,
        "exchange_rate": None,
        "fee": fee,
        "fee_details": [],
        "net": amount - fee,
        "reporting_category": category or type_,
        "source": source,
        "status": "pending",
        "type": type_,
        "_payout": None,
    }
    book.put(moved)
    return moved


def _payout(book: Book, amount: int, currency: str) -> dict[str, Any]:
    blank = (
        "application_fee", "application_fee_amount", "failure_balance_transaction", "failure_code", "failure_message",
        "original_payout", "payout_method", "reversed_by", "statement_descriptor", "trace_id", "balance_transaction",
    )  # fmt: skip
    return {
        **dict.fromkeys(blank),
        "id": book.new_id("po"),
        "object": "payout",
        "amount": amount,
        "arrival_date": book.now_s,
        "automatic": True,
        "created": book.now_s,
        "currency": currency,
        "description": "STRIPE PAYOUT",
        "destination": "ba_simulated",
        "livemode": False,
        "metadata": {},
        "method": "standard",
        "reconciliation_status": "completed",
        "source_type": "card",
        "status": "paid",
        "type": "bank_account",
    }
