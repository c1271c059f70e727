"""Doing what the script says, by the product's own operations: a timer of its own kind, in the product's own queue.

So an act is claimed by whichever process, dies with it, and is taken up by another, like any invoice run.
"""

import datetime
import random
from collections.abc import Callable
from typing import Any

from chaos.cards import Cards, behaves_as, joining_card, member_row, new_card
from chaos.script import Act, Joining, Kind, Script
from portillon_cloud.access.blocks import BlockReason
from portillon_cloud.access.operations import end_block, put_block
from portillon_cloud.billing import changes, subscription
from portillon_cloud.billing.catalogue import price_by_id
from portillon_cloud.billing.errors import BillsInDoubtError, SubscriptionRefusedError
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.operations import subscribe
from portillon_cloud.billing.span import Moment
from portillon_cloud.billing.subscription import Agreement, FreezeTerms
from portillon_cloud.billing.tables import price
from portillon_cloud.billing.timeline import Discounted, Tariff
from portillon_cloud.clock.local import local_date
from portillon_cloud.members.operations import add_account, add_member
from portillon_cloud.members.tables import site
from portillon_cloud.payments.disputes.operations import clear
from portillon_cloud.payments.disputes.tables import dispute
from portillon_cloud.payments.errors import OverpaymentError
from portillon_cloud.payments.inbox.news import DisputeState
from portillon_cloud.payments.operations import DeskPayment, charge_soon, take_payment, unpaid_invoices
from portillon_cloud.payments.refunds import Refund, refund_credit
from portillon_cloud.payments.tables import Means
from portillon_cloud.timers import Handler, Timer, Work, finish
from sqlalchemy import Connection, Row, select

ACT = "chaos_act"
"""Kind of the timers that ring acts; the subject is the act's number."""

ZONE = "America/Toronto"
SHARES_PPM = (100_000, 333_333, 1_000_000)
_DESK = "staff:1"
_TERMS = FreezeTerms(days_least=1, days_most=400, days_per_year=400, times_per_year=99)


def handler(year: Script, cards: Cards, *, in_between: Callable[[], None] | None = None) -> Handler:
    """The handler of ACT timers. `in_between`: the act is done, then this, and only then it is noted (an ablation)."""
    by_number = {act.number: act for act in year.acts}

    def handle(work: Work, timer: Timer) -> None:
        act = by_number[timer.subject_id]
        card = new_card(act)
        token = None if card is None else cards.made(card)
        cards.changed(work.db, act)
        try:
            with work.db.write() as conn:
                _Doing(conn, cards, act, token, timer.organisation_id, work.now_ms).do()
                if in_between is None:
                    finish(conn, timer)
            if in_between is not None:
                in_between()
        except (SubscriptionRefusedError, OverpaymentError, BillsInDoubtError):
            pass  # asked in vain, in every run alike; the worker notes the timer as done

    return handle


class _Doing:
    """One act under way."""

    def __init__(
        self, conn: Connection, cards: Cards, act: Act, token: str | None, organisation_id: int, now_ms: int
    ) -> None:
        self.conn, self.cards, self.act, self.token = conn, cards, act, token
        self.organisation_id, self.now_ms = organisation_id, now_ms
        self.chance = random.Random(act.seed)
        self.today = local_date(now_ms, ZONE)

    def do(self) -> None:
        if self.act.joining is not None:
            join(
                self.conn, self.act.joining, self.cards, self.token, organisation_id=self.organisation_id,
                now_ms=self.now_ms,
            )  # fmt: skip
            return
        who = member_row(self.conn, self.act.member)
        deeds: dict[Kind, Callable[[Row[Any, Any]], object]] = {
            Kind.FREEZE: self._freeze, Kind.RESUME: self._resume, Kind.CHANGE_PRICE: self._change_price,
            Kind.DISCOUNT: self._discount, Kind.CANCEL: self._cancel, Kind.KEEP: self._keep,
            Kind.PAY_AT_DESK: self._pay, Kind.CHARGE_NOW: self._charge, Kind.BAN: self._ban,
            Kind.PARDON: self._pardon, Kind.CARD_CHANGES: self._card, Kind.PAY_BACK: self._pay_back,
            Kind.CLEAR_DISPUTES: self._clear, Kind.DISPUTE: _elsewhere, Kind.CARD_IS_REPLACED: _elsewhere,
        }  # fmt: skip
        deeds[self.act.kind](who)

    def _freeze(self, who: Row[Any, Any]) -> None:
        on = self._day(0, 30)
        until_on = on + datetime.timedelta(days=self.chance.randint(3, 45))
        agreement = Agreement(freeze=_TERMS)
        self._ask(
            who, lambda known, today: subscription.freeze(known, agreement, on=on, until_on=until_on, today=today)
        )

    def _resume(self, who: Row[Any, Any]) -> None:
        on = self._day(0, 5)
        self._ask(who, lambda known, _today: subscription.resume(known, on=on))

    def _change_price(self, who: Row[Any, Any]) -> None:
        prices = self.conn.execute(select(price.c.id).order_by(price.c.id)).scalars().all()
        chosen = price_by_id(self.conn, self.organisation_id, self.chance.choice(prices))
        tariff = Tariff(price_id=chosen.id, unit_minor=chosen.amount_minor, interval=chosen.interval)
        on, waits, agreement = self._day(0, 30), self.chance.random() < 0.3, Agreement()
        self._ask(
            who,
            lambda known, today: subscription.change_tariff(
                known, agreement, tariff, on=subscription.at_renewal(known, today) if waits else on, today=today
            ),
        )

    def _discount(self, who: Row[Any, Any]) -> None:
        on = self._day(0, 20)
        given = Discounted(
            at=Moment(on), code=f"C{self.act.number}", until=Moment(on + datetime.timedelta(days=90)),
            share_ppm=self.chance.choice(SHARES_PPM), amount_minor=0,
        )  # fmt: skip
        self._ask(who, lambda known, today: subscription.discount(known, given, today=today))

    def _cancel(self, who: Row[Any, Any]) -> None:
        on = self._day(0, 60)
        self._ask(who, lambda known, today: subscription.cancel(known, Agreement(), on=on, today=today, by_law=True))

    def _keep(self, who: Row[Any, Any]) -> None:
        self._ask(who, lambda known, today: subscription.keep(known, today=today))

    def _pay(self, who: Row[Any, Any]) -> None:
        owed_minor = sum(one.owed_minor for one in unpaid_invoices(self.conn, who.account_id))
        if owed_minor:
            paid = DeskPayment(
                organisation_id=self.organisation_id, account_id=who.account_id, currency="CAD", means=Means.CASH,
                amount_minor=self.chance.choice([owed_minor, self.chance.randint(1, owed_minor), owed_minor + 1]),
                request_key=f"act-{self.act.number}", taken_by="desk",
            )  # fmt: skip
            take_payment(self.conn, paid, now_ms=self.now_ms)

    def _charge(self, who: Row[Any, Any]) -> None:
        charge_soon(self.conn, organisation_id=self.organisation_id, account_id=who.account_id, now_ms=self.now_ms + 1)

    def _ban(self, who: Row[Any, Any]) -> None:
        put_block(
            self.conn, organisation_id=self.organisation_id, account_id=who.account_id, reason=BlockReason.BANNED,
            source=_DESK, from_ms=self.now_ms,
        )  # fmt: skip

    def _pardon(self, who: Row[Any, Any]) -> None:
        end_block(
            self.conn, organisation_id=self.organisation_id, account_id=who.account_id, reason=BlockReason.BANNED,
            source=_DESK, at_ms=self.now_ms,
        )  # fmt: skip

    def _card(self, who: Row[Any, Any]) -> None:
        """The card begins to behave otherwise, or another one takes its place, and what is owed is charged to it."""
        card, behaviour = new_card(self.act), behaves_as(self.act)
        if card is not None and self.token is not None:
            self.cards.kept(
                self.conn, who.account_id, card, self.token, organisation_id=self.organisation_id, now_ms=self.now_ms
            )
            self._charge(who)
        if behaviour is not None:
            self.cards.noted(self.conn, who.account_id, behaviour)

    def _pay_back(self, who: Row[Any, Any]) -> None:
        asked = Refund(
            organisation_id=self.organisation_id, account_id=who.account_id, by="desk", reason="as the member asked",
            request_key=f"act-{self.act.number}",
        )  # fmt: skip
        refund_credit(self.conn, asked, now_ms=self.now_ms)

    def _clear(self, who: Row[Any, Any]) -> None:
        column = dispute.c
        of = (column.account_id == who.account_id, column.state == DisputeState.LOST, column.cleared_at_ms.is_(None))
        for dispute_id in self.conn.scalars(select(column.id).where(*of).order_by(column.id)).all():
            clear(
                self.conn, self.organisation_id, dispute_id, by="desk", reason="they had forgotten", now_ms=self.now_ms
            )

    def _day(self, earliest: int, latest: int) -> datetime.date:
        return self.today + datetime.timedelta(days=self.chance.randint(earliest, latest))

    def _ask(self, who: Row[Any, Any], ask: changes.Ask) -> None:
        changes.change(
            self.conn, organisation_id=self.organisation_id, subscription_id=who.subscription_id, ask=ask,
            author=Author(name="desk", at_ms=self.now_ms, reason="as the member asked"),
        )  # fmt: skip


def _elsewhere(_who: Row[Any, Any]) -> None:
    """It happened at the payment service."""


def join(conn: Connection, new: Joining, cards: Cards, token: str | None, *, organisation_id: int, now_ms: int) -> None:
    """Somebody signs; their last name is their number, by which they are found again. `token`: of their card."""
    prices = conn.execute(select(price.c.id).order_by(price.c.id)).scalars().all()
    place = conn.execute(select(site.c.id, site.c.legal_entity_id).order_by(site.c.id).limit(1)).one()
    if new.payer is None:
        account_id = add_account(
            conn, organisation_id=organisation_id, legal_entity_id=place.legal_entity_id, name=f"Member {new.number}",
            email=f"m{new.number}@example.org", language=("en", "fr")[new.number % 2],
        )  # fmt: skip
        card = joining_card(new)
        if card is not None and token is not None:
            cards.kept(conn, account_id, card, token, organisation_id=organisation_id, now_ms=now_ms)
    else:
        account_id = member_row(conn, new.payer).account_id
    member_id = add_member(
        conn, organisation_id=organisation_id, account_id=account_id, site_id=place.id, first_name="Member",
        last_name=str(new.number), joined_on=new.starts_on,
    )  # fmt: skip
    subscribe(
        conn, organisation_id=organisation_id, account_id=account_id, member_id=member_id, price_id=prices[new.price],
        starts_on=new.starts_on, now_ms=now_ms,
    )  # fmt: skip
