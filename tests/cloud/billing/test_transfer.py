"""A subscription handed on: the same days at the same price for somebody else, to the cent, once, with both agreed."""

from datetime import date, timedelta

import pytest
from cloud.gym import MONTHLY, Gym, Joined
from portillon_cloud.audit.operations import look
from portillon_cloud.billing import changes
from portillon_cloud.billing.errors import SubscriptionRefusedError, TransferRefusedError
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.operations import create_plan, create_price, run_invoices
from portillon_cloud.billing.span import Moment
from portillon_cloud.billing.subscription import Agreement, discount, freeze, keep, renew
from portillon_cloud.billing.tables import contract, credit_note, invoice, invoice_line, subscription
from portillon_cloud.billing.timeline import Discounted
from portillon_cloud.billing.transfer import Transfer, Transferred, preview, transfer
from portillon_cloud.billing.transfer_tables import Consent, subscription_transfer
from portillon_cloud.members.operations import add_account, add_member
from portillon_cloud.visits.operations import member_visits
from portillon_cloud.visits.plan_visits import PlanVisits
from sqlalchemy import func, select

STARTS_ON = date(2026, 1, 1)
DAY_MS = 24 * 3600 * 1000
NOON_MS = 17 * 3600 * 1000


def at_ms(gym: Gym, on: date) -> int:
    return gym.clock.real_ms() + NOON_MS + (on - STARTS_ON).days * DAY_MS


def run(gym: Gym, on: date) -> None:
    run_invoices(gym.db, gym.legal_entity_id, on=on, now_ms=at_ms(gym, on))


def taker(gym: Gym, name: str = "Ali") -> tuple[int, int]:
    """Account and member."""
    with gym.db.write() as conn:
        account_id = add_account(
            conn, organisation_id=gym.organisation_id, legal_entity_id=gym.legal_entity_id, name=f"{name} Côté",
            email=None, language="en",
        )  # fmt: skip
        member_id = add_member(
            conn, organisation_id=gym.organisation_id, account_id=account_id, site_id=gym.site_id, first_name=name,
            last_name="Côté", joined_on=STARTS_ON,
        )  # fmt: skip
    return account_id, member_id


def hand_on(
    gym: Gym, subscription_id: int, to: int, today: date, *, only_show: bool = False, **asked: object
) -> Transferred:
    with gym.db.write() as conn:
        return (preview if only_show else transfer)(
            conn,
            organisation_id=gym.organisation_id,
            subscription_id=subscription_id,
            asked=Transfer(
                to_member_id=to,
                giver_agreed=Consent.IN_PERSON,
                taker_agreed=Consent.IN_WRITING,
                **asked,  # type: ignore[arg-type]
            ),
            author=Author(name="desk", at_ms=at_ms(gym, today)),
        )


def change(gym: Gym, who: Joined, today: date, ask: changes.Ask) -> None:
    with gym.db.write() as conn:
        changes.change(
            conn,
            organisation_id=gym.organisation_id,
            subscription_id=who.subscription_id,
            ask=ask,
            author=Author(name="desk", at_ms=at_ms(gym, today)),
        )


def test_the_days_that_are_left_change_hands(gym: Gym) -> None:
    """On 20 January 12 of 31 days are credited to one and invoiced to the other, the fee with them; then as ever."""
    giver = gym.join(starts_on=STARTS_ON)
    run(gym, STARTS_ON)
    account_id, member_id = taker(gym)
    shown = hand_on(gym, giver.subscription_id, member_id, date(2026, 1, 20), only_show=True, fee_minor=15_00)
    with gym.db.read() as conn:
        assert conn.scalar(select(func.count()).select_from(subscription)) == 1
    done = hand_on(gym, giver.subscription_id, member_id, date(2026, 1, 20), fee_minor=15_00)
    assert (done.giver.owed_more_minor, done.taker.owed_more_minor) == (
        shown.giver.owed_more_minor,
        shown.taker.owed_more_minor,
    )
    assert (done.giver.ends_on, done.taker.ends_on) == (date(2026, 1, 20), date(2027, 1, 1))
    run(gym, date(2026, 2, 1))
    with gym.db.read() as conn:
        assert conn.scalar(select(credit_note.c.net_minor)) == 38_71
        theirs = conn.execute(
            select(invoice.c.net_minor, invoice.c.issued_on)
            .where(invoice.c.account_id == account_id)
            .order_by(invoice.c.id)
        ).all()
        assert theirs == [(38_71 + 15_00, date(2026, 1, 20)), (100_00, date(2026, 2, 1))]
        assert conn.scalar(select(func.count()).where(invoice.c.account_id == giver.account_id)) == 1
        assert look(conn, gym.organisation_id) == []


def test_the_contract_goes_on_and_both_consents_are_kept(gym: Gym) -> None:
    """Same law, term and agreement; what it comes to is what is left; who agreed how stands in the record."""
    giver = gym.join(starts_on=STARTS_ON)
    run(gym, STARTS_ON)
    _, member_id = taker(gym)
    done = hand_on(gym, giver.subscription_id, member_id, date(2026, 1, 1), on=date(2026, 5, 1))
    assert done.taker.invoices == () and done.giver.owed_more_minor == 0
    with gym.db.read() as conn:
        theirs = conn.execute(select(contract).where(contract.c.id == done.contract_id)).one()
        assert (theirs.law, theirs.starts_on, theirs.ends_on) == ("ca-qc", date(2026, 5, 1), date(2027, 1, 1))
        assert (theirs.instalments, theirs.total_minor) == (8, 800_00)
        kept = conn.execute(select(subscription_transfer)).one()
        assert (kept.giver_agreed, kept.taker_agreed, kept.holds_from_on) == (
            "in_person",
            "in_writing",
            date(2026, 5, 1),
        )


def test_a_discount_goes_along(gym: Gym) -> None:
    """Half price until March is half price for the taker too, and ends when it would have."""
    giver = gym.join(starts_on=STARTS_ON)
    half = Discounted(at=Moment(STARTS_ON), code="HALF", share_ppm=500_000, until=Moment(date(2026, 3, 1)))
    change(gym, giver, STARTS_ON, lambda recorded, today: discount(recorded, half, today=today))
    account_id, member_id = taker(gym)
    hand_on(gym, giver.subscription_id, member_id, STARTS_ON, on=date(2026, 2, 1))
    for on in (date(2026, 2, 1), date(2026, 3, 1)):
        run(gym, on)
    with gym.db.read() as conn:
        nets = conn.execute(
            select(invoice.c.net_minor).where(invoice.c.account_id == account_id).order_by(invoice.c.id)
        ).scalars()
        assert list(nets) == [50_00, 100_00]


def test_the_visits_that_are_left_go_along(gym: Gym) -> None:
    """Of a pack of ten the taker has what was left, and the giver nothing; a pack is handed over today."""
    with gym.db.write() as conn:
        plan_id = create_plan(
            conn, organisation_id=gym.organisation_id, legal_entity_id=gym.legal_entity_id, code="ten", name="Dix",
            visits=PlanVisits({}, 10),
        )  # fmt: skip
        price_id = create_price(conn, plan_id=plan_id, amount_minor=60_00, interval=MONTHLY, term_months=12)
    giver = gym.join(starts_on=STARTS_ON, price_id=price_id)
    run(gym, STARTS_ON)
    _, first = taker(gym)
    _, second = taker(gym, "Bo")
    with pytest.raises(TransferRefusedError, match="today"):
        hand_on(gym, giver.subscription_id, first, STARTS_ON, on=date(2026, 2, 1))
    done = hand_on(gym, giver.subscription_id, first, STARTS_ON)
    assert done.visits_left == 10
    again = hand_on(gym, done.subscription_id, second, STARTS_ON + timedelta(days=3))
    assert again.visits_left == 10
    with gym.db.read() as conn:
        now_ms = at_ms(gym, STARTS_ON + timedelta(days=3))
        for member_id, left in ((giver.member_id, []), (first, []), (second, [10])):
            found = member_visits(conn, organisation_id=gym.organisation_id, member_id=member_id, now_ms=now_ms)
            assert [one.left for one in found.allowances if one.closed_at_ms is None] == left


def test_what_cannot_be_handed_on(gym: Gym) -> None:
    """Not to oneself, not to nobody, not twice, not while frozen, not for yesterday, and nothing is written."""
    giver = gym.join(starts_on=STARTS_ON)
    run(gym, STARTS_ON)
    _, member_id = taker(gym)
    today = date(2026, 1, 20)
    for to, said in ((giver.member_id, "theirs already"), (999, "no member 999")):
        with pytest.raises(TransferRefusedError, match=said):
            hand_on(gym, giver.subscription_id, to, today)
    with pytest.raises(SubscriptionRefusedError):
        hand_on(gym, giver.subscription_id, member_id, today, on=date(2026, 1, 19))
    change(
        gym,
        giver,
        today,
        lambda recorded, now: freeze(recorded, Agreement(), on=date(2026, 2, 1), until_on=date(2026, 2, 20), today=now),
    )
    with pytest.raises(SubscriptionRefusedError) as frozen:
        hand_on(gym, giver.subscription_id, member_id, today, on=date(2026, 2, 10))
    assert frozen.value.possible_on == date(2026, 2, 20)
    with gym.db.read() as conn:
        assert conn.scalar(select(func.count()).select_from(subscription_transfer)) == 0
    hand_on(gym, giver.subscription_id, member_id, today)
    with pytest.raises(TransferRefusedError, match="already"):
        hand_on(gym, giver.subscription_id, member_id, today)


def test_it_cannot_be_taken_back_by_the_giver(sqlite_gym: Gym) -> None:
    """Handed on from May, it ends for the giver then, whatever is kept or renewed: two never have what one pays for."""
    gym = sqlite_gym
    giver = gym.join(starts_on=STARTS_ON)
    run(gym, STARTS_ON)
    _, member_id = taker(gym)
    hand_on(gym, giver.subscription_id, member_id, STARTS_ON, on=date(2026, 5, 1))
    with pytest.raises(SubscriptionRefusedError):
        change(gym, giver, date(2026, 2, 1), lambda recorded, today: keep(recorded, today=today))
    change(gym, giver, date(2026, 2, 1), lambda recorded, today: renew(recorded, months=12, today=today))
    with gym.db.read() as conn:
        assert conn.scalar(select(subscription.c.ends_on).where(subscription.c.id == 1)) == date(2026, 5, 1)


@pytest.mark.parametrize(("days", "fee_minor"), [(1, 0), (30, 15_00), (31, 1), (58, 0), (243, 49_99), (359, 7)])
def test_nobody_gains_or_loses_a_cent(sqlite_gym: Gym, days: int, fee_minor: int) -> None:
    """On whatever day it is handed on, both together are billed before tax what one alone would be, and the fee."""
    gym = sqlite_gym
    giver = gym.join(starts_on=STARTS_ON)
    _, member_id = taker(gym)
    on = STARTS_ON + timedelta(days=days)
    firsts = [date(2026, month, 1) for month in range(1, 13)]
    for first in firsts:
        if first <= on:
            run(gym, first)
    hand_on(gym, giver.subscription_id, member_id, on, fee_minor=fee_minor)
    for first in firsts:
        if first > on:
            run(gym, first)
    with gym.db.read() as conn:
        billed = conn.scalar(select(func.sum(invoice_line.c.net_minor))) or 0
        credited = conn.scalar(select(func.coalesce(func.sum(credit_note.c.net_minor), 0))) or 0
    assert billed - credited == 12 * 100_00 + fee_minor
