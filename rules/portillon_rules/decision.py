"""The one decision: may this credential pass this door now? The turnstile, `explain` and the front desk all call it.

Each rule is asked in this order, and the first that refuses is the reason: what stands against somebody for long comes
before what passes, so that nobody waits for a thing that would not help them. Flags of all rules add up.

 1. table        the gateway has the site's rules; the credential's row is known and undamaged
 2. entitlement  the standing and the validity of the row; the time is known
 3. zone         one of the row's rights opens this door's zone
 4. schedule     one of those is open now
 5. reserved     the hours are not another group's
 6. door         it takes somebody now: no lockdown, not blocked, not out of order, not interlocked
 7. door_rule    the hours at which a card alone is not enough
 8. visits       a pack or quota has a visit left
 9. passback     where the member is, by what was passed
10. occupancy    the zone that is entered has room
11. basis        what the gateway itself may lack: lease, sure time, journal, output
12. company      second person, escort, supervisor, guardian: asked last, so that nobody is fetched in vain
13. lane         nobody else is passing

A rule that is not configured says nothing. Hours, PIN, visits and company are asked of who enters: nobody is kept in by
them. What a grant spends (a visit, a code) is reserved by the gateway after all of this, before it lets anybody in.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from portillon_rules import company, occupancy, passback, visits
from portillon_rules.door_plan import EVERY_DOOR, DoorOrder, DoorPlan, Standing
from portillon_rules.door_rule import DoorRule
from portillon_rules.entitlement import ALWAYS, Entitlement
from portillon_rules.evidence import NO_EVIDENCE, Evidence
from portillon_rules.holidays import HolidayCalendar
from portillon_rules.local_facts import NO_LOCAL_FACTS, LocalFacts
from portillon_rules.passback import Crossing
from portillon_rules.policy import SITE, AfterLease, JournalUnwritable, SitePolicy, TimeUncertain
from portillon_rules.reason import DenyReason, GrantFlag
from portillon_rules.reserved import Reserved
from portillon_rules.ruling import Ruling
from portillon_rules.schedule import Schedule, local_time, open_at
from portillon_rules.zone_rule import EVERY_ZONE, ZoneRule, chain

RULES_VERSION = "5"
"""Changes when the same facts would be decided otherwise; reported by gateways and stamped on live answers."""

_MS_PER_HOUR = 3_600_000
_OWN_ROW = "entitlement"
_POLICY_ROW = f"policy/{SITE}"
_NOTHING = Ruling("decision")
_ORDERED = {DenyReason.LOCKDOWN: Standing.LOCKDOWN, DenyReason.DOOR_BLOCKED: Standing.BLOCKED}


class TimeQuality(StrEnum):
    """How well the business time is known."""

    CERTAIN = "certain"
    UNCERTAIN = "uncertain"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class DecisionTime:
    """The instant of the decision, how well it is known, and how much lease is left (≤ 0: over for that long)."""

    business_ms: int
    quality: TimeQuality
    lease_remaining_ms: int


@dataclass(frozen=True, slots=True)
class RowDamaged:
    """The credential's row is there but its MAC does not fit: bit rot or a hand edit."""

    credential: str


Lookup = Entitlement | RowDamaged | None
"""What the local store says of a credential; None: nothing."""


@dataclass(frozen=True, slots=True)
class SiteRules:
    """What the site's feed says beside entitlements; no policy means that the gateway was never synchronised."""

    policy: SitePolicy | None
    schedules: Mapping[str, Schedule]
    plans: Mapping[str, DoorPlan] = field(default_factory=dict)
    """By door."""
    orders: Mapping[str, DoorOrder] = field(default_factory=dict)
    """By door; the key EVERY_DOOR is for all of the site."""
    holidays: Mapping[str, HolidayCalendar] = field(default_factory=dict)
    """By the name that schedules call them."""
    zones: Mapping[str, ZoneRule] = field(default_factory=dict)
    """By zone; the key EVERY_ZONE is for all of the site."""
    forgiven: Mapping[str, int] = field(default_factory=dict)
    """By member: the business time up to which it no longer counts where they were."""
    doors: Mapping[str, DoorRule] = field(default_factory=dict)
    """By door."""
    epoch: int | None = field(default=None, compare=False)
    revision: int | None = field(default=None, compare=False)
    """Of the table that all of this was read from; None: there is none."""
    went: Mapping[int, int] = field(default_factory=dict, compare=False)
    """By bucket of the table's digest, the revision at which the feed last said that orders went."""
    zones_reserve: bool = field(init=False, repr=False, compare=False)
    """Whether any zone has reserved hours: asked at each badge, and known once the rules are read."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "zones_reserve", any(rule.reserved for rule in self.zones.values()))


@dataclass(frozen=True, slots=True)
class DoorView:
    """The local state of the door that the decision may look at."""

    name: str
    zone: str
    busy: bool = False
    journal_writable: bool = True
    output_available: bool = True
    leaving: bool = False
    """Whether one leaves its zone by the reader in question."""
    closed_for: DenyReason | None = None
    """Why the door itself takes nobody now: LOCKDOWN, DOOR_BLOCKED, LANE_FAULT or INTERLOCKED."""


@dataclass(frozen=True, slots=True)
class Granted:
    """May pass; `flags` say under which circumstances. The same answer on other evidence is the same answer."""

    member: str
    flags: tuple[GrantFlag, ...] = ()
    evidence: Evidence = field(default=NO_EVIDENCE, compare=False)


@dataclass(frozen=True, slots=True)
class Denied:
    """May not pass, and why; `member` is known unless the credential is not."""

    reason: DenyReason
    member: str | None = None
    evidence: Evidence = field(default=NO_EVIDENCE, compare=False)


def decide(
    *, lookup: Lookup, door: DoorView, site: SiteRules, time: DecisionTime, local: LocalFacts = NO_LOCAL_FACTS
) -> Granted | Denied:
    """Granted or Denied for a presented credential, from what the gateway has at hand. Total: it raises nothing."""
    policy = site.policy
    if policy is None or not isinstance(lookup, Entitlement):
        return _without_basis(lookup, site)
    row = lookup.at(time.business_ms) if lookup.turns and time.quality is not TimeQuality.UNKNOWN else lookup
    flags = [GrantFlag.DURESS] if row.duress else []
    for ruling in _rulings(row, door, site, policy, time, local):
        if ruling.reason is not None:
            return Denied(ruling.reason, row.member, Evidence(ruling.rule, ruling.row, site.revision))
        flags += ruling.flags
    return Granted(row.member, tuple(dict.fromkeys(flags)), Evidence("entitlement", _OWN_ROW, site.revision))


def _without_basis(lookup: Lookup, site: SiteRules) -> Denied:
    if site.policy is None:
        member = lookup.member if isinstance(lookup, Entitlement) else None
        return Denied(DenyReason.NEVER_SYNCED, member, Evidence("table"))
    if lookup is None:
        return Denied(DenyReason.UNKNOWN_CREDENTIAL, None, Evidence("table", None, site.revision))
    return Denied(DenyReason.ROW_DAMAGED, None, Evidence("table", _OWN_ROW, site.revision))


def _rulings(
    row: Entitlement, door: DoorView, site: SiteRules, policy: SitePolicy, time: DecisionTime, local: LocalFacts
) -> Iterator[Ruling]:
    """What each rule says, in the order of this file's head; nothing is asked after a refusal."""
    yield _entitlement(row, time)
    yield _zone(row, door)
    if not door.leaving:
        yield _schedule(row, door, site, policy, time)
        yield _reserved(row, door, site, policy, time)
    yield _door(row, door, site)
    if not door.leaving:
        yield _pin(door, site, time, local)
        yield visits.judge(local.visits, policy=policy, business_ms=time.business_ms)
    if site.zones:
        crossing = _crossing(row, door, site, policy, time, local)
        yield passback.judge(crossing)
        yield occupancy.judge(crossing, local.occupancy)
    yield _basis(row, door, policy, time)
    if not door.leaving:
        yield company.judge(row, rule=site.doors.get(door.name), company=local.company)
    yield _lane(door)


def _entitlement(row: Entitlement, time: DecisionTime) -> Ruling:
    reason = _outside_validity(row, time)
    if reason is not None:
        return Ruling("entitlement", reason, row=_OWN_ROW)
    flags = [GrantFlag.SHARED] if row.shared else []
    if row.grace_from_ms is not None and time.business_ms >= row.grace_from_ms:
        flags.append(GrantFlag.GRACE)
    return Ruling("entitlement", flags=tuple(flags)) if flags else _NOTHING


def _outside_validity(row: Entitlement, time: DecisionTime) -> DenyReason | None:
    if time.quality is TimeQuality.UNKNOWN:
        return row.refusal or DenyReason.TIME_UNKNOWN
    if time.business_ms < row.valid_from_ms:
        return row.refusal or DenyReason.NOT_YET_VALID
    if time.business_ms >= row.valid_until_ms:
        return DenyReason.EXPIRED
    return None


def _zone(row: Entitlement, door: DoorView) -> Ruling:
    return _NOTHING if row.schedules_of(door.zone) else Ruling("zone", DenyReason.WRONG_ZONE, row=_OWN_ROW)


def _schedule(row: Entitlement, door: DoorView, site: SiteRules, policy: SitePolicy, time: DecisionTime) -> Ruling:
    """One open right is enough; of several shut ones the first is named."""
    schedules = row.schedules_of(door.zone)
    if ALWAYS in schedules:
        return _NOTHING
    if _unsure(policy, time):
        return Ruling("schedule", DenyReason.TIME_UNKNOWN, row=_POLICY_ROW)
    if any(_is_open(schedule, site, policy, time) for schedule in schedules):
        return _NOTHING
    return Ruling("schedule", DenyReason.OUTSIDE_SCHEDULE, row=f"schedule/{schedules[0]}")


def _reserved(row: Entitlement, door: DoorView, site: SiteRules, policy: SitePolicy, time: DecisionTime) -> Ruling:
    """While it cannot be told whether hours are reserved, they are."""
    unsure = _unsure(policy, time)
    for name, windows in _windows(row, door, site):
        groups = {
            one.group
            for one in windows
            if unsure or one.schedule == ALWAYS or _is_open(one.schedule, site, policy, time) is not False
        }
        if groups and groups.isdisjoint(row.groups):
            reason = DenyReason.TIME_UNKNOWN if unsure else DenyReason.RESERVED_HOURS
            return Ruling("reserved", reason, row=_POLICY_ROW if unsure else name)
    return _NOTHING


def _windows(row: Entitlement, door: DoorView, site: SiteRules) -> Iterator[tuple[str, tuple[Reserved, ...]]]:
    """The reserved windows that this person is asked about, each rule's with its row: door, zones around it, site."""
    rule = site.doors.get(door.name)
    if rule is not None and rule.reserved and not row.staff:
        yield f"door_rule/{door.name}", rule.reserved
    for zone in (*chain(door.zone, site.zones), EVERY_ZONE) if site.zones_reserve else ():
        of_zone = site.zones.get(zone)
        if of_zone is not None and of_zone.reserved and not (row.staff and of_zone.staff_exempt):
            yield f"zone_rule/{zone}", of_zone.reserved


def _unsure(policy: SitePolicy, time: DecisionTime) -> bool:
    """Whether the site follows no schedule for want of a sure time."""
    return time.quality is TimeQuality.UNCERTAIN and policy.time_uncertain is TimeUncertain.DENY


def _is_open(name: str, site: SiteRules, policy: SitePolicy, time: DecisionTime) -> bool | None:
    """None: the site has no such schedule."""
    schedule = site.schedules.get(name)
    if schedule is None:
        return None
    return open_at(schedule, local_time(time.business_ms, policy.time_zone), site.holidays)


def pin_asked(door: str, site: SiteRules, time: DecisionTime) -> bool:
    """Whether a card alone is not enough at this door now. While that cannot be told, it is not enough."""
    rule, policy = site.doors.get(door), site.policy
    if rule is None or rule.pin_schedule is None or policy is None:
        return False
    if rule.pin_schedule == ALWAYS or time.quality is TimeQuality.UNKNOWN:
        return True
    return _unsure(policy, time) or _is_open(rule.pin_schedule, site, policy, time) is not False


def _pin(door: DoorView, site: SiteRules, time: DecisionTime, local: LocalFacts) -> Ruling:
    if local.pin_shown or not pin_asked(door.name, site, time):
        return _NOTHING
    return Ruling("door_rule", DenyReason.PIN_MISSING, row=f"door_rule/{door.name}")


def _door(row: Entitlement, door: DoorView, site: SiteRules) -> Ruling:
    if door.closed_for is None or (door.closed_for is DenyReason.LOCKDOWN and row.lockdown_exempt):
        return _NOTHING
    orders = (site.orders.get(key) for key in (door.name, EVERY_DOOR))
    standing = _ORDERED.get(door.closed_for)
    said = next((order.door for order in orders if order is not None and order.standing is standing), None)
    return Ruling("door", door.closed_for, row=None if said is None else f"door_order/{said}")


def _crossing(
    row: Entitlement, door: DoorView, site: SiteRules, policy: SitePolicy, time: DecisionTime, local: LocalFacts
) -> Crossing:
    return Crossing(
        zone=door.zone,
        leaving=door.leaving,
        staff=row.staff,
        zones=site.zones,
        presence=local.presence,
        forgiven_ms=site.forgiven.get(row.member),
        now_ms=time.business_ms,
        time_zone=policy.time_zone,
        sure_time=time.quality is TimeQuality.CERTAIN,
    )


def _basis(row: Entitlement, door: DoorView, policy: SitePolicy, time: DecisionTime) -> Ruling:
    flags: list[GrantFlag] = []
    if time.lease_remaining_ms <= 0 and not row.staff:
        if row.day_pass or not _passes_after_lease(policy, -time.lease_remaining_ms):
            return Ruling("basis", DenyReason.LEASE_OVER, row=_POLICY_ROW)
        flags.append(GrantFlag.AFTER_LEASE)
    if time.quality is TimeQuality.UNCERTAIN:
        flags.append(GrantFlag.TIME_UNCERTAIN)
    if not door.journal_writable:
        if policy.journal_unwritable is JournalUnwritable.DENY:
            return Ruling("basis", DenyReason.JOURNAL_UNWRITABLE, row=_POLICY_ROW)
        flags.append(GrantFlag.NOT_JOURNALED)
    if not door.output_available:
        return Ruling("basis", DenyReason.OUTPUT_UNAVAILABLE)
    return Ruling("basis", flags=tuple(flags)) if flags else _NOTHING


def _passes_after_lease(policy: SitePolicy, over_ms: int) -> bool:
    if policy.after_lease is AfterLease.PASS_AND_FLAG:
        return True
    return policy.after_lease is AfterLease.PASS_FOR_HOURS and over_ms < policy.after_lease_hours * _MS_PER_HOUR


def _lane(door: DoorView) -> Ruling:
    return Ruling("lane", DenyReason.LANE_BUSY) if door.busy else _NOTHING
