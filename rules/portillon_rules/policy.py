"""What a site wants to happen when the ordinary basis of a decision is missing."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

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


@dataclass(frozen=True, slots=True, kw_only=True)
class SitePolicy:
    """The site's choices; the defaults are the ones that let nobody in by accident and lose nothing."""

    time_zone: str
    after_lease: AfterLease = AfterLease.DENY
    after_lease_hours: int = 0
    journal_unwritable: JournalUnwritable = JournalUnwritable.PASS_AND_FLAG
    time_uncertain: TimeUncertain = TimeUncertain.FOLLOW
    visits_elsewhere: VisitsElsewhere = VisitsElsewhere.DENY

    def to_body(self) -> dict[str, Any]:
        """The JSON-ready body of the feed row; its key is SITE."""
        return {
            "time_zone": self.time_zone,
            "after_lease": self.after_lease.value,
            "after_lease_hours": self.after_lease_hours,
            "journal_unwritable": self.journal_unwritable.value,
            "time_uncertain": self.time_uncertain.value,
            "visits_elsewhere": self.visits_elsewhere.value,
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
        )
