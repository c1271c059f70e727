"""Ladders in words: failures, days, what is shut."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from babel.dates import format_date

from portillon_cloud.access.blocks import Switch
from portillon_cloud.dunning.calendar import DayKind, Happening
from portillon_cloud.dunning.failures import FailureClass
from portillon_cloud.dunning.ladder import LetterKind
from portillon_cloud.dunning.policy import Household
from portillon_cloud.locale.words import Words
from portillon_cloud.money import Money
from portillon_cloud.web.wording import N_

FAILURES: Mapping[FailureClass, str] = {
    FailureClass.SOFT: N_("Refused for now: too little money, a limit"),
    FailureClass.HARD: N_("Refused for good: lost, stolen, closed"),
    FailureClass.AUTHENTICATION: N_("The payer must confirm with their bank"),
    FailureClass.DEBIT_RETURN: N_("A debit or a cheque came back"),
    FailureClass.NO_METHOD: N_("Nothing to charge"),
    FailureClass.EXPIRED_CARD: N_("The card has expired"),
}
SWITCHES: Mapping[Switch, str] = {
    Switch.ACCESS: N_("No entry"),
    Switch.CHANGES: N_("No changes of the membership"),
    Switch.INVOICING: N_("Nothing more is billed"),
    Switch.COLLECTION: N_("Nothing more is charged"),
}
HOUSEHOLDS: Mapping[Household, str] = {
    Household.ACCOUNT: N_("Everybody of the account"),
    Household.MEMBER: N_("Only those whose own lines are unpaid"),
}
_KINDS: Mapping[DayKind, str] = {
    DayKind.BEFORE_DUE: N_("Reminder before the day"),
    DayKind.CHARGE: N_("The charge fails"),
    DayKind.RETRY: N_("Charged again"),
    DayKind.PROMISE: N_("Promised to be paid by then"),
    DayKind.REMINDER: N_("Letter"),
    DayKind.RESTRICTION: N_("Suspension"),
    DayKind.HAND_OVER: N_("To the collectors"),
    DayKind.CANCELLATION: N_("End of the membership"),
    DayKind.WRITE_OFF: N_("Write-off"),
}
_LETTERS: Mapping[LetterKind, str] = {
    LetterKind.PAYMENT_FAILED: N_("Letter: the payment did not go through"),
    LetterKind.REMINDER: N_("Letter: reminder"),
    LetterKind.FINAL_NOTICE: N_("Letter: last reminder"),
}


@dataclass(frozen=True, slots=True)
class DunningWords:
    """The tables above for one reader."""

    words: Words

    def failure(self, failure: FailureClass | None) -> str:
        """Why a charge failed; None: the ladder of every failure."""
        return self.words.say(N_("Every failure")) if failure is None else self.words.say(FAILURES[failure])

    def switch(self, switch: Switch) -> str:
        """What is shut."""
        return self.words.say(SWITCHES[switch])

    def household(self, household: Household) -> str:
        """Whom unpaid dues shut out."""
        return self.words.say(HOUSEHOLDS[household])

    def month(self, first: date) -> str:
        """'March 2026'."""
        return format_date(first, "LLLL y", locale=self.words.locale)

    def happening(self, one: Happening, currency: str) -> str:
        """What happens on one day, and from which amount on."""
        text = self.words.say(_KINDS[one.kind] if one.letter is None else _LETTERS.get(one.letter, _KINDS[one.kind]))
        if one.switches:
            text = ", ".join(self.words.say(SWITCHES[switch]) for switch in Switch if switch in one.switches)
        if one.owed_minor_min == 1:
            return text
        least = self.words.money(Money(one.owed_minor_min, currency))
        return self.words.say(N_("%(what)s, from %(amount)s on"), what=text, amount=least)

    def kind(self, one: Happening) -> str:
        """Kind of mark of one day."""
        if one.kind in (DayKind.RESTRICTION, DayKind.HAND_OVER, DayKind.CANCELLATION):
            return "bad"
        return "idle" if one.kind is DayKind.WRITE_OFF else "warn"
