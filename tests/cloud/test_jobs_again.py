"""Invariant 11 on every job: months are lived, then each timer that ever rang rings once more, and nothing changes."""

from datetime import date
from typing import Any

import pytest
from cloud.conftest import ManualClock
from cloud.gym import Gym
from portillon_cloud.audit.operations import look
from portillon_cloud.audit.planning import plan_audit
from portillon_cloud.billing import changes, subscription
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.subscription import Agreement
from portillon_cloud.clock.local import start_of_day_ms
from portillon_cloud.clock.operations import advance
from portillon_cloud.database.schema import metadata
from portillon_cloud.main import handlers
from portillon_cloud.payments.operations import add_payment_method
from portillon_cloud.payments.provider import CardBehaviour
from portillon_cloud.payments.simulator import SIMULATOR, PaymentSimulator
from portillon_cloud.timers.tables import timer
from portillon_cloud.worker import Worker
from sqlalchemy import select, text

ZONE = "America/Toronto"
START, END = date(2026, 1, 5), date(2026, 3, 20)

# What tells of the jobs themselves, not of what they did.
OF_JOBS = {"timer", "clock_job", "test_clock", "audit_run"}


def at(day: date) -> int:
    return start_of_day_ms(day, ZONE)


def rows(gym: Gym) -> dict[str, list[Any]]:
    with gym.db.read() as conn:
        return {
            table.name: list(conn.execute(select(table)).all())
            for table in metadata.sorted_tables
            if table.name not in OF_JOBS
        }


@pytest.fixture
def lived(gym: Gym, clock: ManualClock) -> tuple[Gym, Worker]:
    """Ten weeks of three members: one pays, one's card is refused, one leaves in the middle of a month."""
    simulator = PaymentSimulator(gym.db)
    cards = simulator.issue_cards(gym.organisation_id, 3)
    simulator.set_card_behaviour(gym.organisation_id, cards[1], CardBehaviour.INSUFFICIENT_FUNDS)
    joined = [gym.join(name, starts_on=START) for name in ("Ada Roy", "Bo Li", "Cy Diop")]
    with gym.db.write() as conn:
        for one, token in zip(joined, cards, strict=True):
            add_payment_method(
                conn,
                organisation_id=gym.organisation_id,
                account_id=one.account_id,
                provider=SIMULATOR,
                token=token,
                label="•••• 4242",
                now_ms=clock.real_ms(),
            )
        plan_audit(conn, organisation_id=gym.organisation_id, time_zone=ZONE, after_ms=at(date(2026, 3, 15)))
    worker = Worker(db=gym.db, clock=clock, handlers=handlers(simulator), name="w")
    live_until(gym, worker, date(2026, 2, 15))
    with gym.db.write() as conn:
        changes.change(
            conn,
            organisation_id=gym.organisation_id,
            subscription_id=joined[2].subscription_id,
            ask=lambda recorded, today: subscription.cancel(
                recorded, Agreement(), on=date(2026, 2, 20), today=today, by_law=True
            ),
            author=Author(name="desk", at_ms=at(date(2026, 2, 15))),
        )
    live_until(gym, worker, END)
    return gym, worker


def live_until(gym: Gym, worker: Worker, day: date) -> None:
    with gym.db.write() as conn:
        advance(conn, gym.organisation_id, target_ms=at(day), real_ms=gym.clock.real_ms())
    worker.run_until_idle()


def ring_all_again(gym: Gym, worker: Worker) -> set[str]:
    """Every timer that is done is due once more; the kinds that rang.

    But those that asked for a card that refused: their outcome is written in one transaction with their end, so that
    no crash can repeat one; asked once more, a refused charge is a new attempt, as it should be.
    """
    with gym.db.write() as conn:
        kinds = set(conn.execute(select(timer.c.kind).where(timer.c.state == "done")).scalars())
        conn.execute(
            text(
                "UPDATE timer SET state = 'ready', worker = NULL, lease_until_real_ms = NULL, attempts = 0, "
                "retry_at_real_ms = 0 WHERE state = 'done' AND NOT (kind = 'charge' AND subject_id IN "
                "(SELECT id FROM payment_intent WHERE state = 'open'))"
            )
        )
    worker.run_until_idle()
    with gym.db.read() as conn:
        left = conn.execute(select(timer.c.kind, timer.c.error).where(timer.c.state == "failed")).all()
    assert left == []
    return kinds


def test_every_job_rung_again_changes_nothing(lived: tuple[Gym, Worker]) -> None:
    """Runs, recognition, charges, reminders, reviews, the audit: what they once did is done, and stays."""
    gym, worker = lived
    before = rows(gym)
    kinds = ring_all_again(gym, worker)
    after = rows(gym)
    assert kinds >= {"invoice_run", "recognise_revenue", "charge", "dunning_step", "nightly_audit"}
    assert {name for name in before if before[name] != after[name]} == set()
    assert len(before["invoice"]) >= 7
    with gym.db.read() as conn:
        assert look(conn, gym.organisation_id) == []


def test_a_job_that_did_its_work_twice_would_be_seen(lived: tuple[Gym, Worker]) -> None:
    """Ablation: without the mark that a period is billed, the run bills it anew, or the database refuses it loudly."""
    gym, worker = lived
    before = rows(gym)
    with gym.db.write() as conn:
        conn.execute(text("UPDATE subscription SET next_invoice_on = '2026-03-05' WHERE plain"))
    with pytest.raises(AssertionError):
        ring_all_again(gym, worker)
        assert rows(gym) == before
