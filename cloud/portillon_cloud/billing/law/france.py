"""France: Code de la consommation. Open-ended contracts are lawful, tacit renewal too after a timely notice."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from portillon_cloud.billing.calendar import add_months
from portillon_cloud.billing.law.terms import Terms

VERSION = "2026-1"
NOTICE_EARLIEST_MONTHS = 3  # L215-1: the notice comes no earlier than three months …
NOTICE_LATEST_MONTHS = 1  # … and no later than one month before the end


@dataclass(frozen=True, slots=True)
class NoticeWindow:
    """The days on which the notice of a tacit renewal must reach the member, both included."""

    first_day: datetime.date
    last_day: datetime.date


def violations(terms: Terms) -> Sequence[str]:
    """Every rule these terms break, in words; none: they may be signed."""
    found = []
    if not terms.tax_inclusive:
        found.append("prices shown to consumers in France include the TVA (L112-1); make the price tax-inclusive")
    if terms.renews and terms.ends_on is None:
        found.append("an open-ended contract has no term to renew; set an end or take the renewal away")
    return found


def renewal_notice(term_ends_on: datetime.date) -> NoticeWindow:
    """When to tell the member that the contract will renew; `term_ends_on` is the term's last day (L215-1)."""
    return NoticeWindow(
        add_months(term_ends_on, -NOTICE_EARLIEST_MONTHS), add_months(term_ends_on, -NOTICE_LATEST_MONTHS)
    )
