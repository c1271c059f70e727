"""Stripe for every organisation: finds the account that an order belongs to, and asks with its key."""

import logging
from dataclasses import dataclass
from functools import lru_cache

from portillon_cloud.database import Database
from portillon_cloud.payments.provider import (
    NO_PROVIDER,
    ChargeAnswer,
    ChargeOrder,
    ChargeOutcome,
    RefundAnswer,
    RefundOrder,
    RefundOutcome,
)
from portillon_cloud.payments.provider_accounts import (
    ProviderAccount,
    account_of_charge,
    account_of_token,
    current_account,
)
from portillon_cloud.payments.stripe.account import KEY_LIFE_MS, StripeAccount
from portillon_cloud.payments.stripe.answers import REFUSED_KEY
from portillon_cloud.payments.stripe.connection import Connections
from portillon_cloud.payments.tables import STRIPE
from portillon_cloud.secrets import Keyring

KEPT_CLIENTS = 256
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StripeProvider:
    """A PaymentProvider over the accounts in the database; keys are opened for the call alone."""

    db: Database
    keyring: Keyring
    connections: Connections

    name = STRIPE
    key_life_ms = KEY_LIFE_MS

    def charge(self, order: ChargeOrder) -> ChargeAnswer:
        """Charge once per key, unless the account that keeps the card has ended."""
        account = self.keeper_of(order)
        if account is None or account.until_ms is not None:
            return ChargeAnswer(outcome=ChargeOutcome.REFUSED, code=NO_PROVIDER)
        return self._told(account, self.at(account).charge(order))

    def look_up(self, order: ChargeOrder) -> ChargeAnswer | None:
        """What became of the order's key; None: never seen. Without an account nobody can say."""
        account = self.keeper_of(order)
        if account is None:
            return ChargeAnswer(outcome=ChargeOutcome.UNKNOWN, code=NO_PROVIDER)
        answer = self.at(account).look_up(order)
        return None if answer is None else self._told(account, answer)

    def cancel(self, order: ChargeOrder) -> ChargeAnswer:
        """Make sure that the order's key can never succeed any more."""
        account = self.keeper_of(order)
        if account is None:
            return ChargeAnswer(outcome=ChargeOutcome.UNKNOWN, code=NO_PROVIDER)
        return self._told(account, self.at(account).cancel(order))

    def refund(self, order: RefundOrder) -> RefundAnswer:
        """Pay back once per key, with the account that was charged with."""
        with self.db.read() as conn:
            account = account_of_charge(
                conn,
                self.keyring,
                organisation_id=order.organisation_id,
                provider=STRIPE,
                charge=order.charge,
            )
        if account is None:
            return RefundAnswer(outcome=RefundOutcome.REFUSED, code=NO_PROVIDER)
        return self.at(account).refund(order)

    def current(self, organisation_id: int) -> ProviderAccount | None:
        """With which account the organisation takes new cards."""
        with self.db.read() as conn:
            return current_account(conn, self.keyring, organisation_id=organisation_id, provider=STRIPE)

    def keeper_of(self, order: ChargeOrder) -> ProviderAccount | None:
        """The account that keeps the order's card."""
        with self.db.read() as conn:
            return account_of_token(
                conn, self.keyring, organisation_id=order.organisation_id, provider=STRIPE, token=order.token
            )

    def at(self, account: ProviderAccount) -> StripeAccount:
        """The account, ready to be asked."""
        return _account(self.connections, account.secret, self.ours)

    @property
    def ours(self) -> str:
        """What stands before each key of this installation, and of its backups: no other has it."""
        return self.keyring.blind_index(STRIPE, purpose="provider_keys")[:12] + "/"

    def _told(self, account: ProviderAccount, answer: ChargeAnswer) -> ChargeAnswer:
        if answer.code == REFUSED_KEY:
            _log.error(
                "organisation %d: Stripe refuses the key that ends in %s of account %s; an owner must enter another",
                *(account.organisation_id, account.secret_last4, account.reference),
            )
        return answer


@lru_cache(maxsize=KEPT_CLIENTS)  # making a client takes longer than reading its account
def _account(connections: Connections, secret: str, ours: str) -> StripeAccount:
    return StripeAccount(connections.client(secret), ours)
