"""What a site wants to happen when the ordinary basis of a decision is missing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from portillon_rules.reason import DenyReason

SITE = "site"
"""The key of the one policy row of a site."""


class AfterLease(StrEnum):
    """What holds for members once the lease has run out."""

    DENY = "deny"
    PASS_AND_FLAG = "pass_and_flag"  # noqa: S105 - a policy, no password
    PASS_FOR_HOURS = "pass_for_hours"  # noqa: S105 - a policy, no password


class JournalUnwritable(StrEnum):
    """What holds while the journal cannot be written."""

    PASS_AND_FLAG = "pass_and_flag"  # noqa: S105 - a policy, no password
    DENY = "deny"


class TimeUncertain(StrEnum):
    """What schedules mean while the time is only known within the lease (after a cold boot)."""

    FOLLOW = "follow"
    DENY = "deny"


class VisitsElsewhere(StrEnum):
    """What holds for visit packs and quotas at a gateway that does not count them."""

    DENY = "deny"
    PASS_AND_FLAG = "pass_and_flag"  # noqa: S105 - a policy, no password


MAY_BE_LENIENT = (
    DenyReason.DUES_UNPAID,
    DenyReason.CHARGEBACK,
    DenyReason.FROZEN,
    DenyReason.CONTRACT_ENDED,
    DenyReason.PASS_SHARED,
)
"""What a site may overlook for a while; never what somebody at the desk blocked, nor a card that is lost."""
LENIENT_HOURS_MAX = 366 * 24


@dataclass(frozen=True, slots=True, kw_only=True)
class SitePolicy:
    """The site's choices; the defaults are the ones that let nobody in by accident and lose nothing.

    `lenient_hours`: for so many hours from when it would refuse for this reason, the site lets in and marks it. The
    cloud counts that into the rows: here it only says why.
    """

    time_zone: str
    after_lease: AfterLease = AfterLease.DENY
    after_lease_hours: int = 0
    journal_unwritable: JournalUnwritable = JournalUnwritable.PASS_AND_FLAG
    time_uncertain: TimeUncertain = TimeUncertain.FOLLOW
    visits_elsewhere: VisitsElsewhere = VisitsElsewhere.DENY
    lenient_hours: Mapping[DenyReason, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for reason, hours in self.lenient_hours.items():
            if reason not in MAY_BE_LENIENT:
                raise ValueError(f"no site overlooks {reason!r}: lenient_hours may name {', '.join(MAY_BE_LENIENT)}")
            if not 1 <= hours <= LENIENT_HOURS_MAX:
                raise ValueError(f"lenient_hours for {reason!r} is {hours}: write 1 to {LENIENT_HOURS_MAX}")

    def to_body(self) -> dict[str, Any]:
        """The JSON-ready body of the feed row; its key is SITE."""
        return {
            "time_zone": self.time_zone,
            "after_lease": self.after_lease.value,
            "after_lease_hours": self.after_lease_hours,
            "journal_unwritable": self.journal_unwritable.value,
            "time_uncertain": self.time_uncertain.value,
            "visits_elsewhere": self.visits_elsewhere.value,
            "lenient_hours": {reason.value: hours for reason, hours in sorted(self.lenient_hours.items())},
        }

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> "SitePolicy":
        """Rebuild the policy; raises KeyError or ValueError for a body this version cannot read."""
        return cls(
            time_zone=body["time_zone"],
            after_lease=AfterLease(body["after_lease"]),
            after_lease_hours=body["after_lease_hours"],
            journal_unwritable=JournalUnwritable(body["journal_unwritable"]),
            time_uncertain=TimeUncertain(body["time_uncertain"]),
            # A cloud that knows no visits tells none: rows from before them stay readable.
            visits_elsewhere=VisitsElsewhere(body.get("visits_elsewhere", VisitsElsewhere.DENY)),
            lenient_hours={DenyReason(reason): hours for reason, hours in body.get("lenient_hours", {}).items()},
        )
