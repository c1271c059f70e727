"""What each answer of Stripe means, and the defences of an account: each is switched off once, and is missed."""

from collections.abc import Callable

import httpx
import pytest
import stripe
from portillon_cloud.payments.provider import ChargeAnswer, ChargeOrder, ChargeOutcome, RefundOrder, RefundOutcome
from portillon_cloud.payments.stripe import account, answers
from portillon_cloud.payments.stripe.account import StripeAccount
from portillon_cloud.payments.stripe.connection import Connections
from portillon_cloud.payments.stripe.errors import StripeKeyError
from psp.conftest import Service


def caused(cause: Exception) -> stripe.APIConnectionError:
    error = stripe.APIConnectionError("no answer")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (caused(httpx.ConnectError("refused")), ChargeOutcome.PROVIDER_DOWN),
        (caused(httpx.ConnectTimeout("no way there")), ChargeOutcome.PROVIDER_DOWN),
        (caused(httpx.ReadTimeout("sent, not answered")), ChargeOutcome.UNKNOWN),
        (caused(httpx.RemoteProtocolError("cut off")), ChargeOutcome.UNKNOWN),
        (caused(httpx.WriteTimeout("half sent")), ChargeOutcome.UNKNOWN),
        (stripe.RateLimitError("slower", http_status=429), ChargeOutcome.PROVIDER_DOWN),
        (stripe.AuthenticationError("whose key", http_status=401), ChargeOutcome.PROVIDER_DOWN),
        (stripe.PermissionError("not with this key", http_status=403), ChargeOutcome.PROVIDER_DOWN),
        (stripe.APIError("idempotency_key_in_use", http_status=409), ChargeOutcome.UNKNOWN),
        (stripe.APIError("our fault", http_status=500), ChargeOutcome.UNKNOWN),
    ],
)
def test_trouble_is_no_refusal(error: stripe.StripeError, outcome: ChargeOutcome) -> None:
    """Only what was certainly never taken in is an outage; everything else may have happened; none is a decline."""
    assert answers.of_charge_error(error).outcome is outcome
    assert answers.no_news(error).outcome is outcome
    assert answers.of_refund_error(error).outcome == outcome.value


def test_a_request_that_can_never_work_is_refused() -> None:
    """What names a card that is gone is a hard refusal; another mistake says its code. Of a look-up it says nothing."""
    gone = stripe.InvalidRequestError("detached", param="payment_method")
    small = stripe.InvalidRequestError("too small", param="amount", code="amount_too_small")
    assert answers.of_charge_error(gone) == ChargeAnswer(outcome=ChargeOutcome.REFUSED, code="no_such_card")
    assert answers.of_charge_error(small).code == "amount_too_small"
    assert answers.no_news(small).outcome is ChargeOutcome.UNKNOWN


@pytest.mark.parametrize(
    ("status", "failure", "why", "outcome", "code"),
    [
        ("succeeded", None, None, ChargeOutcome.SUCCEEDED, None),
        ("processing", None, None, ChargeOutcome.PENDING, None),
        ("requires_action", None, None, ChargeOutcome.ACTION_REQUIRED, "authentication_required"),
        ("requires_payment_method", {"code": "authentication_required"}, None, ChargeOutcome.ACTION_REQUIRED,
         "authentication_required"),
        ("requires_payment_method", {"code": "payment_intent_authentication_failure"}, None,
         ChargeOutcome.ACTION_REQUIRED, "authentication_required"),
        ("requires_payment_method", {"code": "card_declined", "decline_code": "lost_card"}, None,
         ChargeOutcome.REFUSED, "lost_card"),
        ("requires_payment_method", {"code": "expired_card"}, None, ChargeOutcome.REFUSED, "expired_card"),
        ("requires_payment_method", None, None, ChargeOutcome.REFUSED, "cancelled"),
        ("requires_confirmation", None, None, ChargeOutcome.REFUSED, "cancelled"),
        ("canceled", {"code": "expired_card"}, "abandoned", ChargeOutcome.REFUSED, "expired_card"),
        ("canceled", {"code": "expired_card"}, "requested_by_customer", ChargeOutcome.REFUSED, "cancelled"),
        ("requires_capture", None, None, ChargeOutcome.UNKNOWN, None),
        ("something_new", None, None, ChargeOutcome.UNKNOWN, None),
    ],
)  # fmt: skip
def test_every_state_of_an_intent(
    status: str, failure: object, why: str | None, outcome: ChargeOutcome, code: str | None
) -> None:
    """Each has its outcome; one that is not known here is unknown, and never taken for paid or refused."""
    told = {"id": "pi_1", "status": status, "last_payment_error": failure, "cancellation_reason": why}
    answer = answers.of_intent(stripe.PaymentIntent.construct_from(told, None))
    assert (answer.outcome, answer.code, answer.reference) == (outcome, code, "pi_1")


def test_live_keys_are_shown_to_stripe_alone() -> None:
    """Wherever test keys are taken, a live key goes to Stripe; a key of no kind is refused without being repeated."""
    there = Connections("http://127.0.0.1:9")
    assert [str(_base(there, key)) for key in ("sk_test_a", "rk_test_a", "sk_live_a", "rk_live_a")] == [
        *["http://127.0.0.1:9"] * 2,
        *["https://api.stripe.com"] * 2,
    ]
    with pytest.raises(StripeKeyError) as refused:
        there.client("pk_live_mistaken")
    assert "mistaken" not in str(refused.value)
    assert "http" not in repr(there._http)
    there.close()


def _base(there: Connections, key: str) -> object:
    return there.client(key)._requestor._options.base_addresses["api"]


def order(service: Service, card: str, key: str = "intent-1:1") -> ChargeOrder:
    customer, method = service.card(card)
    return ChargeOrder(
        organisation_id=1,
        provider="stripe",
        key=key,
        token=f"{customer}:{method}",
        amount_minor=5999,
        currency="CAD",
        now_ms=0,
    )


def a_refused_intent_stays_refused(service: Service, there: StripeAccount) -> bool:
    """The payer had its secret, the look-up took it for refused, and then they give another card in an old window."""
    asked = order(service, "pm_card_authenticationRequired")
    reference = str(there.charge(asked).reference)
    service.simulator("behave", payment_method=asked.token.partition(":")[2], **{"as": "pm_card_visa_chargeDeclined"})
    method = asked.token.partition(":")[2]
    with pytest.raises(stripe.CardError):
        service.client.payment_intents.confirm(reference, {"payment_method": method})
    answer = there.look_up(asked)
    assert answer is not None
    assert answer.outcome is ChargeOutcome.REFUSED
    try:
        service.client.payment_intents.confirm(reference, {"payment_method": service.card()[1]})
    except stripe.InvalidRequestError:
        return True
    return False


def a_cancelled_key_charges_nothing(service: Service, there: StripeAccount) -> bool:
    """A worker that stalled before it sent comes back after the desk took cash."""
    asked = order(service, "pm_card_visa")
    assert there.cancel(asked).outcome is ChargeOutcome.REFUSED
    return there.charge(asked).outcome is ChargeOutcome.REFUSED


def a_refund_is_paid_once(service: Service, there: StripeAccount) -> bool:
    """Its answer was lost, and whoever sends it again comes after Stripe has forgotten the key."""
    charged = there.charge(order(service, "pm_card_visa"))
    refund = RefundOrder(
        organisation_id=1,
        provider="stripe",
        key="payout-1:1",
        charge=str(charged.reference),
        amount_minor=1000,
        currency="CAD",
        now_ms=0,
    )
    service.simulator("faults", answers_lost=1)
    assert there.refund(refund).outcome is RefundOutcome.UNKNOWN
    service.wait(2)
    there.refund(refund)
    return len(service.client.refunds.list().data) == 1


def a_charge_is_found_after_days(service: Service, there: StripeAccount) -> bool:
    """Its answer was lost, and Stripe has forgotten the key; our reference is still there."""
    asked = order(service, "pm_card_visa")
    service.simulator("faults", answers_lost=1)
    assert there.charge(asked).outcome is ChargeOutcome.UNKNOWN
    service.wait(40)
    return there.look_up(asked) is not None


DEFENCES: list[tuple[Callable[[Service, StripeAccount], bool], str, object]] = [
    (a_refused_intent_stays_refused, "_final", lambda self, intent: answers.of_intent(intent)),
    (
        a_cancelled_key_charges_nothing,
        "_burn",
        lambda self, order: ChargeAnswer(outcome=ChargeOutcome.REFUSED, code="cancelled"),
    ),
    (a_refund_is_paid_once, "_metadata", lambda one: {}),
    (a_charge_is_found_after_days, "_metadata", lambda one: {}),
]


@pytest.mark.parametrize(("holds", "defence", "off"), DEFENCES)
def test_defences(
    service: Service,
    connections: Connections,
    monkeypatch: pytest.MonkeyPatch,
    holds: Callable[[Service, StripeAccount], bool],
    defence: str,
    off: object,
) -> None:
    """It holds; and with its one defence switched off it does not."""
    assert holds(service, StripeAccount(connections.client(f"sk_test_{service.account}")))
    monkeypatch.setattr(account if defence == "_metadata" else StripeAccount, defence, off)
    bare = Service(service.running, f"{service.account}off")
    assert not holds(bare, StripeAccount(connections.client(f"sk_test_{bare.account}")))
