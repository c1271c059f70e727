"""What stops the ladder, and what it does where it ends."""

import re
from datetime import timedelta
from functools import partial

import pytest
from dues_gym import DUE, TOTAL_MINOR, DuesGym, Payer, at
from portillon_cloud.access.blocks import BlockReason
from portillon_cloud.access.operations import end_block, put_block
from portillon_cloud.access.tables import block
from portillon_cloud.billing.agreed_change import carry_out
from portillon_cloud.billing.change_request import CancelChange
from portillon_cloud.billing.contracts import subscribe
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.tables import subscription
from portillon_cloud.clock.operations import advance, set_rate
from portillon_cloud.dunning import caps
from portillon_cloud.dunning.operations import DUNNING_STEP, contract_ended, set_policy
from portillon_cloud.dunning.policy import DunningPolicy, Rung
from portillon_cloud.dunning.step_taking import take_step
from portillon_cloud.dunning.tables import dunning_case
from portillon_cloud.ledger import LedgerCode
from portillon_cloud.main import handlers
from portillon_cloud.messages.tables import message
from portillon_cloud.payments.operations import charge_soon
from portillon_cloud.payments.owed import owed_minor
from portillon_cloud.payments.pay_link import PayLinks
from portillon_cloud.payments.provider import CardBehaviour
from portillon_cloud.payments.simulator_tables import sim_charge
from portillon_cloud.payments.tables import allocation, payment_method
from portillon_cloud.payments.write_off import WriteOff, write_off
from portillon_cloud.worker import Worker
from sqlalchemy import func, select, update

BROKE = CardBehaviour.INSUFFICIENT_FUNDS


def charges(gym: DuesGym) -> int:
    return len(gym.scalars(select(sim_charge.c.id)))


def choose(gym: DuesGym, **chosen: object) -> None:
    with gym.db.write() as conn:
        set_policy(conn, gym.organisation_id, DunningPolicy(**chosen), now_ms=at(-1))  # type: ignore[arg-type]


def open_cases(gym: DuesGym) -> int:
    return len(gym.scalars(select(dunning_case.c.id).where(dunning_case.c.closed_at_ms.is_(None))))


def bill_a_member(gym: DuesGym) -> tuple[Payer, int]:
    """A member who signed for a year from DUE, whose first invoice was refused; and their subscription."""
    payer = gym.payer(BROKE, ends_on=DUE, next_invoice_on=None)
    own = {"organisation_id": gym.organisation_id}
    with gym.db.write() as conn:
        subscribe(
            conn,
            **own,
            account_id=payer.account_id,
            member_id=payer.member_id,
            price_id=gym.price_id,
            starts_on=DUE,
            now_ms=at(-2),
        )
        set_rate(conn, gym.organisation_id, rate=0, real_ms=gym.clock.real_ms())
    [subscription_id] = gym.scalars(select(func.max(subscription.c.id)))
    turn_to(gym, at(1))
    return payer, int(subscription_id)


def turn_to(gym: DuesGym, target_ms: int) -> None:
    """Advance the test clock; the worker does everything that falls due on the way."""
    with gym.db.write() as conn:
        advance(conn, gym.organisation_id, target_ms=target_ms, real_ms=gym.clock.real_ms())
    Worker(db=gym.db, clock=gym.clock, handlers=handlers(gym.provider), drains=[], name="test").run_until_idle()


def test_no_card_is_tried_after_leaving_at_once(gym: DuesGym) -> None:
    """Polar#6542, bike4mind#2922, breathe-code#9446, askthecode#20: cancelled means that no retry comes."""
    _, subscription_id = bill_a_member(gym)
    assert (charges(gym), open_cases(gym)) == (1, 1)
    with gym.db.write() as conn:
        carry_out(
            conn,
            organisation_id=gym.organisation_id,
            subscription_id=subscription_id,
            new=CancelChange(change="cancel", by_law=True),
            author=Author(name="member", at_ms=at(1, 9)),
        )
    turn_to(gym, at(30))
    assert charges(gym) == 1


def test_leaving_takes_the_retries_and_not_the_debt(gym: DuesGym) -> None:
    """What is still owed after leaving is written about and may be asked for, but no card is tried by itself."""
    payer, subscription_id = bill_a_member(gym)
    with gym.db.write() as conn:
        contract_ended(conn, organisation_id=gym.organisation_id, subscription_id=subscription_id)
    turn_to(gym, at(12))
    assert charges(gym) == 1
    assert gym.letters(payer)[-3:] == ["reminder", "final_notice", "suspended"]


def test_the_membership_ends_for_dues(gym: DuesGym) -> None:
    """On the day the policy says; days not had are credited, the rest stays owed, and nothing more is billed."""
    choose(gym, cancellation=Rung(day=20))
    payer, subscription_id = bill_a_member(gym)
    turn_to(gym, at(20, 12))
    [row] = gym.scalars(select(subscription.c.ends_on).where(subscription.c.id == subscription_id))
    assert row == DUE + timedelta(days=20)
    assert gym.letters(payer)[-1] == "cancelled_for_dues"
    [invoice_id] = gym.scalars(select(dunning_case.c.invoice_id))
    with gym.db.read() as conn:
        assert 0 < owed_minor(conn, invoice_id) < 4599
    turn_to(gym, at(70))
    assert len(gym.scalars(select(dunning_case.c.id))) == 1


def test_a_dispute_stops_letters_and_charges(gym: DuesGym) -> None:
    """While it runs nothing is asked for; each step waits a day at a time, and goes on the morning after it is over."""
    payer = gym.payer(BROKE)
    gym.owe(payer)
    gym.run_until(at(1))
    dispute = {"organisation_id": gym.organisation_id, "account_id": payer.account_id, "source": "dispute:1"}
    with gym.db.write() as conn:
        put_block(conn, **dispute, reason=BlockReason.CHARGEBACK, from_ms=at(1))
    gym.run_until(at(6))
    assert (charges(gym), gym.letters(payer)) == (1, ["payment_failed"])
    with gym.db.write() as conn:
        end_block(conn, **dispute, reason=BlockReason.CHARGEBACK, at_ms=at(6, 9))
    gym.run_until(at(7))
    assert charges(gym) > 1
    assert gym.letters(payer) == ["payment_failed", "final_notice"]


def test_a_write_off_stops_everything(gym: DuesGym) -> None:
    """What was given up is not asked for once more."""
    payer = gym.payer(BROKE)
    invoice_id = gym.owe(payer)
    gym.run_until(at(1))
    given_up = WriteOff(
        organisation_id=gym.organisation_id,
        account_id=payer.account_id,
        invoice_id=invoice_id,
        by="owner",
        reason="moved away",
        request_key="given-up",
    )
    with gym.db.write() as conn:
        write_off(conn, given_up, now_ms=at(1, 9))
    gym.run_until(at(40))
    assert (charges(gym), gym.letters(payer), open_cases(gym)) == (1, ["payment_failed"], 0)


def test_the_ladder_ends_by_itself(gym: DuesGym) -> None:
    """Told to the collectors, then written off: the case closes once, the books balance, nothing more is sent."""
    choose(gym, hand_over=Rung(day=30), write_off=Rung(day=60))
    payer = gym.payer(BROKE)
    invoice_id = gym.owe(payer)
    gym.run_until(at(59))
    assert gym.letters(payer)[-1] == "handed_over"
    assert gym.scalars(select(dunning_case.c.handed_over_at_ms)) == [at(30)]
    gym.run_until(at(200))
    assert open_cases(gym) == 0
    with gym.db.read() as conn:
        assert owed_minor(conn, invoice_id) == 0
    assert gym.balance_minor(LedgerCode.BAD_DEBT) == TOTAL_MINOR
    assert gym.scalars(select(func.count()).select_from(allocation)) == [1]
    assert gym.letters(payer).count("final_notice") == 1


def test_too_little_is_not_handed_over(gym: DuesGym) -> None:
    """Below the amount that the policy names the step does nothing."""
    choose(gym, hand_over=Rung(day=30, owed_minor_in={"CAD": TOTAL_MINOR + 1}))
    payer = gym.payer(BROKE)
    gym.owe(payer)
    gym.run_until(at(40))
    assert "handed_over" not in gym.letters(payer)
    assert gym.scalars(select(dunning_case.c.handed_over_at_ms)) == [None]


def test_a_reminder_before_the_day(gym: DuesGym) -> None:
    """So many days before an instalment falls due, unless it was paid; one that comes too soon gets none."""
    choose(gym, before_due_days=(2, 5))
    payer = gym.payer(CardBehaviour.OK)
    for days in (0, 10, 20):
        gym.owe(payer, due_on=DUE + timedelta(days=days), issued_on=DUE)
    gym.run_until(at(9))
    assert gym.letters(payer) == ["before_due", "before_due"]
    gym.pay(payer, 2 * TOTAL_MINOR, now_ms=at(9, 9))
    gym.run_until(at(25))
    assert gym.letters(payer) == ["before_due", "before_due"]


def ask_often(gym: DuesGym, payer: Payer) -> None:
    """Somebody asks for the charge every minute, fourteen times."""
    for minute in range(1, 15):
        now_ms = at(0, 7, minute)
        with gym.db.write() as conn:
            charge_soon(conn, organisation_id=gym.organisation_id, account_id=payer.account_id, now_ms=now_ms)
        gym.run_until(now_ms)


def test_a_card_rests_once_the_networks_count_is_reached(gym: DuesGym) -> None:
    """However often anybody asks: the eleventh try in a day waits until the first is a day old."""
    payer = gym.payer(BROKE)
    gym.owe(payer)
    gym.run_until(at(0))
    ask_often(gym, payer)
    assert charges(gym) == 10
    gym.run_until(at(1))
    assert charges(gym) == 11


@pytest.mark.parametrize(("scheme", "in_a_day"), [("visa", 15), ("mastercard", 10), ("amex", 10), (None, 10)])
def test_each_network_has_its_own_count(gym: DuesGym, scheme: str | None, in_a_day: int) -> None:
    """What the card's own network allows; one that is not known, or whose rules are not, is held to the strictest."""
    payer = gym.payer(BROKE)
    with gym.db.write() as conn:
        of_payer = payment_method.c.id == payer.method_id
        conn.execute(update(payment_method).where(of_payer).values(scheme=scheme))
    gym.owe(payer)
    gym.run_until(at(0))
    ask_often(gym, payer)
    assert charges(gym) == in_a_day


def test_without_caps_a_card_would_be_tried_as_often_as_asked(gym: DuesGym, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ablation: with the networks' counts forgotten every ask is a try, and the merchant pays for it."""
    monkeypatch.setattr(caps, "CAPS", {})
    payer = gym.payer(BROKE)
    gym.owe(payer)
    gym.run_until(at(0))
    ask_often(gym, payer)
    assert charges(gym) == 15


def test_a_new_policy_is_applied_to_who_is_shut_out(gym: DuesGym) -> None:
    """A longer grace lets them in at once, and the new day shuts them out again."""
    payer = gym.payer(BROKE)
    gym.owe(payer)
    gym.run_until(at(11))
    assert gym.letters(payer)[-1] == "suspended"
    later = DunningPolicy.from_body(
        {**DunningPolicy().to_body(), "restrictions": [{"day": 20, "switches": ["access"], "owed_minor_min": 1}]}
    )
    with gym.db.write() as conn:
        set_policy(conn, gym.organisation_id, later, now_ms=at(11, 9))
    gym.run_until(at(11, 9))
    open_blocks = select(block.c.id).where(block.c.account_id == payer.account_id, block.c.until_ms.is_(None))
    assert gym.scalars(open_blocks) == []
    gym.run_until(at(20))
    assert len(gym.scalars(open_blocks)) == 1


def test_letters_carry_the_way_to_pay(gym: DuesGym) -> None:
    """Each step's letter has a link of its own to the payer's page, which is nobody else's."""
    payer = gym.payer(CardBehaviour.ACTION_REQUIRED)
    gym.owe(payer)
    links = PayLinks.of(gym.keyring, "https://gym.example")
    by_kind = {**gym.handlers(), DUNNING_STEP: partial(take_step, links=links)}
    with pytest.MonkeyPatch.context() as patches:
        patches.setattr(gym, "handlers", lambda: by_kind)
        gym.run_until(at(3))
    bodies = gym.scalars(select(message.c.body).order_by(message.c.id))
    assert gym.letters(payer) == ["action_required", "reminder"]
    for body in bodies:
        [token] = re.findall(r"https://gym\.example/pay/(\S+)", body)
        assert links.read(token).account_id == payer.account_id
