"""A test gym whose members owe: invoices written directly, timers rung in order at their own instants.

Used by the tests of payments, dunning and access. Billing's own run is tested with billing, all together in stories.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from portillon_cloud.access.operations import ACCESS_REVIEW, review
from portillon_cloud.billing.tables import contract, invoice, plan, price, subscription
from portillon_cloud.clock.local import start_of_day_ms
from portillon_cloud.database import Database
from portillon_cloud.desk.payment_plan import PLAN_CHECK, check_when_due
from portillon_cloud.dunning.before_due import DUNNING_BEFORE_DUE, remind_before_due
from portillon_cloud.dunning.operations import DUNNING_REVIEW, DUNNING_STEP, take_review
from portillon_cloud.dunning.step_taking import take_step
from portillon_cloud.ledger import Entry, LedgerCode, Posting, post, trial_balance
from portillon_cloud.members.operations import (
    add_account,
    add_credential,
    add_member,
    create_legal_entity,
    create_organisation,
    create_site,
)
from portillon_cloud.messages.tables import message
from portillon_cloud.payments.operations import (
    CHARGE,
    DeskPayment,
    InvoiceDue,
    PaymentTaken,
    add_payment_method,
    charge_timer,
    open_intents,
    take_payment,
)
from portillon_cloud.payments.provider import CardBehaviour, PaymentProvider
from portillon_cloud.payments.refunding.sending import REFUND, refund_timer
from portillon_cloud.payments.simulator import PaymentSimulator
from portillon_cloud.payments.tables import SIMULATOR, Means
from portillon_cloud.secrets import Keyring
from portillon_cloud.timers import Handler, Work, claim
from portillon_cloud.timers.operations import settle
from portillon_cloud.timers.tables import timer as timer_table
from portillon_rules.credential import Credential, CredentialKind
from sqlalchemy import func, insert, select

ZONE = "America/Toronto"
DUE = date(2026, 3, 2)
TOTAL_MINOR = 4599


def at(day: int, hour: int = 6, minute: int = 0) -> int:
    """The instant of a local time, `day` days after DUE; charges and ladder steps are at 06:00."""
    on = DUE + timedelta(days=day)
    return int(datetime(on.year, on.month, on.day, hour, minute, tzinfo=ZoneInfo(ZONE)).timestamp() * 1000)


@dataclass
class StillClock:
    """Machine time that moves only by hand."""

    now_ms: int = 1_767_225_600_000

    def real_ms(self) -> int:
        return self.now_ms


@dataclass(frozen=True)
class Payer:
    """One account with one member and one card."""

    account_id: int
    member_id: int
    method_id: int
    token: str


@dataclass
class DuesGym:
    """Ids, the simulated provider, and hands to make time pass."""

    db: Database
    keyring: Keyring
    organisation_id: int
    legal_entity_id: int
    site_id: int
    price_id: int
    simulator: PaymentSimulator
    provider: PaymentProvider
    clock: StillClock = field(default_factory=StillClock)
    invoices: int = 0
    rang: list[str] = field(default_factory=list)

    def payer(self, behaviour: CardBehaviour = CardBehaviour.OK, *, language: str = "en", **more: Any) -> Payer:
        """A new account with a member, a badge, a running membership and a card that behaves so."""
        with self.db.write() as conn:
            account_id = add_account(
                conn,
                organisation_id=self.organisation_id,
                legal_entity_id=self.legal_entity_id,
                name="Zoé Tremblay",
                language=language,
                email="zoe@example.org",
            )
        [token] = self.simulator.issue_cards(self.organisation_id, 1)
        with self.db.write() as conn:
            method_id = add_payment_method(
                conn,
                organisation_id=self.organisation_id,
                account_id=account_id,
                provider=SIMULATOR,
                token=token,
                label="•••• 4242",
                now_ms=at(-30),
            )
        self.simulator.set_card_behaviour(self.organisation_id, token, behaviour)
        return Payer(account_id, self.member(account_id, **more), method_id, token)

    def member(
        self,
        account_id: int,
        *,
        ends_on: date | None = DUE + timedelta(days=335),
        next_invoice_on: date | None = DUE + timedelta(days=31),
    ) -> int:
        """A member of the account with a badge and a membership."""
        with self.db.write() as conn:
            member_id = add_member(
                conn,
                organisation_id=self.organisation_id,
                account_id=account_id,
                site_id=self.site_id,
                first_name="Zoé",
                last_name="Tremblay",
                joined_on=DUE - timedelta(days=30),
            )
            add_credential(
                conn,
                self.keyring,
                organisation_id=self.organisation_id,
                member_id=member_id,
                presented=Credential(CredentialKind.EM4100, f"{member_id:010X}"),
            )
            contract_id = conn.execute(
                insert(contract)
                .values(
                    organisation_id=self.organisation_id,
                    account_id=account_id,
                    law="ca-qc",
                    law_version="1",
                    signed_on=DUE - timedelta(days=30),
                    starts_on=DUE - timedelta(days=30),
                    ends_on=ends_on,
                    state="active",
                    **({"renews": False} if "renews" in contract.c else {}),
                )
                .returning(contract.c.id)
            ).scalar_one()
            conn.execute(
                insert(subscription).values(
                    organisation_id=self.organisation_id,
                    legal_entity_id=self.legal_entity_id,
                    account_id=account_id,
                    member_id=member_id,
                    contract_id=contract_id,
                    price_id=self.price_id,
                    anchor_on=DUE - timedelta(days=30),
                    next_invoice_on=next_invoice_on,
                    ends_on=ends_on,
                    state="active",
                )
            )
        return member_id

    def owe(
        self, payer: Payer, *, due_on: date = DUE, total_minor: int = TOTAL_MINOR, issued_on: date | None = None
    ) -> int:
        """Issue an invoice to the payer, with its posting, its intent and its charge timer; its id."""
        self.invoices += 1
        now_ms = start_of_day_ms(issued_on or due_on, ZONE)
        with self.db.write() as conn:
            invoice_id = conn.execute(
                insert(invoice)
                .values(
                    organisation_id=self.organisation_id,
                    legal_entity_id=self.legal_entity_id,
                    account_id=payer.account_id,
                    series="TEST",
                    number=self.invoices,
                    issued_on=issued_on or due_on,
                    due_on=due_on,
                    issued_at_ms=now_ms,
                    currency="CAD",
                    net_minor=total_minor,
                    tax_minor=0,
                    total_minor=total_minor,
                    buyer={},
                    seller={},
                    engine="test",
                )
                .returning(invoice.c.id)
            ).scalar_one()
            if total_minor:
                post(
                    conn,
                    Entry(
                        kind="invoice",
                        source=str(invoice_id),
                        occurred_on=issued_on or due_on,
                        postings=(Posting(LedgerCode.RECEIVABLE, LedgerCode.REVENUE, total_minor),),
                    ),
                    organisation_id=self.organisation_id,
                    legal_entity_id=self.legal_entity_id,
                    currency="CAD",
                    recorded_at_ms=now_ms,
                )
            due = InvoiceDue(
                organisation_id=self.organisation_id,
                legal_entity_id=self.legal_entity_id,
                account_id=payer.account_id,
                invoice_id=invoice_id,
                amount_minor=total_minor,
                currency="CAD",
                due_on=due_on,
            )
            open_intents(conn, invoices=[due], now_ms=now_ms)
        return int(invoice_id)

    def behave(self, payer: Payer, behaviour: CardBehaviour) -> None:
        """From now on the payer's card does this."""
        self.simulator.set_card_behaviour(self.organisation_id, payer.token, behaviour)

    def pay(self, payer: Payer, amount_minor: int, *, now_ms: int, key: str = "k-1", **more: Any) -> PaymentTaken:
        """Cash at the desk."""
        values: dict[str, Any] = {"currency": "CAD", "means": Means.CASH, "taken_by": "desk", **more}
        with self.db.write() as conn:
            return take_payment(
                conn,
                DeskPayment(
                    organisation_id=self.organisation_id,
                    account_id=payer.account_id,
                    amount_minor=amount_minor,
                    request_key=key,
                    **values,
                ),
                now_ms=now_ms,
            )

    def run_until(self, until_ms: int) -> None:
        """Ring every timer that falls due until then, each at its own instant, as an advancing test clock does."""
        while (due_ms := self._next_due_ms()) is not None and due_ms <= until_ms:
            self.ring(due_ms)

    def ring(self, now_ms: int) -> None:
        """Claim and handle what is due at this instant, once."""
        with self.db.write() as conn:
            claimed = claim(
                conn,
                organisation_id=self.organisation_id,
                now_ms=now_ms,
                real_ms=self.clock.real_ms(),
                worker="test",
            )
        for timer in claimed:
            self.rang.append(timer.key)
            says_so = self.handlers()[timer.kind](Work(db=self.db, clock=self.clock, now_ms=now_ms), timer)
            if says_so:  # the worker looks no more, so it must be so
                done = self.scalars(select(timer_table.c.state).where(timer_table.c.id == timer.id))
                assert done == ["done"], timer.key
            else:
                settle(self.db, timer)

    def handlers(self) -> dict[str, Handler]:
        """As the composition root registers them."""
        return {
            CHARGE: charge_timer(self.provider),
            REFUND: refund_timer(self.provider),
            DUNNING_STEP: take_step,
            DUNNING_REVIEW: take_review,
            DUNNING_BEFORE_DUE: remind_before_due,
            ACCESS_REVIEW: review,
            PLAN_CHECK: check_when_due,
        }

    def letters(self, payer: Payer) -> list[str]:
        """Kinds of the letters written to the payer, in order."""
        with self.db.read() as conn:
            return list(
                conn.execute(
                    select(message.c.kind).where(message.c.account_id == payer.account_id).order_by(message.c.id)
                ).scalars()
            )

    def scalars(self, query: Any) -> list[Any]:
        """One column of whatever is asked."""
        with self.db.read() as conn:
            return list(conn.execute(query).scalars())

    def balance_minor(self, code: LedgerCode) -> int:
        """What one ledger account holds: debits - credits; the whole book must balance."""
        with self.db.read() as conn:
            book = trial_balance(conn, legal_entity_id=self.legal_entity_id, currency="CAD")
        assert sum(one.debit_minor for one in book) == sum(one.credit_minor for one in book)
        return next(one.debit_minor - one.credit_minor for one in book if one.code is code)

    def _next_due_ms(self) -> int | None:
        with self.db.read() as conn:
            return conn.scalar(
                select(func.min(timer_table.c.due_at_ms)).where(
                    timer_table.c.organisation_id == self.organisation_id, timer_table.c.state == "ready"
                )
            )


def make_gym(db: Database, *, mode: str = "test", provider: Callable[[PaymentSimulator], Any] | None = None) -> DuesGym:
    """A gym on this database."""
    keyring = Keyring.generate()
    with db.write() as conn:
        organisation_id = create_organisation(
            conn,
            mode=mode,
            name="Gym Mile End",
            country="CA",
            province="QC",
            language="fr",
            time_zone=ZONE,
            real_ms=at(-30),
        )
        legal_entity_id = create_legal_entity(
            conn, organisation_id=organisation_id, name="Gym Mile End inc.", currency="CAD", tax_regime="ca-qc"
        )
        site_id = create_site(
            conn,
            keyring,
            organisation_id=organisation_id,
            legal_entity_id=legal_entity_id,
            name="Mile End",
            time_zone=ZONE,
            language="fr",
        )
        plan_id = conn.execute(
            insert(plan)
            .values(
                organisation_id=organisation_id,
                legal_entity_id=legal_entity_id,
                code="month",
                name="Monthly",
                zones=["gym"],
                schedule="always",
            )
            .returning(plan.c.id)
        ).scalar_one()
        price_id = conn.execute(
            insert(price)
            .values(
                organisation_id=organisation_id,
                plan_id=plan_id,
                amount_minor=4000,
                currency="CAD",
                tax_inclusive=False,
                taxable=True,
                term_months=12,
                active=True,
                **(
                    {"interval_months": 1}
                    if "interval_months" in price.c
                    else {"interval_unit": "month", "interval_count": 1}
                ),
            )
            .returning(price.c.id)
        ).scalar_one()
    simulator = PaymentSimulator(db)
    return DuesGym(
        db=db,
        keyring=keyring,
        organisation_id=organisation_id,
        legal_entity_id=legal_entity_id,
        site_id=site_id,
        price_id=price_id,
        simulator=simulator,
        provider=provider(simulator) if provider else simulator,
    )


@pytest.fixture
def gym(db: Database) -> Iterator[DuesGym]:
    """A test gym, on each engine."""
    yield make_gym(db)
