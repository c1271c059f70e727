"""What is beside a membership ends with it: when it is cancelled, kept after all, or prolonged."""

from datetime import date

import pytest
from cloud.billing.test_signing import price, sign, wish
from cloud.gym import Gym
from portillon_cloud.billing import agreed_change, changes, event_store, subscription
from portillon_cloud.billing.catalogue import PlanKind, create_plan
from portillon_cloud.billing.change_request import CancelChange
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.subscription import Agreement
from portillon_cloud.billing.tables import credit_note_line
from portillon_cloud.billing.tables import subscription as subscription_row
from portillon_cloud.clock.local import start_of_day_ms
from portillon_cloud.main import handlers
from portillon_cloud.payments.simulator import PaymentSimulator
from portillon_cloud.worker import Worker
from sqlalchemy import select, text

START, FEBRUARY = date(2026, 1, 31), start_of_day_ms(date(2026, 2, 1), "America/Toronto")


def ring(gym: Gym) -> None:
    """Let the worker do what is due by then."""
    with gym.db.write() as conn:
        conn.execute(text("UPDATE test_clock SET business_ms = :now, rate = 0"), {"now": FEBRUARY})
    Worker(db=gym.db, clock=gym.clock, handlers=handlers(PaymentSimulator(gym.db)), name="w").run_until_idle()


def test_an_add_on_follows_its_membership(gym: Gym) -> None:
    """Cancelled, its paid days come back, as shown before, and it ends on that day; kept, it runs to the term again."""
    with gym.db.write() as conn:
        pool = create_plan(
            conn, organisation_id=gym.organisation_id, legal_entity_id=gym.legal_entity_id, code="pool", name="Pool",
            kind=PlanKind.ADDON,
        )  # fmt: skip
    joined = gym.join("Ann Roy", starts_on=START)
    beside = wish(gym, joined.member_id, price(gym, plan_id=pool, amount_minor=28_00, term_months=None))
    addon_id = sign(gym, joined.account_id, beside)
    ring(gym)

    def change(ask: changes.Ask) -> date | None:
        with gym.db.write() as conn:
            changes.change(
                conn,
                organisation_id=gym.organisation_id,
                subscription_id=joined.subscription_id,
                ask=ask,
                author=Author(name="Desk", at_ms=FEBRUARY),
            )
        ring(gym)
        with gym.db.read() as conn:
            ends_on = select(subscription_row.c.ends_on).where(subscription_row.c.id == addon_id)
            return conn.scalar(ends_on)

    leaves_on = date(2026, 2, 14)
    leave = CancelChange(change="cancel", on=leaves_on, by_law=True)
    with gym.db.read() as conn:
        shown = agreed_change.show(
            conn,
            organisation_id=gym.organisation_id,
            subscription_id=joined.subscription_id,
            new=leave,
            now_ms=FEBRUARY,
        )
    [addon] = shown.beside
    assert [draft.taxed.net_minor for draft in (*shown.outcome.credit_notes, *addon.credit_notes)] == [50_00, 14_00]
    assert shown.owed_more_minor == -sum(
        one.taxed.total_minor for one in (*shown.outcome.credit_notes, *addon.credit_notes)
    )
    cancelled = change(lambda recorded, today: subscription.cancel(recorded, Agreement(), on=leaves_on, today=today))
    assert cancelled == leaves_on
    with gym.db.read() as conn:
        assert sorted(conn.scalars(select(credit_note_line.c.net_minor))) == [14_00, 50_00]
    assert change(lambda recorded, today: subscription.keep(recorded, today=today)) == date(2027, 1, 31)
    assert change(lambda recorded, today: subscription.renew(recorded, months=12, today=today)) == date(2028, 1, 31)


def test_without_word_of_the_change_it_would_run_on(gym: Gym, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ablation: nobody plans the look at what is beside it, and the add-on outlives its membership."""
    monkeypatch.setattr(event_store, "plan_addons", lambda _conn, **_said: None)
    with pytest.raises(AssertionError, match="2027"):
        test_an_add_on_follows_its_membership(gym)
