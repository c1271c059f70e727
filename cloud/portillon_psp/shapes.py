"""Objects as Stripe shapes them, with every field that its published fixtures have."""

from collections.abc import Mapping
from typing import Any

from portillon_psp.books import Book


def account(book: Book) -> dict[str, Any]:
    """Whose books these are."""
    return {
        "id": f"acct_{book.account}",
        "object": "account",
        "charges_enabled": True,
        "country": "CA",
        "default_currency": "cad",
        "details_submitted": True,
        "email": None,
        "metadata": {},
        "payouts_enabled": True,
        "type": "standard",
    }


def customer(book: Book, *, name: str | None, email: str | None, metadata: Mapping[str, str]) -> dict[str, Any]:
    """Somebody who pays."""
    return {
        "id": book.new_id("cus"),
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": book.now_s,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": email,
        "invoice_prefix": f"{book.next():08d}",
        "invoice_settings": {"custom_fields": None, "default_payment_method": None, "footer": None},
        "livemode": False,
        "metadata": dict(metadata),
        "name": name,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }


def payment_method(book: Book, type_: str, details: Mapping[str, Any], *, does: str) -> dict[str, Any]:
    """A card or an account; `does` names its behaviour, which no real service shows."""
    return {
        "id": book.new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": {"address": None, "email": None, "name": None, "phone": None, "tax_id": None},
        "created": book.now_s,
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": type_,
        type_: dict(details),
        "_does": does,
    }


def payment_intent(book: Book, **given: Any) -> dict[str, Any]:
    """What is to be paid."""
    intent_id = book.new_id("pi")
    blank = (
        "application", "application_fee_amount", "canceled_at", "cancellation_reason", "customer", "customer_account",
        "description", "excluded_payment_method_types", "last_payment_error", "latest_charge", "managed_payments",
        "next_action", "on_behalf_of", "payment_method", "payment_method_configuration_details", "processing",
        "receipt_email", "review", "setup_future_usage", "shipping", "source", "statement_descriptor",
        "statement_descriptor_suffix", "transfer_data", "transfer_group", "automatic_payment_methods",
    )  # fmt: skip
    return {
        **dict.fromkeys(blank),
        "id": intent_id,
        "object": "payment_intent",
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "capture_method": "automatic",
        "client_secret": f"{intent_id}_secret_{book.next():08d}",
        "confirmation_method": "automatic",
        "created": book.now_s,
        "livemode": False,
        "payment_method_options": {},
        "status": "requires_payment_method",
        **given,
    }


def charge(book: Book, intent: Mapping[str, Any], method: Mapping[str, Any], **given: Any) -> dict[str, Any]:
    """One try of an intent."""
    blank = (
        "application", "application_fee", "application_fee_amount", "balance_transaction", "description",
        "failure_balance_transaction", "failure_code", "failure_message", "on_behalf_of", "receipt_email",
        "receipt_number", "review", "shipping", "source", "source_transfer", "statement_descriptor",
        "statement_descriptor_suffix", "transfer_data", "transfer_group", "calculated_statement_descriptor",
    )  # fmt: skip
    charge_id = book.new_id("ch")
    return {
        **dict.fromkeys(blank),
        "id": charge_id,
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": 0,
        "amount_refunded": 0,
        "billing_details": method["billing_details"],
        "captured": False,
        "created": book.now_s,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "disputed": False,
        "fraud_details": {},
        "livemode": False,
        "metadata": intent["metadata"],
        "outcome": None,
        "paid": False,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {"type": method["type"], method["type"]: method[method["type"]]},
        "receipt_url": f"https://receipts.example/{charge_id}",
        "refunded": False,
        "status": "pending",
        **given,
    }


def plain(one: Any) -> Any:
    """An object as it is answered: without what only the simulator knows."""
    if isinstance(one, dict):
        return {name: plain(value) for name, value in one.items() if not name.startswith("_")}
    return [plain(value) for value in one] if isinstance(one, list) else one
