"""What a gateway, running or not, has left on its disk: read only, so that looking can never do harm."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from portillon_config import GatewayConfig
from portillon_rules.credential import Credential, SiteKey, credential_hash
from portillon_rules.decision import DecisionTime, DoorView, Lookup, SiteRules
from portillon_rules.entitlement import Entitlement
from portillon_rules.local_facts import LocalFacts
from portillon_rules.reason import DenyReason
from portillon_rules.row_mac import row_mac_key
from portillon_rules.visits import VisitRow, VisitUse

from portillon_edge.boot_clock import boot_id, boot_ns
from portillon_edge.domain.events import EventKind, Way
from portillon_edge.domain.look_up import look_up
from portillon_edge.domain.position import Position
from portillon_edge.domain.timekeeping import TimeKeeper
from portillon_edge.doors.bearing import Why
from portillon_edge.doors.kept import kept_in
from portillon_edge.doors.kinds import build_doors
from portillon_edge.doors.machine import Bearing
from portillon_edge.doors.site_stand import SiteStand
from portillon_edge.doors.site_watch import SiteWatch
from portillon_edge.explain import Case, Kinds
from portillon_edge.health.report import HealthReport, read_report
from portillon_edge.presence.book import Journey
from portillon_edge.presence.news import UNHEARD_NS
from portillon_edge.presence.others_file import OthersFile
from portillon_edge.presence.presence_file import PresenceLook
from portillon_edge.presence.whereabouts import Whereabouts
from portillon_edge.store.credential_files import is_spent, visit_use
from portillon_edge.store.entitlement_reader import EntitlementReader
from portillon_edge.store.fire_latch import FireLatchFile
from portillon_edge.store.lease_file import LeaseFile
from portillon_edge.store.pointer import Pointer
from portillon_edge.store.standing_file import StandingFile

ENTITLEMENTS = "entitlements.db"


def fresh_report(data_dir: Path) -> HealthReport | None:
    """The health report of a gateway that runs now; None if none does."""
    report = read_report(data_dir)
    return report if report and report.fresh(boot_id=boot_id(), now_ns=boot_ns()) else None


def saved_time(config: GatewayConfig, keys: Sequence[SiteKey]) -> TimeKeeper:
    """The time as the saved lease tells it; a running gateway knows no other."""
    lease = LeaseFile((config.gateway.data_dir / ENTITLEMENTS).with_suffix(".lease"), row_mac_key(keys[0])).load()
    return TimeKeeper(mode=config.gateway.mode.value, boot_id=boot_id(), boot_ns=boot_ns(), saved=lease)


def case_of(credential: Credential, *, config: GatewayConfig, keys: Sequence[SiteKey], door: str | None = None) -> Case:
    """Everything that the decision would look at now. Journal and outputs are as the running gateway reports them;
    without one they count as working, since the question is then about the member."""
    report = fresh_report(config.gateway.data_dir)
    pointer = Pointer(config.gateway.data_dir / ENTITLEMENTS)
    reader = EntitlementReader(pointer, row_mac_key(keys[0]))
    lookup = reader.lookup if pointer.current.exists() else _nobody
    try:
        hashed, found = look_up(credential, keys=keys, lookup=lookup)
        visits = _visits(found, reader, config)
        site, time = reader.site_rules(), saved_time(config, keys).at(boot_ns())
        closed = _told_closed(report) if report else _kept_closed(config, keys, site, time)
        doors = [
            DoorView(
                name=section.name,
                zone=section.zone,
                busy=_busy(report, section.name),
                journal_writable=report is None or report.journal_writable,
                output_available=_output_up(report, section.output),
                closed_for=closed.get(section.name),
            )
            for section in config.doors
            if door in (None, section.name)
        ]
        return Case(
            credential_hash=hashed,
            lookup=found,
            site=site,
            time=time,
            position=reader.position(),
            doors=doors,
            kind=credential.kind,
            kinds={section.name: _kinds(config, section.readers) for section in config.doors},
            spent=is_spent(config.gateway.data_dir, [credential_hash(credential, key) for key in keys]),
            local=_local(config, doors, found, site, time, visits, report) if isinstance(found, Entitlement) else {},
        )
    finally:
        reader.close()


def saved_position(config: GatewayConfig, keys: Sequence[SiteKey]) -> Position:
    """The revision in force."""
    reader = EntitlementReader(Pointer(config.gateway.data_dir / ENTITLEMENTS), row_mac_key(keys[0]))
    try:
        return reader.position()
    finally:
        reader.close()


def _told_closed(report: HealthReport) -> Mapping[str, DenyReason]:
    """Which doors take nobody and why, as a running gateway says: it alone knows its switches and technicians."""
    closed: dict[str, DenyReason] = {}
    for door in report.doors:
        bearing = Bearing(door.standing)
        faulty = EventKind.LANE_FAULT in door.troubles and bearing is not Bearing.FIRE
        if reason := bearing.closed_for or (DenyReason.LANE_FAULT if faulty else None):
            closed[door.name] = reason
    return closed


def _kept_closed(
    config: GatewayConfig, keys: Sequence[SiteKey], site: SiteRules, time: DecisionTime
) -> Mapping[str, DenyReason]:
    """The same as a gateway that began now would find it: by the table's orders and by what is kept beside it."""
    data_dir = config.gateway.data_dir
    kept = kept_in(StandingFile(data_dir, [row_mac_key(key) for key in keys]))
    doors = build_doors(config.doors, config.outputs)
    names = [door.name for door in doors]
    locking = [one.name for one in kept.lockdowns if one.why is Why.LOCKDOWN]
    watch = SiteWatch(config.watches, doors=names, latched=FireLatchFile(data_dir).load(), locking=locking)
    may = [door.name for door in doors if door.may_stand_free]
    stand = SiteStand(names, may_stand_free=may, watch=watch, lockdowns=kept.lockdowns)
    tuple(stand.look(kept.orders.over(site), time, boot_ns()))  # what it would tell and turn is not asked for
    return {name: reason for name in names if (reason := stand.bearing(name).closed_for)}


def _visits(found: Lookup, reader: EntitlementReader, config: GatewayConfig) -> VisitUse:
    row = reader.visits(found.member) if isinstance(found, Entitlement) else None
    if isinstance(row, VisitRow):
        return visit_use(config.gateway.data_dir, row, gateway=config.gateway.id)
    return VisitUse(damaged=row is not None)


def _local(
    config: GatewayConfig,
    doors: Sequence[DoorView],
    row: Entitlement,
    site: SiteRules,
    time: DecisionTime,
    visits: VisitUse,
    report: HealthReport | None,
) -> Mapping[str, LocalFacts]:
    """What the gateway has kept of the member, for an entry at each door. One that does not run hears no other."""
    whereabouts = Whereabouts(PresenceLook(config.gateway.data_dir))
    alone = not OthersFile(config.gateway.data_dir).load()
    whereabouts.fresh_until_ns = report.presence_until_ns if report else None if alone else UNHEARD_NS
    facts: dict[str, LocalFacts] = {}
    for door in doors:
        entry = Journey(member=row.member, credential=row.credential, door=door.name, zone=door.zone, way=Way.ENTRY)
        facts[door.name] = LocalFacts(
            presence=whereabouts.presence(entry, site, time, now_ns=boot_ns()),
            occupancy=whereabouts.others_in(entry, site, time),
            visits=visits,
        )
    return facts


def _kinds(config: GatewayConfig, readers: Sequence[str]) -> Kinds:
    options = [reader for reader in config.readers if reader.name in readers]
    return Kinds(
        takes=frozenset().union(*(reader.takes for reader in options)),
        lets_pass=frozenset().union(*(reader.lets_pass for reader in options)),
    )


def _nobody(_: str) -> Lookup:
    return None


def _output_up(report: HealthReport | None, output: str) -> bool:
    return report is None or any(device.name == output and device.state == "up" for device in report.devices)


def _busy(report: HealthReport | None, door: str) -> bool:
    """Where a door stands free nobody has to wait."""
    doors = report.doors if report else ()
    return any(d.name == door and d.state == "granted" and not Bearing(d.standing).released for d in doors)
