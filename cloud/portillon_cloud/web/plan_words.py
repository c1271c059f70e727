"""What is sold, in the words of somebody who sells it: what a plan opens, what a price costs and binds to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from portillon_rules.entitlement import ALWAYS
from portillon_rules.visits import Per

from portillon_cloud.billing.calendar import IntervalUnit
from portillon_cloud.billing.catalogue import PlanKind, Price
from portillon_cloud.billing.coupons import Coupon
from portillon_cloud.billing.proration import Proration
from portillon_cloud.billing.sold_terms import SoldFreeze
from portillon_cloud.billing.tax_catalogue import TaxCategory
from portillon_cloud.locale.words import Words
from portillon_cloud.money import Money
from portillon_cloud.web.wording import N_, Wording

TAX_CATEGORIES: Mapping[TaxCategory, str] = {
    TaxCategory.STANDARD: N_("Membership, class, merchandise"),
    TaxCategory.EVENT_ENTRY: N_("Ticket to watch a match"),
    TaxCategory.MEAL: N_("Food and drink, eaten here"),
    TaxCategory.GROCERIES: N_("Food, taken away"),
    TaxCategory.BOOK: N_("Book"),
    TaxCategory.PRESS: N_("Newspaper, magazine"),
    TaxCategory.CARE: N_("Care by a health profession"),
    TaxCategory.NON_PROFIT: N_("Of a non-profit to its members"),
}

PRORATIONS: Mapping[Proration, str] = {
    Proration.REAL_DAYS: N_("by the days that the month has"),
    Proration.FIXED_30: N_("as if every month had 30 days"),
    Proration.SECONDS: N_("to the second"),
    Proration.WHOLE: N_("never: what has begun is paid whole"),
}

KINDS: Mapping[PlanKind, str] = {
    PlanKind.MEMBERSHIP: N_("Membership"),
    PlanKind.ADDON: N_("Add-on, only beside a membership"),
}


@dataclass(frozen=True, slots=True)
class PlanWords:
    """In the reader's language."""

    words: Words

    def kind(self, kind: str) -> str:
        """What sort of plan."""
        return self.words.say(KINDS[PlanKind(kind)])

    def hours(self, schedule: str) -> str:
        """When it opens."""
        return self.words.say(N_("at all hours")) if schedule == ALWAYS else schedule

    def where(self, sites: str | Sequence[int] | None, names: Mapping[int, str]) -> str:
        """Where it opens; `names` are the organisation's sites."""
        if sites is None:
            return self.words.say(N_("at the member's own site"))
        if isinstance(sites, str):
            return self.words.say(N_("at every site"))
        return ", ".join(names[one] for one in sites if one in names)

    def visits(self, visits: Mapping[str, int] | None) -> str:
        """How often it opens."""
        if visits is None:
            return self.words.say(N_("without a limit"))
        return ", ".join(self._visits(per, most) for per, most in visits.items())

    def _visits(self, per: str, most: int) -> str:
        count = self.words.count
        match per:
            case Per.DAY:
                return count("once a day", "%(n)s times a day", most)
            case Per.WEEK:
                return count("once a week", "%(n)s times a week", most)
            case Per.MONTH:
                return count("once a month", "%(n)s times a month", most)
            case _:
                return count("a single visit", "a pack of %(n)s visits", most)

    def price(self, one: Price) -> str:
        """The amount, how often it recurs, and whether tax comes on top."""
        say, wording = self.words.say, Wording(self.words, sees_money=True)
        interval = wording.interval(one.interval.unit, one.interval.count)
        amount = self.words.money(Money(one.amount_minor, one.currency))
        if not one.taxable:
            return say(N_("%(amount)s %(interval)s, no tax"), amount=amount, interval=interval)
        if one.tax_inclusive:
            return say(N_("%(amount)s %(interval)s, tax included"), amount=amount, interval=interval)
        return say(N_("%(amount)s %(interval)s, plus tax"), amount=amount, interval=interval)

    def duration(self, one: Price) -> str:
        """For how long it is signed."""
        times = one.extras.times
        if times is None:
            if one.term_months is None:
                return self.words.say(N_("until somebody cancels"))
            return self.words.count("%(n)s month", "%(n)s months", one.term_months)
        length, count = times * one.interval.count, self.words.count
        match one.interval.unit:
            case IntervalUnit.DAY:
                return count("%(n)s day, then it is over", "%(n)s days, then it is over", length)
            case IntervalUnit.WEEK:
                return count("%(n)s week, then it is over", "%(n)s weeks, then it is over", length)
            case IntervalUnit.MONTH:
                return count("%(n)s month, then it is over", "%(n)s months, then it is over", length)

    def facts(self, one: Price) -> list[tuple[str, str]]:
        """What else is agreed at this price; what is as usual and of no weight is left out."""
        say, count, extras, terms = self.words.say, self.words.count, one.extras, one.terms
        found = [(N_("Signed for"), self.duration(one))]
        if extras.audience is not None:
            found.append((N_("Only for"), say(N_("%(group)s, upon proof"), group=extras.audience)))
        if extras.joining_minor:
            found.append((N_("Joining fee"), self.words.money(Money(extras.joining_minor, one.currency))))
        if extras.trial_days:
            found.append((N_("Free to begin with"), count("%(n)s day", "%(n)s days", extras.trial_days)))
        if extras.instalments > 1:
            found.append((N_("Paid in"), say(N_("%(n)s parts, a month apart"), n=extras.instalments)))
        if one.taxable and one.tax_category is not TaxCategory.STANDARD:
            found.append((N_("Taxed as"), say(TAX_CATEGORIES[one.tax_category])))
        if terms.billing_day is not None:
            found.append((N_("Billed on"), say(N_("day %(n)s of the month, for everybody"), n=terms.billing_day)))
        if terms.proration is not Proration.REAL_DAYS:
            found.append((N_("Parts of a period count"), say(PRORATIONS[terms.proration])))
        if terms.minimum_months is not None:
            found.append((N_("Nobody leaves before"), count("%(n)s month", "%(n)s months", terms.minimum_months)))
        notice = count("%(n)s day", "%(n)s days", terms.notice_days) if terms.notice_days else say(N_("none"))
        found.append((N_("Notice to leave"), notice))
        if terms.back_days:
            found.append((N_("Changes hold back"), count("%(n)s day", "%(n)s days", terms.back_days)))
        found.append((N_("Freezes"), self._freeze(terms.freeze, one.currency)))
        return [(say(label), text) for label, text in found]

    def _freeze(self, freeze: SoldFreeze | None, currency: str) -> str:
        say = self.words.say
        if freeze is None:
            return say(N_("none"))
        told = [
            say(
                N_("%(least)s to %(most)s days, at most %(times)s times and %(days)s days a year"),
                least=freeze.days_least,
                most=freeze.days_most,
                times=freeze.times_per_year,
                days=freeze.days_per_year,
            )
        ]
        if freeze.fee_minor:
            told.append(say(N_("%(amount)s each period"), amount=self.words.money(Money(freeze.fee_minor, currency))))
        if freeze.notice_days:
            told.append(self.words.count("%(n)s day of notice", "%(n)s days of notice", freeze.notice_days))
        if freeze.proof_after_days is not None:
            told.append(say(N_("a paper for more than %(n)s days"), n=freeze.proof_after_days))
        if freeze.moves_on:
            told.append(say(N_("paid days are used up afterwards")))
        return "; ".join(told)

    def coupon(self, one: Coupon, currency: str) -> str:
        """What it gives."""
        gift, say, given = one.gift, self.words.say, []
        if gift.share_ppm:
            given.append(say(N_("%(share)s off"), share=self.words.rate(gift.share_ppm)))
        if gift.amount_minor:
            given.append(say(N_("%(amount)s off"), amount=self.words.money(Money(gift.amount_minor, currency))))
        if given and gift.cycles is not None:
            given.append(self.words.count("the first period", "the first %(n)s periods", gift.cycles))
        if gift.waives_joining:
            given.append(say(N_("no joining fee")))
        return ", ".join(given)

    def coupon_plans(self, one: Coupon, names: Mapping[int, str]) -> str:
        """For what it is taken; `names` are plans."""
        plans: Any = one.terms.plans
        if plans is None:
            return self.words.say(N_("every plan"))
        return ", ".join(names[plan_id] for plan_id in plans if plan_id in names)
