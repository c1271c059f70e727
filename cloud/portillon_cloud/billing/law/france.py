"""France: Code de la consommation. Open-ended contracts are lawful, tacit renewal too after a timely notice.

A fixed term holds both sides to its end, but for withdrawal and for a renewal that nobody announced; a member who has a
good reason of their own (illness, a move) is the contract's business and the judge's.
"""

import datetime
from collections.abc import Sequence

from portillon_cloud.billing.calendar import add_months
from portillon_cloud.billing.law.terms import Leaving, Renewal, Repricing, Terms, Violation, WayOut, Window
from portillon_cloud.billing.law.used import used_by

VERSION = "2026-3"
NOTICE_EARLIEST_MONTHS = 3  # L215-1: the notice comes no earlier than three months …
NOTICE_LATEST_MONTHS = 1  # … and no later than one month before the end
WITHDRAWAL_DAYS = 14  # L221-18
WITHDRAWAL_REFUND_DAYS = 14  # L221-24
RENEWAL_REFUND_DAYS = 30  # L215-1, third paragraph
REPRICING_DAYS = 30  # R212-4 says "reasonable"; ours
REPRICING = "Code de la consommation R212-4"

_FIXED_HOLIDAYS = ((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25))  # Code du travail L3133-1
_DAYS_AFTER_EASTER = (1, 39, 50)  # Monday, Ascension, Whit Monday


def violations(terms: Terms) -> Sequence[Violation]:
    """Every rule these terms break; none: they may be signed."""
    found = []
    if not terms.tax_inclusive:
        found.append(
            Violation(
                "Code de la consommation L112-1",
                "prices shown to consumers in France include the TVA; make the price tax-inclusive",
            )
        )
    if terms.renews and terms.ends_on is None:
        found.append(
            Violation(
                "Code de la consommation L215-1",
                "an open-ended contract has no term to renew; set an end or take the renewal away",
            )
        )
    return found


def renewal_notice(term_ends_on: datetime.date) -> Window:
    """When to tell the member that the contract will renew; `term_ends_on` is the term's last day (L215-1)."""
    return Window(add_months(term_ends_on, -NOTICE_EARLIEST_MONTHS), add_months(term_ends_on, -NOTICE_LATEST_MONTHS))


def withdrawal_until_on(signed_on: datetime.date) -> datetime.date:
    """The last day to withdraw from a contract signed at distance: fourteen days after the day of signature, and if
    that is a Saturday, a Sunday or a holiday, the next day that is none (L221-18, L221-19)."""
    day = signed_on + datetime.timedelta(days=WITHDRAWAL_DAYS)
    while day.weekday() >= 5 or is_holiday(day):
        day += datetime.timedelta(days=1)
    return day


def way_out(leaving: Leaving) -> WayOut | None:
    """Withdrawal from what was signed at distance, for what was used; and leaving what went on by itself unannounced.

    None: the law gives no way out, and the contract says what holds.
    """
    used = used_by(leaving)
    if leaving.at_distance and leaving.told_on <= withdrawal_until_on(leaving.signed_on):
        return WayOut(
            clause="Code de la consommation L221-18, L221-25",
            kept_at_most_minor=used,
            refund_due_on=leaving.told_on + datetime.timedelta(days=WITHDRAWAL_REFUND_DAYS),
            withdrawal=True,
        )
    if leaving.renewed_untold_on is not None and leaving.on >= leaving.renewed_untold_on:
        return WayOut(
            clause="Code de la consommation L215-1",
            kept_at_most_minor=used,
            refund_due_on=leaving.on + datetime.timedelta(days=RENEWAL_REFUND_DAYS),
        )
    return None


def renewal_violations(_renewal: Renewal) -> Sequence[Violation]:
    """None: what both sides agree to may be prolonged at any time; only tacit renewal has its notice."""
    return ()


def renewal_notice_of(ends_on: datetime.date) -> Window:
    """The same by the first day without the term."""
    return renewal_notice(ends_on - datetime.timedelta(days=1))


def repricing_violations(change: Repricing) -> Sequence[Violation]:
    """Every rule that a new price by notice breaks: only who may leave at any time is held to it."""
    if not change.rises:
        return ()
    if change.ends_on is not None:
        return [
            Violation(
                "Code de la consommation R212-1, 3°",
                f"the price of a fixed term is not changed by notice; announce the new one for {change.ends_on}, "
                "when the term is over",
            )
        ]
    if change.from_on < change.announced_on + datetime.timedelta(days=REPRICING_DAYS):
        return [Violation(REPRICING, f"a new price is told at least {REPRICING_DAYS} days before it holds")]
    return ()


def is_holiday(day: datetime.date) -> bool:
    """Whether `day` is one of the eleven public holidays of metropolitan France."""
    moving = (_easter(day.year) + datetime.timedelta(days=days) for days in _DAYS_AFTER_EASTER)
    return (day.month, day.day) in _FIXED_HOLIDAYS or day in moving


def _easter(year: int) -> datetime.date:
    """Easter Sunday of the Gregorian calendar (Meeus, Astronomical Algorithms, chapter 8)."""
    century, rest = divmod(year, 100)
    moon = (19 * (year % 19) + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    week = (32 + 2 * (century % 4) + 2 * (rest // 4) - moon - rest % 4) % 7
    late = (year % 19 + 11 * moon + 22 * week) // 451
    month, day = divmod(moon + week - 7 * late + 114, 31)
    return datetime.date(year, month, day + 1)
