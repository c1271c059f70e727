"""Why somebody may not pass, and what is remarkable about a grant. Every denial carries one of these."""

from enum import StrEnum


class DenyReason(StrEnum):
    """One word for each way to be refused; the words are part of the wire and of reports."""

    UNKNOWN_CREDENTIAL = "unknown_credential"
    KIND_NOT_ACCEPTED = "kind_not_accepted"
    CREDENTIAL_LOST = "credential_lost"
    CREDENTIAL_STOLEN = "credential_stolen"
    CREDENTIAL_BLOCKED = "credential_blocked"
    CREDENTIAL_EXPIRED = "credential_expired"
    CREDENTIAL_REPLACED = "credential_replaced"
    COUNTER_REPLAYED = "counter_replayed"
    PASS_FORGED = "pass_forged"
    PASS_EXPIRED = "pass_expired"
    PASS_REPLAYED = "pass_replayed"
    CODE_USED = "code_used"
    PIN_MISSING = "pin_missing"
    WRONG_PIN = "wrong_pin"
    PIN_LOCKED = "pin_locked"
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
    LANE_FAULT = "lane_fault"
    INTERLOCKED = "interlocked"
    LOCKDOWN = "lockdown"
    DOOR_BLOCKED = "door_blocked"
    JOURNAL_UNWRITABLE = "journal_unwritable"
    OUTPUT_UNAVAILABLE = "output_unavailable"


class GrantFlag(StrEnum):
    """Circumstances under which a grant was given that the owner must be able to find again."""

    AFTER_LEASE = "after_lease"
    TIME_UNCERTAIN = "time_uncertain"
    NOT_JOURNALED = "not_journaled"
    DURESS = "duress"
