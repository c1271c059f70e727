"""The audit: silent over sound books, and each planted fault is found, explained, kept, and let go when it is gone."""

from dataclasses import dataclass
from datetime import date

import pytest
from cloud.gym import Gym, open_gym
from portillon_cloud.audit.check import ROWS_MOST, Check
from portillon_cloud.audit.contract_checks import RECKONED
from portillon_cloud.audit.defence_checks import DEFENCES_STAND
from portillon_cloud.audit.operations import CHECKS, HELD, audit, count_open, last_run, look, open_findings
from portillon_cloud.audit.planning import NIGHTLY_AUDIT, plan_audit
from portillon_cloud.billing import changes, subscription
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.operations import run_invoices
from portillon_cloud.billing.subscription import Agreement
from portillon_cloud.clock.local import start_of_day_ms
from portillon_cloud.database import Database
from portillon_cloud.main import handlers
from portillon_cloud.payments.desk import DeskPayment, take_payment
from portillon_cloud.payments.refunds import Refund, refund_credit
from portillon_cloud.payments.simulator import PaymentSimulator
from portillon_cloud.payments.tables import Means
from portillon_cloud.payments.write_off import WriteOff, write_off
from portillon_cloud.secrets import Keyring
from portillon_cloud.timers.operations import next_due
from portillon_cloud.timers.tables import timer
from portillon_cloud.worker import Worker
from sqlalchemy import Connection, select, text

START, MIDDLE = date(2026, 4, 1), date(2026, 4, 16)


def at(day: date) -> int:
    return start_of_day_ms(day, "America/Toronto")


@pytest.fixture
def books(gym: Gym) -> Gym:
    """Two members: one paid and cancelled in the middle of the month, the other's invoice is given up in part."""
    paid, lost = gym.join("Awa Diop", starts_on=START), gym.join("Jan Novak", starts_on=START)
    invoices = run_invoices(gym.db, gym.legal_entity_id, on=START, now_ms=at(START))
    with gym.db.write() as conn:
        take_payment(
            conn,
            DeskPayment(
                organisation_id=gym.organisation_id,
                account_id=paid.account_id,
                amount_minor=114_98,
                currency="CAD",
                means=Means.CASH,
                request_key="at-the-desk",
                taken_by="desk",
            ),
            now_ms=at(START),
        )
        changes.change(
            conn,
            organisation_id=gym.organisation_id,
            subscription_id=paid.subscription_id,
            ask=lambda recorded, today: subscription.cancel(recorded, Agreement(), on=MIDDLE, today=today, by_law=True),
            author=Author(name="desk", at_ms=at(MIDDLE), reason="moved"),
        )
        refund_credit(
            conn,
            Refund(
                organisation_id=gym.organisation_id,
                account_id=paid.account_id,
                by="desk",
                reason="moved",
                request_key="back",
                amount_minor=20_00,
            ),
            now_ms=at(MIDDLE),
        )
        write_off(
            conn,
            WriteOff(
                organisation_id=gym.organisation_id,
                account_id=lost.account_id,
                invoice_id=invoices[1],
                by="desk",
                reason="gone",
                request_key="lost",
                amount_minor=14_98,
            ),
            now_ms=at(MIDDLE),
        )
    return gym


def tamper(db: Database, *statements: str) -> None:
    """Write past every defence, as a technician with a database shell could."""
    with db.write() as conn:
        _switch(conn, on=False)
        for statement in statements:
            conn.execute(text(statement))
        _switch(conn, on=True)


_kept: dict[str, str] = {}


def _switch(conn: Connection, *, on: bool) -> None:
    if conn.dialect.name == "postgresql":
        conn.execute(text(f"SET LOCAL session_replication_role = {'origin' if on else 'replica'}"))
    elif on:
        for statement in _kept.values():
            conn.execute(text(statement))
    else:
        rows = conn.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
        _kept.update({row.name: row.sql for row in rows})
        for row in rows:
            conn.execute(text(f"DROP TRIGGER {row.name}"))


def found(gym: Gym) -> set[str]:
    with gym.db.read() as conn:
        return {one.code for one in look(conn, gym.organisation_id)}


def test_sound_books_are_passed_over(books: Gym) -> None:
    """Invoices, a payment, a credit note, a payout, a write-off: nothing to tell."""
    assert found(books) == set()


FAULTS = {
    "invoice_adds_up": (
        "UPDATE invoice SET net_minor = net_minor + 1, total_minor = total_minor + 1 WHERE number = 1",
    ),
    "credit_note_adds_up": ("UPDATE credit_note_tax SET amount_minor = amount_minor + 1 WHERE tax = 'TPS'",),
    "payment_is_spent_once": ("UPDATE payment SET amount_minor = amount_minor + 1",),
    "credit_note_is_spent_once": ("UPDATE open_credit SET left_minor = left_minor + 1",),
    "owed_is_collected": ("UPDATE payment_intent SET amount_minor = amount_minor - 1 WHERE state = 'open'",),
    "numbers_have_no_gap": ("UPDATE number_series SET last_number = last_number + 1",),
    "numbers_follow_the_calendar": ("UPDATE invoice SET issued_on = '2026-03-31' WHERE number = 2",),
    "credited_within_its_line": ("UPDATE credit_note_line SET priced_minor = priced_minor * 3",),
    "billed_once": ("UPDATE invoice_line SET generation = 2",),
    "charged_once": (
        "INSERT INTO payment_method (organisation_id, mode, account_id, provider, token, label, state, added_at_ms)"
        " SELECT organisation_id, 'test', account_id, 'simulator', 't', 'l', 'active', 0 FROM payment_intent"
        " WHERE state = 'open'",
        "INSERT INTO payment_attempt"
        " (organisation_id, intent_id, payment_method_id, number, key, state, tries, first_sent_at_ms)"
        " SELECT i.organisation_id, i.id, m.id, 1, 'k', 'over', 1, 0 FROM payment_intent i, payment_method m"
        " WHERE i.state = 'open'",
        "INSERT INTO attempt_outcome (attempt_id, organisation_id, intent_id, outcome, at_ms)"
        " SELECT id, organisation_id, intent_id, 'succeeded', 0 FROM payment_attempt",
    ),
    "document_is_posted": ("DELETE FROM posting WHERE id = (SELECT MIN(id) FROM posting)",),
    "ledger_comes_to_documents": ("UPDATE posting SET amount_minor = amount_minor + 1 WHERE id = 1",),
    "billed_without_gap": (
        "UPDATE subscription SET next_invoice_on = '2026-06-01' WHERE next_invoice_on > '2026-04-01'",
    ),
    "billed_as_agreed": ("DELETE FROM subscription_event WHERE kind = 'ended'",),
    "live_lines_apart": (
        "UPDATE invoice_line SET period_start = '2026-04-05' WHERE id = 1",
        "INSERT INTO invoice_line (organisation_id, invoice_id, position, description, subscription_id, component,"
        " period_start, period_end, start_second, end_second, cycle_start, cycle_end, price_id, generation, quantity,"
        " unit_minor, priced_minor, net_minor, taxable)"
        " SELECT organisation_id, invoice_id, 9, description, subscription_id, component, '2026-04-01', '2026-04-09',"
        " 0, 0, cycle_start, cycle_end, price_id, 1, 1, unit_minor, priced_minor, net_minor, taxable"
        " FROM invoice_line WHERE id = 1",
    ),
    "recognised_is_earned": (
        "INSERT INTO ledger_entry"
        " (organisation_id, legal_entity_id, currency, kind, source, occurred_on, recorded_at_ms)"
        " SELECT organisation_id, id, currency, 'recognition', 'x', '2026-04-30', 9000000000000 FROM legal_entity",
    ),
    "paid_out_once": (
        "INSERT INTO payout_paid (organisation_id, legal_entity_id, account_id, payout_id, means, amount_minor,"
        " currency, paid_by, paid_at_ms, request_key)"
        " SELECT o.organisation_id, o.legal_entity_id, o.account_id, o.id, 'cash', o.amount_minor, o.currency, 'x', 0,"
        " k.id FROM payout o, (SELECT 'a' AS id UNION ALL SELECT 'b') k",
    ),
    "told_is_acted_on": (
        "INSERT INTO inbox_event (organisation_id, provider, event_id, kind, topic, object_id, created_s,"
        " received_at_real_ms, state, tries, retry_at_real_ms, error)"
        " SELECT id, 'stripe', 'evt_1', 'refund.failed', 'refund', 're_1', 0, 0, 'parked', 15, 0, 'NewsAwayError: away'"
        " FROM organisation",
    ),
    "closed_is_closed": (
        "INSERT INTO accounting_close"
        " (organisation_id, legal_entity_id, currency, through_on, closed_at_ms, closed_by, reason)"
        " SELECT organisation_id, id, currency, '2026-04-30', 0, 'x', 'x' FROM legal_entity",
    ),
}


def test_every_check_has_its_fault() -> None:
    """A check that no planted fault turns red would prove nothing."""
    assert {one.code for one in CHECKS} | set(RECKONED) == set(FAULTS)
    assert set(HELD) == set(FAULTS) | {DEFENCES_STAND}


@pytest.mark.parametrize("code", sorted(FAULTS))
def test_a_planted_fault_is_found_and_explained(books: Gym, code: str) -> None:
    """By its own check, in a sentence with the numbers in it, and it is kept; mended, it is let go."""
    tamper(books.db, *FAULTS[code])
    run = audit(books.db, books.organisation_id, now_ms=5)
    assert run.found >= 1
    with books.db.read() as conn:
        [one] = [each for each in open_findings(conn, books.organisation_id) if each.finding.code == code][:1]
        assert count_open(conn, books.organisation_id) == run.found
    assert "{" not in one.explanation
    assert any(figure in one.explanation for figure in "0123456789")
    assert one.since_ms == 5


def test_a_finding_is_kept_once_and_let_go_when_it_is_gone(books: Gym) -> None:
    """Seen in three nights it is one finding, of the first; mended, no audit tells it any more."""
    tamper(books.db, "UPDATE number_series SET last_number = last_number + 1 WHERE series = 'TEST-CN'")
    for night in (1, 2, 3):
        audit(books.db, books.organisation_id, now_ms=night)
    with books.db.read() as conn:
        [one] = open_findings(conn, books.organisation_id)
        assert one.since_ms == 1
        assert one.explanation.endswith("has 1 documents, numbered 1 to 1; its counter stands at 2.")
    tamper(books.db, "UPDATE number_series SET last_number = last_number - 1 WHERE series = 'TEST-CN'")
    audit(books.db, books.organisation_id, now_ms=4)
    with books.db.read() as conn:
        assert open_findings(conn, books.organisation_id) == []
        assert count_open(conn, books.organisation_id) == 0
        last = last_run(conn, books.organisation_id)
    assert last is not None
    assert (last.ran_at_ms, last.checks, last.found) == (4, len(HELD), 0)


def test_a_defence_that_is_gone_is_told(books: Gym) -> None:
    """Without its trigger an invoice could be changed unseen: the audit names the table."""
    name = "invoice_no_delete" if books.db.embedded else "invoice_no_change"
    with books.db.write() as conn:
        conn.execute(text(f"DROP TRIGGER {name}" + ("" if books.db.embedded else " ON invoice")))
    with books.db.read() as conn:
        [one] = look(conn, books.organisation_id)
    assert (one.code, one.facts["table"]) == (DEFENCES_STAND, "invoice")


def test_a_fault_of_everything_is_told_in_bounds(sqlite_gym: Gym) -> None:
    """However many rows are wrong, at most so many are told one by one."""
    check = Check(
        code="x",
        holds="",
        says="",
        sql="WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)"
        " SELECT 'row ' || i AS subject, :organisation_id AS organisation FROM n",
    )
    with sqlite_gym.db.read() as conn:
        assert len(check.run(conn, 1)) == ROWS_MOST


def test_another_tenant_is_not_told(books: Gym) -> None:
    """A fault in these books is no finding of another organisation."""
    tamper(books.db, *FAULTS["invoice_adds_up"])
    with books.db.read() as conn:
        assert look(conn, books.organisation_id + 1) == []


def test_it_rings_every_night(gym: Gym) -> None:
    """At half past three on the wall, and again the next night, also where the clocks change in between."""
    night = date(2026, 10, 31)
    with gym.db.write() as conn:
        plan_audit(conn, organisation_id=gym.organisation_id, time_zone="America/Toronto", after_ms=at(night))
        conn.execute(text("UPDATE test_clock SET business_ms = :now, rate = 0"), {"now": at(date(2026, 11, 1))})
    worker = Worker(db=gym.db, clock=gym.clock, handlers=handlers(PaymentSimulator(gym.db)), name="w")
    worker.run_until_idle()
    with gym.db.read() as conn:
        assert last_run(conn, gym.organisation_id) is not None
        due = next_due(conn, organisation_id=gym.organisation_id)
        keys = (
            conn.execute(select(timer.c.key).where(timer.c.kind == NIGHTLY_AUDIT).order_by(timer.c.id)).scalars().all()
        )
    assert due is not None
    assert due.due_at_ms == at(date(2026, 11, 1)) + int(4.5 * 3_600_000)  # the night that has an hour twice
    assert keys == [f"{NIGHTLY_AUDIT}:2026-10-31", f"{NIGHTLY_AUDIT}:2026-11-01"]


def test_a_live_organisation_is_audited_from_its_first_night(sqlite_db: Database, keyring: Keyring) -> None:
    """Nobody has to ask; a test organisation, whose year passes in a minute, is audited when it is asked for."""
    clock = StillClock(now_ms=at(START))
    live = open_gym(sqlite_db, keyring, clock, mode="live")
    test = open_gym(sqlite_db, keyring, clock)
    with sqlite_db.read() as conn:
        due = next_due(conn, organisation_id=live.organisation_id)
        assert next_due(conn, organisation_id=test.organisation_id) is None
    assert due is not None
    assert due.due_at_ms == at(START) + int(3.5 * 3_600_000)


@dataclass
class StillClock:
    now_ms: int

    def real_ms(self) -> int:
        return self.now_ms
