"""A promise to pay: what it holds, what it does not, and the morning after."""

from datetime import timedelta

import pytest
from dues_gym import DUE, TOTAL_MINOR, DuesGym, Payer, at
from portillon_cloud.access import store as access_store
from portillon_cloud.access.standing import Standing, standing_at
from portillon_cloud.dunning.errors import PromiseRefusedError, WhyNoPromise
from portillon_cloud.dunning.ladder import StepKind
from portillon_cloud.dunning.operations import set_policy
from portillon_cloud.dunning.policy import DunningPolicy
from portillon_cloud.dunning.promises import Promise, PromiseTaken, take_promise
from portillon_cloud.dunning.tables import dunning_step
from portillon_cloud.payments.errors import RequestKeyReusedError
from portillon_cloud.payments.provider import CardBehaviour
from portillon_cloud.payments.simulator_tables import sim_charge
from sqlalchemy import func, select

BROKE = CardBehaviour.INSUFFICIENT_FUNDS


def promise(gym: DuesGym, payer: Payer, *, day: int, now_ms: int, key: str = "promise-1") -> list[Promise]:
    taken = PromiseTaken(
        organisation_id=gym.organisation_id,
        account_id=payer.account_id,
        pay_on=DUE + timedelta(days=day),
        by="desk",
        request_key=key,
    )
    with gym.db.write() as conn:
        return take_promise(conn, taken, now_ms=now_ms)


def standing(gym: DuesGym, payer: Payer, now_ms: int) -> Standing:
    with gym.db.read() as conn:
        facts = access_store.account_facts(conn, gym.organisation_id, [payer.account_id], now_ms)
    return standing_at(facts[payer.account_id], now_ms)


def charges(gym: DuesGym) -> int:
    return len(gym.scalars(select(sim_charge.c.id)))


def test_a_promise_kept(gym: DuesGym) -> None:
    """From the promise to the payment nothing is charged before the day, nobody is reminded, nothing is shut."""
    payer = gym.payer(BROKE)
    gym.owe(payer)
    gym.run_until(at(1))
    [made] = promise(gym, payer, day=12, now_ms=at(1, 9))
    assert made.until_ms == at(13)
    gym.run_until(at(11))
    assert (charges(gym), gym.letters(payer)) == (1, ["payment_failed"])
    assert standing(gym, payer, at(11)) is Standing.GRACE
    gym.behave(payer, CardBehaviour.OK)
    gym.run_until(at(12))
    assert (charges(gym), standing(gym, payer, at(12))) == (2, Standing.CLEAR)
    gym.run_until(at(40))
    assert gym.letters(payer) == ["payment_failed"]


def test_a_promise_broken(gym: DuesGym) -> None:
    """The card is tried on the promised day; the morning after the payer is told, and shut out as without a promise."""
    payer = gym.payer(BROKE)
    gym.owe(payer)
    gym.run_until(at(1))
    promise(gym, payer, day=12, now_ms=at(1, 9))
    gym.run_until(at(13) - 1)
    assert (charges(gym), standing(gym, payer, at(13) - 1)) == (2, Standing.GRACE)
    gym.run_until(at(13))
    assert standing(gym, payer, at(13)) is Standing.SUSPENDED
    assert gym.letters(payer) == ["payment_failed", "promise_broken", "suspended"]
    gym.pay(payer, TOTAL_MINOR, now_ms=at(14))
    assert standing(gym, payer, at(14)) is Standing.CLEAR


def test_a_short_promise_leaves_the_ladder_as_it_was(gym: DuesGym) -> None:
    """What is planned after the promised day stays on its day."""
    payer = gym.payer(BROKE)
    gym.owe(payer)
    gym.run_until(at(0))
    promise(gym, payer, day=4, now_ms=at(0, 9))
    gym.run_until(at(10) - 1)
    assert (charges(gym), standing(gym, payer, at(10) - 1)) == (4, Standing.GRACE)
    gym.run_until(at(10))
    assert gym.letters(payer) == ["payment_failed", "promise_broken", "final_notice", "suspended"]


def test_who_is_shut_out_and_promises_is_let_in(gym: DuesGym) -> None:
    """Until the morning after, when they are shut out again and told so."""
    payer = gym.payer(BROKE)
    gym.owe(payer)
    gym.run_until(at(11))
    assert standing(gym, payer, at(11)) is Standing.SUSPENDED
    promise(gym, payer, day=15, now_ms=at(11, 9))
    assert standing(gym, payer, at(11, 9)) is Standing.GRACE
    gym.run_until(at(16))
    assert standing(gym, payer, at(16)) is Standing.SUSPENDED
    assert gym.letters(payer)[-3:] == ["suspended", "promise_broken", "suspended"]


def test_once_and_not_for_long(gym: DuesGym) -> None:
    """One promise per debt and fourteen days at most, unless the policy says otherwise; each refusal says why."""
    payer = gym.payer(BROKE)

    def refused(day: int, key: str) -> WhyNoPromise:
        with pytest.raises(PromiseRefusedError) as caught:
            promise(gym, payer, day=day, now_ms=at(1, 9), key=key)
        return caught.value.why

    assert refused(3, "too-early") is WhyNoPromise.NOTHING_OVERDUE
    gym.owe(payer)
    gym.run_until(at(1))
    assert refused(0, "yesterday") is WhyNoPromise.DAY
    assert refused(16, "far-off") is WhyNoPromise.DAY
    first = promise(gym, payer, day=4, now_ms=at(1, 9))
    assert promise(gym, payer, day=4, now_ms=at(1, 10)) == first
    with pytest.raises(RequestKeyReusedError):
        promise(gym, payer, day=5, now_ms=at(1, 10))
    assert refused(6, "again") is WhyNoPromise.GIVEN_BEFORE
    with gym.db.write() as conn:
        set_policy(conn, gym.organisation_id, DunningPolicy(promises=2), now_ms=at(1, 9))
    assert promise(gym, payer, day=6, now_ms=at(1, 11), key="again")
    gym.run_until(at(7))
    assert gym.letters(payer).count("promise_broken") == 1
    with gym.db.write() as conn:
        set_policy(conn, gym.organisation_id, DunningPolicy(promise_days=0), now_ms=at(7))
    assert refused(9, "none-taken") is WhyNoPromise.NOT_TAKEN


def test_without_the_hold_the_ladder_would_go_on(gym: DuesGym, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ablation: if facts forget the promise, the promising member is shut out on the ladder's day."""
    payer = gym.payer(BROKE)
    gym.owe(payer)
    gym.run_until(at(1))
    promise(gym, payer, day=12, now_ms=at(1, 9))
    real = access_store.Debt
    monkeypatch.setattr(access_store, "Debt", lambda **facts: real(**{**facts, "promised_until_ms": None}))
    assert standing(gym, payer, at(11)) is Standing.SUSPENDED


def test_the_case_tells_of_the_promise(gym: DuesGym) -> None:
    """It is a step of the case, so that every page that shows what comes next shows it."""
    payer = gym.payer(BROKE)
    gym.owe(payer)
    gym.run_until(at(1))
    promise(gym, payer, day=9, now_ms=at(1, 9))
    waiting = select(func.min(dunning_step.c.planned_on)).where(
        dunning_step.c.kind == StepKind.PROMISE, dunning_step.c.done_at_ms.is_(None)
    )
    assert gym.scalars(waiting) == [DUE + timedelta(days=10)]
