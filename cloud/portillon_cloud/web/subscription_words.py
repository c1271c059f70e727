"""A subscription's life in words: its condition, what befell it, and why something cannot be done."""

from collections.abc import Mapping
from dataclasses import dataclass

from portillon_cloud.billing.life import Condition
from portillon_cloud.billing.subscription import Why
from portillon_cloud.billing.timeline import Discounted, Ended, Event, Frozen, Resumed, Shared, Started, TariffChanged
from portillon_cloud.locale.words import Words
from portillon_cloud.web.wording import N_

CONDITIONS: Mapping[Condition, tuple[str, str]] = {
    Condition.COMING: ("idle", N_("Begins later")),
    Condition.TRIAL: ("ok", N_("On trial")),
    Condition.RUNNING: ("ok", N_("In force")),
    Condition.FROZEN: ("idle", N_("Frozen")),
    Condition.ENDED: ("idle", N_("Ended")),
}

WHYS: Mapping[Why, str] = {
    Why.ENDED: N_("It has ended. Sell a new contract instead."),
    Why.NOT_BEGUN: N_("It has not begun by that day."),
    Why.IN_TRIAL: N_("It is on trial then, and costs nothing: there is nothing to freeze."),
    Why.FROZEN_ALREADY: N_("It is frozen already in that time. End or withdraw that freeze first."),
    Why.NOT_FROZEN: N_("It is not frozen, and no freeze is planned."),
    Why.NO_END_TO_WITHDRAW: N_("Nobody cancelled it: there is nothing to take back."),
    Why.NO_TERM_TO_RENEW: N_("It has no fixed term. It goes on until somebody cancels."),
    Why.PAYS_NO_PART: N_("That account pays no part of it."),
    Why.SETTLED_BY_LAW: N_(
        "It was left by right of the law, and the money is given back. Sell a new contract instead."
    ),
    Why.TERM_ENDS_FIRST: N_("Its term is over by then: it ends by itself."),
    Why.TOO_FAR_BACK: N_("That day is too far back."),
    Why.MINIMUM_TERM: N_("The contract has a minimum term."),
    Why.NOTICE: N_("The contract asks for notice."),
    Why.FREEZE_NOT_AGREED: N_("The contract knows no freezes."),
    Why.FREEZE_NOTICE: N_("The contract asks for notice of a freeze. With a medical paper it can begin at once."),
    Why.FREEZE_TOO_SHORT: N_("The contract knows no freeze as short as that."),
    Why.FREEZE_TOO_LONG: N_("The contract knows no freeze as long as that."),
    Why.FREEZE_DAYS_USED_UP: N_("The freeze days of twelve months are used up."),
    Why.FREEZE_TIMES_USED_UP: N_("There were as many freezes within twelve months as the contract allows."),
    Why.FREEZE_NEEDS_PROOF: N_("A freeze as long as that needs a paper: tick that it was seen."),
    Why.CHANGES_HELD: N_("A block of the account holds changes off. Leaving is possible all the same."),
}


@dataclass(frozen=True, slots=True)
class SubscriptionWords:
    """In the reader's language."""

    words: Words

    def condition(self, condition: Condition) -> tuple[str, str]:
        """The kind of mark, and its text."""
        kind, text = CONDITIONS[condition]
        return kind, self.words.say(text)

    def why(self, why: Why) -> str:
        """Why it cannot be, and what to do."""
        return self.words.say(WHYS[why])

    def event(self, event: Event, plans: Mapping[int, str]) -> str:
        """What befell it; `plans` are names by price."""
        say = self.words.say
        match event:
            case Started(tariff=tariff):
                return say(N_("Begins with %(plan)s"), plan=plans[tariff.price_id])
            case TariffChanged(tariff=tariff):
                return say(N_("Changes to %(plan)s"), plan=plans[tariff.price_id])
            case Frozen(until=None):
                return say(N_("Frozen until somebody resumes"))
            case Frozen(until=until) if until is not None:
                return say(N_("Frozen, back on %(day)s"), day=self.words.day(until.day))
            case Resumed():
                return say(N_("Resumed"))
            case Discounted(code=code, until=None):
                return say(N_("Discount %(code)s"), code=code)
            case Discounted(code=code, until=until) if until is not None:
                return say(N_("Discount %(code)s until %(day)s"), code=code, day=self.words.last_day(until.day))
            case Shared(code=payer, until=None):
                return say(N_("%(payer)s pays a part"), payer=payer)
            case Shared(code=payer, until=until) if until is not None:
                return say(N_("%(payer)s pays a part until %(day)s"), payer=payer, day=self.words.last_day(until.day))
            case Ended(of_term=True):
                return say(N_("First day after its term"))
            case _:
                return say(N_("First day without it: cancelled"))
