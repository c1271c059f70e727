"""One member's year, as docs/billing.md tells it: the table there is what the engine does."""

import re
from datetime import date, timedelta
from pathlib import Path

from cloud.gym import MONTHLY, Gym
from portillon_cloud.billing import changes, event_store, subscription
from portillon_cloud.billing.catalogue import price_by_id
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.numbers import printed
from portillon_cloud.billing.operations import create_plan, create_price, run_invoices
from portillon_cloud.billing.span import Moment
from portillon_cloud.billing.subscription import Agreement, FreezeTerms
from portillon_cloud.billing.tables import credit_note, credit_note_line, invoice, invoice_line
from portillon_cloud.billing.timeline import Discounted
from portillon_cloud.clock.local import start_of_day_ms
from portillon_cloud.money import Money
from portillon_cloud.payments.owed import unpaid_invoices
from sqlalchemy import select

DOCUMENT = Path(__file__).parents[3] / "docs" / "billing.md"
AGREED = Agreement(freeze=FreezeTerms(days_least=7))


def at(day: date) -> int:
    return start_of_day_ms(day, "America/Toronto")


def dollars(minor: int) -> str:
    return Money(minor, "CAD").format("en")


def documents(gym: Gym) -> list[str]:
    """One row of the table for each document, in the order in which they were issued."""
    rows: list[tuple[date, int, str]] = []
    with gym.db.read() as conn:
        for order, (document, line, key) in enumerate(
            ((credit_note, credit_note_line, "credit_note_id"), (invoice, invoice_line, "invoice_id"))
        ):
            for row in conn.execute(select(document).order_by(document.c.id)):
                lines = conn.execute(select(line).where(line.c[key] == row.id).order_by(line.c.position)).all()
                said = "<br>".join(f"{one.description}: {dollars(one.net_minor)}" for one in lines)
                number = printed(row.series.replace("TEST-CN", "CN").replace("TEST", "INV"), row.number, row.issued_on)
                total = dollars(row.total_minor if document is invoice else -row.total_minor)
                rows.append((row.issued_on, order, f"| {row.issued_on:%-d %b} | {number} | {said} | {total} |"))
    return [row for _, _, row in sorted(rows, key=lambda one: one[:2])]


def test_the_year_in_the_document(gym: Gym) -> None:
    """Nadia joins on the 31st, freezes in April, goes up in July, has a friend's month at half price, and leaves."""
    with gym.db.write() as conn:
        same = {"organisation_id": gym.organisation_id, "legal_entity_id": gym.legal_entity_id}
        basic = create_plan(conn, **same, code="basic", name="Basic")
        gold = create_plan(conn, **same, code="gold", name="Gold", zones=["gym", "pool"])
        basic_id = create_price(conn, plan_id=basic, amount_minor=60_00, interval=MONTHLY, term_months=12)
        gold_id = create_price(conn, plan_id=gold, amount_minor=90_00, interval=MONTHLY, term_months=12)
        tariff = changes.price_tariff(price_by_id(conn, gym.organisation_id, gold_id))
    joined = gym.join("Nadia Roy", starts_on=date(2026, 1, 31), price_id=basic_id, language="en")

    today = date(2026, 1, 31)

    def live_until(day: date) -> None:
        """Every night the run."""
        nonlocal today
        while today < day:
            run_invoices(gym.db, gym.legal_entity_id, on=today, now_ms=at(today))
            today += timedelta(days=1)

    def do(on: date, ask: changes.Ask) -> None:
        live_until(on)
        with gym.db.write() as conn:
            changes.change(
                conn,
                organisation_id=gym.organisation_id,
                subscription_id=joined.subscription_id,
                ask=ask,
                author=Author(name="desk", at_ms=at(on)),
            )

    do(
        date(2026, 4, 10),
        lambda recorded, today: subscription.freeze(
            recorded, AGREED, on=date(2026, 4, 13), until_on=date(2026, 5, 4), today=today
        ),
    )
    do(
        date(2026, 7, 15),
        lambda recorded, today: subscription.change_tariff(recorded, AGREED, tariff, on=today, today=today),
    )
    friend = Discounted(
        at=Moment(date(2026, 9, 30)), until=Moment(date(2026, 10, 31)), code="FRIEND", share_ppm=500_000
    )
    do(date(2026, 9, 2), lambda recorded, today: subscription.discount(recorded, friend, today=today))
    do(
        date(2026, 11, 12),
        lambda recorded, today: subscription.cancel(recorded, AGREED, on=date(2026, 12, 10), today=today, by_law=True),
    )
    live_until(date(2027, 2, 1))
    table = documents(gym)
    assert table == [line for line in DOCUMENT.read_text().splitlines() if re.match(r"\| \d", line)]
    with gym.db.read() as conn:
        recorded = event_store.recorded(conn, [joined.subscription_id])[joined.subscription_id]
        assert sum(one.owed_minor for one in unpaid_invoices(conn, joined.account_id)) > 0
    assert len(recorded) == 6
