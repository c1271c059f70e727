"""The one thing to do, rule by rule, and how it is said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_cloud.desk.todo import Situation, TheOneThing, Todo, the_one_thing
from portillon_cloud.desk.words import SAID, said
from portillon_cloud.locale.words import Words
from portillon_cloud.money import Money
from portillon_rules.reason import DenyReason

OWED, PART = Money(4599, "CAD"), Money(1000, "CAD")


@pytest.mark.parametrize(
    ("now", "todo", "amount"),
    [
        (Situation(), Todo.NOTHING, None),
        (Situation(card_fails=True), Todo.REPLACE_CARD, None),
        (Situation(has_card=False, card_fails=True), Todo.ISSUE_CARD, None),
        (Situation(refusal=DenyReason.CREDENTIAL_LOST), Todo.ISSUE_CARD, None),
        (Situation(refusal=DenyReason.NO_MEMBERSHIP, has_card=False), Todo.SELL_MEMBERSHIP, None),
        (Situation(refusal=DenyReason.CONTRACT_ENDED), Todo.SELL_MEMBERSHIP, None),
        (Situation(refusal=DenyReason.NO_VISITS_LEFT), Todo.SELL_MEMBERSHIP, None),
        (Situation(refusal=DenyReason.FROZEN), Todo.UNFREEZE, None),
        (Situation(refusal=DenyReason.FROZEN, stopped=True), Todo.ANSWER_QUESTION, None),
        (Situation(asked=True, overdue=OWED, to_confirm=PART), Todo.ANSWER_QUESTION, None),
        (Situation(refusal=DenyReason.FROZEN, overdue=OWED), Todo.TAKE_PAYMENT, OWED),
        (Situation(refusal=DenyReason.DUES_UNPAID, overdue=OWED, card_fails=True), Todo.TAKE_PAYMENT, OWED),
        (Situation(overdue=OWED, stopped=True), Todo.TAKE_PAYMENT, OWED),
        (Situation(overdue=OWED, on_its_way=PART), Todo.WAIT_FOR_BANK, PART),
        (Situation(on_its_way=PART), Todo.NOTHING, None),
        (Situation(overdue=OWED, on_its_way=PART, to_confirm=PART), Todo.CONFIRM_PAYMENT, PART),
        (Situation(refusal=DenyReason.BLOCKED, overdue=OWED, to_confirm=PART), Todo.SEE_BLOCK, None),
        (Situation(refusal=DenyReason.CHARGEBACK, overdue=OWED), Todo.SEE_BLOCK, None),
        (Situation(refusal=DenyReason.OUTSIDE_SCHEDULE), Todo.NOTHING, None),
    ],
)
def test_the_one_thing(now: Situation, todo: Todo, amount: Money | None) -> None:
    """The first rule that fits says what to do, with the amount that it is about."""
    assert the_one_thing(now) == TheOneThing(todo, amount)


money = st.none() | st.just(OWED)


@given(
    st.builds(
        Situation,
        refusal=st.none() | st.sampled_from(list(DenyReason)),
        has_card=st.booleans(),
        overdue=money,
        to_confirm=money,
        on_its_way=money,
        asked=st.booleans(),
        stopped=st.booleans(),
        card_fails=st.booleans(),
    )
)
def test_every_situation_has_one_sentence(now: Situation) -> None:
    """Whatever is known, there is one thing, and it is said in both languages with every place filled."""
    thing = the_one_thing(now)
    english, french = said(thing, Words("en")), said(thing, Words("fr"))
    assert english and french and english != french
    assert "%" not in english + french
    assert ("$45.99" in english) is (thing.amount is not None)


def test_every_thing_is_said() -> None:
    """No member of the enum is without its sentence."""
    assert set(SAID) == set(Todo)
