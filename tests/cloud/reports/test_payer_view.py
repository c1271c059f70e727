"""An account seen whole, on both databases: owed, paid for, documents, credit and what was paid back."""

import datetime

from cloud.gym import Gym, Joined
from portillon_cloud.billing.agreed_change import carry_out
from portillon_cloud.billing.change_request import ShareChange
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.operations import run_invoices
from portillon_cloud.billing.sale_draft import Thing
from portillon_cloud.billing.sales import Brought, Returned, Sold, sell, sold_lines, take_back
from portillon_cloud.billing.way_to_leave import WAY_TO_LEAVE, ask_way_to_leave
from portillon_cloud.clock.local import start_of_day_ms
from portillon_cloud.members.operations import add_account
from portillon_cloud.payments.operations import DeskPayment, take_payment
from portillon_cloud.payments.refunding.by_hand import PaidOut, pay_out
from portillon_cloud.payments.refunding.tables import PaidBy
from portillon_cloud.payments.refunds import Refund, refund_credit
from portillon_cloud.payments.tables import Means
from portillon_cloud.reports.payer_documents import Settling
from portillon_cloud.reports.payer_view import PayerView, payer_view
from portillon_cloud.timers.tables import timer
from sqlalchemy import Connection, func, select

START, MAY = datetime.date(2026, 4, 1), datetime.date(2026, 5, 1)
NOW_MS = start_of_day_ms(datetime.date(2026, 4, 11), "America/Toronto")


def seen(conn: Connection, gym: Gym, account_id: int, now_ms: int = NOW_MS) -> PayerView:
    found = payer_view(conn, organisation_id=gym.organisation_id, account_id=account_id, now_ms=now_ms)
    assert found is not None
    return found


def company_that_pays(gym: Gym, joined: Joined) -> int:
    """A company that pays 10.00 of each cycle from May on; its account."""
    with gym.db.write() as conn:
        company = add_account(
            conn, organisation_id=gym.organisation_id, legal_entity_id=gym.legal_entity_id, name="Atelier Inc.",
            language="fr", email=None,
        )  # fmt: skip
        asked = ShareChange(change="share", payer_account_id=company, on=MAY, amount_minor=10_00)
        by = Author(name="Camille", at_ms=NOW_MS)
        carry_out(
            conn, organisation_id=gym.organisation_id, subscription_id=joined.subscription_id, new=asked, author=by
        )
    return company


def test_a_household_and_the_company_that_helps(gym: Gym) -> None:
    """Each member under its payer with what it pays; the invoices add up to what is owed; others see nothing."""
    alice = gym.join(starts_on=START)
    gym.join("Bob Tremblay", starts_on=START, account_id=alice.account_id)
    run_invoices(gym.db, gym.legal_entity_id, on=START, now_ms=start_of_day_ms(START, "America/Toronto"))
    company = company_that_pays(gym, alice)
    run_invoices(gym.db, gym.legal_entity_id, on=MAY, now_ms=start_of_day_ms(MAY, "America/Toronto"))
    with gym.db.read() as conn:
        payer, helper = seen(conn, gym, alice.account_id), seen(conn, gym, company)
        later = seen(conn, gym, alice.account_id, start_of_day_ms(MAY, "America/Toronto"))
        nobody = payer_view(conn, organisation_id=gym.organisation_id + 1, account_id=company, now_ms=NOW_MS)
    paid = {one.name: one.costs[0].pays.amount_minor for one in later.paid_for.members}
    assert paid["Alice Tremblay"] == paid["Bob Tremblay"] - 10_00
    assert later.paid_for.monthly is not None and later.paid_for.monthly.amount_minor == sum(paid.values())
    assert [(one.name, one.costs[0].pays.amount_minor, one.costs[0].on) for one in helper.paid_for.members] == [
        ("Alice Tremblay", 10_00, MAY)
    ]
    assert payer.owed_total.amount_minor == sum(one.summary.owed.amount_minor for one in payer.invoices) > 0
    assert 0 < payer.overdue_total.amount_minor < payer.owed_total.amount_minor and payer.owed[0].days_late == 10
    assert helper.owed_total.amount_minor > 10_00 and nobody is None


def test_money_in_back_and_out_again(gym: Gym) -> None:
    """A sale paid, half of it brought back: the credit note is credit; asked for, it is owed; paid out, it is paid."""
    alice = gym.join(starts_on=START)
    same = {"organisation_id": gym.organisation_id, "account_id": alice.account_id}
    with gym.db.write() as conn:
        towels = Sold(
            **same, things=(Thing(description="Towel", quantity=2, unit_minor=10_00),), tax_inclusive=True,
            request_key="towels-1", by="Camille",
        )  # fmt: skip
        [invoice_id] = sell(conn, towels, now_ms=NOW_MS)
        paid = DeskPayment(
            **same, amount_minor=20_00, currency="CAD", means=Means.CASH, request_key="cash-1", taken_by="Camille"
        )
        take_payment(conn, paid, now_ms=NOW_MS)
        brought = Brought(
            organisation_id=gym.organisation_id, invoice_id=invoice_id, lines=(Returned(1, 1),), reason="torn",
            request_key="torn-1",
        )  # fmt: skip
        take_back(conn, brought, now_ms=NOW_MS)
        assert [(one.quantity, one.left) for one in sold_lines(conn, gym.organisation_id, invoice_id)] == [(2, 1)]
        assert seen(conn, gym, alice.account_id).credit_total.amount_minor == 10_00
        [payout_id] = refund_credit(
            conn, Refund(**same, by="Camille", reason="asked", request_key="r-1"), now_ms=NOW_MS
        )
        waiting = seen(conn, gym, alice.account_id)
        said = PaidOut(
            organisation_id=gym.organisation_id, payout_id=payout_id, means=PaidBy.CASH, by="Camille", request_key="p-1"
        )
        pay_out(conn, said, now_ms=NOW_MS)
        done = seen(conn, gym, alice.account_id)
    assert [one.paid_on for one in waiting.refunds] == [None] and waiting.credit == ()
    assert [one.paid_on for one in done.refunds] == [datetime.date(2026, 4, 11)]
    assert [part.what for part in done.invoices[0].settled] == [Settling.PAYMENT]
    assert [(one.of_number, one.total.amount_minor) for one in done.credit_notes] == [
        (done.invoices[0].summary.number, 10_00)
    ]


def test_the_way_out_is_asked_for_once_a_day(gym: Gym) -> None:
    """One timer for each subscription of that e-mail, however often and in whatever letters; none for another's."""
    alice = gym.join(starts_on=START)
    gym.join("Bob Roy", starts_on=START)
    with gym.db.write() as conn:
        for typed in ("alice@example.org", " ALICE@example.org", "zoe@example.org"):
            ask_way_to_leave(conn, gym.organisation_id, typed, now_ms=NOW_MS)
        planned = conn.scalars(select(timer.c.subject_id).where(timer.c.kind == WAY_TO_LEAVE)).all()
        assert planned == [alice.subscription_id]
        ask_way_to_leave(conn, gym.organisation_id, "alice@example.org", now_ms=NOW_MS + 24 * 3_600_000)
        assert conn.scalar(select(func.count()).where(timer.c.kind == WAY_TO_LEAVE)) == 2
