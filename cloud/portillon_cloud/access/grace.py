"""A dead link must not shut out who has paid: grace ≥ lease + offline policy hours. Pure (DESIGN §4).

A gateway that hears nothing lets a member in until `valid_until`, which lies a grace after the next due date. While it
may go on alone (its lease, and what site policy adds), that instant must not come before news of the payment could.
"""

from collections.abc import Iterable

from portillon_rules.policy import AfterLease, SitePolicy

from portillon_cloud.access.errors import GraceTooShortError
from portillon_cloud.dunning.ladder import DunningPolicy

LEASE_HOURS = 72
"""How long a gateway decides alone, by default (DESIGN §4)."""

HOURS_PER_DAY_LEAST = 23
"""A local day with a clock change is that short, and a grace has at most one of them; see `check_grace`."""


def offline_hours(policy: SitePolicy, lease_hours: int = LEASE_HOURS) -> int:
    """For how long a gateway lets members in without hearing from the cloud.

    PASS_AND_FLAG has no end of its own: there the door never shuts for want of news, so only the lease counts.
    """
    return lease_hours + (policy.after_lease_hours if policy.after_lease is AfterLease.PASS_FOR_HOURS else 0)


def check_grace(policy: DunningPolicy, sites: Iterable[SitePolicy], lease_hours: int = LEASE_HOURS) -> None:
    """Raises GraceTooShortError unless every site's offline hours fit into the grace."""
    days = policy.shortest_grace_days
    if days is None:
        return
    grace_hours = max(0, days * 24 - (24 - HOURS_PER_DAY_LEAST))
    for site in sites:
        needed = offline_hours(site, lease_hours)
        if grace_hours < needed:
            raise GraceTooShortError(
                f"grace of {days} days is at least {grace_hours} hours, but a gateway may decide alone for {needed} "
                f"({lease_hours} of lease, the rest by site policy): a dead link could shut out a member who paid. "
                f"Restrict access from day {-(-(needed + 1) // 24)} or later, or shorten after_lease_hours"
            )
