"""One call at the desk: the turnstile's own answer, what is owed and since when, what comes next, the one thing."""

from datetime import date, timedelta
from typing import Any

import pytest
from dues_gym import DUE, TOTAL_MINOR, DuesGym, Payer, at
from portillon_cloud.access.blocks import BlockReason
from portillon_cloud.access.errors import UnknownSiteError
from portillon_cloud.access.operations import put_block
from portillon_cloud.desk.person import AtDesk, Next, NextThing, at_desk
from portillon_cloud.desk.search import find
from portillon_cloud.desk.todo import Todo
from portillon_cloud.dunning.ladder import StepKind
from portillon_cloud.members.operations import create_site
from portillon_cloud.money import Money
from portillon_cloud.payments.provider import CardBehaviour
from portillon_cloud.payments.questions.operations import Question, answer, ask
from portillon_cloud.payments.questions.tables import AnsweredAs, AskedBy
from portillon_cloud.payments.tables import MethodState, payment_method
from portillon_rules.reason import DenyReason
from sqlalchemy import update


def day(number: int) -> date:
    return DUE + timedelta(days=number)


def seen(gym: DuesGym, payer: Payer, now_ms: int, **more: Any) -> AtDesk:
    with gym.db.read() as conn:
        found = at_desk(
            conn,
            gym.keyring,
            organisation_id=gym.organisation_id,
            member_id=payer.member_id,
            now_ms=now_ms,
            **more,
        )
    assert found is not None
    return found


def test_nothing_to_do(gym: DuesGym) -> None:
    """Paid up: green, nothing owed, the next bill's day, nothing to do."""
    payer = gym.payer()
    found = seen(gym, payer, at(0))
    assert (found.may.allowed, found.owed, found.overdue, found.thing.todo) == (True, (), None, Todo.NOTHING)
    assert found.next == (NextThing(Next.INVOICE, day(31)),)


def test_somebody_overdue(gym: DuesGym) -> None:
    """In grace: may enter, the door's day is told, and the payment is the one thing; shut, it still is."""
    payer = gym.payer(CardBehaviour.INSUFFICIENT_FUNDS)
    gym.owe(payer)
    gym.run_until(at(4))
    found = seen(gym, payer, at(4))
    assert found.may.allowed
    assert (found.overdue, found.since) == (Money(TOTAL_MINOR, "CAD"), DUE)
    assert (found.thing.todo, found.thing.amount) == (Todo.TAKE_PAYMENT, Money(TOTAL_MINOR, "CAD"))
    assert found.next == (
        NextThing(Next.RETRY, day(5)),
        NextThing(Next.RETRY, day(7)),
        NextThing(Next.REMINDER, day(7)),
    )
    gym.run_until(at(11))
    found = seen(gym, payer, at(11))
    assert (found.may.allowed, found.may.reason) == (False, DenyReason.DUES_UNPAID)
    assert found.thing.todo is Todo.TAKE_PAYMENT
    gym.pay(payer, TOTAL_MINOR, now_ms=at(11, 7))
    found = seen(gym, payer, at(11, 8))
    assert (found.may.allowed, found.thing.todo) == (True, Todo.NOTHING)


def test_what_the_card_says(gym: DuesGym) -> None:
    """To confirm, on its way, dead, run out: each is the one thing to do of its own."""
    asks, sends, stolen, old = (
        gym.payer(how)
        for how in (
            CardBehaviour.ACTION_REQUIRED,
            CardBehaviour.DEBIT,
            CardBehaviour.OK,
            CardBehaviour.OK,
        )
    )
    gym.owe(asks)
    gym.owe(sends)
    gym.run_until(at(0))
    assert seen(gym, asks, at(0, 7)).thing.todo is Todo.CONFIRM_PAYMENT
    assert seen(gym, sends, at(0, 7)).thing.todo is Todo.WAIT_FOR_BANK
    with gym.db.write() as conn:
        dead = payment_method.c.id == stolen.method_id
        conn.execute(update(payment_method).where(dead).values(state=MethodState.UNUSABLE))
        out = payment_method.c.id == old.method_id
        conn.execute(update(payment_method).where(out).values(exp_year=2026, exp_month=3))
    assert seen(gym, stolen, at(0, 7)).thing.todo is Todo.REPLACE_CARD
    assert seen(gym, old, at(0, 7)).thing.todo is Todo.REPLACE_CARD  # it is charged next in April
    with gym.db.write() as conn:
        conn.execute(update(payment_method).where(out).values(exp_month=4))
    assert seen(gym, old, at(0, 7)).thing.todo is Todo.NOTHING


def test_blocked_and_frozen(gym: DuesGym) -> None:
    """Whoever was blocked on purpose is not waved in for money; a freeze is ended."""
    banned, frozen = gym.payer(CardBehaviour.INSUFFICIENT_FUNDS), gym.payer()
    gym.owe(banned)
    gym.run_until(at(1))
    with gym.db.write() as conn:
        for payer, reason in ((banned, BlockReason.BANNED), (frozen, BlockReason.FROZEN)):
            put_block(
                conn,
                organisation_id=gym.organisation_id,
                account_id=payer.account_id,
                reason=reason,
                source="test",
                from_ms=at(1),
            )
    assert seen(gym, banned, at(1)).thing.todo is Todo.SEE_BLOCK
    assert seen(gym, frozen, at(1)).thing.todo is Todo.UNFREEZE


def test_membership_required(gym: DuesGym) -> None:
    """Complaint 65: whose contract has ended is told so, and the desk offers one."""
    payer = gym.payer(ends_on=day(-1), next_invoice_on=None)
    found = seen(gym, payer, at(0))
    assert (found.may.reason, found.thing.todo) == (DenyReason.CONTRACT_ENDED, Todo.SELL_MEMBERSHIP)


def test_at_another_site(gym: DuesGym) -> None:
    """Where their plan does not hold their card is a stranger's, as the turnstile there says; other sites are none."""
    payer = gym.payer()
    with gym.db.write() as conn:
        other = create_site(
            conn,
            gym.keyring,
            organisation_id=gym.organisation_id,
            legal_entity_id=gym.legal_entity_id,
            name="Laval",
            time_zone="America/Toronto",
            language="fr",
        )
    assert seen(gym, payer, at(0), site_id=gym.site_id).may.allowed
    there = seen(gym, payer, at(0), site_id=other)
    assert (there.may.allowed, there.may.reason) == (False, DenyReason.UNKNOWN_CREDENTIAL)
    with pytest.raises(UnknownSiteError):
        seen(gym, payer, at(0), site_id=999)


def test_found_by_number_card_and_name(gym: DuesGym) -> None:
    """Complaint 66: type a number; a member's number and a card find one, a name everybody of that name."""
    first, second = gym.payer(), gym.payer()

    def found(asked: str) -> list[int]:
        with gym.db.read() as conn:
            lines = find(conn, gym.keyring, organisation_id=gym.organisation_id, asked=asked)
        return [one.id for one in lines]

    assert found(str(second.member_id)) == [second.member_id]
    assert found(f"{first.member_id:010X}") == [first.member_id]
    assert found("tremb") == [first.member_id, second.member_id]
    assert found(" ") == found("nobody") == []


def test_every_step_has_its_place() -> None:
    """What the ladder plans is something that may come next; only when it shuts is asked of the rules instead."""
    assert {one.value for one in StepKind} - {StepKind.RESTRICTION} <= {one.value for one in Next}


def test_a_question_comes_before_the_money(gym: DuesGym) -> None:
    """What they asked about is answered before it is paid; answered, the payment is the one thing again."""
    payer = gym.payer(CardBehaviour.INSUFFICIENT_FUNDS)
    invoice_id = gym.owe(payer)
    gym.run_until(at(1))
    question = Question(
        organisation_id=gym.organisation_id,
        invoice_id=invoice_id,
        asked_as=AskedBy.MEMBER,
        text="I was away in March",
        by="Camille",
        request_key="question-1",
    )
    with gym.db.write() as conn:
        asked = ask(conn, question, now_ms=at(1, 7))
    assert seen(gym, payer, at(1, 8)).thing.todo is Todo.ANSWER_QUESTION
    with gym.db.write() as conn:
        answer(
            conn,
            gym.organisation_id,
            asked,
            as_=AnsweredAs.EXPLAINED,
            text="the term says so",
            by="Camille",
            now_ms=at(1, 9),
        )
    assert seen(gym, payer, at(1, 10)).thing.todo is Todo.TAKE_PAYMENT
