"""One site at a glance: plain values for a page or a terminal. No names beyond a given name and an initial."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from portillon_rules.reason import DenyReason, GrantFlag

from portillon_cloud.dunning.coming import WaitsFor
from portillon_cloud.dunning.ladder import StepKind
from portillon_cloud.money import Money
from portillon_cloud.presence.occupancy import ZoneOccupancy


class LaneCondition(StrEnum):
    READY = "ready"  # its gateway is online and every device of the lane is well
    FAULT = "fault"  # one of its devices is not well
    FORCED = "forced"  # opened without a grant
    HELD = "held"  # open for too long
    FIRE = "fire"  # free because of fire
    LOCKDOWN = "lockdown"
    BLOCKED = "blocked"  # by order
    FREE = "free"  # by its plan or by order
    OFFLINE = "offline"  # decides alone: its gateway is not heard from


class Outcome(StrEnum):
    PASSED = "passed"
    OPENED = "opened"  # granted; nobody has gone through yet
    NOT_USED = "not_used"  # granted; nobody went through within the window
    DENIED = "denied"


@dataclass(frozen=True, slots=True, kw_only=True)
class BadgeView:
    """One presented credential and what came of it. `who` is None for a card nobody holds."""

    key: str  # names the event within the site, so that a page knows which line is new
    at_ms: int
    door: str
    who: str | None
    member_id: int | None
    outcome: Outcome
    reason: DenyReason | None = None
    flags: tuple[GrantFlag, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneView:
    name: str
    condition: LaneCondition
    detail: str | None = None  # the device's own words about its fault
    open: bool | None = None  # None: it has no contact, or nobody knows
    troubles: tuple[str, ...] = ()  # kinds of events whose end has not been told
    last: BadgeView | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayView:
    """One gateway. `seen_ago_ms`, `lease_left_ms`: machine time, None: never. `behind`: changes not yet confirmed."""

    id: str
    name: str
    online: bool
    revoked: bool
    seen_ago_ms: int | None
    lease_left_ms: int | None
    revision: int
    behind: int
    journal_pending: int | None = None
    software: str | None = None
    faults: tuple[str, ...] = ()  # devices that are not well, in their own words
    remarks: tuple[tuple[str, tuple[str, ...]], ...] = ()  # device, what should be known of it although it is well


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedView:
    """How many gateways have confirmed all they must know; `bound_ms`: until the last of the others stops by itself."""

    in_force: int
    gateways: int
    bound_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpaidView:
    """One invoice somebody owes. `step` is the last step taken on the dunning ladder; None: not begun.

    `next_step_on` None with a next step: nobody knows when what it waits for ends.
    """

    invoice_id: int
    account_id: int
    number: str
    who: str
    owed: Money
    days_late: int
    step: StepKind | None
    next_step: StepKind | None
    next_step_on: date | None
    waits_for: WaitsFor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpaidSummary:
    rows: tuple[UnpaidView, ...]
    count: int
    total: tuple[Money, ...]  # one per currency


@dataclass(frozen=True, slots=True, kw_only=True)
class AttendanceDay:
    """Passages of one business day at a site: `by_hour[h]` for the local hour h."""

    on: date
    by_hour: tuple[int, ...]

    @property
    def total(self) -> int:
        """All passages of the day."""
        return sum(self.by_hour)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockView:
    """The business clock. `rate` 0 stands, 1 runs; `advancing_to_ms`: a turn of the clock is under way."""

    test: bool
    business_ms: int
    rate: int = 1
    advancing_to_ms: int | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteView:
    """All of the live page. `unpaid` is None for those who may not see money."""

    site_id: int
    name: str
    time_zone: str
    clock: ClockView
    lanes: tuple[LaneView, ...]
    badges: tuple[BadgeView, ...]
    gateways: tuple[GatewayView, ...]
    feed: FeedView
    attendance: AttendanceDay
    occupancy: tuple[ZoneOccupancy, ...]
    unpaid: UnpaidSummary | None
