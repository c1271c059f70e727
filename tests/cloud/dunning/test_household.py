"""One account that pays for several: whom its arrears shut out, as the policy says."""

from datetime import timedelta

import pytest
from dues_gym import DUE, DuesGym, Payer, at
from portillon_cloud.access import store as access_store
from portillon_cloud.access.entitlement import Grant, answer_at, entitlements
from portillon_cloud.access.operations import member_rows
from portillon_cloud.access.tables import block
from portillon_cloud.billing.contracts import subscribe
from portillon_cloud.billing.tables import invoice
from portillon_cloud.clock.operations import advance, set_rate
from portillon_cloud.dunning.operations import set_policy
from portillon_cloud.dunning.policy import DunningPolicy, Household
from portillon_cloud.main import handlers
from portillon_cloud.payments.operations import unpaid_invoices
from portillon_cloud.payments.provider import CardBehaviour
from portillon_cloud.worker import Worker
from portillon_rules.reason import DenyReason
from sqlalchemy import select


def a_family(gym: DuesGym, household: Household, *, apart_days: int = 10) -> tuple[Payer, int, int]:
    """Two members of one account, billed so many days apart; the first invoice stays unpaid, the second was paid."""
    with gym.db.write() as conn:
        set_policy(conn, gym.organisation_id, DunningPolicy(household=household), now_ms=at(-5))
        set_rate(conn, gym.organisation_id, rate=0, real_ms=gym.clock.real_ms())
    payer = gym.payer(CardBehaviour.INSUFFICIENT_FUNDS, ends_on=DUE - timedelta(days=20), next_invoice_on=None)
    second = gym.member(payer.account_id, ends_on=DUE - timedelta(days=20), next_invoice_on=None)
    for member_id, days in ((payer.member_id, 0), (second, apart_days)):
        with gym.db.write() as conn:
            subscribe(
                conn,
                organisation_id=gym.organisation_id,
                account_id=payer.account_id,
                member_id=member_id,
                price_id=gym.price_id,
                starts_on=DUE + timedelta(days=days),
                now_ms=at(-2),
            )
    turn_to(gym, at(9))
    gym.behave(payer, CardBehaviour.OK)
    turn_to(gym, at(12, 12))
    with gym.db.read() as conn:
        assert len(unpaid_invoices(conn, payer.account_id)) == 1
    return payer, payer.member_id, second


def turn_to(gym: DuesGym, target_ms: int) -> None:
    with gym.db.write() as conn:
        advance(conn, gym.organisation_id, target_ms=target_ms, real_ms=gym.clock.real_ms())
    Worker(db=gym.db, clock=gym.clock, handlers=handlers(gym.provider), drains=[], name="test").run_until_idle()


def enters(gym: DuesGym, member_id: int, now_ms: int) -> bool:
    """Live and on the row alike."""
    with gym.db.read() as conn:
        facts = member_rows(conn, gym.keyring, organisation_id=gym.organisation_id, member_id=member_id, now_ms=now_ms)
    assert facts is not None
    account, who, _ = facts
    answer = answer_at(account, who, now_ms)
    [row] = entitlements(account, who, now_ms)
    assert (row.refusal is None) is isinstance(answer, Grant)
    assert isinstance(answer, Grant) or answer is DenyReason.DUES_UNPAID
    return isinstance(answer, Grant)


def test_a_household_is_shut_out_together(gym: DuesGym) -> None:
    """Where the account counts, one unpaid invoice shuts out everybody it pays for."""
    _, first, second = a_family(gym, Household.ACCOUNT)
    assert (enters(gym, first, at(12, 12)), enters(gym, second, at(12, 12))) == (False, False)


def test_each_answers_for_their_own_lines(gym: DuesGym, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where members count, who is paid for enters, and paying lets the other in; not told apart, both are shut out."""
    payer, first, second = a_family(gym, Household.MEMBER)
    assert (enters(gym, first, at(12, 12)), enters(gym, second, at(12, 12))) == (False, True)
    assert gym.scalars(select(block.c.member_id).where(block.c.until_ms.is_(None))) == [first]
    assert gym.letters(payer)[-1] == "suspended"
    with monkeypatch.context() as patches:
        patches.setattr(access_store, "_parts_owed", lambda *_: {})
        assert not enters(gym, second, at(12, 12))
    gym.pay(payer, 4599, now_ms=at(13))
    assert (enters(gym, first, at(13)), enters(gym, second, at(13))) == (True, True)
    assert gym.scalars(select(block.c.id).where(block.c.until_ms.is_(None))) == []
    assert gym.letters(payer)[-1] == "restored"


def test_one_invoice_for_two(gym: DuesGym) -> None:
    """Both are shut out of what nobody paid; a part that pays for the first lets that one in alone, the rest both."""
    payer, first, second = a_family(gym, Household.MEMBER, apart_days=0)
    [owed] = gym.scalars(select(invoice.c.total_minor))
    assert (enters(gym, first, at(12, 12)), enters(gym, second, at(12, 12))) == (False, False)
    gym.pay(payer, owed // 2, now_ms=at(13), key="half")
    assert (enters(gym, first, at(13)), enters(gym, second, at(13))) == (True, False)
    assert gym.scalars(select(block.c.member_id).where(block.c.until_ms.is_(None))) == [second]
    gym.pay(payer, owed - owed // 2, now_ms=at(14), key="rest")
    assert (enters(gym, first, at(14)), enters(gym, second, at(14))) == (True, True)


def test_a_changed_mind_is_applied(gym: DuesGym) -> None:
    """From the member to the account and back: the block goes from one to all, and to the one again."""
    _, first, second = a_family(gym, Household.MEMBER)
    for household, both in ((Household.ACCOUNT, False), (Household.MEMBER, True)):
        with gym.db.write() as conn:
            set_policy(conn, gym.organisation_id, DunningPolicy(household=household), now_ms=at(12, 12) + both)
        turn_to(gym, at(12, 12) + 60_000 * (1 + both))
        assert (enters(gym, first, at(12, 13)), enters(gym, second, at(12, 13))) == (False, both)
