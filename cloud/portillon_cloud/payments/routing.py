"""Hands each order to the provider that it names. Nobody else knows that there are several."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from portillon_cloud.payments.errors import LiveOrganisationError
from portillon_cloud.payments.provider import (
    NO_PROVIDER,
    CardBehaviour,
    CardSimulator,
    ChargeAnswer,
    ChargeOrder,
    ChargeOutcome,
    PaymentProvider,
    RefundAnswer,
    RefundingProvider,
    RefundOrder,
    RefundOutcome,
)

NOT_REFUNDABLE = "not_refundable"
"""The provider cannot pay back by the way the money came: a person pays it out otherwise."""


@dataclass(frozen=True, slots=True)
class Routing:
    """A PaymentProvider, RefundingProvider and CardSimulator that asks whom an order names."""

    providers: Mapping[str, PaymentProvider]
    name: str = "routing"

    @classmethod
    def over(cls, providers: Iterable[PaymentProvider]) -> Self:
        """Over these, each under its own name."""
        return cls({provider.name: provider for provider in providers})

    @property
    def key_life_ms(self) -> int:
        """The shortest: whoever forgets later is only asked instead of sent to again."""
        return min(provider.key_life_ms for provider in self.providers.values())

    def charge(self, order: ChargeOrder) -> ChargeAnswer:
        """Charge once per key. Raises IdempotencyKeyReusedError."""
        provider = self.providers.get(order.provider)
        if provider is None:
            return ChargeAnswer(outcome=ChargeOutcome.REFUSED, code=NO_PROVIDER)
        return provider.charge(order)

    def look_up(self, order: ChargeOrder) -> ChargeAnswer | None:
        """What became of the order's key. Of a provider that is gone nobody can say."""
        provider = self.providers.get(order.provider)
        if provider is None:
            return ChargeAnswer(outcome=ChargeOutcome.UNKNOWN, code=NO_PROVIDER)
        return provider.look_up(order)

    def cancel(self, order: ChargeOrder) -> ChargeAnswer:
        """Make sure that the order's key can never succeed any more."""
        provider = self.providers.get(order.provider)
        if provider is None:
            return ChargeAnswer(outcome=ChargeOutcome.UNKNOWN, code=NO_PROVIDER)
        return provider.cancel(order)

    def refund(self, order: RefundOrder) -> RefundAnswer:
        """Pay back once per key, by the way the money came."""
        provider = self.providers.get(order.provider)
        if provider is None:
            return RefundAnswer(outcome=RefundOutcome.REFUSED, code=NO_PROVIDER)
        if not isinstance(provider, RefundingProvider):
            return RefundAnswer(outcome=RefundOutcome.REFUSED, code=NOT_REFUNDABLE)
        return provider.refund(order)

    def issue_cards(self, organisation_id: int, count: int) -> list[str]:
        """Tokens of new simulated cards. Raises LiveOrganisationError."""
        return self._simulator().issue_cards(organisation_id, count)

    def set_card_behaviour(self, organisation_id: int, token: str, behaviour: CardBehaviour) -> None:
        """What a simulated card does from now on. Raises LiveOrganisationError, UnknownPaymentMethodError."""
        self._simulator().set_card_behaviour(organisation_id, token, behaviour)

    def _simulator(self) -> CardSimulator:
        for provider in self.providers.values():
            if isinstance(provider, CardSimulator):
                return provider
        raise LiveOrganisationError("this installation charges real cards: there is none to simulate")
