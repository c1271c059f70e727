"""The one thing to do now for who stands at the desk. Pure: what is known of them in, one typed answer out.

The first rule that fits says it:

    1. blocked or in dispute      somebody said no on purpose: see why, do not take money to undo it
    2. they asked, or we doubt    a bill is in question, or a charge: answer before anybody pays it twice
    3. the bank wants a yes       the member confirms in their bank's app; another charge would not help
    4. overdue                    wait if it is on its way already, else take the payment
    5. billing has stopped        the engine doubts what to bill next: a person must look
    6. frozen                     bring them back
    7. nothing that opens         sell a membership, or issue a card
    8. the card will fail         have it replaced before it does
    9. nothing
"""

from dataclasses import dataclass
from enum import StrEnum

from portillon_rules.reason import DenyReason

from portillon_cloud.money import Money


class Todo(StrEnum):
    """What to do."""

    SEE_BLOCK = "see_block"
    CONFIRM_PAYMENT = "confirm_payment"
    WAIT_FOR_BANK = "wait_for_bank"
    TAKE_PAYMENT = "take_payment"
    ANSWER_QUESTION = "answer_question"
    UNFREEZE = "unfreeze"
    SELL_MEMBERSHIP = "sell_membership"
    ISSUE_CARD = "issue_card"
    REPLACE_CARD = "replace_card"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What is known of who stands there. Money None: there is none of it.

    `refusal`: what the turnstile would say; None: it opens, or would with a card. `to_confirm` and `on_its_way`: what
    is being charged. `asked`: a bill or a charge of theirs is in question. `stopped`: the engine bills nothing more.
    `card_fails`: what is on file cannot be charged.
    """

    refusal: DenyReason | None = None
    has_card: bool = True
    overdue: Money | None = None
    to_confirm: Money | None = None
    on_its_way: Money | None = None
    asked: bool = False
    stopped: bool = False
    card_fails: bool = False


@dataclass(frozen=True, slots=True)
class TheOneThing:
    """What to do, and the amount that it is about."""

    todo: Todo
    amount: Money | None = None


_ON_PURPOSE = frozenset({DenyReason.BLOCKED, DenyReason.CHARGEBACK, DenyReason.PASS_SHARED})
_NO_MEMBERSHIP = frozenset(
    {DenyReason.NO_MEMBERSHIP, DenyReason.CONTRACT_ENDED, DenyReason.EXPIRED, DenyReason.NO_VISITS_LEFT}
)
_NO_CARD = frozenset(
    {
        DenyReason.CREDENTIAL_LOST,
        DenyReason.CREDENTIAL_STOLEN,
        DenyReason.CREDENTIAL_BLOCKED,
        DenyReason.CREDENTIAL_EXPIRED,
        DenyReason.CREDENTIAL_REPLACED,
    }
)


def the_one_thing(now: Situation) -> TheOneThing:
    """What to do now."""
    if now.refusal in _ON_PURPOSE:
        return TheOneThing(Todo.SEE_BLOCK)
    if now.asked:
        return TheOneThing(Todo.ANSWER_QUESTION)
    if now.to_confirm is not None:
        return TheOneThing(Todo.CONFIRM_PAYMENT, now.to_confirm)
    if now.overdue is not None:
        if now.on_its_way is not None:
            return TheOneThing(Todo.WAIT_FOR_BANK, now.on_its_way)
        return TheOneThing(Todo.TAKE_PAYMENT, now.overdue)
    if now.stopped:
        return TheOneThing(Todo.ANSWER_QUESTION)
    if now.refusal is DenyReason.FROZEN:
        return TheOneThing(Todo.UNFREEZE)
    if now.refusal in _NO_MEMBERSHIP:
        return TheOneThing(Todo.SELL_MEMBERSHIP)
    if now.refusal in _NO_CARD or not now.has_card:
        return TheOneThing(Todo.ISSUE_CARD)
    if now.card_fails:
        return TheOneThing(Todo.REPLACE_CARD)
    return TheOneThing(Todo.NOTHING)
