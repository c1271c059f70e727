"""What payers, banks and time do at the payment service; asked again until it answers, each request under one key."""

import time
from collections.abc import Mapping
from typing import Any

import httpx
from chaos.service import ACCOUNT
from portillon_cloud.payments.provider import CardBehaviour

SECRET = f"sk_test_{ACCOUNT}"
TRIES = 400
REST_S = 0.05
ANSWER_TIMEOUT_S = 5.0

DEBITS: Mapping[CardBehaviour, str] = {
    CardBehaviour.DEBIT: "000123456789",
    CardBehaviour.DEBIT_RETURNED: "000222222227",
}
"""Accounts of banks, by Stripe's test numbers."""

CARDS: Mapping[CardBehaviour, str] = {
    CardBehaviour.OK: "pm_card_visa",
    CardBehaviour.INSUFFICIENT_FUNDS: "pm_card_visa_chargeDeclinedInsufficientFunds",
    CardBehaviour.EXPIRED_CARD: "pm_card_chargeDeclinedExpiredCard",
}

HEARD = (
    "payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.processing", "refund.created",
    "refund.updated", "refund.failed", "charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed",
    "payment_method.automatically_updated", "payment_method.detached", "mandate.updated",
)  # fmt: skip
"""What the endpoint is told of; the hourly list tells the rest as well."""


class AwayError(Exception):
    """The service did not answer for so long that something else is wrong."""


class Till:
    """One account at the service."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=ANSWER_TIMEOUT_S)

    def method(self, key: str, behaviour: CardBehaviour) -> str:
        """A new payer with a card or a bank account that does this: the token that charges name."""
        customer = self._made("customers", {"name": key}, f"{key}:customer")["id"]
        if behaviour in DEBITS:
            asked = {"type": "acss_debit", "acss_debit[account_number]": DEBITS[behaviour]}
        else:
            asked = {"type": "card", "card[token]": CARDS[CardBehaviour.OK]}
        method = self._made("payment_methods", asked, f"{key}:method")["id"]
        self._made(f"payment_methods/{method}/attach", {"customer": customer}, f"{key}:attach")
        token = f"{customer}:{method}"
        if behaviour not in DEBITS and behaviour is not CardBehaviour.OK:
            self.behave(token, behaviour)
        return token

    def behave(self, token: str, behaviour: CardBehaviour) -> None:
        """The card does this from now on."""
        self.act("behave", payment_method=token.partition(":")[2], **{"as": CARDS[behaviour]})

    def replace(self, token: str, last4: str) -> None:
        """The bank gave out a new card."""
        self.act("update_card", payment_method=token.partition(":")[2], last4=last4, exp_year=2036)

    def dispute_latest(self, token: str) -> None:
        """The payer's bank takes the newest payment back; once."""
        listed = self._asked("GET", f"/v1/charges?customer={token.partition(':')[0]}&limit=1")
        for charge in listed.json()["data"]:
            if charge["status"] == "succeeded" and not charge["disputed"]:
                self.act("dispute", charge=charge["id"])

    def hear_at(self, url: str) -> str:
        """Have this address told what happens; the secret that it is signed with."""
        listed = {f"enabled_events[{number}]": kind for number, kind in enumerate(HEARD)}
        return str(self._made("webhook_endpoints", {"url": url, **listed}, "endpoint")["secret"])

    def turn_to(self, business_ms: int) -> None:
        """Let time pass there, and tell what is to be told by then. A clock that is there already stays."""
        answer = self._asked("POST", f"/simulator/{ACCOUNT}/clock", {"now": business_ms // 1_000})
        if answer.status_code == 200:
            self.act("deliver")

    def lie(self, faults: Mapping[str, int | bool]) -> None:
        """From now on lie like that, and no otherwise."""
        self.act("faults", **faults)

    def act(self, what: str, **given: Any) -> None:
        """What no real service has a door for."""
        answer = self._asked("POST", f"/simulator/{ACCOUNT}/{what}", given)
        answer.raise_for_status()

    def _made(self, path: str, form: Mapping[str, str], key: str) -> dict[str, Any]:
        answer = self._asked("POST", f"/v1/{path}", form=form, key=f"till:{key}")
        answer.raise_for_status()
        made: dict[str, Any] = answer.json()
        return made

    def _asked(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *,
        form: Mapping[str, str] | None = None, key: str | None = None,
    ) -> httpx.Response:  # fmt: skip
        headers = {"Authorization": f"Bearer {SECRET}"} | ({"Idempotency-Key": key} if key else {})
        for _ in range(TRIES):
            try:
                answer = self._client.request(method, path, json=body, data=form, headers=headers)
            except httpx.HTTPError:
                time.sleep(REST_S)
                continue
            if answer.status_code < 500:
                return answer
        raise AwayError(f"the payment service does not answer {method} {path}")
