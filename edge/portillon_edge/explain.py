"""What would be decided now for one credential, and why, in words: with the doors' own `decide` and stores.

What only the moment of presenting it can show (a pass's age, a counter, a lock-out) is not part of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from portillon_rules.credential import CredentialKind
from portillon_rules.decision import DecisionTime, Denied, DoorView, Granted, Lookup, SiteRules, TimeQuality, decide
from portillon_rules.entitlement import ALWAYS, Entitlement, Right
from portillon_rules.evidence import AT_THE_READER
from portillon_rules.local_facts import NO_LOCAL_FACTS, LocalFacts
from portillon_rules.reason import DenyReason

from portillon_edge.domain.position import EMPTY, Position
from portillon_edge.words import QUALITIES, Words, mark

_WITH_PIN = (CredentialKind.CARD_AND_PIN, CredentialKind.PIN, None)
HASH_CHARS = 15
"""Enough of a hash to find its rows in the journal, and few enough for a line."""

TEXTS = {
    "granted": mark("{door} (zone {zone}): GRANTED."),
    "denied": mark("{door} (zone {zone}): REFUSED, {code}. {why}"),
    "flag": mark("  Noted with it: {flag}."),
    "evidence": mark("  It rests on: {evidence}."),
    "member": mark("Credential {hash}… is member {member}, for {zones}, valid until {until}, schedule {schedule}."),
    "damaged": mark("Credential {hash}… has a row here that does not fit its check code."),
    "unknown": mark("Credential {hash}… has no row here."),
    "always": mark("without closing hours"),
    "time": mark("It is {now} ({zone}), {quality}."),
    "time_unknown": mark("The time is unknown: no lease was ever received, or its clock is lost."),
    "lease_left": mark("The lease from the cloud runs for another {left}."),
    "lease_over": mark("The lease from the cloud has been over for {left}."),
    "position": mark("The members' table is at epoch {epoch}, revision {revision}."),
    "empty": mark("The members' table is empty: nothing was received from the cloud yet."),
}


@dataclass(frozen=True, slots=True)
class Kinds:
    """What the readers of one door take, and on what they let somebody pass; they differ where a PIN must follow."""

    takes: frozenset[CredentialKind]
    lets_pass: frozenset[CredentialKind]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Everything that the decision looks at, as it is at one instant; `spent`: its one use is over or reserved.

    `local`: what the gateway knows by itself, by door; where it is not told, of somebody who is nowhere yet.
    """

    credential_hash: str
    lookup: Lookup
    site: SiteRules
    time: DecisionTime
    position: Position
    doors: Sequence[DoorView]
    kind: CredentialKind | None = None
    kinds: Mapping[str, Kinds] = field(default_factory=dict)
    local: Mapping[str, LocalFacts] = field(default_factory=dict)
    spent: bool = False


def outcomes(case: Case) -> list[tuple[DoorView, Granted | Denied]]:
    """What each door would do."""
    return [(door, _outcome(case, door)) for door in case.doors]


def _outcome(case: Case, door: DoorView) -> Granted | Denied:
    local = replace(case.local.get(door.name, NO_LOCAL_FACTS), pin_shown=case.kind in _WITH_PIN)
    decided = decide(lookup=case.lookup, door=door, site=case.site, time=case.time, local=local)
    kinds = case.kinds.get(door.name)
    if kinds and case.kind not in kinds.takes | kinds.lets_pass:
        return Denied(DenyReason.KIND_NOT_ACCEPTED, decided.member, AT_THE_READER)
    if isinstance(decided, Denied):
        return decided
    if case.spent and isinstance(case.lookup, Entitlement) and case.lookup.single_use:
        return Denied(DenyReason.CODE_USED, decided.member, replace(decided.evidence, rule="once"))
    if kinds and case.kind not in kinds.lets_pass:
        return Denied(DenyReason.PIN_MISSING, decided.member, AT_THE_READER)
    return decided


def explain(case: Case, words: Words) -> Iterator[str]:
    """The outcome at each door, then the facts behind it, one sentence a line."""
    for door, outcome in outcomes(case):
        match outcome:
            case Granted(_, flags):
                yield words(TEXTS["granted"], door=door.name, zone=door.zone)
                yield from (words(TEXTS["flag"], flag=words.flag(flag)) for flag in flags)
            case Denied(reason):
                why = words.reason(reason)
                yield words(TEXTS["denied"], door=door.name, zone=door.zone, code=reason, why=why)
        yield words(TEXTS["evidence"], evidence=outcome.evidence)
    yield _row(case, words)
    yield from _time(case, words)
    text = TEXTS["empty"] if case.position == EMPTY else TEXTS["position"]
    yield words(text, epoch=case.position.epoch, revision=case.position.revision)


def _row(case: Case, words: Words) -> str:
    short = case.credential_hash[:HASH_CHARS]
    if case.lookup is None:
        return words(TEXTS["unknown"], hash=short)
    if not isinstance(case.lookup, Entitlement):
        return words(TEXTS["damaged"], hash=short)
    # Without a time the row is shown as it was written.
    row = case.lookup if case.time.quality is TimeQuality.UNKNOWN else case.lookup.at(case.time.business_ms)
    return words(
        TEXTS["member"],
        hash=short,
        member=row.member,
        zones=", ".join(dict.fromkeys(zone for right in row.rights for zone in right.zones)),
        until=_local(row.valid_until_ms, case.site),
        schedule=_hours(row.rights, words),
    )


def _hours(rights: Sequence[Right], words: Words) -> str:
    """The schedule of a single right; of several, each with its zones."""
    named = [words(TEXTS["always"]) if right.schedule == ALWAYS else right.schedule for right in rights]
    if len(rights) == 1:
        return named[0]
    return "; ".join(f"{', '.join(right.zones)}: {name}" for right, name in zip(rights, named, strict=True))


def _time(case: Case, words: Words) -> Iterator[str]:
    if case.time.quality is TimeQuality.UNKNOWN:
        yield words(TEXTS["time_unknown"])
        return
    zone = case.site.policy.time_zone if case.site.policy else "UTC"
    quality = words(QUALITIES[case.time.quality])
    yield words(TEXTS["time"], now=_local(case.time.business_ms, case.site), zone=zone, quality=quality)
    left_ms = case.time.lease_remaining_ms
    yield words(TEXTS["lease_left" if left_ms > 0 else "lease_over"], left=words.duration(left_ms))


def _local(business_ms: int, site: SiteRules) -> str:
    zone = ZoneInfo(site.policy.time_zone) if site.policy else UTC
    return f"{datetime.fromtimestamp(business_ms / 1000, UTC).astimezone(zone):%Y-%m-%d %H:%M:%S}"
