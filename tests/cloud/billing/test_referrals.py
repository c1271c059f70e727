"""Who brought whom: rewarded once, after the first invoice is paid, and nobody for themselves or their household."""

from datetime import date

import pytest
from cloud.gym import Gym
from portillon_cloud.billing.errors import CatalogueError, ReferralRefusedError, UnknownReferralError
from portillon_cloud.billing.operations import run_invoices
from portillon_cloud.billing.referrals import Reward, give_reward, note, referrals_of, set_reward
from portillon_cloud.billing.sales_tables import referral_reward
from portillon_cloud.billing.tables import invoice, invoice_line
from portillon_cloud.clock.local import start_of_day_ms
from portillon_cloud.main import handlers
from portillon_cloud.payments.desk import DeskPayment, take_payment
from portillon_cloud.payments.simulator import PaymentSimulator
from portillon_cloud.payments.tables import Means
from portillon_cloud.worker import Worker
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError

START, NEXT = date(2026, 1, 31), date(2026, 2, 28)
HALF = Reward(cycles=2, share_ppm=500_000)


def ms(day: date) -> int:
    return start_of_day_ms(day, "America/Toronto")


def bring(gym: Gym, referrer_id: int, referred_id: int) -> int:
    with gym.db.write() as conn:
        return note(
            conn,
            organisation_id=gym.organisation_id,
            referrer_id=referrer_id,
            referred_id=referred_id,
            by="Desk",
            now_ms=ms(START),
        )


def pay(gym: Gym, account_id: int, amount_minor: int, key: str) -> None:
    paid = DeskPayment(
        organisation_id=gym.organisation_id,
        account_id=account_id,
        amount_minor=amount_minor,
        currency="CAD",
        means=Means.CASH,
        request_key=key,
        taken_by="Desk",
    )
    with gym.db.write() as conn:
        take_payment(conn, paid, now_ms=ms(START))


def ring(gym: Gym) -> None:
    """Let the worker do what is due by then."""
    with gym.db.write() as conn:
        conn.execute(text("UPDATE test_clock SET business_ms = :now, rate = 0"), {"now": ms(START)})
    Worker(db=gym.db, clock=gym.clock, handlers=handlers(PaymentSimulator(gym.db)), name="w").run_until_idle()


def states(gym: Gym) -> list[str]:
    with gym.db.read() as conn:
        return [one.state.value for one in referrals_of(conn, gym.organisation_id, on=START)]


def test_the_reward_comes_once_with_the_first_paid_invoice(gym: Gym) -> None:
    """Half price for the next two months of who brought; a part paid earns nothing, a second payment nothing more."""
    with gym.db.write() as conn:
        set_reward(conn, gym.organisation_id, HALF)
    ann, bob = gym.join("Ann Roy", starts_on=START), gym.join("Bob Cyr", starts_on=START)
    referral_id = bring(gym, ann.member_id, bob.member_id)
    run_invoices(gym.db, gym.legal_entity_id, on=START, now_ms=ms(START))
    pay(gym, bob.account_id, 50_00, "first")
    ring(gym)
    assert states(gym) == ["unpaid"]
    pay(gym, bob.account_id, 64_98, "rest")
    ring(gym)
    assert states(gym) == ["rewarded"]
    pay(gym, ann.account_id, 114_98, "ann")
    ring(gym)
    with pytest.raises(ReferralRefusedError, match="rewarded"), gym.db.write() as conn:
        give_reward(conn, gym.organisation_id, referral_id, now_ms=ms(START))
    for on in (NEXT, date(2026, 3, 31), date(2026, 4, 30)):
        run_invoices(gym.db, gym.legal_entity_id, on=on, now_ms=ms(on))
    with gym.db.read() as conn:
        mine = conn.execute(
            select(invoice_line.c.net_minor, invoice_line.c.description)
            .join(invoice, invoice.c.id == invoice_line.c.invoice_id)
            .where(invoice.c.account_id == ann.account_id, invoice_line.c.quantity < 0)
        ).all()
    assert [row.net_minor for row in mine] == [-50_00, -50_00] and "FRIEND" in mine[0].description
    # The defence behind it: a second row for one referral is refused whatever the code does.
    again = {"referral_id": referral_id, "organisation_id": gym.organisation_id,
             "subscription_id": ann.subscription_id, "given_at_ms": 0}  # fmt: skip
    with pytest.raises(IntegrityError), gym.db.write() as conn:
        conn.execute(insert(referral_reward).values(again))


def test_a_reward_waits_for_its_terms(gym: Gym) -> None:
    """Nothing set when it was paid: it waits, and is given when somebody asks for it."""
    ann, bob = gym.join("Ann Roy", starts_on=START), gym.join("Bob Cyr", starts_on=START)
    referral_id = bring(gym, ann.member_id, bob.member_id)
    run_invoices(gym.db, gym.legal_entity_id, on=START, now_ms=ms(START))
    pay(gym, bob.account_id, 114_98, "all")
    ring(gym)
    assert states(gym) == ["waiting"]
    with gym.db.write() as conn:
        set_reward(conn, gym.organisation_id, HALF)
        given = give_reward(conn, gym.organisation_id, referral_id, now_ms=ms(START))
        assert given == ann.subscription_id
    assert states(gym) == ["rewarded"]


def test_who_cannot_be_brought_is_told(gym: Gym) -> None:
    """Oneself, one's household, who has paid before, who was brought already, who is nobody: each says which field."""
    ann = gym.join("Ann Roy", starts_on=START)
    kid, bob = gym.join("Kid Roy", starts_on=START, account_id=ann.account_id), gym.join("Bob Cyr", starts_on=START)
    for referred_id, why in ((ann.member_id, "themselves"), (kid.member_id, "household")):
        with pytest.raises(ReferralRefusedError, match=f"^referrer_id: .*{why}"):
            bring(gym, ann.member_id, referred_id)
    bring(gym, ann.member_id, bob.member_id)
    with pytest.raises(ReferralRefusedError, match="already"):
        bring(gym, kid.member_id, bob.member_id)
    run_invoices(gym.db, gym.legal_entity_id, on=START, now_ms=ms(START))
    pay(gym, ann.account_id, 10_00, "ann")
    with pytest.raises(ReferralRefusedError, match="paid before"):
        bring(gym, bob.member_id, kid.member_id)
    with pytest.raises(UnknownReferralError):
        bring(gym, ann.member_id, 999)
    with pytest.raises(CatalogueError), gym.db.write() as conn:
        set_reward(conn, gym.organisation_id, Reward(cycles=1))
