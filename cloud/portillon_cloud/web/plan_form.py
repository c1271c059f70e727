"""The forms of a plan and of a price: their fields with an owner's words, and what was typed read back. Pure.

Each setting is a field of web/settings.py; names of plans and amounts of money are fields of their own.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from portillon_rules.entitlement import ALWAYS
from portillon_rules.visits import Per

from portillon_cloud.access.sites import Sites
from portillon_cloud.billing.calendar import Interval, IntervalUnit
from portillon_cloud.billing.catalogue import (
    INSTALMENTS_MOST,
    TIMES_MOST,
    TRIAL_DAYS_MOST,
    Extras,
    Price,
    require_sense,
)
from portillon_cloud.billing.errors import CatalogueError
from portillon_cloud.billing.proration import Proration
from portillon_cloud.billing.selling import PlanTerms
from portillon_cloud.billing.sold_terms import SoldFreeze, SoldTerms
from portillon_cloud.billing.tax_catalogue import TaxCategory
from portillon_cloud.locale.words import Words
from portillon_cloud.money import Money
from portillon_cloud.visits.plan_visits import MOST_MAX, PlanVisits
from portillon_cloud.web.amount import AmountError, amount_minor, amount_text
from portillon_cloud.web.plan_words import PRORATIONS, TAX_CATEGORIES
from portillon_cloud.web.settings import Choice, Number, Option, Setting, Tick, read_settings
from portillon_cloud.web.wording import N_

_DAYS = N_("days")
_MONTHS = N_("months")
_ID = re.compile(r"[0-9]{1,15}")
_AUDIENCE = re.compile(r"[a-z][a-z0-9-]{0,39}")
AMOUNTS: Mapping[str, str] = {
    "amount": N_("Amount"),
    "joining": N_("Joining fee"),
    "freeze_fee": N_("Costs each period of it"),
}
WHYS: Mapping[str, str] = {
    "times": N_("Nothing was changed: say either for how many months it is signed, or for how many periods."),
    "instalments": N_("Nothing was changed: parts are paid a month apart, at most one for each month of the period."),
    "billing_day": N_("Nothing was changed: only months can be billed on one day for everybody, and 12 hold them all."),
    "a term of": N_(
        "Nothing was changed: what is signed for months is billed by months, and the term holds them whole."
    ),
    "audience": N_("Nothing was changed: write for whom in small letters, such as student."),
    "visits": N_("Nothing was changed: limit visits by a pack or by day, week and month, not by both."),
    "zones": N_("Nothing was changed: tick what it opens."),
    "sites": N_("Nothing was changed: tick the sites, or choose where else it holds."),
    "code": N_("Nothing was changed: there is a plan of that code, or it is no code: letters, digits, - and _."),
    "name": N_("Nothing was changed: give it a name."),
}
UNREAD = N_("Nothing was changed: “%(field)s” cannot be read, or cannot be so.")

VISITS: Mapping[str, Setting] = {
    **{
        f"visits_{per}": Number(label=label, unit=N_("visits"), least=1, most=MOST_MAX, example=N_("Empty: no limit."))
        for per, label in (
            (Per.DAY.value, N_("Each day")),
            (Per.WEEK.value, N_("Each week")),
            (Per.MONTH.value, N_("Each month")),
        )
    },
    "visits_pack": Number(
        label=N_("In all"),
        unit=N_("visits"),
        least=1,
        most=MOST_MAX,
        example=N_("10: a pack of ten, used whenever one comes."),
    ),
}

_PERIODS = (
    ("day:1", N_("each day")), ("week:1", N_("each week")), ("week:2", N_("every 2 weeks")),
    ("week:4", N_("every 4 weeks")), ("month:1", N_("each month")), ("month:2", N_("every 2 months")),
    ("month:3", N_("every 3 months")), ("month:4", N_("every 4 months")), ("month:6", N_("every 6 months")),
    ("month:12", N_("each year")),
)  # fmt: skip
PRICE: Mapping[str, Setting] = {
    "interval": Choice(
        label=N_("Billed"),
        options=tuple(Option(value, text) for value, text in _PERIODS),
        example=N_("A day pass is billed each day, and signed for one period."),
    ),
    "tax": Choice(
        label=N_("Tax"),
        options=(
            Option("on_top", N_("comes on top")),
            Option("included", N_("is in the amount")),
            Option("none", N_("there is none")),
        ),
        example=N_("In France consumers are told prices with tax, in Quebec without."),
    ),
    "tax_category": Choice(
        label=N_("Taxed as"),
        options=tuple(Option(one.value, text) for one, text in TAX_CATEGORIES.items()),
        example=N_("The rate follows from it, and from where the company is."),
    ),
    "term_months": Number(
        label=N_("Signed for"), unit=_MONTHS, least=1, most=120, example=N_("Empty: until somebody cancels.")
    ),
    "times": Number(
        label=N_("Or for so many periods, then it is over"),
        unit=N_("periods"),
        least=1,
        most=TIMES_MOST,
        example=N_("1: a day pass, a pack. Empty: as the months say."),
    ),
    "trial_days": Number(
        label=N_("Free to begin with"),
        unit=_DAYS,
        least=0,
        most=TRIAL_DAYS_MOST,
        none=0,
        example=N_("7: the first invoice covers the eighth day on."),
    ),
    "instalments": Number(
        label=N_("Each invoice is paid in parts"),
        unit=N_("parts"),
        least=1,
        most=INSTALMENTS_MOST,
        none=1,
        example=N_("12 of a year: one part each month. Empty: at once."),
    ),
}
TERMS: Mapping[str, Setting] = {
    "notice_days": Number(
        label=N_("Notice to leave"), unit=_DAYS, least=0, most=366, none=0, example=N_("Empty: none.")
    ),
    "minimum_months": Number(
        label=N_("Nobody leaves before"), unit=_MONTHS, least=1, most=60, example=N_("Whatever the law gives stays.")
    ),
    "billing_day": Number(
        label=N_("Billed on this day of the month, for everybody"),
        unit=N_("day"),
        least=1,
        most=31,
        example=N_("1: who begins on the 20th pays the part up to the 1st. Empty: the day on which each began."),
    ),
    "proration": Choice(
        label=N_("Parts of a period count"),
        options=tuple(Option(one.value, text) for one, text in PRORATIONS.items()),
        example=N_("When somebody begins, changes or leaves in the middle."),
    ),
    "back_days": Number(
        label=N_("Changes hold back at most"),
        unit=_DAYS,
        least=0,
        most=366,
        none=0,
        example=N_("Empty: from today on."),
    ),
}
FREEZE: Mapping[str, Setting] = {
    "freezes": Tick(label=N_("Members may freeze"), example=N_("If not ticked, only the law lets them.")),
    "days_least": Number(label=N_("At least"), unit=_DAYS, least=1, most=366, none=7, example=N_("Empty: 7.")),
    "days_most": Number(label=N_("At most"), unit=_DAYS, least=1, most=366, none=90, example=N_("Empty: 90.")),
    "times_per_year": Number(
        label=N_("How often in a year"), unit=N_("times"), least=1, most=99, none=2, example=N_("Empty: 2.")
    ),
    "days_per_year": Number(label=N_("In a year"), unit=_DAYS, least=1, most=366, none=90, example=N_("Empty: 90.")),
    "freeze_notice": Number(
        label=N_("Notice of a freeze"), unit=_DAYS, least=0, most=366, none=0, example=N_("Empty: none.")
    ),
    "proof_after_days": Number(
        label=N_("A paper for more than"), unit=_DAYS, least=0, most=366, example=N_("Empty: none is asked for.")
    ),
    "moves_on": Tick(
        label=N_("Paid days are used up afterwards"),
        example=N_("If not ticked, they are credited on the next invoice."),
    ),
}


class PlanFormError(ValueError):
    """What was typed makes no plan, price or coupon; `text` says what to mend, `field` names the field, if one."""

    def __init__(self, text: str, field: str = "") -> None:
        super().__init__(text)
        self.text, self.field = text, field


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTyped:
    """A price as it was asked for."""

    amount_minor: int
    interval: Interval
    term_months: int | None
    tax_inclusive: bool
    taxable: bool
    tax_category: TaxCategory
    extras: Extras
    terms: SoldTerms


def plan_typed(typed: Mapping[str, list[str]]) -> PlanTerms:
    """What a plan opens, as typed. Raises PlanFormError."""
    one = {name: values[0] for name, values in typed.items() if values}
    name, zones = one.get("name", "").strip(), tuple(typed.get("zones", ()))
    if not 1 <= len(name) <= 100:
        raise PlanFormError(WHYS["name"])
    if not zones:
        raise PlanFormError(WHYS["zones"])
    where, ids = one.get("where", ""), [text for text in typed.get("sites", ()) if _ID.fullmatch(text)]
    if where == "some" and not ids:
        raise PlanFormError(WHYS["sites"])
    limits = {name.removeprefix("visits_"): most for name, most in read(VISITS, one).items() if most is not None}
    try:
        visits = PlanVisits.from_body(limits) if limits else None
    except ValueError as error:
        raise PlanFormError(WHYS["visits"]) from error
    sites: Sites = "all" if where == "all" else tuple(map(int, ids)) if where == "some" else None
    return PlanTerms(name=name, zones=zones, schedule=one.get("schedule") or ALWAYS, sites=sites, visits=visits)


def price_typed(typed: Mapping[str, str], currency: str) -> PriceTyped:
    """A price, as typed. Raises PlanFormError."""
    said = {**read(PRICE, typed), **read(TERMS, typed), **read(FREEZE, typed)}
    if not typed.get("amount", "").strip():
        raise PlanFormError(UNREAD, AMOUNTS["amount"])
    minor = {name: money_typed(typed.get(name, ""), currency, label) for name, label in AMOUNTS.items()}
    audience = typed.get("audience", "").strip() or None
    if audience is not None and _AUDIENCE.fullmatch(audience) is None:
        raise PlanFormError(WHYS["audience"])
    try:
        unit, count = said["interval"].split(":")
        found = PriceTyped(
            amount_minor=minor["amount"],
            interval=Interval(IntervalUnit(unit), int(count)),
            term_months=said["term_months"],
            tax_inclusive=said["tax"] == "included",
            taxable=said["tax"] != "none",
            tax_category=TaxCategory(said["tax_category"]),
            extras=Extras(
                times=said["times"],
                joining_minor=minor["joining"],
                trial_days=said["trial_days"],
                instalments=said["instalments"],
                audience=audience,
            ),
            terms=_terms(said, minor["freeze_fee"]),
        )
        require_sense(found.interval, found.term_months, found.extras, found.terms)
    except CatalogueError as error:
        raise PlanFormError(
            next((why for begin, why in WHYS.items() if str(error).startswith(begin)), UNREAD)
        ) from error
    except (ValueError, KeyError, AttributeError) as error:
        raise PlanFormError(UNREAD, PRICE["interval"].label) from error
    return found


def _terms(said: Mapping[str, Any], fee_minor: int) -> SoldTerms:
    freeze = SoldFreeze(
        days_least=said["days_least"],
        days_most=said["days_most"],
        days_per_year=said["days_per_year"],
        times_per_year=said["times_per_year"],
        notice_days=said["freeze_notice"],
        proof_after_days=said["proof_after_days"],
        fee_minor=fee_minor,
        moves_on=said["moves_on"],
    )
    return SoldTerms(
        proration=Proration(said["proration"]),
        billing_day=said["billing_day"],
        minimum_months=said["minimum_months"],
        notice_days=said["notice_days"],
        back_days=said["back_days"],
        freeze=freeze if said["freezes"] else None,
    )


def price_fields(one: Price | None, words: Words, *, tax_inclusive: bool = False) -> dict[str, Any]:
    """What stands in the form of a price: this price's own, or what is usual."""
    terms = SoldTerms() if one is None else one.terms
    extras = Extras() if one is None else one.extras
    freeze = terms.freeze or SoldFreeze()

    def money(minor: int) -> str:
        return amount_text(Money(minor, one.currency), words) if one is not None and minor else ""

    included = tax_inclusive if one is None else one.tax_inclusive
    return {
        "amount": "" if one is None else money(one.amount_minor) or "0",
        "joining": money(extras.joining_minor),
        "freeze_fee": money(freeze.fee_minor),
        "audience": extras.audience or "",
        "interval": "month:1" if one is None else f"{one.interval.unit}:{one.interval.count}",
        "tax": "none" if one is not None and not one.taxable else "included" if included else "on_top",
        "tax_category": TaxCategory.STANDARD if one is None else one.tax_category,
        "term_months": None if one is None else one.term_months,
        "times": extras.times,
        "trial_days": extras.trial_days or None,
        "instalments": extras.instalments if extras.instalments > 1 else None,
        "notice_days": terms.notice_days or None,
        "minimum_months": terms.minimum_months,
        "billing_day": terms.billing_day,
        "proration": terms.proration,
        "back_days": terms.back_days or None,
        "freezes": terms.freeze is not None,
        "days_least": freeze.days_least,
        "days_most": freeze.days_most,
        "times_per_year": freeze.times_per_year,
        "days_per_year": freeze.days_per_year,
        "freeze_notice": freeze.notice_days or None,
        "proof_after_days": freeze.proof_after_days,
        "moves_on": freeze.moves_on,
    }


def read(settings: Mapping[str, Setting], typed: Mapping[str, str]) -> dict[str, Any]:
    """What was chosen; what the form did not send is as if left empty. Raises PlanFormError with the field's name."""
    usual = {name: one.none for name, one in settings.items() if isinstance(one, Number)}
    try:
        return {**usual, **read_settings(settings, typed)}
    except ValueError as error:
        raise PlanFormError(UNREAD, settings[str(error).split(":")[0]].label) from error


def money_typed(text: str, currency: str, label: str) -> int:
    """The amount; nothing typed, or nought, is 0. Raises PlanFormError."""
    if not text.strip(" 0.,"):
        return 0
    try:
        return amount_minor(text, currency)
    except AmountError as error:
        raise PlanFormError(UNREAD, label) from error
