"""Payment intents: what is to be paid, each try of it, and what becomes of a debit days later.

| Status                  | confirm            | cancel | the clock                       |
|-------------------------|--------------------|--------|---------------------------------|
| requires_payment_method | with a method      | yes    | –                               |
| requires_confirmation   | yes                | yes    | –                               |
| requires_action         | no: the payer must | yes    | –                               |
| processing              | no                 | no     | succeeded, or back to the first |
| succeeded               | no                 | no     | –                               |
| canceled                | no                 | no     | –                               |

(https://docs.stripe.com/payments/paymentintents/lifecycle)
"""

from typing import Any

from portillon_psp import money, shapes
from portillon_psp.behaviours import DAY_S, SETTLES_AFTER_S, Behaviour, Later
from portillon_psp.books import Book
from portillon_psp.errors import CardError, InvalidRequestError
from portillon_psp.methods import behaviour, declined, mandate, method_named
from portillon_psp.params import Params

DISPUTED_AFTER_S = 20 * DAY_S


def create(book: Book, given: Params) -> dict[str, Any]:
    """POST /v1/payment_intents"""
    intent = shapes.payment_intent(
        book,
        amount=given.whole("amount"),
        currency=str(given.text("currency")).lower(),
        customer=given.text("customer", None),
        description=given.text("description", None),
        metadata=given.group("metadata"),
        payment_method=given.text("payment_method", None),
        payment_method_types=list(given.listed("payment_method_types", ("card",))),
        setup_future_usage=given.text("setup_future_usage", None),
        statement_descriptor_suffix=given.text("statement_descriptor_suffix", None),
    )
    confirm, away = given.flag("confirm"), given.flag("off_session")
    if given.group("automatic_payment_methods").get("enabled") == "true":
        intent["payment_method_types"] = ["card", *SETTLES_AFTER_S]
        intent["automatic_payment_methods"] = {"allow_redirects": "never", "enabled": True}
    given.text("error_on_requires_action", None)
    given.group("mandate_data")
    given.text("mandate", None)
    given.done()
    if intent["customer"] is not None:
        book.get("customer", intent["customer"])
    if intent["payment_method"] is not None:
        method = method_named(book, intent["payment_method"])
        _fits(intent, method)
        intent["payment_method"], intent["status"] = method["id"], "requires_confirmation"
    book.put(intent)
    book.emit("payment_intent.created", intent)
    return _confirm(book, intent, away=away) if confirm else intent


def confirm(book: Book, intent_id: str, given: Params) -> dict[str, Any]:
    """POST /v1/payment_intents/{id}/confirm"""
    intent = book.get("payment_intent", intent_id)
    name, away = given.text("payment_method", None), given.flag("off_session")
    given.group("mandate_data")
    given.done()
    if intent["status"] not in ("requires_payment_method", "requires_confirmation"):
        raise _unexpected(intent, "confirmed")
    if name is not None:
        method = method_named(book, name)
        _fits(intent, method)
        intent["payment_method"] = method["id"]
    return _confirm(book, intent, away=away)


def cancel(book: Book, intent_id: str, given: Params) -> dict[str, Any]:
    """POST /v1/payment_intents/{id}/cancel: no money moves for it any more."""
    intent = book.get("payment_intent", intent_id)
    why = given.text("cancellation_reason", None)
    given.done()
    if intent["status"] in ("processing", "succeeded", "canceled"):
        raise _unexpected(intent, "canceled")
    intent.update(status="canceled", canceled_at=book.now_s, cancellation_reason=why, next_action=None)
    book.put(intent)
    book.emit("payment_intent.canceled", intent)
    return intent


def authenticate(book: Book, intent_id: str, *, passed: bool) -> dict[str, Any]:
    """The payer confirms in their bank's app, or does not."""
    intent = book.get("payment_intent", intent_id)
    if intent["status"] != "requires_action":
        raise _unexpected(intent, "authenticated")
    method = book.get("payment_method", intent["payment_method"])
    intent["next_action"] = None
    if not passed:
        _failed(book, intent, method, "payment_intent_authentication_failure")
        return intent
    return _take(book, intent, method)


def settle_debit(book: Book, intent_id: str) -> None:
    """The bank answers, days later."""
    intent = book.get("payment_intent", intent_id)
    if intent["status"] != "processing":
        return
    charge = book.get("charge", intent["latest_charge"])
    method = book.get("payment_method", intent["payment_method"])
    reason = behaviour(method).decline
    if reason is None:
        _succeed(book, intent, charge, behaviour(method))
    else:
        _fail_charge(book, charge, reason)
        _refuse(book, intent, declined(reason))


def _confirm(book: Book, intent: dict[str, Any], *, away: bool) -> dict[str, Any]:
    if intent["payment_method"] is None:
        raise InvalidRequestError("it has no payment method; give it one", code="payment_intent_unexpected_state")
    method = book.get("payment_method", intent["payment_method"])
    if method.get("_detached"):
        raise InvalidRequestError("The payment method was detached and cannot be used again.", param="payment_method")
    does = behaviour(method)
    if does.asks or (does.asks_once and not method.get("_set_up")):
        if away:
            raise _failed(book, intent, method, "authentication_required")
        intent.update(status="requires_action", next_action={"type": "use_stripe_sdk", "use_stripe_sdk": {}})
        book.put(intent)
        book.emit("payment_intent.requires_action", intent)
        return intent
    if method["type"] != "card" and not _may_debit(book, method):
        raise _failed(book, intent, method, "mandate_invalid")
    return _take(book, intent, method)


def _take(book: Book, intent: dict[str, Any], method: dict[str, Any]) -> dict[str, Any]:
    does = behaviour(method)
    if method["type"] != "card":
        book.put({**book.get("mandate", method["_mandate"]), "_used_s": book.now_s})
        charge = shapes.charge(book, intent, method, status="pending")
        book.put(charge)
        intent.update(status="processing", latest_charge=charge["id"], last_payment_error=None)
        book.put(intent)
        book.emit("payment_intent.processing", intent)
        book.emit("charge.pending", charge)
        book.plan(book.now_s + SETTLES_AFTER_S[method["type"]], "debit_settles", intent["id"])
        return intent
    if does.decline is not None:
        raise _failed(book, intent, method, does.decline)
    charge = shapes.charge(book, intent, method)
    _succeed(book, intent, charge, does)
    return intent


def _succeed(book: Book, intent: dict[str, Any], charge: dict[str, Any], does: Behaviour) -> None:
    charge.update(
        status="succeeded",
        paid=True,
        captured=True,
        amount_captured=intent["amount"],
        balance_transaction=money.earned(book, charge)["id"],
        outcome={"network_status": "approved_by_network", "reason": None, "type": "authorized"},
    )
    book.put(charge)
    intent.update(
        status="succeeded",
        amount_received=intent["amount"],
        latest_charge=charge["id"],
        last_payment_error=None,
        next_action=None,
    )
    book.put(intent)
    book.emit("charge.succeeded", charge)
    book.emit("payment_intent.succeeded", intent)
    if does.later is not Later.NOTHING:
        book.plan(book.now_s + DISPUTED_AFTER_S, does.later.value, charge["id"])


def _failed(book: Book, intent: dict[str, Any], method: dict[str, Any], reason: str) -> CardError:
    """Keep the try that failed; the answer to give."""
    charge = shapes.charge(book, intent, method)
    error = declined(reason)
    _fail_charge(book, charge, reason)
    intent["latest_charge"] = charge["id"]
    _refuse(book, intent, error)
    return error


def _fail_charge(book: Book, charge: dict[str, Any], reason: str) -> None:
    error = declined(reason).body
    charge.update(
        status="failed",
        failure_code=error["code"],
        failure_message=error["message"],
        outcome={"network_status": "declined_by_network", "reason": reason, "type": "issuer_declined"},
    )
    book.put(charge)
    book.emit("charge.failed", charge)


def _refuse(book: Book, intent: dict[str, Any], error: CardError) -> None:
    intent.update(
        status="requires_payment_method", payment_method=None, next_action=None, last_payment_error=dict(error.body)
    )
    book.put(intent)
    error.carry(intent)
    book.emit("payment_intent.payment_failed", intent)


def _may_debit(book: Book, method: dict[str, Any]) -> bool:
    if "_mandate" not in method:
        mandate(book, method)
        book.put(method)
    return bool(book.get("mandate", method["_mandate"])["status"] == "active")


def _fits(intent: dict[str, Any], method: dict[str, Any]) -> None:
    if method["type"] not in intent["payment_method_types"]:
        raise InvalidRequestError(
            f"a payment method of type {method['type']} is not among payment_method_types", param="payment_method"
        )
    if method["customer"] is not None and method["customer"] != intent["customer"]:
        raise InvalidRequestError("The payment method belongs to another customer.", param="payment_method")


def _unexpected(intent: dict[str, Any], what: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"This PaymentIntent could not be {what} because it has a status of {intent['status']}.",
        code="payment_intent_unexpected_state",
        payment_intent=shapes.plain(intent),
    )
