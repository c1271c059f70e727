"""What Stripe's objects and errors mean for a charge or a refund. No I/O.

| What came                                       | Outcome                                             |
|-------------------------------------------------|-----------------------------------------------------|
| succeeded                                       | SUCCEEDED                                           |
| processing                                      | PENDING                                             |
| requires_action; the bank asks for the payer    | ACTION_REQUIRED                                     |
| declined; the request can never work; canceled  | REFUSED, with the bank's reason if it gave one      |
| no connection; too many requests; key refused   | PROVIDER_DOWN: nothing was taken in                 |
| no answer; a fault of theirs; key in use        | UNKNOWN: it may have been taken in                  |

(https://docs.stripe.com/payments/paymentintents/lifecycle, https://docs.stripe.com/error-low-level)
"""

import httpx
import stripe

from portillon_cloud.payments.provider import ChargeAnswer, ChargeOutcome, RefundAnswer, RefundOutcome

ASKS_PAYER = frozenset({"authentication_required", "payment_intent_authentication_failure"})
"""The bank wants the payer, or heard somebody else: the same intent can still be confirmed, by them alone."""

NO_SUCH_CARD = "no_such_card"
CANCELLED = "cancelled"
REFUSED_KEY = "provider_refuses_key"
CLOSED = "abandoned"
"""Stripe's cancellation_reason of an intent that we closed because it was declined; its own code still says why."""

_CARD_PARAMETERS = frozenset({"payment_method", "customer"})
"""What a charge names that may be missing, detached or another customer's."""


def of_intent(intent: stripe.PaymentIntent) -> ChargeAnswer:
    """Where an intent is. `requires_confirmation` is one that was made to be cancelled, and may still be."""
    failure = intent.last_payment_error
    code = None if failure is None else decline_of(failure)
    if intent.status == "succeeded":
        return ChargeAnswer(outcome=ChargeOutcome.SUCCEEDED, reference=intent.id)
    if intent.status == "processing":
        return ChargeAnswer(outcome=ChargeOutcome.PENDING, reference=intent.id)
    if intent.status == "requires_action" or (intent.status == "requires_payment_method" and code in ASKS_PAYER):
        return _asks(intent.id)
    if intent.status == "requires_payment_method" and code is not None:
        return ChargeAnswer(outcome=ChargeOutcome.REFUSED, code=code, reference=intent.id)
    if intent.status in ("requires_payment_method", "requires_confirmation"):
        return ChargeAnswer(outcome=ChargeOutcome.REFUSED, code=CANCELLED, reference=intent.id)
    if intent.status == "canceled":
        told = code if intent.cancellation_reason == CLOSED and code is not None else CANCELLED
        return ChargeAnswer(outcome=ChargeOutcome.REFUSED, code=told, reference=intent.id)
    return ChargeAnswer(outcome=ChargeOutcome.UNKNOWN, reference=intent.id)


def of_charge_error(error: stripe.StripeError) -> ChargeAnswer:
    """What an error says of the charge that was asked for."""
    if isinstance(error, stripe.CardError):
        reason = error.error
        intent = None if reason is None else getattr(reason, "payment_intent", None)
        reference = None if intent is None else intent.id
        code = error.code or "card_declined" if reason is None else decline_of(reason)
        if code in ASKS_PAYER:
            return _asks(reference)
        return ChargeAnswer(outcome=ChargeOutcome.REFUSED, code=code, reference=reference)
    if isinstance(error, stripe.InvalidRequestError):
        gone = error.code == "resource_missing" or error.param in _CARD_PARAMETERS
        code = NO_SUCH_CARD if gone else error.code or "invalid_request"
        return ChargeAnswer(outcome=ChargeOutcome.REFUSED, code=code)
    return no_news(error)


def no_news(error: stripe.StripeError) -> ChargeAnswer:
    """What an error says if it says nothing about the charge."""
    if isinstance(error, stripe.AuthenticationError | stripe.PermissionError):
        return ChargeAnswer(outcome=ChargeOutcome.PROVIDER_DOWN, code=REFUSED_KEY)
    if took_nothing_in(error):
        return ChargeAnswer(outcome=ChargeOutcome.PROVIDER_DOWN)
    return ChargeAnswer(outcome=ChargeOutcome.UNKNOWN)


def of_refund(refund: stripe.Refund) -> RefundAnswer:
    """Where a refund is."""
    if refund.status == "succeeded":
        return RefundAnswer(outcome=RefundOutcome.SUCCEEDED, reference=refund.id)
    if refund.status in ("failed", "canceled"):
        code = getattr(refund, "failure_reason", None) or refund.status
        return RefundAnswer(outcome=RefundOutcome.REFUSED, code=code, reference=refund.id)
    return RefundAnswer(outcome=RefundOutcome.PENDING, reference=refund.id)


def of_refund_error(error: stripe.StripeError) -> RefundAnswer:
    """What an error says of the refund that was asked for."""
    if isinstance(error, stripe.InvalidRequestError):
        return RefundAnswer(outcome=RefundOutcome.REFUSED, code=error.code or "invalid_request")
    if isinstance(error, stripe.AuthenticationError | stripe.PermissionError):
        return RefundAnswer(outcome=RefundOutcome.PROVIDER_DOWN, code=REFUSED_KEY)
    if took_nothing_in(error):
        return RefundAnswer(outcome=RefundOutcome.PROVIDER_DOWN)
    return RefundAnswer(outcome=RefundOutcome.UNKNOWN)


def took_nothing_in(error: stripe.StripeError) -> bool:
    """Whether the request certainly never got to be worked on."""
    never_sent = isinstance(error.__cause__, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
    return isinstance(error, stripe.RateLimitError) or (isinstance(error, stripe.APIConnectionError) and never_sent)


def decline_of(failure: stripe.ErrorObject | stripe.PaymentIntent.LastPaymentError) -> str:
    """The bank's own reason, or else the service's."""
    return str(getattr(failure, "decline_code", None) or getattr(failure, "code", None) or "card_declined")


def _asks(reference: str | None) -> ChargeAnswer:
    return ChargeAnswer(outcome=ChargeOutcome.ACTION_REQUIRED, code="authentication_required", reference=reference)
