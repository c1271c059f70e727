"""The ladder lived through: letters, retries, suspension, and the way back."""

import threading
from datetime import timedelta

import pytest
from dues_gym import DUE, TOTAL_MINOR, DuesGym, Payer, at, make_gym
from portillon_cloud.access import store as access_store
from portillon_cloud.access.blocks import BlockReason, Switch
from portillon_cloud.access.errors import GraceTooShortError
from portillon_cloud.access.operations import end_block, put_block, set_site_policy
from portillon_cloud.access.standing import Standing, standing_at
from portillon_cloud.access.tables import block
from portillon_cloud.database import Database
from portillon_cloud.dunning.ladder import DunningPolicy, Restriction
from portillon_cloud.dunning.operations import set_policy
from portillon_cloud.dunning.tables import dunning_case, dunning_step
from portillon_cloud.gateways.tables import gateway
from portillon_cloud.messages.tables import message
from portillon_cloud.outbox.tables import access_outbox
from portillon_cloud.payments.operations import add_payment_method, charge_soon
from portillon_cloud.payments.provider import CardBehaviour, ChargeAnswer, ChargeOutcome
from portillon_cloud.payments.simulator_tables import sim_charge
from portillon_cloud.payments.tables import SIMULATOR
from portillon_cloud.timers.tables import timer
from portillon_rules.policy import AfterLease, SitePolicy
from sqlalchemy import func, insert, select

BROKE = CardBehaviour.INSUFFICIENT_FUNDS


def standing(gym: DuesGym, payer: Payer, now_ms: int) -> Standing:
    with gym.db.read() as conn:
        facts = access_store.account_facts(conn, gym.organisation_id, [payer.account_id], now_ms)
    return standing_at(facts[payer.account_id], now_ms)


def open_blocks(gym: DuesGym, payer: Payer) -> list[str]:
    return gym.scalars(select(block.c.reason).where(block.c.account_id == payer.account_id, block.c.until_ms.is_(None)))


def told(gym: DuesGym, payer: Payer) -> int:
    """How often the gateways were told to look at the account."""
    [count] = gym.scalars(
        select(func.count()).select_from(access_outbox).where(access_outbox.c.account_id == payer.account_id)
    )
    return int(count)


def test_the_whole_ladder(gym: DuesGym) -> None:
    """Letters on days 0, 3, 7, charges on 0, 3, 5, 7, in grace until day 10, then suspended and told so."""
    payer = gym.payer(BROKE)
    gym.owe(payer)
    seen = {}
    for day in range(0, 12):
        gym.run_until(at(day))
        seen[day] = (len(gym.scalars(select(sim_charge.c.id))), gym.letters(payer), standing(gym, payer, at(day)))
    first, second, third = "payment_failed", "reminder", "final_notice"
    assert seen[0] == (1, [first], Standing.GRACE)
    assert seen[3] == (2, [first, second], Standing.GRACE)
    assert seen[5] == (3, [first, second], Standing.GRACE)
    assert seen[7] == (4, [first, second, third], Standing.GRACE)
    assert seen[9] == (4, [first, second, third], Standing.GRACE)
    assert seen[10] == (4, [first, second, third, "suspended"], Standing.SUSPENDED)
    assert seen[11] == seen[10]
    assert open_blocks(gym, payer) == [BlockReason.DUES_UNPAID]
    assert gym.scalars(select(dunning_step.c.id).where(dunning_step.c.done_at_ms.is_(None))) == []


def test_steps_are_timers_with_their_own_keys(gym: DuesGym) -> None:
    """Each step is one timer row, named after the invoice and the step."""
    invoice_id = gym.owe(gym.payer(BROKE))
    gym.run_until(at(0))
    keys = gym.scalars(select(timer.c.key).where(timer.c.key.like("dunning:%")).order_by(timer.c.due_at_ms, timer.c.id))
    assert keys == [f"dunning:inv-{invoice_id}:step-{number}" for number in range(1, 8)]


@pytest.mark.parametrize("day", [1, 10])
def test_payment_closes_everything_at_once(gym: DuesGym, day: int) -> None:
    """Paid in grace or after suspension: case closed, timers gone, block ended, gateways told, in one transaction."""
    payer = gym.payer(BROKE)
    gym.owe(payer)
    gym.run_until(at(day))
    before = told(gym, payer)
    gym.pay(payer, TOTAL_MINOR, now_ms=at(day, 12))
    assert standing(gym, payer, at(day, 12)) is Standing.CLEAR
    assert open_blocks(gym, payer) == []
    assert gym.scalars(select(dunning_case.c.closed_at_ms)) == [at(day, 12)]
    assert gym.scalars(select(timer.c.key).where(timer.c.key.like("dunning:%"), timer.c.state == "ready")) == []
    assert told(gym, payer) == before  # no gateway is enrolled: nobody to tell
    letters = gym.letters(payer)
    assert ("restored" in letters) is (day == 10)
    gym.run_until(at(30))
    assert gym.letters(payer) == letters


def test_the_gateways_are_told_of_every_change(gym: DuesGym) -> None:
    """Refused charge, suspension and payment each leave word for the gateways."""
    payer = gym.payer(BROKE)
    with gym.db.write() as conn:
        conn.execute(
            insert(gateway).values(
                id="gw-1",
                organisation_id=gym.organisation_id,
                site_id=gym.site_id,
                name="Door",
                mode="test",
                enrolled_at_ms=0,
            )
        )
    gym.owe(payer)
    counts = []
    for day in (-1, 0, 9, 10):
        gym.run_until(at(day))
        counts.append(told(gym, payer))
    gym.pay(payer, TOTAL_MINOR, now_ms=at(11))
    counts.append(told(gym, payer))
    assert counts[0] < counts[1] <= counts[2] < counts[3] < counts[4]


def test_a_retry_that_succeeds_ends_it(gym: DuesGym) -> None:
    """A card that works again on day 5 leaves no further letter and no further charge."""
    payer = gym.payer(BROKE)
    gym.owe(payer)
    gym.run_until(at(4))
    gym.behave(payer, CardBehaviour.OK)
    gym.run_until(at(30))
    assert gym.letters(payer) == ["payment_failed", "reminder"]
    assert gym.scalars(select(sim_charge.c.outcome).order_by(sim_charge.c.id)) == ["refused", "refused", "succeeded"]


def test_payment_and_suspension_at_the_same_instant(gym: DuesGym) -> None:
    """Whichever of the two commits first, who has paid is in good standing and has no block left."""
    for round_number in range(4):
        payer = gym.payer(BROKE, next_invoice_on=None)
        invoice_id = gym.owe(payer, due_on=DUE + timedelta(days=40 * round_number))
        day = 40 * round_number + 10
        gym.run_until(at(day) - 1)
        start = threading.Barrier(2)

        def suspend(start: threading.Barrier = start, day: int = day) -> None:
            start.wait()
            gym.run_until(at(day))

        thread = threading.Thread(target=suspend)
        thread.start()
        start.wait()
        gym.pay(payer, TOTAL_MINOR, now_ms=at(day), key=f"k-{invoice_id}")
        thread.join()
        assert open_blocks(gym, payer) == []
        assert standing(gym, payer, at(day)) is Standing.CLEAR


def test_hard_decline(gym: DuesGym) -> None:
    """A lost card is charged once; its holder is still reminded and still suspended in time."""
    payer = gym.payer(CardBehaviour.LOST_CARD)
    gym.owe(payer)
    gym.run_until(at(12))
    assert len(gym.scalars(select(sim_charge.c.id))) == 1
    assert gym.letters(payer) == ["payment_failed", "reminder", "final_notice", "suspended"]


def test_a_hard_decline_later_cancels_the_retries(gym: DuesGym) -> None:
    """Once the card is known to be lost the planned retries are taken away, the letters stay."""
    payer = gym.payer(BROKE)
    gym.owe(payer)
    gym.run_until(at(0))
    gym.behave(payer, CardBehaviour.LOST_CARD)
    gym.run_until(at(12))
    assert len(gym.scalars(select(sim_charge.c.id))) == 2
    assert gym.letters(payer)[-1] == "suspended"


def test_early_retry_with_a_new_card(gym: DuesGym) -> None:
    """A suspended member who brings another card is charged at once and let in again (BBMembershipSystem#131)."""
    payer = gym.payer(CardBehaviour.LOST_CARD)
    gym.owe(payer)
    gym.run_until(at(10))
    [token] = gym.simulator.issue_cards(gym.organisation_id, 1)
    with gym.db.write() as conn:
        add_payment_method(
            conn,
            organisation_id=gym.organisation_id,
            account_id=payer.account_id,
            provider=SIMULATOR,
            token=token,
            label="new",
            now_ms=at(10),
        )
        assert charge_soon(conn, organisation_id=gym.organisation_id, account_id=payer.account_id, now_ms=at(10)) == 1
    gym.run_until(at(10))
    assert standing(gym, payer, at(10)) is Standing.CLEAR


def test_paying_one_of_two_invoices(gym: DuesGym) -> None:
    """Two months unpaid: paying the older one opens until the younger one's grace is over too."""
    payer = gym.payer(BROKE)
    gym.owe(payer)
    gym.owe(payer, due_on=DUE + timedelta(days=31))
    gym.run_until(at(35))
    gym.pay(payer, TOTAL_MINOR, now_ms=at(35, 9))
    assert standing(gym, payer, at(35, 9)) is Standing.GRACE
    gym.run_until(at(41))
    assert standing(gym, payer, at(41)) is Standing.SUSPENDED
    gym.pay(payer, TOTAL_MINOR, now_ms=at(42), key="k-2")
    assert open_blocks(gym, payer) == []


def test_a_part_is_not_enough(gym: DuesGym) -> None:
    """A part paid keeps the case open and the door shut; the rest opens it."""
    payer = gym.payer(BROKE)
    gym.owe(payer)
    gym.run_until(at(10))
    gym.pay(payer, TOTAL_MINOR - 1, now_ms=at(11))
    assert standing(gym, payer, at(11)) is Standing.SUSPENDED
    gym.pay(payer, 1, now_ms=at(11), key="k-2")
    assert standing(gym, payer, at(11)) is Standing.CLEAR


def test_payment_does_not_lift_other_blocks(gym: DuesGym) -> None:
    """Who is banned and pays stays banned; lifting the ban of who owes leaves the dues."""
    payer = gym.payer(BROKE)
    gym.owe(payer)
    ban = {"organisation_id": gym.organisation_id, "account_id": payer.account_id, "reason": BlockReason.BANNED}
    with gym.db.write() as conn:
        put_block(conn, **ban, source="staff", from_ms=at(1))
        put_block(conn, **ban, source="staff", from_ms=at(2))
    gym.run_until(at(10))
    assert sorted(open_blocks(gym, payer)) == [BlockReason.BANNED, BlockReason.DUES_UNPAID]
    gym.pay(payer, TOTAL_MINOR, now_ms=at(11))
    assert standing(gym, payer, at(11)) is Standing.BLOCKED
    with gym.db.write() as conn:
        assert end_block(conn, **ban, source="staff", at_ms=at(12))
        assert not end_block(conn, **ban, source="staff", at_ms=at(12))
    assert standing(gym, payer, at(12)) is Standing.CLEAR


def test_collection_held_by_a_chargeback(gym: DuesGym) -> None:
    """While a dispute runs nothing is charged (billing.md §3.58); when it ends the charge follows within a day."""
    payer = gym.payer()
    gym.owe(payer)
    dispute = {"organisation_id": gym.organisation_id, "account_id": payer.account_id, "source": "dispute:1"}
    with gym.db.write() as conn:
        put_block(conn, **dispute, reason=BlockReason.CHARGEBACK, from_ms=at(-1))
    gym.run_until(at(2, 5))
    assert gym.scalars(select(sim_charge.c.id)) == []
    with gym.db.write() as conn:
        end_block(conn, **dispute, reason=BlockReason.CHARGEBACK, at_ms=at(2, 5))
    gym.run_until(at(3, 5))
    assert len(gym.scalars(select(sim_charge.c.id))) == 1


def test_a_debit_that_stays_under_way_is_reviewed(gym: DuesGym) -> None:
    """Past its policy date an undecided debit no longer counts as paid: the account is restricted then, not before."""
    payer = gym.payer(CardBehaviour.DEBIT)
    gym.owe(payer)
    gym.run_until(at(0))
    gym.simulator.look_up = lambda order: gym.simulator.charge(order)  # type: ignore[method-assign]
    gym.simulator.charge = lambda order: _still_pending()  # type: ignore[method-assign, assignment]
    gym.run_until(at(10) - 1)
    assert standing(gym, payer, at(10) - 1) is Standing.CLEAR
    gym.run_until(at(11))
    assert standing(gym, payer, at(11)) is Standing.SUSPENDED
    assert open_blocks(gym, payer) == [BlockReason.DUES_UNPAID]


def test_other_switches_can_be_restricted_earlier(gym: DuesGym) -> None:
    """A policy may stop changes first and shut the door later; one block follows what the debts call for."""
    policy = DunningPolicy(
        retry_days=(),
        reminder_days=(0,),
        restrictions=(
            Restriction(day=5, switches=frozenset({Switch.CHANGES})),
            Restriction(day=8, switches=frozenset({Switch.ACCESS})),
        ),
    )
    with gym.db.write() as conn:
        set_policy(conn, gym.organisation_id, policy, now_ms=at(-1))
        set_policy(conn, gym.organisation_id, policy, now_ms=at(-1))
    payer = gym.payer(BROKE)
    gym.owe(payer)
    gym.run_until(at(5))
    assert standing(gym, payer, at(5)) is Standing.GRACE
    assert gym.scalars(select(block.c.switches)) == [["changes"]]
    gym.run_until(at(8))
    assert gym.scalars(select(block.c.switches).where(block.c.until_ms.is_(None))) == [["access", "changes"]]
    assert gym.letters(payer) == ["payment_failed", "suspended"]


def test_grace_shorter_than_a_gateway_may_be_alone_is_refused(db: Database) -> None:
    """Grace ≥ lease + offline policy hours, whichever of the two is changed; the message says from which day on."""
    gym = make_gym(db)
    short = DunningPolicy(restrictions=(Restriction(day=3, switches=frozenset({Switch.ACCESS})),))
    with pytest.raises(GraceTooShortError, match="day 4"), db.write() as conn:
        set_policy(conn, gym.organisation_id, short, now_ms=at(-1))
    alone = SitePolicy(time_zone="America/Toronto", after_lease=AfterLease.PASS_FOR_HOURS, after_lease_hours=24 * 7)
    with pytest.raises(GraceTooShortError), db.write() as conn:
        set_site_policy(conn, gym.site_id, alone)


def test_letters_speak_the_payers_language(gym: DuesGym) -> None:
    """French to who reads French, amounts and dates as people there write them."""
    payer = gym.payer(BROKE, language="fr")
    gym.owe(payer)
    gym.run_until(at(0))
    [subject] = gym.scalars(select(message.c.subject))
    [body] = gym.scalars(select(message.c.body))
    assert subject == "Votre paiement de 45,99\xa0$ n’a pas abouti"
    assert "échue le 2 mars 2026" in body
    assert "à partir du 12 mars 2026" in body


def _still_pending() -> ChargeAnswer:
    return ChargeAnswer(outcome=ChargeOutcome.PENDING)
