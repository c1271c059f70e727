"""The desk's own words: what comes next, the button's text and where it leads, and what was refused."""

from collections.abc import Mapping
from dataclasses import dataclass

from portillon_rules.reason import DenyReason

from portillon_cloud.desk.errors import DeskLimitError, NoChequeError, PlanAlreadyAgreedError, PlanInvalidError
from portillon_cloud.desk.instalments import Every
from portillon_cloud.desk.person import AtDesk, Next
from portillon_cloud.desk.tables import PlanState
from portillon_cloud.desk.todo import Todo
from portillon_cloud.desk.words import said
from portillon_cloud.dunning.errors import PromiseRefusedError, WhyNoPromise
from portillon_cloud.ledger.errors import PeriodClosedError
from portillon_cloud.locale.words import Words
from portillon_cloud.payments.errors import ChargeUnderWayError, NothingOwedError, OverpaymentError
from portillon_cloud.web.amount import AmountError
from portillon_cloud.web.wording import N_

COMING: Mapping[Next, str] = {
    Next.DUE: N_("To be paid"),
    Next.RETRY: N_("The card is charged again"),
    Next.PROMISE: N_("Promised to pay until then"),
    Next.SHUT: N_("The door shuts"),
    Next.REMINDER: N_("A reminder is sent"),
    Next.HAND_OVER: N_("Handed to collectors"),
    Next.CANCELLATION: N_("The membership is cancelled"),
    Next.WRITE_OFF: N_("The debt is written off"),
    Next.INVOICE: N_("Next invoice"),
}

EVERY: Mapping[Every, str] = {
    Every.WEEK: N_("Every week"),
    Every.TWO_WEEKS: N_("Every two weeks"),
    Every.MONTH: N_("Every month"),
}

PLAN_STATES: Mapping[PlanState, tuple[str, str]] = {
    PlanState.AGREED: ("warn", N_("Pays in instalments")),
    PlanState.KEPT: ("ok", N_("Instalments paid")),
    PlanState.BROKEN: ("bad", N_("Instalments not kept")),
}

BY_LINK = frozenset({Todo.CONFIRM_PAYMENT, Todo.REPLACE_CARD})
"""What the payer does on a page of their own."""

# Where the button leads, and what it says; the payment's own form stands on the page.
_LEADS: Mapping[Todo, tuple[str, str]] = {
    Todo.SEE_BLOCK: ("/members/{member_id}", N_("See why")),
    Todo.ANSWER_QUESTION: ("/accounts/{account_id}", N_("Look at it")),
    Todo.UNFREEZE: ("/members/{member_id}", N_("See the membership")),
    Todo.SELL_MEMBERSHIP: ("/members/{member_id}", N_("See the membership")),
    Todo.ISSUE_CARD: ("/members/{member_id}", N_("Issue it")),
}

_SEE: Mapping[DenyReason, str] = {DenyReason.CHARGEBACK: "/disputes", DenyReason.PASS_SHARED: "/shared-passes"}
"""Blocks that have a page of their own."""

REFUSED: Mapping[type[Exception], str] = {
    AmountError: N_("Write the amount as a number, for example 49.99."),
    OverpaymentError: N_("That is more than is owed. Take it as a prepayment, or take less."),
    ChargeUnderWayError: N_("A card is being charged for this at this moment. Try again when that is decided."),
    NothingOwedError: N_("Nothing that is due is owed: there is nothing to do it for."),
    DeskLimitError: N_("That is more than the desk may do alone. Ask an owner."),
    PlanAlreadyAgreedError: N_("They pay in instalments already: those come first."),
    PlanInvalidError: N_("These instalments make no sense: agree on two at least, from today on."),
    NoChequeError: N_("Only a cheque that was taken here can bounce."),
    PeriodClosedError: N_("This month is closed in the books. Open it again first."),
}
REFUSALS: tuple[type[Exception], ...] = (*REFUSED, PromiseRefusedError)
"""Everything that a form of the desk says no to."""
_NO_PROMISE: Mapping[WhyNoPromise, str] = {
    WhyNoPromise.NOT_TAKEN: N_("By the policy no promises are taken."),
    WhyNoPromise.DAY: N_("Promise a day from today up to %(last)s."),
    WhyNoPromise.NOTHING_OVERDUE: N_("Nothing is overdue: there is nothing to promise."),
    WhyNoPromise.GIVEN_BEFORE: N_("This was promised before, as often as the policy allows."),
}


@dataclass(frozen=True, slots=True)
class DeskWords:
    """The tables above for one reader."""

    words: Words

    def coming(self, kind: Next) -> str:
        """What comes next."""
        return self.words.say(COMING[kind])

    def every(self, every: Every) -> str:
        """How far instalments lie apart."""
        return self.words.say(EVERY[every])

    def thing(self, found: AtDesk) -> str:
        """The one thing to do."""
        return said(found.thing, self.words)

    def lead(self, found: AtDesk) -> tuple[str, str] | None:
        """Where the one button leads, and its text; None: there is none, or it is the payment's."""
        lead = _LEADS.get(found.thing.todo)
        own_page = None if found.may.reason is None else _SEE.get(found.may.reason)
        if lead is not None and found.thing.todo is Todo.SEE_BLOCK and own_page is not None:
            return own_page, self.words.say(lead[1])
        if lead is None:
            return None
        if found.thing.todo is Todo.ANSWER_QUESTION and found.question_id is not None:
            return f"/questions?account={found.account_id}#question-{found.question_id}", self.words.say(lead[1])
        if found.thing.todo is Todo.UNFREEZE and found.subscription_id is not None:
            return f"/subscriptions/{found.subscription_id}", self.words.say(lead[1])
        return lead[0].format(member_id=found.member_id, account_id=found.account_id), self.words.say(lead[1])

    def by_link(self, found: AtDesk) -> bool:
        """Whether the payer does it on a page of their own."""
        return found.thing.todo in BY_LINK

    def plan_state(self, state: PlanState) -> str:
        """How a plan goes."""
        return self.words.say(PLAN_STATES[state][1])

    def plan_kind(self, state: PlanState) -> str:
        """Kind of mark of a plan."""
        return PLAN_STATES[state][0]

    def refused(self, error: Exception) -> str:
        """Why it was not done."""
        if isinstance(error, PromiseRefusedError):
            last = "" if error.last_on is None else self.words.day(error.last_on)
            return self.words.say(_NO_PROMISE[error.why], last=last)
        return self.words.say(REFUSED[type(error)])
