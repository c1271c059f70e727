"""Why somebody may not pass, and what is remarkable about a grant. Every denial carries one of these."""

from enum import StrEnum


class DenyReason(StrEnum):
    """One word for each way to be refused; the words are part of the wire and of reports."""

    UNKNOWN_CREDENTIAL = "unknown_credential"
    ROW_DAMAGED = "row_damaged"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    DUES_UNPAID = "dues_unpaid"
    FROZEN = "frozen"
    CONTRACT_ENDED = "contract_ended"
    BLOCKED = "blocked"
    NO_MEMBERSHIP = "no_membership"
    WRONG_ZONE = "wrong_zone"
    OUTSIDE_SCHEDULE = "outside_schedule"
    LEASE_OVER = "lease_over"
    TIME_UNKNOWN = "time_unknown"
    NEVER_SYNCED = "never_synced"
    LANE_BUSY = "lane_busy"
    JOURNAL_UNWRITABLE = "journal_unwritable"
    OUTPUT_UNAVAILABLE = "output_unavailable"


class GrantFlag(StrEnum):
    """Circumstances under which a grant was given that the owner must be able to find again."""

    AFTER_LEASE = "after_lease"
    TIME_UNCERTAIN = "time_uncertain"
    NOT_JOURNALED = "not_journaled"
