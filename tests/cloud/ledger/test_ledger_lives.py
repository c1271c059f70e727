"""Random lives of members: the ledger agrees with an independent model of it, and the audit has nothing to tell."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta

import pytest
from cloud.gym import MONTHLY, Gym, Joined
from cloud.ledger.ledger_model import LedgerModel
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from portillon_cloud.audit.operations import look
from portillon_cloud.billing import changes, subscription
from portillon_cloud.billing.catalogue import price_by_id
from portillon_cloud.billing.errors import SubscriptionRefusedError
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.invoice_store import seller
from portillon_cloud.billing.operations import create_price, run_invoices
from portillon_cloud.billing.recognition import recognise_until
from portillon_cloud.billing.subscription import Agreement, FreezeTerms
from portillon_cloud.billing.tables import (
    credit_note,
    credit_note_line,
    credit_note_tax,
    invoice,
    invoice_line,
    invoice_tax,
)
from portillon_cloud.clock.local import start_of_day_ms
from portillon_cloud.ledger import trial_balance
from portillon_cloud.ledger.manual import ManualEntry, record
from portillon_cloud.ledger.periods import Book
from portillon_cloud.ledger.tables import ManualKind
from portillon_cloud.payments.desk import DeskPayment, take_payment
from portillon_cloud.payments.owed import unpaid_invoices
from portillon_cloud.payments.refunds import Refund, refund_credit
from portillon_cloud.payments.tables import Means, open_credit
from portillon_cloud.payments.write_off import WriteOff, write_off
from sqlalchemy import Connection, func, select

FREELY = Agreement(freeze=FreezeTerms(days_least=1, days_most=400, days_per_year=400, times_per_year=99), back_days=30)


@dataclass
class Life:
    """The gym's business so far, in the database and in the model."""

    gym: Gym
    model: LedgerModel = field(default_factory=LedgerModel)
    today: date = date(2026, 4, 1)
    month: date = date(2026, 4, 1)
    seen: dict[str, int] = field(default_factory=lambda: {"invoice": 0, "credit_note": 0})
    acts: int = 0

    @property
    def now_ms(self) -> int:
        return start_of_day_ms(self.today, "America/Toronto")

    def key(self) -> str:
        self.acts += 1
        return f"act-{self.acts}"

    def pass_days(self, days: int) -> None:
        """Bill what falls due, and have every month that ends recognised on the first of the next."""
        until = self.today + timedelta(days=days)
        while self.today < until:
            first = (self.today.replace(day=1) + timedelta(days=32)).replace(day=1)
            self.today = min(until, first)
            run_invoices(self.gym.db, self.gym.legal_entity_id, on=self.today, now_ms=self.now_ms)
            self.hear()
            if self.today == first:
                with self.gym.db.write() as conn:
                    entity = seller(conn, self.gym.legal_entity_id)
                    recognise_until(conn, entity, until_on=first, now_ms=self.now_ms)
                self.model.month_over(first)

    def hear(self) -> None:
        """Tell the model of the documents that were issued since."""
        with self.gym.db.read() as conn:
            for table, line, tax, tell in (
                (invoice, invoice_line, invoice_tax, self.model.invoiced),
                (credit_note, credit_note_line, credit_note_tax, self.model.credited),
            ):
                name = table.name
                rows = conn.execute(select(table).where(table.c.id > self.seen[name]).order_by(table.c.id)).all()
                for row in rows:
                    lines = conn.execute(select(line).where(line.c[f"{name}_id"] == row.id)).all()
                    taxes = conn.execute(select(tax).where(tax.c[f"{name}_id"] == row.id)).all()
                    tell(
                        row.account_id,
                        [(one.period_start, one.period_end, one.net_minor) for one in lines],
                        {one.tax: one.amount_minor for one in taxes},
                    )
                    self.seen[name] = row.id

    def owed(self, conn: Connection, joined: Joined) -> list[tuple[int, int]]:
        return [(one.invoice_id, one.owed_minor) for one in unpaid_invoices(conn, joined.account_id)]


def change(life: Life, joined: Joined, ask: changes.Ask) -> None:
    try:
        with life.gym.db.write() as conn:
            changes.change(
                conn,
                organisation_id=life.gym.organisation_id,
                subscription_id=joined.subscription_id,
                ask=ask,
                author=Author(name="desk", at_ms=life.now_ms, reason="asked"),
            )
    except SubscriptionRefusedError:
        return


def pay(life: Life, joined: Joined, much: int) -> None:
    with life.gym.db.write() as conn:
        owed = sum(minor for _, minor in life.owed(conn, joined))
        amount = owed if much > 15 else owed * much // 16
        if not amount:
            return
        take_payment(
            conn,
            DeskPayment(
                organisation_id=life.gym.organisation_id,
                account_id=joined.account_id,
                amount_minor=amount,
                currency="CAD",
                means=Means.TERMINAL,
                request_key=life.key(),
                taken_by="desk",
            ),
            now_ms=life.now_ms,
        )
    life.model.paid(joined.account_id, amount, "bank")


def upgrade(life: Life, joined: Joined, much: int) -> None:
    with life.gym.db.write() as conn:
        price_id = create_price(
            conn, plan_id=life.gym.plan_id, amount_minor=much * 1_111, interval=MONTHLY, term_months=None
        )
        tariff = changes.price_tariff(price_by_id(conn, life.gym.organisation_id, price_id))
    on = life.today + timedelta(days=much % 3)
    change(
        life,
        joined,
        lambda recorded, today: subscription.change_tariff(recorded, FREELY, tariff, on=on, today=today),
    )


def freeze(life: Life, joined: Joined, much: int) -> None:
    on = life.today + timedelta(days=much % 5)
    until_on = on + timedelta(days=1 + much)
    change(
        life,
        joined,
        lambda recorded, today: subscription.freeze(recorded, FREELY, on=on, until_on=until_on, today=today),
    )


def cancel(life: Life, joined: Joined, much: int) -> None:
    on = life.today + timedelta(days=much)
    change(life, joined, lambda recorded, today: subscription.cancel(recorded, FREELY, on=on, today=today, by_law=True))


def keep(life: Life, joined: Joined, much: int) -> None:
    change(life, joined, lambda recorded, today: subscription.keep(recorded, today=today))


def give_up(life: Life, joined: Joined, much: int) -> None:
    with life.gym.db.write() as conn:
        owed = life.owed(conn, joined)
        if not owed:
            return
        invoice_id, minor = owed[0]
        amount = max(1, minor * much // 30)
        write_off(
            conn,
            WriteOff(
                organisation_id=life.gym.organisation_id,
                account_id=joined.account_id,
                invoice_id=invoice_id,
                by="owner",
                reason="lost",
                request_key=life.key(),
                amount_minor=amount,
            ),
            now_ms=life.now_ms,
        )
    life.model.written_off(joined.account_id, amount)


def pay_back(life: Life, joined: Joined, much: int) -> None:
    with life.gym.db.write() as conn:
        column = open_credit.c
        query = select(func.coalesce(func.sum(column.left_minor), 0)).where(column.account_id == joined.account_id)
        amount = int(conn.execute(query).scalar_one()) * much // 30
        if not amount:
            return
        refund_credit(
            conn,
            Refund(
                organisation_id=life.gym.organisation_id,
                account_id=joined.account_id,
                by="desk",
                reason="asked",
                request_key=life.key(),
                amount_minor=amount,
            ),
            now_ms=life.now_ms,
        )
    life.model.paid_back(joined.account_id, amount)


def deposit(life: Life, joined: Joined, much: int) -> None:
    gym = life.gym
    with gym.db.write() as conn:
        record(
            conn,
            Book(organisation_id=gym.organisation_id, legal_entity_id=gym.legal_entity_id, currency="CAD"),
            ManualEntry(
                kind=ManualKind.DEPOSIT_IN_CASH,
                amount_minor=much * 100,
                occurred_on=life.today,
                by="desk",
                reason="locker",
                request_key=life.key(),
                account_id=joined.account_id,
            ),
            now_ms=life.now_ms,
        )
    life.model.deposited(much * 100)


ACTS: tuple[Callable[[Life, Joined, int], None], ...] = (
    pay, upgrade, freeze, cancel, keep, give_up, pay_back, deposit,
)  # fmt: skip


def standing(gym: Gym) -> dict[str, int]:
    with gym.db.read() as conn:
        lines = trial_balance(conn, legal_entity_id=gym.legal_entity_id, currency="CAD")
    return {
        line.code.value: line.debit_minor - line.credit_minor for line in lines if line.debit_minor != line.credit_minor
    }


@pytest.fixture
def life(gym: Gym) -> Life:
    return Life(gym)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.sampled_from(ACTS), st.integers(1, 30)), max_size=8))
def test_the_ledger_is_what_an_independent_model_says(
    life: Life, steps: list[tuple[int, Callable[[Life, Joined, int], None], int]]
) -> None:
    """After every act of every life each account comes to the same, and the audit finds nothing."""
    life.pass_days(1)
    joined = life.gym.join(starts_on=life.today)
    for days, act, much in steps:
        life.pass_days(days)
        act(life, joined, much)
        life.hear()
        assert standing(life.gym) == life.model.balances(), f"{act.__name__} on {life.today}"
    life.pass_days(40)
    assert standing(life.gym) == life.model.balances()
    with life.gym.db.read() as conn:
        assert look(conn, life.gym.organisation_id) == []
