"""The port to a payment provider: one charge or refund, one answer; and what each answer means for what comes next.

An answer that is late, lost or doubtful is UNKNOWN, never a guess; only REFUSED and "never seen" mean: no money moves.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable


class ChargeOutcome(StrEnum):
    """What a provider says of a charge. Next step of each: see `charging.settle`."""

    SUCCEEDED = "succeeded"  # the money is ours: pay the invoice
    REFUSED = "refused"  # no money will move: dunning begins, a later attempt has a new key
    ACTION_REQUIRED = "action_required"  # the payer must confirm: tell them, ask again later
    PENDING = "pending"  # a debit is submitted: counts as paid until its policy date, ask again later
    PROVIDER_DOWN = "provider_down"  # it took nothing in: send the same again soon
    UNKNOWN = "unknown"  # it may have: send the same key again while it lives, then look it up


HARD_DECLINES = frozenset(
    {"lost_card", "stolen_card", "pickup_card", "fraudulent", "no_such_card", "no_payment_method", "no_mandate"}
    | {"account_closed", "no_account", "invalid_account", "debit_not_authorized", "mandate_invalid"}
    | {"recipient_deceased", "incorrect_number", "revocation_of_authorization", "revocation_of_all_authorizations"}
    | {"AC01", "AC04", "AC06", "AC13", "AG01", "MD01", "MD07", "SL01"}
)
"""Codes after which the same card can never work: no retries (card network rules; codes as Stripe names them), nor the
same account: wrong, closed, blocked, a consumer's without, not for debits, no mandate, death, barred (ISO 20022)."""


NO_PROVIDER = "no_provider"
"""The code of a refusal because there is nobody to charge with: no account, or one that has ended."""


def is_hard(code: str | None) -> bool:
    """Whether a refusal with this code is for good."""
    return code in HARD_DECLINES


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeOrder:
    """One attempt as it is sent. `key` is idempotency key and our own reference; `now_ms` is business time.

    `provider` names who is asked, as in payment_method.provider.
    """

    organisation_id: int
    provider: str
    key: str
    token: str
    amount_minor: int
    currency: str
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeAnswer:
    """What came back. `code` says why it was refused; `reference` is the provider's own name for the charge.

    `collects_at_ms`: when a debit that is pending will be taken, if that is not at once.
    """

    outcome: ChargeOutcome
    code: str | None = None
    reference: str | None = None
    collects_at_ms: int | None = None


class RefundOutcome(StrEnum):
    """What a provider says of a refund."""

    SUCCEEDED = "succeeded"  # it is on its way to the payer
    PENDING = "pending"  # taken in, not decided: ask again
    WAITING = "waiting"  # taken in, and will leave later: whoever took it in tells when
    REFUSED = "refused"  # no money moves by this way: a person pays it out otherwise
    PROVIDER_DOWN = "provider_down"  # it took nothing in: send the same again soon
    UNKNOWN = "unknown"  # it may have: send the same key again


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundOrder:
    """One refund of a charge, in whole or in part. `charge`: the provider's own name for the charge."""

    organisation_id: int
    provider: str
    key: str
    charge: str
    amount_minor: int
    currency: str
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundAnswer:
    """What came back. `code` says why it was refused; `reference` is the provider's own name for the refund."""

    outcome: RefundOutcome
    code: str | None = None
    reference: str | None = None


class PaymentProvider(Protocol):
    """A payment provider. Called with no transaction open. It turns network trouble into answers, not exceptions."""

    @property
    def name(self) -> str:
        """As stored in payment_method.provider."""

    @property
    def key_life_ms(self) -> int:
        """How long the provider remembers an idempotency key."""

    def charge(self, order: ChargeOrder) -> ChargeAnswer:
        """Charge once per key: the same order again gives the same answer. Raises IdempotencyKeyReusedError."""

    def look_up(self, order: ChargeOrder) -> ChargeAnswer | None:
        """What became of the order's key; None: the provider never saw it."""

    def cancel(self, order: ChargeOrder) -> ChargeAnswer:
        """Make sure that the order's key can never succeed any more, and say where it is: REFUSED if that was done,
        SUCCEEDED or PENDING if it is too late."""


@runtime_checkable
class RefundingProvider(Protocol):
    """A provider that can pay a charge back by the way it came. Called with no transaction open."""

    def refund(self, order: RefundOrder) -> RefundAnswer:
        """Pay back once per key: the same order again gives the same answer. Raises IdempotencyKeyReusedError."""


class CardBehaviour(StrEnum):
    """What a simulated card does when it is charged."""

    OK = "ok"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    EXPIRED_CARD = "expired_card"
    LOST_CARD = "lost_card"
    ACTION_REQUIRED = "action_required"
    DEBIT = "debit"  # pending for three days, then succeeds
    DEBIT_RETURNED = "debit_returned"  # pending for three days, then is refused
    PROVIDER_DOWN = "provider_down"  # the provider answers nobody
    ANSWER_LOST = "answer_lost"  # the charge is made, the first answer never arrives


@runtime_checkable
class CardSimulator(Protocol):
    """What only a simulated provider can do."""

    def issue_cards(self, organisation_id: int, count: int) -> list[str]:
        """Tokens of new cards that work. Raises LiveOrganisationError."""

    def set_card_behaviour(self, organisation_id: int, token: str, behaviour: CardBehaviour) -> None:
        """What this card does from now on. Raises LiveOrganisationError, UnknownPaymentMethodError."""
