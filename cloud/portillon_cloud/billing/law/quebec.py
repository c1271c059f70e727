"""Quebec, contracts with a studio de santé: Consumer Protection Act (chapter P-40.1), sections 197 to 205.

Sources: the Act's sections 201 and 203 as published; the Office de la protection du consommateur on gyms (term, small
contracts, what may be kept: $42 of $420 within the first tenth, $140 after four months of twelve); P-40.1, r. 3, for
renewals; section 11.2 for prices; articles 2125 and 2129 of the Civil Code for whoever leaves later than the Act has a
rule for.
"""

import datetime
from collections.abc import Sequence

from portillon_cloud.billing.calendar import add_months
from portillon_cloud.billing.law.terms import Leaving, Renewal, Repricing, Terms, Violation, WayOut, Window
from portillon_cloud.billing.law.used import price_of, used_by

VERSION = "2026-3"
TERM_MONTHS_MAX = 12
SINGLE_PAYMENT_MAX_MINOR = 100_00  # taxes included
SINGLE_PAYMENT_DAYS_MAX = 3  # consecutive days
ROUGHLY_EQUAL_PPM = 50_000  # the law gives no figure; ours: at most 5 % apart
REFUND_DAYS = 10
OFFER_DAYS_MOST = 60  # a renewal is offered no earlier than this many days before the end …
OFFER_DAYS_LEAST = 30  # … and no later than this many

REPRICING_DAYS = 30  # from a written notice to the new price, and from then to refuse it

_TERM, _PAYMENT, _NO_RENEWAL = "P-40.1, s. 200", "P-40.1, s. 201", "P-40.1, r. 3, s. 15.2"
REPRICING = "P-40.1, s. 11.2"


def violations(terms: Terms) -> Sequence[Violation]:
    """Every rule these terms break; none: they may be signed."""
    found = []
    if terms.ends_on is None:
        found.append(
            Violation(_TERM, "an open-ended gym contract is not lawful in Quebec: set a term of 12 months or less")
        )
    elif terms.ends_on > add_months(terms.starts_on, TERM_MONTHS_MAX):
        found.append(
            Violation(
                _TERM,
                "a Quebec gym contract lasts 12 months at most; "
                f"this one runs from {terms.starts_on} to {terms.ends_on}",
            )
        )
    if terms.renews:
        found.append(
            Violation(
                _NO_RENEWAL,
                "a Quebec gym contract must not renew itself: offer a new one in writing 30 to 60 days before its end",
            )
        )
    if terms.first_payment_on < terms.starts_on:
        found.append(
            Violation(
                _PAYMENT,
                f"nothing may be collected before the service begins: it begins on {terms.starts_on}, "
                f"the first payment is on {terms.first_payment_on}",
            )
        )
    if terms.ends_on is not None and (terms.ends_on - terms.starts_on).days > SINGLE_PAYMENT_DAYS_MAX:
        found.extend(_split_violations(terms.instalments_minor))
    return found


def way_out(leaving: Leaving) -> WayOut | None:
    """Anybody may leave at any time. Before it begins for nothing; within the first tenth of the term for a tenth of
    the price at most; later for what was used (and damage that the gym proves). Who tells early but stays on for more
    than that tenth has used more, and leaves later."""
    refund_due_on = max(leaving.told_on, leaving.on) + datetime.timedelta(days=REFUND_DAYS)
    if leaving.told_on < leaving.starts_on and leaving.on <= leaving.starts_on:
        due_on = leaving.told_on + datetime.timedelta(days=REFUND_DAYS)
        return WayOut(clause="P-40.1, s. 202", kept_at_most_minor=0, refund_due_on=due_on)
    if leaving.ends_on is None:
        return None
    tenth = (leaving.ends_on - leaving.starts_on) // 10
    if max(leaving.told_on, leaving.on) <= leaving.starts_on + datetime.timedelta(days=tenth.days):
        return WayOut(clause="P-40.1, s. 203", kept_at_most_minor=price_of(leaving) // 10, refund_due_on=refund_due_on)
    return WayOut(clause="C.c.Q., art. 2125, 2129", kept_at_most_minor=used_by(leaving), refund_due_on=None)


def renewal_offer(ends_on: datetime.date) -> Window:
    """When a new contract may be offered; `ends_on` is the first day without the old one."""
    return Window(
        ends_on - datetime.timedelta(days=OFFER_DAYS_MOST), ends_on - datetime.timedelta(days=OFFER_DAYS_LEAST)
    )


def renewal_violations(renewal: Renewal) -> Sequence[Violation]:
    """Every rule that prolonging breaks. The offer has a last day; whoever had it may accept until the end."""
    found = []
    if renewal.months > TERM_MONTHS_MAX:
        found.append(
            Violation(_TERM, f"a Quebec gym contract is renewed for 12 months at most, not for {renewal.months}")
        )
    window = renewal_offer(renewal.ends_on)
    if renewal.agreed_on < window.first_day:
        found.append(
            Violation(
                _NO_RENEWAL,
                f"a renewal is offered in writing from {window.first_day} to {window.last_day}, no earlier",
            )
        )
    return found


def repricing_violations(change: Repricing) -> Sequence[Violation]:
    """Every rule that a new price by notice breaks. What becomes cheaper, nobody is held to have agreed to."""
    if not change.rises:
        return ()
    if change.ends_on is not None:
        return [
            Violation(
                REPRICING,
                f"the price of a fixed term is not changed by notice; offer the new one with the renewal, for the day "
                f"the term ends, {change.ends_on}",
            )
        ]
    if change.from_on < change.announced_on + datetime.timedelta(days=REPRICING_DAYS):
        return [Violation(REPRICING, f"a new price is told at least {REPRICING_DAYS} days before it holds")]
    return ()


def _split_violations(instalments_minor: Sequence[int]) -> list[Violation]:
    if sum(instalments_minor) <= SINGLE_PAYMENT_MAX_MINOR:
        return []
    if len(instalments_minor) < 2:
        return [Violation(_PAYMENT, "above 100 $ with taxes a Quebec gym contract is paid in at least two instalments")]
    least, most = min(instalments_minor), max(instalments_minor)
    if (most - least) * 1_000_000 > most * ROUGHLY_EQUAL_PPM:
        return [
            Violation(
                _PAYMENT,
                f"instalments must be roughly equal; these go from {least / 100:.2f} to {most / 100:.2f}",
            )
        ]
    return []
