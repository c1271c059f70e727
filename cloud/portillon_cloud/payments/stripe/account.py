"""One account at Stripe as a PaymentProvider: charges while the payer is away, looks up, cancels and pays back.

The attempt's key is Stripe's idempotency key, and stands in the intent's metadata, where it is found again long after
Stripe has forgotten the key. An intent that we take for refused is closed first, so that nobody brings it to life.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice

import stripe
from stripe import StripeClient

from portillon_cloud.payments.errors import IdempotencyKeyReusedError
from portillon_cloud.payments.provider import (
    ChargeAnswer,
    ChargeOrder,
    ChargeOutcome,
    RefundAnswer,
    RefundOrder,
    RefundOutcome,
)
from portillon_cloud.payments.stripe import answers
from portillon_cloud.payments.tables import STRIPE

REFERENCE = "portillon_ref"
METHOD = "portillon_method"
KEY_LIFE_MS = 24 * 3_600_000  # https://docs.stripe.com/api/idempotent_requests
PAGE = 100
LISTED_MOST = 10_000
"""A customer's intents are looked through so far; what is not among them is unknown, and never "not there"."""


@dataclass(frozen=True, slots=True)
class StripeAccount:
    """Called with no transaction open; turns trouble into answers.

    `ours` goes before each key: another installation on the same account, or this one begun anew, counts attempts too.
    """

    client: StripeClient = field(repr=False)
    ours: str = ""
    name: str = STRIPE
    key_life_ms: int = KEY_LIFE_MS

    def charge(self, order: ChargeOrder) -> ChargeAnswer:
        """Charge once per key. Raises IdempotencyKeyReusedError."""
        if not all(_token(order)):
            return ChargeAnswer(outcome=ChargeOutcome.REFUSED, code=answers.NO_SUCH_CARD)
        try:
            return answers.of_intent(self._make(order, {"confirm": True, "off_session": True}))
        except stripe.IdempotencyError:
            return self._taken(order)
        except stripe.StripeError as error:
            return answers.of_charge_error(error)

    def look_up(self, order: ChargeOrder) -> ChargeAnswer | None:
        """What became of the order's key; None: never seen."""
        try:
            found = self._find(order)
            return found if isinstance(found, ChargeAnswer | None) else self._final(found)
        except stripe.StripeError as error:
            return answers.no_news(error)

    def cancel(self, order: ChargeOrder) -> ChargeAnswer:
        """Close the intent; if there is none, make one under the order's key that never charges, and close that."""
        if not all(_token(order)):
            return ChargeAnswer(outcome=ChargeOutcome.REFUSED, code=answers.CANCELLED)
        try:
            found = self._find(order) or self._burn(order)
            if isinstance(found, ChargeAnswer):
                return found
            there = answers.of_intent(found)
            if there.outcome in (ChargeOutcome.SUCCEEDED, ChargeOutcome.PENDING):
                return there
            return self._close(found, "requested_by_customer")
        except stripe.StripeError as error:
            return answers.no_news(error)

    def refund(self, order: RefundOrder) -> RefundAnswer:
        """Pay back once per key, and not only while Stripe remembers it. Raises IdempotencyKeyReusedError."""
        try:
            made = self.client.v1.refunds.list({"payment_intent": order.charge, "limit": PAGE})
            for one in islice(made.auto_paging_iter(), LISTED_MOST):
                if _metadata(one).get(REFERENCE) == self._key(order):
                    if one.amount != order.amount_minor:
                        raise _reused(order.key)
                    return answers.of_refund(one)
            refund = self.client.v1.refunds.create(
                {
                    "payment_intent": order.charge,
                    "amount": order.amount_minor,
                    "metadata": {REFERENCE: self._key(order)},
                },
                {"idempotency_key": self._key(order)},
            )
            return answers.of_refund(refund)
        except stripe.IdempotencyError as error:
            raise _reused(order.key) from error
        except stripe.InvalidRequestError as error:
            if error.code == "resource_missing":
                return RefundAnswer(outcome=RefundOutcome.REFUSED, code="no_such_charge")
            return answers.of_refund_error(error)
        except stripe.StripeError as error:
            return answers.of_refund_error(error)

    def intent_of(self, order: ChargeOrder) -> stripe.PaymentIntent | None:
        """The intent of this order's key, if there is one. Raises StripeError."""
        found = self._find(order)
        return found if isinstance(found, stripe.PaymentIntent) else None

    def _key(self, order: ChargeOrder | RefundOrder) -> str:
        return self.ours + order.key

    def _make(self, order: ChargeOrder, how: Mapping[str, bool]) -> stripe.PaymentIntent:
        customer, method = _token(order)
        return self.client.v1.payment_intents.create(
            {
                "amount": order.amount_minor,
                "currency": order.currency.lower(),
                "customer": customer,
                "payment_method": method,
                # Whatever kinds the account takes, but none that leads the payer away: they are not there.
                "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
                "metadata": {REFERENCE: self._key(order), METHOD: method},
                **how,  # type: ignore[typeddict-item]  # confirm and off_session, or neither
            },
            {"idempotency_key": self._key(order)},
        )

    def _find(self, order: ChargeOrder) -> stripe.PaymentIntent | ChargeAnswer | None:
        """The intent of this key; UNKNOWN if there are too many to say. Raises StripeError."""
        customer, _ = _token(order)
        if not customer:
            return None
        listed = 0
        try:
            made = self.client.v1.payment_intents.list({"customer": customer, "limit": PAGE})
            for intent in made.auto_paging_iter():
                if _metadata(intent).get(REFERENCE) == self._key(order):
                    return intent
                listed += 1
                if listed >= LISTED_MOST:
                    return ChargeAnswer(outcome=ChargeOutcome.UNKNOWN)
        except stripe.InvalidRequestError as error:
            if error.code != "resource_missing":
                raise
        return None

    def _taken(self, order: ChargeOrder) -> ChargeAnswer:
        """The key was used otherwise: to cancel this very order, or, a defect of ours, for another one."""
        try:
            found = self._find(order)
            if found is None or (isinstance(found, stripe.PaymentIntent) and not _same(found, order)):
                raise _reused(order.key)
            return found if isinstance(found, ChargeAnswer) else self._final(found)
        except stripe.StripeError:
            return ChargeAnswer(outcome=ChargeOutcome.UNKNOWN)

    def _burn(self, order: ChargeOrder) -> stripe.PaymentIntent | ChargeAnswer:
        """Use the key up. Whoever sends the charge after this is refused by Stripe itself."""
        try:
            return self._make(order, {})
        except stripe.IdempotencyError:  # the charge was taken in since we looked
            return self._find(order) or ChargeAnswer(outcome=ChargeOutcome.UNKNOWN)
        except stripe.InvalidRequestError:  # no such card or customer: it can never be charged
            return ChargeAnswer(outcome=ChargeOutcome.REFUSED, code=answers.CANCELLED)

    def _final(self, intent: stripe.PaymentIntent) -> ChargeAnswer:
        """Where the intent is; refused only once it is closed."""
        there = answers.of_intent(intent)
        if there.outcome is not ChargeOutcome.REFUSED or intent.status == "canceled":
            return there
        return self._close(intent, answers.CLOSED, code=there.code)

    def _close(self, intent: stripe.PaymentIntent, why: str, code: str | None = answers.CANCELLED) -> ChargeAnswer:
        if intent.status == "canceled":
            return answers.of_intent(intent)
        try:
            self.client.v1.payment_intents.cancel(intent.id, {"cancellation_reason": why})
        except stripe.InvalidRequestError:  # it went on while we looked
            there = answers.of_intent(self.client.v1.payment_intents.retrieve(intent.id))
            ended = (ChargeOutcome.SUCCEEDED, ChargeOutcome.PENDING)
            return there if there.outcome in ended else ChargeAnswer(outcome=ChargeOutcome.UNKNOWN)
        return ChargeAnswer(outcome=ChargeOutcome.REFUSED, code=code, reference=intent.id)


def _token(order: ChargeOrder) -> tuple[str, str]:
    """Customer and payment method; empty ones if the token is none of Stripe's."""
    customer, _, method = order.token.partition(":")
    return customer, method


def _metadata(one: stripe.PaymentIntent | stripe.Refund) -> Mapping[str, str]:
    return one.metadata.to_dict() if one.metadata else {}


def _same(intent: stripe.PaymentIntent, order: ChargeOrder) -> bool:
    said = (intent.amount, intent.currency, _metadata(intent).get(METHOD))
    return said == (order.amount_minor, order.currency.lower(), _token(order)[1])


def _reused(key: str) -> IdempotencyKeyReusedError:
    return IdempotencyKeyReusedError(
        f"key {key} was sent before with another card, amount or currency; a new attempt needs a new key"
    )
