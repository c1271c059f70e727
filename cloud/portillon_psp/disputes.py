"""Disputes: the payer's bank takes the money back; evidence may win it again before the deadline.

Evidence that says `winning_evidence` wins, `losing_evidence` loses, as with Stripe's test mode; any other is decided by
nobody and loses. A debit's dispute is lost at once: banks hear no evidence.
"""

from typing import Any

from portillon_psp import money, shapes
from portillon_psp.behaviours import DAY_S
from portillon_psp.books import Book
from portillon_psp.errors import InvalidRequestError
from portillon_psp.methods import behaviour
from portillon_psp.params import Params

DUE_AFTER_S = 9 * DAY_S
DECIDED_AFTER_S = 30 * DAY_S
PAPERS = {
    "cancellation_policy", "customer_communication", "customer_signature", "receipt", "service_documentation",
    "uncategorized_file",
}  # fmt: skip
"""Evidence that is the name of a file."""


def open_dispute(book: Book, charge_id: str, *, inquiry: bool = False) -> dict[str, Any]:
    """The bank tells of it and takes the money; an inquiry takes nothing yet. Raises InvalidRequestError."""
    charge = book.get("charge", charge_id)
    if charge["disputed"] or charge["status"] != "succeeded":
        raise InvalidRequestError(f"charge {charge_id} is disputed already, or was never paid")
    method = book.get("payment_method", charge["payment_method"])
    card = method["type"] == "card"
    dispute: dict[str, Any] = {
        "id": book.new_id("dp"), "object": "dispute", "amount": charge["amount"] - charge["amount_refunded"],
        "balance_transactions": [], "charge": charge_id, "created": book.now_s, "currency": charge["currency"],
        "enhanced_eligibility_types": [], "evidence": {},
        "evidence_details": {
            "due_by": book.now_s + DUE_AFTER_S if card else None, "enhanced_eligibility": {}, "has_evidence": False,
            "past_due": False, "submission_count": 0,
        },
        "is_charge_refundable": inquiry, "livemode": False, "metadata": {}, "payment_intent": charge["payment_intent"],
        "payment_method_details": {"type": "card"} if card else None, "reason": behaviour(method).reason,
        "status": "warning_needs_response" if inquiry else "needs_response",
    }  # fmt: skip
    charge["disputed"] = True
    book.put(charge)
    if not inquiry:
        taken = money.disputed(book, dispute["amount"], dispute["currency"], dispute["id"])
        dispute["balance_transactions"].append(shapes.plain(taken))
    book.put(dispute)
    book.emit("charge.dispute.created", dispute)
    if not inquiry:
        book.emit("charge.dispute.funds_withdrawn", dispute)
    if card:
        book.plan(book.now_s + DUE_AFTER_S, "evidence_due", dispute["id"])
    else:
        _close(book, dispute, "lost")
    return dispute


def update(book: Book, dispute_id: str, given: Params) -> dict[str, Any]:
    """POST /v1/disputes/{id}: evidence, kept; with `submit`, sent to the bank for good."""
    dispute = book.get("dispute", dispute_id)
    evidence, submit = given.group("evidence"), given.flag("submit")
    dispute["metadata"].update(given.group("metadata"))
    given.done()
    if dispute["status"] not in ("needs_response", "warning_needs_response"):
        raise InvalidRequestError(f"This dispute is {dispute['status']}: evidence comes too late.")
    for name in PAPERS & evidence.keys():
        book.get("file", str(evidence[name]))
    dispute["evidence"].update(evidence)
    dispute["evidence_details"]["has_evidence"] = bool(dispute["evidence"])
    if submit:
        dispute["evidence_details"]["submission_count"] += 1
        warned = dispute["status"].startswith("warning")
        dispute["status"] = "warning_under_review" if warned else "under_review"
        book.plan(book.now_s + DECIDED_AFTER_S, "dispute_decided", dispute_id)
    book.put(dispute)
    book.emit("charge.dispute.updated", dispute)
    return dispute


def accept(book: Book, dispute_id: str, given: Params) -> dict[str, Any]:
    """POST /v1/disputes/{id}/close: it is lost, and that is accepted."""
    given.done()
    dispute = book.get("dispute", dispute_id)
    if dispute["status"] in ("won", "lost", "warning_closed"):
        raise InvalidRequestError(f"This dispute is {dispute['status']} already.")
    _close(book, dispute, "lost")
    return dispute


def evidence_due(book: Book, dispute_id: str) -> None:
    """Nobody answered in time."""
    dispute = book.get("dispute", dispute_id)
    if dispute["status"] == "needs_response":
        dispute["evidence_details"]["past_due"] = True
        _close(book, dispute, "lost")
    elif dispute["status"] == "warning_needs_response":
        _close(book, dispute, "warning_closed")


def decide(book: Book, dispute_id: str) -> None:
    """The bank has read the evidence."""
    dispute = book.get("dispute", dispute_id)
    if dispute["status"] == "warning_under_review":
        _close(book, dispute, "warning_closed")
    elif dispute["status"] == "under_review":
        won = "winning_evidence" in str(dispute["evidence"].get("uncategorized_text", ""))
        _close(book, dispute, "won" if won else "lost")


def _close(book: Book, dispute: dict[str, Any], status: str) -> None:
    dispute["status"] = status
    if status == "won":
        back = money.won_back(book, dispute["amount"], dispute["currency"], dispute["id"])
        dispute["balance_transactions"].append(shapes.plain(back))
    if status in ("won", "warning_closed"):
        charge = book.get("charge", dispute["charge"])
        charge["disputed"] = False
        book.put(charge)
    book.put(dispute)
    book.emit("charge.dispute.closed", dispute)
    if status == "won":
        book.emit("charge.dispute.funds_reinstated", dispute)
