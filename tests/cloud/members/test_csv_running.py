"""Memberships imported in the middle of their periods: billed from where the other system stopped, to day and cent."""

from datetime import date

import pytest
from cloud.gym import MONTHLY, Gym
from portillon_cloud.audit.operations import look
from portillon_cloud.billing.calendar import Interval, IntervalUnit
from portillon_cloud.billing.errors import CatalogueError
from portillon_cloud.billing.operations import create_plan, create_price, run_invoices
from portillon_cloud.billing.tables import contract, invoice, invoice_line, subscription
from portillon_cloud.billing.takeover import billing_anchor
from portillon_cloud.members.csv_import import ImportReport, import_members
from portillon_cloud.members.csv_reading import bad_lines, read_members
from portillon_cloud.members.tables import import_mark, member
from portillon_cloud.money import Money
from portillon_cloud.payments.owed import unpaid_invoices
from portillon_cloud.payments.tables import Means, open_credit, payment
from portillon_cloud.visits.operations import member_visits
from portillon_cloud.visits.plan_visits import PlanVisits
from sqlalchemy import func, select

HEADER = (
    "external_id,first_name,last_name,plan,contract_start,paid_until,next_due,agreed_price,discount,discount_until,"
    "frozen_until,visits_left,credit"
)
DAY_MS = 24 * 3600 * 1000
NOON_MS = 17 * 3600 * 1000  # of Montréal, on the gym's first day: 1 January 2026


def load(gym: Gym, *lines: str, **options: object) -> ImportReport:
    with gym.db.write() as conn:
        return import_members(
            conn,
            gym.keyring,
            "\n".join([HEADER, *lines]).encode(),
            organisation_id=gym.organisation_id,
            site_id=gym.site_id,
            now_ms=gym.clock.real_ms() + NOON_MS,
            provider="simulator",
            **options,  # type: ignore[arg-type]
        )


def line(external_id: str = "A1", plan: str = "gym", start: str = "2025-06-10", **said: str) -> str:
    names = HEADER.split(",")[5:]
    return ",".join([external_id, "Zoé", f"Roy {external_id}", plan, start, *(said.get(name, "") for name in names)])


def billed(gym: Gym, *, through: date) -> list[tuple[date, date, int]]:
    """Every line of all invoices up to a day: from, first day without, before tax."""
    day = date(2026, 1, 1)
    while day <= through:
        now_ms = gym.clock.real_ms() + NOON_MS + (day - date(2026, 1, 1)).days * DAY_MS
        run_invoices(gym.db, gym.legal_entity_id, on=day, now_ms=now_ms)
        day = date.fromordinal(day.toordinal() + 1)
    with gym.db.read() as conn:
        rows = conn.execute(
            select(invoice_line.c.period_start, invoice_line.c.period_end, invoice_line.c.priced_minor).order_by(
                invoice_line.c.id
            )
        )
        return [(start, end, minor) for start, end, minor in rows]


def test_paid_until_the_middle_of_a_period(gym: Gym) -> None:
    """Paid until 19 January of a period to 9 February: 21 of 31 days are billed, then whole periods."""
    assert load(gym, line(paid_until="2026-01-19")) == ImportReport(1, ())
    assert billed(gym, through=date(2026, 2, 12)) == [
        (date(2026, 1, 20), date(2026, 2, 10), 67_74),
        (date(2026, 2, 10), date(2026, 3, 10), 100_00),
    ]


def test_the_next_due_day_sets_the_billing_day(gym: Gym) -> None:
    """Due on the 15th there, it is due on the 15th here, whatever day the contract began."""
    assert load(gym, line(next_due="2026-01-15")).due == {date(2026, 1, 15): 1}
    assert billed(gym, through=date(2026, 2, 15)) == [
        (date(2026, 1, 15), date(2026, 2, 15), 100_00),
        (date(2026, 2, 15), date(2026, 3, 15), 100_00),
    ]


def test_paid_for_less_than_until_the_next_due_day(gym: Gym) -> None:
    """Between the last day paid and the next period a part is owed: 5 of 31 days."""
    load(gym, line(paid_until="2026-01-09", next_due="2026-01-15"))
    assert billed(gym, through=date(2026, 1, 15)) == [
        (date(2026, 1, 10), date(2026, 1, 15), 16_13),
        (date(2026, 1, 15), date(2026, 2, 15), 100_00),
    ]


def test_another_price_and_a_discount_are_kept(gym: Gym) -> None:
    """Agreed at 80.00 and a fifth off until March: 64.00, then 80.00; the contract comes to what was agreed."""
    load(gym, line(next_due="2026-01-10", agreed_price="80.00", discount="20%", discount_until="2026-02-10"))
    with gym.db.read() as conn:
        assert conn.scalar(select(contract.c.total_minor)) == 12 * 80_00
    billed(gym, through=date(2026, 2, 10))
    with gym.db.read() as conn:
        assert list(conn.execute(select(invoice.c.net_minor).order_by(invoice.c.id)).scalars()) == [64_00, 80_00]


def test_a_freeze_goes_on(gym: Gym) -> None:
    """Frozen until 1 March, and paid until 9 January: nothing before it is back, then the rest of that period."""
    load(gym, line(paid_until="2026-01-09", frozen_until="2026-03-01"))
    assert billed(gym, through=date(2026, 3, 10)) == [
        (date(2026, 3, 1), date(2026, 3, 10), 32_14),
        (date(2026, 3, 10), date(2026, 4, 10), 100_00),
    ]


def test_visits_left_and_credit_come_along(gym: Gym) -> None:
    """Three visits left of ten, and 25.50 of credit that pays the first invoice in part; no money of ours moved."""
    with gym.db.write() as conn:
        pack = create_plan(
            conn, organisation_id=gym.organisation_id, legal_entity_id=gym.legal_entity_id, code="ten", name="Dix",
            visits=PlanVisits({}, 10),
        )  # fmt: skip
        create_price(conn, plan_id=pack, amount_minor=60_00, interval=MONTHLY, term_months=12)
    done = load(gym, line(plan="ten", next_due="2026-01-10", visits_left="3", credit="25.50"))
    assert (done.imported, done.credit) == (1, Money(25_50, "CAD"))
    with gym.db.read() as conn:
        who = conn.scalar(select(member.c.id)) or 0
        found = member_visits(conn, organisation_id=gym.organisation_id, member_id=who, now_ms=gym.clock.real_ms())
        assert [(one.most, one.left) for one in found.allowances] == [(3, 3)]
        assert conn.execute(select(payment.c.means, payment.c.amount_minor)).one() == (Means.BROUGHT, 25_50)
    billed(gym, through=date(2026, 1, 10))
    with gym.db.read() as conn:
        assert conn.scalar(select(func.count()).select_from(open_credit)) == 0
        assert [one.owed_minor for one in unpaid_invoices(conn, 1)] == [68_99 - 25_50]
        assert look(conn, gym.organisation_id) == []


def test_a_dry_run_keeps_nothing_and_says_all(gym: Gym) -> None:
    """The same report as the import that follows, and not a row of it."""
    lines = [line("A1", next_due="2026-01-15", credit="10"), line("A2", paid_until="2026-01-31")]
    shown = load(gym, *lines, dry_run=True)
    with gym.db.read() as conn:
        for table in (member, subscription, payment, import_mark):
            assert conn.scalar(select(func.count()).select_from(table)) == 0
    done = load(gym, *lines)
    assert shown == done and shown.due == done.due == {date(2026, 1, 15): 1, date(2026, 2, 1): 1}


def test_the_same_line_again_brings_nothing(gym: Gym) -> None:
    """By its external id a line is known; changed since, it is named, and the member stays as they are."""
    load(gym, line("A1", next_due="2026-01-15"))
    again = load(gym, line("A1", next_due="2026-01-15"), line("A2"))
    assert (again.imported, again.known, again.problems) == (1, 1, ())
    changed = load(gym, line("A1", next_due="2026-01-16"))
    [problem] = changed.problems
    assert str(problem).startswith("line 2, external_id: was brought as member 1, with other content")
    twice = load(gym, line("B1"), line("B1"))
    assert "is on line 2 already" in str(twice.problems[0])


@pytest.mark.parametrize(
    ("said", "column", "told"),
    [
        ({"paid_until": "2026-01-15", "next_due": "2026-01-15"}, "next_due", "is paid already"),
        ({"next_due": "2025-06-10"}, "next_due", "the contract only on 2025-06-10"),
        ({"agreed_price": "1 000"}, "agreed_price", "is no amount"),
        ({"agreed_price": "12.345"}, "agreed_price", "more decimals than CAD"),
        ({"discount": "200%"}, "discount", "is no share"),
        ({"discount_until": "2026-05-01"}, "discount", "is empty, and holds until"),
        ({"discount": "10", "discount_until": "2025-12-01"}, "discount_until", "is over"),
        ({"frozen_until": "2025-12-31"}, "frozen_until", "is over: leave the freeze out"),
        ({"visits_left": "many"}, "visits_left", "is no number of visits"),
        ({"visits_left": "3"}, "visits_left", "has no pack of visits"),
        ({"credit": "-5"}, "credit", "begins like a spreadsheet formula"),
        ({"paid_until": "2027-01-01"}, "contract_start", "before anything is billed"),
    ],
)
def test_what_cannot_be_names_column_and_cure(sqlite_gym: Gym, said: dict[str, str], column: str, told: str) -> None:
    """Nothing of such a line is written, and nothing of the others."""
    done = load(sqlite_gym, line("A1"), line("A2", **said))
    assert done.imported == 0
    assert [(one.line, one.column) for one in done.problems] == [(3, column)]
    assert told in done.problems[0].message


def test_the_bad_lines_are_a_file_of_their_own(sqlite_gym: Gym) -> None:
    """Good lines come in, the bad ones are written with what is wrong; mended, that file is imported."""
    bad = line("A2", visits_left="many")
    done = load(sqlite_gym, line("A1"), bad, allow_partial=True)
    assert done.imported == 1
    left = bad_lines("\n".join([HEADER, line("A1"), bad]).encode(), done.problems)
    assert left.splitlines()[0] == f"{HEADER},problem" and "visits_left: 'many' is no number" in left
    assert len(left.splitlines()) == 2
    mended = read_members(left.replace(",many,", ",,").encode())
    assert mended.problems == () and [row.external_id for row in mended.rows] == ["A2"]
    assert bad_lines(b"\xff", ()) == ""


@pytest.mark.parametrize(
    ("starts_on", "interval", "next_due_on", "anchor_on"),
    [
        (date(2025, 1, 31), MONTHLY, date(2026, 2, 28), date(2025, 1, 31)),
        (date(2025, 6, 10), MONTHLY, date(2026, 3, 31), date(2025, 5, 31)),
        (date(2025, 6, 10), MONTHLY, date(2026, 1, 15), date(2025, 5, 15)),
        (date(2025, 6, 10), Interval(IntervalUnit.MONTH, 3), date(2026, 1, 15), date(2025, 4, 15)),
        (date(2025, 6, 10), Interval(IntervalUnit.WEEK, 4), date(2026, 1, 15), date(2025, 6, 5)),
    ],
)
def test_the_billing_day_does_not_drift(
    starts_on: date, interval: Interval, next_due_on: date, anchor_on: date
) -> None:
    """Counted from the contract's start if that meets the day, else from the last same day before it."""
    assert billing_anchor(starts_on, interval, next_due_on) == anchor_on


def test_no_period_begins_before_its_contract() -> None:
    """A next period on or before the start is a mistake."""
    with pytest.raises(CatalogueError):
        billing_anchor(date(2026, 1, 10), MONTHLY, date(2026, 1, 10))
