"""The invoice run on both engines: the story's case, gapless numbers, and the same result whatever crashes."""

import datetime
import itertools
from datetime import date

import pytest
from cloud.gym import MONTHLY, Gym
from portillon_cloud.billing.calendar import Interval, IntervalUnit
from portillon_cloud.billing.errors import NumberingError, RunConflictError
from portillon_cloud.billing.numbers import take_numbers
from portillon_cloud.billing.operations import create_price, run_invoices
from portillon_cloud.billing.tables import invoice, invoice_line, invoice_tax, number_series, subscription
from portillon_cloud.clock.local import start_of_day_ms
from portillon_cloud.ledger import LedgerCode, trial_balance
from portillon_cloud.ledger.tables import ledger_entry, posting
from portillon_cloud.outbox.tables import access_outbox
from portillon_cloud.payments.tables import payment_intent
from sqlalchemy import Connection, delete, event, func, select, update
from sqlalchemy.exc import IntegrityError

START = date(2026, 1, 31)


def at(day: date) -> int:
    return start_of_day_ms(day, "America/Toronto")


def bill(gym: Gym, on: date, *, batch: int = 500) -> list[int]:
    return run_invoices(gym.db, gym.legal_entity_id, on=on, now_ms=at(on), batch=batch)


def everything(gym: Gym) -> dict[str, list[tuple[object, ...]]]:
    """All that a run writes, without ids."""
    with gym.db.read() as conn:
        number = invoice.c.number
        return {
            "invoices": _all(
                conn,
                select(
                    number,
                    invoice.c.series,
                    invoice.c.account_id,
                    invoice.c.issued_on,
                    invoice.c.due_on,
                    invoice.c.net_minor,
                    invoice.c.tax_minor,
                    invoice.c.total_minor,
                    invoice.c.engine,
                ).order_by(number),
            ),
            "lines": _all(
                conn,
                select(
                    number,
                    invoice_line.c.position,
                    invoice_line.c.description,
                    invoice_line.c.subscription_id,
                    invoice_line.c.period_start,
                    invoice_line.c.period_end,
                    invoice_line.c.net_minor,
                )
                .join(invoice, invoice.c.id == invoice_line.c.invoice_id)
                .order_by(number, invoice_line.c.position),
            ),
            "taxes": _all(
                conn,
                select(number, invoice_tax.c.tax, invoice_tax.c.rate_ppm, invoice_tax.c.amount_minor)
                .join(invoice, invoice.c.id == invoice_tax.c.invoice_id)
                .order_by(number, invoice_tax.c.tax),
            ),
            "intents": _all(
                conn,
                select(number, payment_intent.c.amount_minor, payment_intent.c.state)
                .join(invoice, invoice.c.id == payment_intent.c.invoice_id)
                .order_by(number),
            ),
            "next": _all(conn, select(subscription.c.id, subscription.c.next_invoice_on).order_by(subscription.c.id)),
            "postings": _all(
                conn,
                select(posting.c.debit_account_id, posting.c.credit_account_id, func.sum(posting.c.amount_minor))
                .group_by(posting.c.debit_account_id, posting.c.credit_account_id)
                .order_by(posting.c.debit_account_id, posting.c.credit_account_id),
            ),
        }


def _all(conn: Connection, query: object) -> list[tuple[object, ...]]:
    return [tuple(row) for row in conn.execute(query)]  # type: ignore[call-overload]


def test_the_story_in_quebec(gym: Gym) -> None:
    """100.00 a month from the 31st: 5.00 TPS, 9.98 TVQ, on the due day, in French, posted and to be paid."""
    joined = gym.join("Zoé Gagnon", starts_on=START)
    assert bill(gym, START - datetime.timedelta(days=1)) == []
    [invoice_id] = bill(gym, START)
    found = everything(gym)
    assert found["invoices"] == [
        (1, "TEST", joined.account_id, START, START, 100_00, 14_98, 114_98, "5"),
    ]
    assert found["taxes"] == [(1, "TPS", 50_000, 5_00), (1, "TVQ", 99_750, 9_98)]
    [(_, _, description, subscription_id, start, end, net)] = found["lines"]
    assert description == "Abonnement, Zoé Gagnon, 31 janv. 2026 – 27 févr. 2026"
    assert (subscription_id, start, end, net) == (joined.subscription_id, START, date(2026, 2, 28), 100_00)
    assert found["intents"] == [(1, 114_98, "open")]
    assert found["next"] == [(joined.subscription_id, date(2026, 2, 28))]
    with gym.db.read() as conn:
        row = conn.execute(select(invoice)).one()
        assert row.id == invoice_id
        assert row.buyer == {"name": "Zoé Gagnon", "email": "zoé@example.org"}
        assert row.seller["tax_numbers"]["TVQ"] == "1234567890 TQ0001"
        book = {line.code: line for line in trial_balance(conn, legal_entity_id=gym.legal_entity_id, currency="CAD")}
    assert book[LedgerCode.RECEIVABLE].debit_minor == 114_98
    assert book[LedgerCode.DEFERRED_REVENUE].credit_minor == 100_00
    assert (book[LedgerCode.TAX_TPS].credit_minor, book[LedgerCode.TAX_TVQ].credit_minor) == (5_00, 9_98)


def test_a_year_is_twelve_invoices_and_not_one_more(gym: Gym) -> None:
    """The term bills twelve periods on the last days of months, then nothing ever again."""
    gym.join(starts_on=START)
    day = START
    while day < date(2027, 6, 1):
        bill(gym, day)
        day += datetime.timedelta(days=1)
    found = everything(gym)
    issued = [row[3] for row in found["invoices"]]
    assert len(issued) == 12
    assert issued[:3] == [date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31)]
    assert [row[0] for row in found["invoices"]] == list(range(1, 13))
    assert [row[4] for row in found["lines"]][1:] == [row[5] for row in found["lines"]][:-1]
    assert found["lines"][-1][5] == date(2027, 1, 31)
    assert [row[1] for row in found["next"]] == [None]


def test_running_again_changes_nothing(gym: Gym) -> None:
    """A second run of the same day is empty, and what it left is the same."""
    for count in range(7):
        gym.join(f"M{count} X", starts_on=START)
    assert len(bill(gym, START)) == 7
    before = everything(gym)
    assert bill(gym, START) == []
    assert everything(gym) == before


def test_the_batch_size_changes_nothing_but_the_number_of_transactions(gym: Gym) -> None:
    """Batches of two bill the same as one of five hundred, and a family stays on one invoice."""
    family = gym.join("Anne Roy", starts_on=START).account_id
    for name in ("Béa Roy", "Carl Roy", "Dan Roy"):
        gym.join(name, starts_on=START, account_id=family)
    for count in range(5):
        gym.join(f"M{count} X", starts_on=START)
    assert len(bill(gym, START, batch=2)) == 6
    found = everything(gym)
    assert [row[0] for row in found["invoices"]] == list(range(1, 7))
    [of_family] = [row for row in found["invoices"] if row[2] == family]
    assert of_family[5:8] == (400_00, 59_90, 459_90)


def test_a_run_that_comes_late_bills_every_missed_period_with_todays_date(gym: Gym) -> None:
    """Three months down: three invoices, each its period, all issued today, numbers in order."""
    gym.join(starts_on=START)
    assert len(bill(gym, date(2026, 3, 31))) == 3
    found = everything(gym)
    assert [row[3] for row in found["invoices"]] == [date(2026, 3, 31)] * 3
    assert [row[4] for row in found["lines"]] == [START, date(2026, 2, 28), date(2026, 3, 31)]


def test_a_late_run_bills_everybody_up_to_today(gym: Gym) -> None:
    """Two whose days differ, three months behind: each gets all that is due in one run."""
    early, late = gym.join(starts_on=START), gym.join("Bo Li", starts_on=START + datetime.timedelta(days=20))
    bill(gym, START + datetime.timedelta(days=100))
    with gym.db.read() as conn:
        counted = conn.execute(select(invoice.c.account_id, func.count()).group_by(invoice.c.account_id)).all()
    assert {account_id: count for account_id, count in counted} == {early.account_id: 4, late.account_id: 3}
    assert bill(gym, START + datetime.timedelta(days=100)) == []


def test_a_crash_at_any_statement_then_a_rerun_gives_the_same(gym: Gym) -> None:
    """The process dies before the n-th statement of the run, for every n: afterwards nobody can tell."""
    for count in range(5):
        gym.join(f"M{count} X", starts_on=START)
    crashed = 0
    for at_statement in itertools.count(1):
        with _crashing(gym, at_statement) as crash:
            try:
                bill(gym, START, batch=2)
            except _CrashError:
                crashed += 1
        if not crash.happened:
            break
        found = everything(gym)
        assert [row[0] for row in found["invoices"]] == list(range(1, len(found["invoices"]) + 1))
        assert len(found["lines"]) == len(found["intents"]) == len(found["invoices"])
    assert crashed > 10
    found = everything(gym)
    assert [row[0] for row in found["invoices"]] == [1, 2, 3, 4, 5]
    assert {row[3] for row in found["invoices"]} == {START}
    assert len({row[3] for row in found["lines"]}) == 5


class _CrashError(Exception):
    pass


class _crashing:
    """Within it the n-th statement that any connection executes raises before it is sent."""

    def __init__(self, gym: Gym, at_statement: int) -> None:
        self._engine = gym.db._writer
        self._left = at_statement
        self.happened = False

    def __enter__(self) -> "_crashing":
        event.listen(self._engine, "before_cursor_execute", self._before)
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(self._engine, "before_cursor_execute", self._before)

    def _before(self, *_: object) -> None:
        self._left -= 1
        if self._left == 0:
            self.happened = True
            raise _CrashError


def test_a_period_is_billed_once_whatever_the_code_believes(gym: Gym) -> None:
    """Somebody sets a subscription back by mistake: the database refuses the second invoice and nothing is written."""
    gym.join(starts_on=START)
    bill(gym, START)
    with gym.db.write() as conn:
        conn.execute(update(subscription).values(next_invoice_on=START))
    before = everything(gym)
    with pytest.raises(RunConflictError, match="nothing was written"):
        bill(gym, START)
    assert everything(gym) == before


def test_without_that_index_it_would_be_billed_twice(gym: Gym) -> None:
    """The ablation: the unique recurring line is what stands in the way."""
    gym.join(starts_on=START)
    bill(gym, START)
    with gym.db.write() as conn:
        conn.exec_driver_sql("DROP INDEX uq_invoice_line_recurring")
        conn.execute(update(subscription).values(next_invoice_on=START))
    assert len(bill(gym, START)) == 1


@pytest.mark.parametrize("table", [invoice, invoice_line, invoice_tax, ledger_entry, posting], ids=str)
def test_documents_and_postings_never_change(gym: Gym, table: object) -> None:
    """UPDATE and DELETE are refused by the database itself, on both engines."""
    gym.join(starts_on=START)
    bill(gym, START)
    for statement in (update(table).values(organisation_id=gym.organisation_id), delete(table)):  # type: ignore[arg-type]
        with pytest.raises(IntegrityError, match="never change"), gym.db.write() as conn:
            conn.execute(statement)


def test_numbers_are_given_back_by_a_rollback(gym: Gym) -> None:
    """No gap: what a failed transaction took, the next one gets."""

    def take(conn: Connection, count: int, day: date) -> list[int]:
        taken = take_numbers(
            conn,
            organisation_id=gym.organisation_id,
            legal_entity_id=gym.legal_entity_id,
            series="TEST",
            count=count,
            issued_on=day,
        )
        return list(taken)

    with gym.db.write() as conn:
        assert take(conn, 2, START) == [1, 2]
    with pytest.raises(RuntimeError), gym.db.write() as conn:
        assert take(conn, 3, START) == [3, 4, 5]
        raise RuntimeError
    with gym.db.write() as conn:
        assert take(conn, 1, START) == [3]
    with pytest.raises(NumberingError, match="today"), gym.db.write() as conn:
        take(conn, 1, START - datetime.timedelta(days=1))
    with gym.db.read() as conn:
        assert conn.execute(select(number_series.c.last_number)).scalar_one() == 3


def test_a_live_organisation_has_its_own_series(sqlite_db: object, keyring: object, clock: object) -> None:
    """A test invoice can never take a number that the tax office counts."""
    from cloud.gym import open_gym

    live = open_gym(sqlite_db, keyring, clock, mode="live")  # type: ignore[arg-type]
    live.join(starts_on=START)
    bill(live, START)
    assert [row[1] for row in everything(live)["invoices"]] == ["INV"]


def test_a_free_plan_gives_an_invoice_of_nothing(gym: Gym) -> None:
    """It is numbered, nothing is posted and nothing is to be collected."""
    with gym.db.write() as conn:
        free = create_price(conn, plan_id=gym.plan_id, amount_minor=0, interval=MONTHLY, term_months=12)
    gym.join(starts_on=START, price_id=free)
    assert len(bill(gym, START)) == 1
    found = everything(gym)
    assert found["invoices"][0][5:8] == (0, 0, 0)
    assert (found["postings"], found["intents"]) == ([], [])


def test_a_quarterly_price_moves_three_months(gym: Gym) -> None:
    """The interval is the price's."""
    with gym.db.write() as conn:
        quarterly = create_price(
            conn, plan_id=gym.plan_id, amount_minor=300_00, interval=Interval(IntervalUnit.MONTH, 3), term_months=12
        )
    gym.join(starts_on=START, price_id=quarterly)
    bill(gym, START)
    assert [row[1] for row in everything(gym)["next"]] == [date(2026, 4, 30)]


def test_gateways_are_told_of_nobody_when_there_are_none(gym: Gym) -> None:
    """Without a gateway the outbox stays empty."""
    gym.join(starts_on=START)
    bill(gym, START)
    with gym.db.read() as conn:
        assert conn.execute(select(func.count()).select_from(access_outbox)).scalar_one() == 0
