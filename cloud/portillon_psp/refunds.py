"""Refunds: never more than was paid, never of what a bank has taken back already."""

from typing import Any

from portillon_psp import money
from portillon_psp.behaviours import DAY_S
from portillon_psp.books import Book
from portillon_psp.errors import InvalidRequestError
from portillon_psp.methods import behaviour
from portillon_psp.params import Params

DEBIT_TAKES_S = 5 * DAY_S
FAILS_AFTER_S = 3 * DAY_S


def create(book: Book, given: Params) -> dict[str, Any]:
    """POST /v1/refunds"""
    intent_id, charge_id = given.text("payment_intent", None), given.text("charge", None)
    if charge_id is None:
        if intent_id is None:
            raise InvalidRequestError("give payment_intent or charge", code="parameter_missing", param="charge")
        charge_id = book.get("payment_intent", intent_id)["latest_charge"]
    charge = book.get("charge", str(charge_id))
    left = charge["amount_captured"] - charge["amount_refunded"]
    amount, metadata = given.whole("amount", left), given.group("metadata")
    reason = given.text("reason", None)
    given.done()
    if charge["disputed"]:
        raise InvalidRequestError("The charge was disputed: the bank has it in hand.", code="charge_disputed")
    if charge["status"] != "succeeded":
        raise InvalidRequestError(f"The charge is {charge['status']}: there is nothing to give back.")
    if left == 0:
        raise InvalidRequestError("The charge has already been refunded.", code="charge_already_refunded")
    if amount > left:
        raise InvalidRequestError(
            f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left}).", param="amount"
        )
    method = book.get("payment_method", charge["payment_method"])
    card = method["type"] == "card"
    refund = {
        "id": book.new_id("re"), "object": "refund", "amount": amount, "balance_transaction": None,
        "charge": charge["id"], "created": book.now_s, "currency": charge["currency"], "customer": charge["customer"],
        "customer_account": None, "destination_details": {"type": method["type"]}, "metadata": metadata,
        "payment_intent": charge["payment_intent"], "payment_method": method["id"], "reason": reason,
        "receipt_number": None, "source_transfer_reversal": None, "status": "succeeded" if card else "pending",
        "transfer_reversal": None,
    }  # fmt: skip
    refund["balance_transaction"] = money.given_back(book, amount, charge["currency"], refund["id"])["id"]
    book.put(refund)
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    book.put(charge)
    book.emit("refund.created", refund)
    book.emit("charge.refunded", charge)
    if behaviour(method).refund_fails:
        book.plan(book.now_s + FAILS_AFTER_S, "refund_fails", refund["id"])
    elif not card:
        book.plan(book.now_s + DEBIT_TAKES_S, "refund_arrives", refund["id"])
    return refund


def arrive(book: Book, refund_id: str) -> None:
    """The payer's bank has it."""
    refund = book.get("refund", refund_id)
    refund["status"] = "succeeded"
    book.put(refund)
    book.emit("refund.updated", refund)


def fail(book: Book, refund_id: str) -> None:
    """It came back: the card or account is gone."""
    refund = book.get("refund", refund_id)
    charge = book.get("charge", refund["charge"])
    refund.update(status="failed", failure_reason="lost_or_stolen_card")
    charge["amount_refunded"] -= refund["amount"]
    charge["refunded"] = False
    money.given_back(book, -refund["amount"], refund["currency"], refund["id"])
    book.put(refund)
    book.put(charge)
    book.emit("refund.failed", refund)
