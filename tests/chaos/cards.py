"""Who keeps the cards of the year's members: the simulator inside the cloud, or a payment service beside it."""

import random
from dataclasses import dataclass
from typing import Any, Protocol

from chaos.script import Act, Joining, Kind
from chaos.till import DEBITS, Till
from portillon_cloud.billing.tables import subscription as subscriptions
from portillon_cloud.database import Database
from portillon_cloud.members.tables import member
from portillon_cloud.payments.operations import add_payment_method
from portillon_cloud.payments.provider import CardBehaviour
from portillon_cloud.payments.simulator_tables import sim_card
from portillon_cloud.payments.tables import SIMULATOR, STRIPE, payment_method
from sqlalchemy import Connection, Row, insert, select, update

_LATER = (CardBehaviour.OK, CardBehaviour.INSUFFICIENT_FUNDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCard:
    """A card as the account will have it; its key is the same in every run."""

    key: str
    behaviour: CardBehaviour


class Cards(Protocol):
    """Where cards are. `made` and `changed` are called with no transaction open, `kept` and `noted` inside one."""

    def made(self, card: NewCard) -> str:
        """Its token; asked for again, the same."""

    def changed(self, db: Database, act: Act) -> None:
        """What payers and banks do there."""

    def kept(
        self, conn: Connection, account_id: int, card: NewCard, token: str, *, organisation_id: int, now_ms: int
    ) -> None:
        """The account's newest card."""

    def noted(self, conn: Connection, account_id: int, behaviour: CardBehaviour) -> None:
        """The account's newest card does this from now on."""


def new_card(act: Act) -> NewCard | None:
    """With which the act comes."""
    if act.joining is not None:
        return joining_card(act.joining)
    if act.kind is Kind.CARD_CHANGES and behaves_as(act) is None:
        return NewCard(key=f"act-{act.number}", behaviour=CardBehaviour.OK)
    return None


def joining_card(new: Joining) -> NewCard | None:
    """With which somebody joins who pays."""
    paying = new.payer is None and new.card is not None
    return NewCard(key=f"card-{new.number}", behaviour=new.card) if paying and new.card else None


def behaves_as(act: Act) -> CardBehaviour | None:
    """What a card does that changes; None: another takes its place."""
    chance = random.Random(act.seed)
    return None if chance.random() < 0.5 else chance.choice(_LATER)


def member_row(conn: Connection, number: int) -> Row[Any]:
    """Account and subscription of the member of that number."""
    return conn.execute(
        select(member.c.account_id, subscriptions.c.id.label("subscription_id"))
        .join(subscriptions, subscriptions.c.member_id == member.c.id)
        .where(member.c.last_name == str(number))
        .order_by(subscriptions.c.id)
        .limit(1)
    ).one()


class SimulatedCards:
    """In the cloud's own database."""

    def made(self, card: NewCard) -> str:
        """A token of our choice."""
        return card.key

    def changed(self, db: Database, act: Act) -> None:
        """Nothing is outside."""

    def kept(
        self, conn: Connection, account_id: int, card: NewCard, token: str, *, organisation_id: int, now_ms: int
    ) -> None:
        """The card, and the account's method."""
        conn.execute(insert(sim_card).values(token=token, organisation_id=organisation_id, behaviour=card.behaviour))
        add_payment_method(
            conn, organisation_id=organisation_id, account_id=account_id, provider=SIMULATOR, token=token,
            label="•••• 4242", now_ms=now_ms,
        )  # fmt: skip

    def noted(self, conn: Connection, account_id: int, behaviour: CardBehaviour) -> None:
        """From now on it does this."""
        token = newest_token(account_id).scalar_subquery()
        conn.execute(update(sim_card).where(sim_card.c.token == token).values(behaviour=behaviour))


@dataclass(frozen=True, slots=True)
class CardsAtService:
    """At the payment service, which may be dead when it is asked."""

    till: Till

    def made(self, card: NewCard) -> str:
        """Payer and card are made there under keys."""
        return self.till.method(card.key, card.behaviour)

    def changed(self, db: Database, act: Act) -> None:
        """Cards that behave otherwise, are replaced, or whose last payment is taken back."""
        behaviour = behaves_as(act) if act.kind is Kind.CARD_CHANGES else None
        if behaviour is None and act.kind not in (Kind.DISPUTE, Kind.CARD_IS_REPLACED):
            return
        with db.read() as conn:
            token = conn.scalar(newest_token(member_row(conn, act.member).account_id))
        if token is None:
            return
        if act.kind is Kind.DISPUTE:
            self.till.dispute_latest(token)
        elif act.kind is Kind.CARD_IS_REPLACED:
            self.till.replace(token, f"{act.number % 10_000:04d}")
        elif behaviour is not None:
            self.till.behave(token, behaviour)

    def kept(
        self, conn: Connection, account_id: int, card: NewCard, token: str, *, organisation_id: int, now_ms: int
    ) -> None:
        """The account's method."""
        debit = card.behaviour in DEBITS
        add_payment_method(
            conn, organisation_id=organisation_id, account_id=account_id, provider=STRIPE, token=token,
            label="PAD •••• 6789" if debit else "Visa •••• 4242", now_ms=now_ms,
            expires=None if debit else (2034, 12),
        )  # fmt: skip

    def noted(self, conn: Connection, account_id: int, behaviour: CardBehaviour) -> None:
        """Known there alone."""


def newest_token(account_id: int) -> Any:
    """The token of the account's newest method."""
    method = payment_method.c
    return select(method.token).where(method.account_id == account_id).order_by(method.id.desc()).limit(1)
