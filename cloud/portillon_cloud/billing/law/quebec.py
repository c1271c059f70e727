"""Quebec, contracts with a studio de santé: Consumer Protection Act (chapter P-40.1), sections 197 to 205 and 190.

Sources: the Office de la protection du consommateur's pages on gyms, and P-40.1 r.3 for renewals.
"""

from collections.abc import Sequence

from portillon_cloud.billing.calendar import add_months
from portillon_cloud.billing.law.terms import Terms

VERSION = "2026-1"
TERM_MONTHS_MAX = 12
SINGLE_PAYMENT_MAX_MINOR = 100_00  # taxes included
SINGLE_PAYMENT_DAYS_MAX = 3  # consecutive days
ROUGHLY_EQUAL_PPM = 50_000  # the law gives no figure; ours: at most 5 % apart


def violations(terms: Terms) -> Sequence[str]:
    """Every rule these terms break, in words; none: they may be signed."""
    found = []
    if terms.ends_on is None:
        found.append("an open-ended gym contract is not lawful in Quebec: set a term of 12 months or less")
    elif terms.ends_on > add_months(terms.starts_on, TERM_MONTHS_MAX):
        found.append(
            f"a Quebec gym contract lasts 12 months at most; this one runs from {terms.starts_on} to {terms.ends_on}"
        )
    if terms.renews:
        found.append(
            "a Quebec gym contract must not renew itself: offer a new one in writing 30 to 60 days before its end"
        )
    if terms.first_payment_on < terms.starts_on:
        found.append(
            f"nothing may be collected before the service begins: it begins on {terms.starts_on}, "
            f"the first payment is on {terms.first_payment_on}"
        )
    if terms.ends_on is not None and (terms.ends_on - terms.starts_on).days > SINGLE_PAYMENT_DAYS_MAX:
        found.extend(_split_violations(terms.instalments_minor))
    return found


def _split_violations(instalments_minor: Sequence[int]) -> list[str]:
    if sum(instalments_minor) <= SINGLE_PAYMENT_MAX_MINOR:
        return []
    if len(instalments_minor) < 2:
        return ["above 100 $ with taxes a Quebec gym contract is paid in at least two instalments"]
    least, most = min(instalments_minor), max(instalments_minor)
    if (most - least) * 1_000_000 > most * ROUGHLY_EQUAL_PPM:
        return [f"instalments must be roughly equal; these go from {least / 100:.2f} to {most / 100:.2f}"]
    return []
