"""Subscriptions changed on both engines: what is invoiced, credited, settled and blocked, to the cent, in one step."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from cloud.billing.bill_book import BillBook
from cloud.gym import MONTHLY, Gym, Joined
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from portillon_cloud.access.store import terms
from portillon_cloud.access.tables import block
from portillon_cloud.billing import changes, event_store, subscription
from portillon_cloud.billing.catalogue import price_by_id
from portillon_cloud.billing.errors import SubscriptionRefusedError, UnknownSubscriptionError
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.invoice_store import seller
from portillon_cloud.billing.operations import create_plan, create_price, run_invoices
from portillon_cloud.billing.recognition import recognise_until
from portillon_cloud.billing.subscription import Agreement, FreezeTerms, Why
from portillon_cloud.billing.tables import (
    credit_note,
    credit_note_line,
    credit_note_tax,
    event_withdrawal,
    invoice,
    subscription_event,
)
from portillon_cloud.billing.tables import subscription as subscription_row
from portillon_cloud.billing.timeline import Tariff
from portillon_cloud.clock.local import start_of_day_ms
from portillon_cloud.ledger import LedgerCode, trial_balance
from portillon_cloud.payments.desk import DeskPayment, take_payment
from portillon_cloud.payments.owed import unpaid_invoices
from portillon_cloud.payments.tables import Means, open_credit
from sqlalchemy import func, select, update
from sqlalchemy.exc import DatabaseError

START = date(2026, 4, 1)
FREELY = Agreement(freeze=FreezeTerms(days_least=1, days_most=400, days_per_year=400, times_per_year=99), back_days=30)


def at(day: date) -> int:
    return start_of_day_ms(day, "America/Toronto")


def bill(gym: Gym, on: date) -> list[int]:
    return run_invoices(gym.db, gym.legal_entity_id, on=on, now_ms=at(on))


def gold(gym: Gym, amount_minor: int = 200_00) -> Tariff:
    with gym.db.write() as conn:
        price_id = create_price(
            conn, plan_id=gym.plan_id, amount_minor=amount_minor, interval=MONTHLY, term_months=None
        )
        return changes.price_tariff(price_by_id(conn, gym.organisation_id, price_id))


def do(gym: Gym, joined: Joined, ask: changes.Ask, *, on: date) -> changes.Outcome:
    with gym.db.write() as conn:
        return changes.change(
            conn,
            organisation_id=gym.organisation_id,
            subscription_id=joined.subscription_id,
            ask=ask,
            author=Author(name="desk", at_ms=at(on), reason="as the member asked"),
        )


def upgrade(tariff: Tariff, on: date) -> changes.Ask:
    return lambda recorded, today: subscription.change_tariff(recorded, FREELY, tariff, on=on, today=today)


def freeze(on: date, until_on: date) -> changes.Ask:
    return lambda recorded, today: subscription.freeze(recorded, FREELY, on=on, until_on=until_on, today=today)


def cancel(on: date) -> changes.Ask:
    return lambda recorded, today: subscription.cancel(recorded, FREELY, on=on, today=today, by_law=True)


def balances(gym: Gym) -> dict[LedgerCode, int]:
    with gym.db.read() as conn:
        lines = trial_balance(conn, legal_entity_id=gym.legal_entity_id, currency="CAD")
    assert sum(line.debit_minor for line in lines) == sum(line.credit_minor for line in lines)
    return {line.code: line.debit_minor - line.credit_minor for line in lines if line.debit_minor != line.credit_minor}


def owed(gym: Gym, joined: Joined) -> int:
    with gym.db.read() as conn:
        return sum(one.owed_minor for one in unpaid_invoices(conn, joined.account_id))


def pay(gym: Gym, joined: Joined, amount_minor: int, on: date) -> None:
    with gym.db.write() as conn:
        take_payment(
            conn,
            DeskPayment(
                organisation_id=gym.organisation_id,
                account_id=joined.account_id,
                amount_minor=amount_minor,
                currency="CAD",
                means=Means.CASH,
                request_key=f"{joined.account_id}:{on}",
                taken_by="desk",
            ),
            now_ms=at(on),
        )


def test_an_upgrade_of_an_unpaid_month(gym: Gym) -> None:
    """From 100.00 to 200.00 on the 16th: 50.00 back, 100.00 more, taxes with both; the credit note lowers the debt."""
    joined = gym.join(starts_on=START)
    bill(gym, START)
    done = do(gym, joined, upgrade(gold(gym), date(2026, 4, 16)), on=date(2026, 4, 16))
    assert [draft.total_minor for draft in done.invoices] == [114_98]
    assert [draft.taxed.total_minor for draft in done.credit_notes] == [57_49]
    assert done.owed_more_minor == 57_49
    assert owed(gym, joined) == 114_98 + 57_49
    assert balances(gym)[LedgerCode.RECEIVABLE] == 114_98 + 57_49
    assert LedgerCode.MEMBER_CREDIT not in balances(gym)
    assert done.next_invoice_on == date(2026, 5, 1)
    assert bill(gym, date(2026, 5, 1)) != []
    with gym.db.read() as conn:
        row = conn.execute(select(subscription_row)).one()
        totals = conn.execute(select(invoice.c.total_minor).order_by(invoice.c.id)).scalars().all()
    assert totals == [114_98, 114_98, 229_95]
    assert (row.plain, row.next_invoice_on) == (True, date(2026, 6, 1))


def test_a_credit_of_a_paid_month_pays_the_next(gym: Gym) -> None:
    """Paid, then frozen for half of the month: what comes back waits as credit, and the next invoice uses it."""
    joined = gym.join(starts_on=START)
    bill(gym, START)
    pay(gym, joined, 114_98, START)
    done = do(gym, joined, freeze(date(2026, 4, 16), date(2026, 5, 1)), on=date(2026, 4, 10))
    assert done.owed_more_minor == -57_49
    assert balances(gym)[LedgerCode.MEMBER_CREDIT] == -57_49
    bill(gym, date(2026, 5, 1))
    assert owed(gym, joined) == 114_98 - 57_49
    assert LedgerCode.MEMBER_CREDIT not in balances(gym)
    with gym.db.read() as conn:
        assert conn.scalar(select(func.count()).select_from(open_credit)) == 0


def test_a_credit_note_is_numbered_and_says_what_it_takes_back(gym: Gym) -> None:
    """A series of its own without a gap, the lines and days taken back, the taxes of the invoice, the reason."""
    joined = gym.join(starts_on=START)
    bill(gym, START)
    do(gym, joined, cancel(date(2026, 4, 16)), on=date(2026, 4, 2))
    with gym.db.read() as conn:
        note = conn.execute(select(credit_note)).one()
        line = conn.execute(select(credit_note_line)).one()
        taxes = conn.execute(select(credit_note_tax.c.tax, credit_note_tax.c.amount_minor)).all()
    assert (note.series, note.number, note.reason) == ("TEST-CN", 1, "as the member asked")
    assert (note.net_minor, note.tax_minor, note.total_minor) == (50_00, 7_49, 57_49)
    assert sorted(tuple(tax) for tax in taxes) == [("TPS", 2_50), ("TVQ", 4_99)]
    assert (line.period_start, line.period_end, line.net_minor) == (date(2026, 4, 16), date(2026, 5, 1), 50_00)
    assert line.description == "Abonnement, Alice Tremblay, 16 avr. 2026 – 30 avr. 2026"


def test_nothing_is_billed_after_the_end(gym: Gym) -> None:
    """Cancelled for the 16th, nothing more falls due; kept after all, the rest of the month is billed."""
    joined = gym.join(starts_on=START)
    bill(gym, START)
    assert do(gym, joined, cancel(date(2026, 4, 16)), on=date(2026, 4, 2)).next_invoice_on is None
    assert bill(gym, date(2026, 7, 1)) == []
    kept = do(gym, joined, lambda recorded, today: subscription.keep(recorded, today=today), on=date(2026, 4, 10))
    assert [draft.net_minor for draft in kept.invoices] == [50_00]


def test_a_freeze_shuts_the_door_and_stops_the_bills(gym: Gym) -> None:
    """Frozen for May and June: no invoice, and the member is blocked for just these days."""
    joined = gym.join(starts_on=START)
    bill(gym, START)
    done = do(gym, joined, freeze(date(2026, 5, 1), date(2026, 7, 1)), on=date(2026, 4, 10))
    assert (done.invoices, done.credit_notes, done.next_invoice_on) == ((), (), date(2026, 7, 1))
    assert bill(gym, date(2026, 6, 30)) == []
    assert len(bill(gym, date(2026, 7, 1))) == 1
    with gym.db.read() as conn:
        [frozen] = conn.execute(select(block)).all()
    assert (frozen.reason, frozen.from_ms, frozen.until_ms) == ("frozen", at(date(2026, 5, 1)), at(date(2026, 7, 1)))
    assert frozen.member_id == joined.member_id


def test_an_early_return_ends_the_block(gym: Gym) -> None:
    """Back in the middle of the freeze: from that day the block is over, and the days are billed."""
    joined = gym.join(starts_on=START)
    bill(gym, START)
    do(gym, joined, freeze(date(2026, 5, 1), date(2026, 7, 1)), on=date(2026, 4, 10))
    back_on = date(2026, 5, 16)
    done = do(gym, joined, lambda recorded, today: subscription.resume(recorded, on=today), on=back_on)
    assert [draft.net_minor for draft in done.invoices] == [51_61]
    with gym.db.read() as conn:
        assert max(conn.execute(select(block.c.until_ms)).scalars()) == at(back_on)


def test_a_planned_change_of_plan_is_on_the_gateways_before_it_holds(gym: Gym) -> None:
    """Downgraded from the next month: today's rights end then by themselves, and the other plan's begin."""
    joined = gym.join(starts_on=START)
    bill(gym, START)
    with gym.db.write() as conn:
        plan_id = create_plan(
            conn,
            organisation_id=gym.organisation_id,
            legal_entity_id=gym.legal_entity_id,
            code="pool",
            name="Piscine",
            zones=["pool"],
        )
        price_id = create_price(conn, plan_id=plan_id, amount_minor=50_00, interval=MONTHLY, term_months=None)
        tariff = changes.price_tariff(price_by_id(conn, gym.organisation_id, price_id))
    do(gym, joined, upgrade(tariff, date(2026, 5, 1)), on=date(2026, 4, 10))
    with gym.db.read() as conn:
        parts = [
            (part.membership.from_ms, part.membership.until_ms, part.membership.zones)
            for part in terms(conn, [joined.account_id], "America/Toronto")
        ]
    assert parts == [
        (at(START), at(date(2026, 5, 1)), frozenset({"gym"})),
        (at(date(2026, 5, 1)), at(date(2027, 4, 1)), frozenset({"pool"})),
    ]
    bill(gym, date(2026, 5, 1))
    with gym.db.read() as conn:
        [part] = terms(conn, [joined.account_id], "America/Toronto")
    assert part.membership.zones == {"pool"}


def test_what_is_refused_writes_nothing(gym: Gym) -> None:
    """The machine's reason and the first possible day reach the caller; no event, no document."""
    joined = gym.join(starts_on=START)
    held = Agreement(term_until_on=date(2027, 4, 1))
    with pytest.raises(SubscriptionRefusedError) as refused:
        do(
            gym,
            joined,
            lambda recorded, today: subscription.cancel(recorded, held, on=date(2026, 5, 1), today=today),
            on=date(2026, 4, 2),
        )
    assert (refused.value.why, refused.value.possible_on) == (Why.MINIMUM_TERM, date(2027, 4, 1))
    with gym.db.read() as conn:
        assert conn.scalar(select(func.count()).select_from(subscription_event)) == 2  # start and end of the term
    with pytest.raises(UnknownSubscriptionError), gym.db.write() as conn:
        changes.change(
            conn,
            organisation_id=gym.organisation_id + 1,
            subscription_id=joined.subscription_id,
            ask=cancel(START),
            author=Author(name="a stranger", at_ms=at(START)),
        )


def test_a_preview_is_the_change_itself_and_writes_nothing(gym: Gym) -> None:
    """What is shown is what then happens, to the cent."""
    joined, tariff = gym.join(starts_on=START), gold(gym)
    bill(gym, START)
    before = balances(gym)
    with gym.db.read() as conn:
        shown = changes.preview(
            conn,
            organisation_id=gym.organisation_id,
            subscription_id=joined.subscription_id,
            ask=upgrade(tariff, date(2026, 4, 11)),
            now_ms=at(date(2026, 4, 11)),
        )
    assert balances(gym) == before
    assert do(gym, joined, upgrade(tariff, date(2026, 4, 11)), on=date(2026, 4, 11)) == shown


def test_revenue_follows_credits(gym: Gym) -> None:
    """A month cancelled half way has earned its half when it is over, and nothing stays deferred."""
    joined = gym.join(starts_on=START)
    bill(gym, START)
    do(gym, joined, cancel(date(2026, 4, 16)), on=date(2026, 4, 2))
    with gym.db.write() as conn:
        assert recognise_until(conn, seller(conn, gym.legal_entity_id), until_on=date(2026, 5, 1), now_ms=0) == 0
    assert balances(gym)[LedgerCode.REVENUE] == -50_00


def test_recorded_events_and_credit_notes_never_change(gym: Gym) -> None:
    """The database itself refuses to alter what was recorded or issued."""
    joined = gym.join(starts_on=START)
    bill(gym, START)
    do(gym, joined, cancel(date(2026, 5, 16)), on=date(2026, 4, 2))
    do(gym, joined, cancel(date(2026, 4, 16)), on=date(2026, 4, 2))
    for table in (subscription_event, event_withdrawal, credit_note, credit_note_line, credit_note_tax):
        column = next(one for one in table.c if one.name in ("reason", "withdrawn_by", "description", "tax"))
        with pytest.raises(DatabaseError, match="never change"), gym.db.write() as conn:
            conn.execute(update(table).values({column: "other"}))


def test_a_plain_life_is_the_same_reckoned(gym: Gym) -> None:
    """The run's short cut for plain renewals issues what reckoning each from its events would."""
    short, long = gym.join("Short Cut", starts_on=START), gym.join("Long Way", starts_on=START)
    for month in range(4, 13):
        with gym.db.write() as conn:
            conn.execute(
                update(subscription_row).where(subscription_row.c.id == long.subscription_id).values(plain=False)
            )
        bill(gym, date(2026, month, 1))
    assert _history(gym, short) == _history(gym, long)
    assert len(_history(gym, short)) == 9


def _history(gym: Gym, joined: Joined) -> list[tuple[object, ...]]:
    with gym.db.read() as conn:
        rows = conn.execute(
            select(invoice.c.issued_on, invoice.c.due_on, invoice.c.net_minor, invoice.c.total_minor)
            .where(invoice.c.account_id == joined.account_id)
            .order_by(invoice.c.number)
        )
        return [tuple(row) for row in rows]


ASKS: tuple[Callable[[date, int], changes.Ask], ...] = (
    lambda on, days: freeze(on, on + timedelta(days=1 + days)),
    lambda on, _: cancel(on),
    lambda on, _: lambda recorded, today: subscription.resume(recorded, on=max(on, today)),
    lambda _on, _days: lambda recorded, today: subscription.keep(recorded, today=today),
)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(st.integers(0, 25), st.integers(0, 4), st.integers(0, 30), st.integers(0, 60)), max_size=6
    ),
    prices=st.lists(st.integers(1, 30_000), min_size=6, max_size=6),
)
def test_what_stands_in_the_books_is_what_the_engine_says(
    gym: Gym, steps: list[tuple[int, int, int, int]], prices: list[int]
) -> None:
    """Random lives: documents less credit notes are what the pure engine wants, and debt less credit is their total."""
    with gym.db.read() as conn:
        before_on = max(conn.execute(select(invoice.c.issued_on)).scalars(), default=START)
    today = before_on + timedelta(days=1)  # numbers follow the calendar, from one life to the next
    joined = gym.join(starts_on=today)
    for (days, asked, ahead, length), amount_minor in zip(steps, prices, strict=False):
        today += timedelta(days=days)
        bill(gym, today)
        on = today + timedelta(days=ahead)
        ask = upgrade(gold(gym, amount_minor), on) if asked == len(ASKS) else ASKS[asked](on, length)
        try:
            do(gym, joined, ask, on=today)
        except SubscriptionRefusedError:
            continue
    last_on = today + timedelta(days=120)
    bill(gym, last_on)
    with gym.db.read() as conn:
        recorded = event_store.recorded(conn, [joined.subscription_id])[joined.subscription_id]
        notes = conn.execute(
            select(
                func.coalesce(func.sum(credit_note.c.net_minor), 0),
                func.coalesce(func.sum(credit_note.c.total_minor), 0),
            ).where(credit_note.c.account_id == joined.account_id)
        ).one()
        invoices = conn.execute(
            select(
                func.coalesce(func.sum(invoice.c.net_minor), 0), func.coalesce(func.sum(invoice.c.total_minor), 0)
            ).where(invoice.c.account_id == joined.account_id)
        ).one()
        credit = conn.scalar(
            select(func.coalesce(func.sum(open_credit.c.left_minor), 0)).where(
                open_credit.c.account_id == joined.account_id
            )
        )
    wanted = BillBook().wanted([one.event for one in recorded], last_on)
    assert invoices[0] - notes[0] == sum(piece.amount_minor for piece in wanted)
    assert owed(gym, joined) - (credit or 0) == invoices[1] - notes[1]
    balances(gym)
