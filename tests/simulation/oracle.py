"""What must hold once everything is mended: both sides agree about every right to pass and every event."""

from collections.abc import Sequence

from portillon_edge.domain.timekeeping import AGREED_NS, STEP_MS_MAX
from portillon_rules.decision import (
    RULES_VERSION,
    DecisionTime,
    Denied,
    DoorView,
    Granted,
    Lookup,
    SiteRules,
    TimeQuality,
    decide,
)
from portillon_rules.entitlement import Entitlement
from portillon_rules.policy import SitePolicy
from simulation.cloud_side import CloudSide
from simulation.finding import Finding
from simulation.gateway_side import GatewaySide
from simulation.guard_side import MAX_ON_MS
from simulation.schedule import NS_PER_MS

SLACK_MS = 200
LOOKS_AHEAD_MS = (0, 3_600_000, 86_400_000)


def roots_meet(finding: Finding, cloud: CloudSide, gateway: GatewaySide) -> None:
    """2: the gateway's root is the cloud's at the same revision."""
    position = gateway.store.position()
    issued = cloud.position(gateway.name)
    if (position.epoch, position.revision, position.root) != issued:
        finding.breaks(2, f"{gateway.name} is at {position}, the cloud issued {issued}")


def knows_the_time(gateway: GatewaySide, now_ms: int) -> bool:
    """8: whatever clocks showed, its time is that of the cloud again. (Ahead by less, it stays so.)"""
    at = gateway.keeper.stamp(gateway.boot_ns)
    return at.quality is TimeQuality.CERTAIN and at.real_ms is not None and abs(at.real_ms - now_ms) <= STEP_MS_MAX


def time_heals_within_ms(gateways: Sequence[GatewaySide]) -> int:
    """Until the leases agree for long enough and every wrong one has run out (timekeeping.py, rule 7)."""
    left_ms = max(gateway.keeper.at(gateway.boot_ns).lease_remaining_ms for gateway in gateways)
    return max(AGREED_NS // NS_PER_MS, left_ms)


def live_answer_is_offline_answer(finding: Finding, cloud: CloudSide, gateway: GatewaySide) -> None:
    """12: what the gateway's row decides, now and if nothing more is heard for a day, the access rules decide."""
    for key, body in cloud.live_rows().items():
        here, live = gateway.store.lookup(key), Entitlement.from_body(key, body)
        for later_ms in LOOKS_AHEAD_MS:
            at_ms = cloud.clock.real_ms() + later_ms
            if _answer(here, at_ms) != _answer(live, at_ms):
                finding.breaks(12, f"{gateway.name}, rules {RULES_VERSION}: {here} does not decide as the live {live}")


def _answer(row: Lookup, at_ms: int) -> Granted | Denied:
    return decide(
        lookup=row,
        door=DoorView("lane1", "gym"),
        site=SiteRules(SitePolicy(time_zone="UTC"), {}),
        time=DecisionTime(at_ms, TimeQuality.CERTAIN, lease_remaining_ms=1),
    )


def journals_arrived(finding: Finding, cloud: CloudSide, gateway: GatewaySide) -> None:
    """3: every committed event is in the cloud once, unchanged, and no journal has a hole."""
    stored = cloud.stored(gateway.name)
    finding.counts["events"] += len(gateway.committed)
    excused = gateway.excused | (gateway.cloned & gateway.contested)  # a person looks at what is kept of the latter
    committed = {key: event for key, event in gateway.committed.items() if key[0] not in excused}
    if lost := [key for key in gateway.rewritten if key[0] not in excused]:
        finding.breaks(3, f"{len(lost)} committed events of {gateway.name} were lost and their numbers used again")
    missing = [key for key in committed if key not in stored]
    if missing:
        finding.breaks(3, f"{len(missing)} committed events of {gateway.name} are not in the cloud")
    not_whole = gateway.cloned | gateway.foreign_journals | gateway.in_memory
    not_whole |= gateway.excused & gateway.contested  # what the cloud refused of an old copy stays with the gateway
    for journal in {journal for journal, _ in stored} - not_whole:
        numbers = sorted(sequence for name, sequence in stored if name == journal)
        if numbers != list(range(1, len(numbers) + 1)):
            finding.breaks(3, f"journal {journal} of {gateway.name} has a hole")
    wrong = [
        key for key, event in committed.items()
        if key in stored and stored[key] != (event.kind, str(event.member))
    ]  # fmt: skip
    if wrong:
        finding.breaks(3, f"{len(wrong)} events of {gateway.name} differ in the cloud")


def lanes_were_bounded(finding: Finding, gateway: GatewaySide, now_ns: int) -> None:
    """4: no release lasted past its bound."""
    for relay in gateway.relays.values():
        relay.drive(False, now_ns)
    longest_ms = max(relay.longest_ns for relay in gateway.relays.values()) / NS_PER_MS
    if longest_ms > MAX_ON_MS + SLACK_MS:
        finding.breaks(4, f"{gateway.name}'s relay released for {longest_ms:.0f} ms")
