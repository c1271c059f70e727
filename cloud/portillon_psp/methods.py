"""Customers, their cards and accounts, and setting these up to be charged later."""

import hashlib
from typing import Any

from portillon_psp import shapes
from portillon_psp.behaviours import CARD_ERROR_CODES, CARDS, DEBITS, MANDATE_DIES_AFTER_S, Behaviour
from portillon_psp.books import Book
from portillon_psp.errors import CardError, InvalidRequestError
from portillon_psp.params import Params

_ACCOUNT_FIELD = {"sepa_debit": "iban", "acss_debit": "account_number", "us_bank_account": "account_number"}


def make_customer(book: Book, given: Params) -> dict[str, Any]:
    """POST /v1/customers"""
    made = shapes.customer(
        book, name=given.text("name", None), email=given.text("email", None), metadata=given.group("metadata")
    )
    given.done()
    book.put(made)
    return made


def make_method(book: Book, given: Params) -> dict[str, Any]:
    """POST /v1/payment_methods: a debit account by its number, a card by a test name as `card[token]`."""
    type_ = given.text("type")
    details = given.group(type_)
    given.group("billing_details")
    given.done()
    if type_ == "card":
        return keep_card(book, str(details.get("token", "")))
    number = str(details.get(_ACCOUNT_FIELD.get(type_, ""), "")).replace(" ", "")
    if (type_, number) not in DEBITS:
        known = ", ".join(known for kind, known in DEBITS if kind == type_) or "cards, sepa_debit, acss_debit"
        raise InvalidRequestError(f"no test account {number!r} of type {type_!r}; there are {known}", param=type_)
    shown = {"last4": DEBITS[type_, number].last4, "fingerprint": f"fp{hash_of(number)}"}
    method = shapes.payment_method(book, type_, shown, does=f"{type_}:{number}")
    book.put(method)
    return method


def keep_card(book: Book, name: str) -> dict[str, Any]:
    """A card of its own that does what Stripe's test card of this name does."""
    if name not in CARDS:
        raise InvalidRequestError(f"No such PaymentMethod: {name!r}", code="resource_missing", param="payment_method")
    card = CARDS[name]
    shown = {
        "brand": card.brand,
        "last4": card.last4,
        "exp_month": 12,
        "exp_year": 2034,
        "country": "US",
        "fingerprint": f"fp{hash_of(name)}",
        "funding": "credit",
        "networks": {"available": [card.brand], "preferred": None},
    }
    method = shapes.payment_method(book, "card", shown, does=name)
    book.put(method)
    return method


def behaviour(method: dict[str, Any]) -> Behaviour:
    """What it does when it is charged."""
    does: str = method["_does"]
    kind, _, number = does.partition(":")
    return DEBITS[kind, number] if number else CARDS[does]


def method_named(book: Book, name: str) -> dict[str, Any]:
    """A kept one by its id, or a new one by a test card's name. Raises NotFoundError."""
    return keep_card(book, name) if name in CARDS else book.get("payment_method", name)


def attach(book: Book, method_id: str, given: Params) -> dict[str, Any]:
    """POST /v1/payment_methods/{id}/attach"""
    customer = book.get("customer", given.text("customer"))
    given.done()
    method = method_named(book, method_id)
    does = behaviour(method)
    if method["customer"] not in (None, customer["id"]):
        raise InvalidRequestError("The payment method is attached to another customer; detach it there first.")
    if does.decline is not None and method["type"] == "card" and method["_does"] != "pm_card_chargeCustomerFail":
        raise declined(does.decline)
    method["customer"] = customer["id"]
    book.put(method)
    book.emit("payment_method.attached", shapes.plain(method))
    return method


def detach(book: Book, method_id: str, given: Params) -> dict[str, Any]:
    """POST /v1/payment_methods/{id}/detach: for good."""
    given.done()
    method = book.get("payment_method", method_id)
    method["customer"] = None
    method["_detached"] = True
    book.put(method)
    book.emit("payment_method.detached", shapes.plain(method))
    return method


def make_setup(book: Book, given: Params) -> dict[str, Any]:
    """POST /v1/setup_intents: ready to be charged while the payer is away, once they have confirmed."""
    setup_id = book.new_id("seti")
    setup = {
        "id": setup_id, "object": "setup_intent", "application": None, "automatic_payment_methods": None,
        "cancellation_reason": None, "client_secret": f"{setup_id}_secret_{book.next():08d}", "created": book.now_s,
        "customer": given.text("customer", None), "customer_account": None, "description": None,
        "excluded_payment_method_types": None, "flow_directions": None, "last_setup_error": None,
        "latest_attempt": None, "livemode": False, "mandate": None, "metadata": given.group("metadata"),
        "next_action": None, "on_behalf_of": None, "payment_method": given.text("payment_method", None),
        "payment_method_configuration_details": None, "payment_method_options": {},
        "payment_method_types": list(given.listed("payment_method_types", ("card",))), "single_use_mandate": None,
        "status": "requires_payment_method", "usage": given.text("usage", "off_session"),
    }  # fmt: skip
    if given.group("automatic_payment_methods").get("enabled") == "true":
        setup["automatic_payment_methods"] = {"allow_redirects": "never", "enabled": True}
        setup["payment_method_types"] = ["card", *_ACCOUNT_FIELD]
    setup["payment_method_options"] = given.group("payment_method_options")
    confirm = given.flag("confirm")
    given.group("mandate_data")
    given.done()
    if setup["customer"] is not None:
        book.get("customer", str(setup["customer"]))
    if setup["payment_method"] is not None:
        setup["payment_method"] = method_named(book, str(setup["payment_method"]))["id"]
        setup["status"] = "requires_confirmation"
    book.put(setup)
    book.emit("setup_intent.created", setup)
    return _confirmed(book, setup) if confirm else setup


def confirm_setup(book: Book, setup_id: str, given: Params) -> dict[str, Any]:
    """POST /v1/setup_intents/{id}/confirm"""
    setup = book.get("setup_intent", setup_id)
    name = given.text("payment_method", None)
    given.group("mandate_data")
    given.done()
    if name is not None:
        setup["payment_method"] = method_named(book, name)["id"]
    return _confirmed(book, setup)


def complete_setup(book: Book, setup_id: str) -> dict[str, Any]:
    """The payer has confirmed in their bank's app."""
    setup = book.get("setup_intent", setup_id)
    if setup["status"] != "requires_action":
        raise InvalidRequestError(f"setup intent {setup_id} waits for nobody: it is {setup['status']}")
    return _ready(book, setup, book.get("payment_method", setup["payment_method"]))


def _confirmed(book: Book, setup: dict[str, Any]) -> dict[str, Any]:
    if setup["payment_method"] is None or setup["status"] not in ("requires_confirmation", "requires_payment_method"):
        raise InvalidRequestError(
            f"it cannot be confirmed: it is {setup['status']}", code="setup_intent_unexpected_state"
        )
    method = book.get("payment_method", setup["payment_method"])
    if method["type"] == "acss_debit" and "mandate_options" not in setup["payment_method_options"].get(
        "acss_debit", {}
    ):
        raise InvalidRequestError(
            "A Canadian debit is agreed to under terms: give them.",
            param="payment_method_options[acss_debit][mandate_options]",
        )
    does = behaviour(method)
    if method["type"] == "card" and does.decline is not None and method["_does"] != "pm_card_chargeCustomerFail":
        error = declined(does.decline)
        setup["last_setup_error"], setup["payment_method"] = dict(error.body), None
        setup["status"] = "requires_payment_method"
        book.put(setup)
        book.emit("setup_intent.setup_failed", setup)
        raise error
    if does.asks or does.asks_once:
        setup["status"] = "requires_action"
        setup["next_action"] = {"type": "use_stripe_sdk", "use_stripe_sdk": {}}
        book.put(setup)
        book.emit("setup_intent.requires_action", setup)
        return setup
    return _ready(book, setup, method)


def _ready(book: Book, setup: dict[str, Any], method: dict[str, Any]) -> dict[str, Any]:
    method["_set_up"] = True
    if setup["customer"] is not None:
        method["customer"] = setup["customer"]
    if method["type"] != "card":
        setup["mandate"] = mandate(book, method)["id"]
    book.put(method)
    setup["status"], setup["next_action"] = "succeeded", None
    book.put(setup)
    book.emit("setup_intent.succeeded", setup)
    return setup


def mandate(book: Book, method: dict[str, Any]) -> dict[str, Any]:
    """The payer's leave to debit the account, for more than once."""
    made = {
        "id": book.new_id("mandate"),
        "object": "mandate",
        "customer_acceptance": {"accepted_at": book.now_s, "offline": {}, "type": "offline"},
        "livemode": False,
        "multi_use": {},
        "payment_method": method["id"],
        "payment_method_details": {"type": method["type"], method["type"]: {"reference": f"REF{book.next():08d}"}},
        "status": "active",
        "type": "multi_use",
    }
    made["_used_s"] = book.now_s
    method["_mandate"] = made["id"]
    book.put(made)
    book.plan(book.now_s + MANDATE_DIES_AFTER_S, "mandate_unused", str(made["id"]))
    return made


def declined(reason: str) -> CardError:
    """The bank's no, as an answer."""
    return CardError(
        f"Your card was declined ({reason}).",
        code=CARD_ERROR_CODES.get(reason, "card_declined"),
        decline_code=reason,
    )


def hash_of(text: str) -> str:
    """The same for the same number, and not the number."""
    return hashlib.sha256(text.encode()).hexdigest()[:14]


def require_known(does: str) -> None:
    """Raises InvalidRequestError for a behaviour that no test card or account has."""
    kind, _, number = does.partition(":")
    if does not in CARDS and (kind, number) not in DEBITS:
        raise InvalidRequestError(f"no test card or account is called {does!r}", param="as")


def update_card(book: Book, method_id: str, last4: str, exp_year: int) -> dict[str, Any]:
    """The bank gave out a new card, and the card network told the service (account updater). It pays from now on."""
    method = book.get("payment_method", method_id)
    before = {"card": {name: method["card"][name] for name in ("last4", "exp_year")}}
    method["card"].update(last4=last4, exp_year=exp_year)
    method["_does"] = "pm_card_visa"
    book.put(method)
    book.emit("payment_method.automatically_updated", shapes.plain(method), previous=before)
    return method
