"""Cards and accounts at Stripe: how people recognise one, until when it works, and whether it may be charged."""

import stripe

from portillon_cloud.payments.inbox.news import MethodSeen

_BRANDS = {"visa": "Visa", "mastercard": "Mastercard", "amex": "American Express", "interac": "Interac"}
_UNKNOWN = "unknown"  # Stripe's word for a brand that it does not know
DEBITS = {"sepa_debit": "SEPA", "acss_debit": "PAD", "us_bank_account": "ACH"}


def seen_method(method: stripe.PaymentMethod, *, mandate: stripe.Mandate | None = None) -> MethodSeen:
    """A payment method as it is now. Detached, or with a mandate that is no more, it cannot be charged."""
    card = method.card if method.type == "card" else None
    usable = method.customer is not None and (mandate is None or mandate.status != "inactive")
    return MethodSeen(
        reference=method.id,
        label=label(method),
        usable=usable,
        exp_month=None if card is None else card.exp_month,
        exp_year=None if card is None else card.exp_year,
        scheme=None if card is None or card.brand == _UNKNOWN else card.brand,
    )


def label(method: stripe.PaymentMethod) -> str:
    """What people recognise: "Visa •••• 4242"."""
    if method.type == "card" and method.card is not None:
        brand = _BRANDS.get(method.card.brand, method.card.brand.title())
        return f"{brand} •••• {method.card.last4}"
    details = getattr(method, method.type, None)
    last4 = getattr(details, "last4", None)
    kind = DEBITS.get(method.type, method.type)
    return kind if last4 is None else f"{kind} •••• {last4}"
