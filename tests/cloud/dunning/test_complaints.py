"""What users of other systems complain about (billing.md §4, dunning and access), each as it must be here."""

from dataclasses import replace
from datetime import timedelta

import pytest
from dues_gym import DUE, TOTAL_MINOR, ZONE, DuesGym, Payer, at
from portillon_cloud.access import store as access_store
from portillon_cloud.access.blocks import SWITCHES_OF, Block, BlockReason, Switch
from portillon_cloud.access.entitlement import (
    FOREVER_MS,
    CredentialFacts,
    Grant,
    MemberFacts,
    Membership,
    answer_at,
    entitlements,
)
from portillon_cloud.access.operations import rows_for_accounts
from portillon_cloud.access.standing import AccountFacts, Standing, standing_at
from portillon_cloud.clock.local import local_date
from portillon_cloud.dunning.calendar import DayKind, course
from portillon_cloud.dunning.failures import FailureClass
from portillon_cloud.dunning.ladder import Debt, restricted_from_ms
from portillon_cloud.dunning.operations import set_policy
from portillon_cloud.dunning.policy import DunningPolicy, Ladder, Restriction
from portillon_cloud.members.credential_state import CredentialState
from portillon_cloud.members.credentials import change_state
from portillon_cloud.members.tables import credential
from portillon_cloud.messages.tables import message
from portillon_cloud.payments.provider import CardBehaviour
from portillon_cloud.payments.simulator_tables import sim_charge
from portillon_rules.entitlement import Entitlement
from portillon_rules.reason import DenyReason
from sqlalchemy import select

ENTRY = frozenset({Switch.ACCESS})
BROKE = CardBehaviour.INSUFFICIENT_FUNDS
PLAN = Membership(from_ms=at(-60), until_ms=None, zones=frozenset({"gym"}))
WHO = MemberFacts(member="7", credentials=(CredentialFacts(hashes=("h",)),), memberships=(PLAN,))


def standing(gym: DuesGym, payer: Payer, now_ms: int) -> Standing:
    with gym.db.read() as conn:
        facts = access_store.account_facts(conn, gym.organisation_id, [payer.account_id], now_ms)
    return standing_at(facts[payer.account_id], now_ms)


def rows(gym: DuesGym, payer: Payer, now_ms: int) -> list[Entitlement]:
    with gym.db.read() as conn:
        found = rows_for_accounts(conn, gym.keyring, site_id=gym.site_id, account_ids=[payer.account_id], now_ms=now_ms)
    return [Entitlement.from_body(row.key, row.body or {}) for row in found[payer.account_id]]


def charged_on(gym: DuesGym) -> list[int]:
    return days_of(gym.scalars(select(sim_charge.c.made_at_ms)))


def days_of(instants: list[int]) -> list[int]:
    """Days after DUE."""
    return [(local_date(at_ms, ZONE) - DUE).days for at_ms in instants]


def test_the_tries_end_and_the_last_notice_is_sent(gym: DuesGym) -> None:
    """themegrill/user-registration#1453: tries have a most, and the last letter goes out, once."""
    payer = gym.payer(BROKE)
    gym.owe(payer)
    gym.run_until(at(200))
    assert len(charged_on(gym)) == 4
    assert gym.letters(payer) == ["payment_failed", "reminder", "final_notice", "suspended"]


def test_charges_letters_and_doors_are_one_policy(gym: DuesGym) -> None:
    """killbill#455: nothing has to be aligned by hand; what the calendar shows beforehand is what is done."""
    chosen = DunningPolicy(retry_days=(2, 9), reminder_days=(1, 6), restrictions=(Restriction(day=8, switches=ENTRY),))
    with gym.db.write() as conn:
        set_policy(conn, gym.organisation_id, chosen, now_ms=at(-1))
    shown = course(chosen, FailureClass.SOFT, due_on=DUE, zone=ZONE, currency="CAD", owed_minor=TOTAL_MINOR)
    payer = gym.payer(BROKE)
    gym.owe(payer)
    gym.run_until(at(30))

    def days(*kinds: DayKind) -> list[int]:
        return [one.day for one in shown.happenings if one.kind in kinds]

    written = gym.scalars(select(message.c.written_at_ms).order_by(message.c.id))
    assert charged_on(gym) == days(DayKind.CHARGE, DayKind.RETRY)
    assert days_of(written) == sorted(days(DayKind.REMINDER, DayKind.RESTRICTION))
    assert shown.shut_on == DUE + timedelta(days=8)
    assert standing(gym, payer, at(8) - 1) is Standing.GRACE
    assert standing(gym, payer, at(8)) is Standing.SUSPENDED


RUNG = Restriction(day=5, switches=ENTRY, owed_minor_min=1000, owed_minor_in={"EUR": 2000})
HARD = Ladder(retry_days=(), restrictions=(Restriction(day=4, switches=ENTRY),))
STERN = DunningPolicy(restrictions=(RUNG,), by_failure={FailureClass.HARD: HARD})
OWED = Debt(owed_minor=1000, currency="CAD", from_on=DUE)


@pytest.mark.parametrize(
    ("debt", "shut_on"),
    [
        (OWED, 5),
        (replace(OWED, from_on=DUE + timedelta(days=1)), 6),
        (replace(OWED, owed_minor=999), None),
        (replace(OWED, currency="EUR"), None),
        (replace(OWED, currency="EUR", owed_minor=2000), 5),
        (replace(OWED, failure=FailureClass.HARD, owed_minor=1), 4),
        (replace(OWED, failure=FailureClass.SOFT), 5),
        (replace(OWED, held_until_ms=at(9)), 9),
        (replace(OWED, promised_until_ms=at(7)), 7),
    ],
)
def test_each_condition_counts_by_itself(debt: Debt, shut_on: int | None) -> None:
    """killbill#611: age, amount, currency, failure, a debit under way and a promise, each moved alone."""
    assert restricted_from_ms(STERN, [debt], Switch.ACCESS, ZONE) == (None if shut_on is None else at(shut_on))


def test_nobody_is_shut_out_before_the_notice_of_payment_comes(gym: DuesGym) -> None:
    """nomos#235: a debit that takes days to tell never costs a day at the door."""
    payer = gym.payer(CardBehaviour.DEBIT)
    gym.owe(payer)
    for day in range(31):
        gym.run_until(at(day, 12))
        [row] = rows(gym, payer, at(day, 12))
        assert (row.refusal, row.valid_from_ms <= at(day, 12) < row.valid_until_ms) == (None, True)


def test_no_row_opens_for_ever(gym: DuesGym) -> None:
    """acnode-cl#26: the row of whoever is paid up ends a grace after the next due date, if nothing more is heard."""
    payer = gym.payer()
    [row] = rows(gym, payer, at(0))
    assert row.valid_until_ms == at(31 + 10)
    assert row.valid_until_ms < FOREVER_MS


def test_a_card_that_was_taken_away_opens_nothing(gym: DuesGym) -> None:
    """ttlock#9: once it is lost its row refuses, and no row of a later day opens it again."""
    payer = gym.payer()
    [credential_id] = gym.scalars(select(credential.c.id))
    with gym.db.write() as conn:
        change_state(
            conn,
            gym.keyring,
            organisation_id=gym.organisation_id,
            credential_id=credential_id,
            to=CredentialState.LOST,
            now_ms=at(1),
            by="Camille",
        )
    for day in (1, 20, 60):
        assert [row.refusal for row in rows(gym, payer, at(day)) if row.refusal is None] == []


def test_the_door_opens_when_the_money_arrives(gym: DuesGym) -> None:
    """HAL900#6: in the transaction of the payment, at its instant, and not on the next day on which a fee is drawn."""
    payer = gym.payer(BROKE)
    gym.owe(payer)
    gym.run_until(at(11))
    assert rows(gym, payer, at(11, 9))[0].refusal is DenyReason.DUES_UNPAID
    gym.pay(payer, TOTAL_MINOR, now_ms=at(11, 9))
    assert rows(gym, payer, at(11, 9))[0].refusal is None


def test_why_they_could_enter_after_a_failed_payment(gym: DuesGym) -> None:
    """GymMaster's question: the debit was on its way, then the grace ran; each day has its word."""
    payer = gym.payer(CardBehaviour.DEBIT_RETURNED)
    gym.owe(payer)
    words = []
    for day in (1, 4):
        gym.run_until(at(day))
        words.append(standing(gym, payer, at(day)))
    assert words == [Standing.CLEAR, Standing.GRACE]
    assert gym.letters(payer)[0] == "payment_failed"


def test_a_chargeback_ends_every_membership_of_the_account() -> None:
    """gumroad#6568: it does not matter what was bought, or changed since: nothing that was bought opens."""
    disputed = Block(
        reason=BlockReason.CHARGEBACK,
        source="dispute-1",
        from_ms=at(1),
        until_ms=None,
        switches=SWITCHES_OF[BlockReason.CHARGEBACK],
    )
    account = AccountFacts(zone=ZONE, policy=DunningPolicy(), blocks=(disputed,))
    changed = Membership(from_ms=at(2), until_ms=None, zones=frozenset({"pool"}))
    for memberships in ((PLAN,), (replace(PLAN, until_ms=at(2)), changed), (PLAN, changed)):
        who = replace(WHO, memberships=memberships)
        assert isinstance(answer_at(account, who, at(0)), Grant)
        assert answer_at(account, who, at(3)) is DenyReason.CHARGEBACK
        assert entitlements(account, who, at(3))[0].refusal is DenyReason.CHARGEBACK
