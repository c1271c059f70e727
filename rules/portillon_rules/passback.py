"""Anti-passback: nobody enters where they are already, or leaves where they never entered. Pure.

1. Whoever enters a zone and is in it, or in a zone within it, by what was passed, passes their card back: `passback` of
   that zone's rule or of the site-wide one, whichever is stricter. A grant on which nobody passed is no entry.
2. Site-wide, so does whoever enters and is still in a zone from which one cannot come through this door.
3. Whoever leaves a zone, or goes from it further in, and is not in it, came in unseen: `not_inside`, likewise.
4. Of whom nothing is known (reset hour passed, stayed too long, forgiven by staff, or the gateway began to watch only
   lately) nothing is held against.
5. While other gateways are not heard, or the time is not sure, none of it is more than the rule's `stale`, and flagged.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from portillon_rules.presence import MS_PER_MINUTE, Presence, believed
from portillon_rules.reason import DenyReason, GrantFlag
from portillon_rules.ruling import Ruling
from portillon_rules.zone_rule import EVERY_ZONE, Strictness, ZoneRule, lies_in

RULE = "passback"
_NOTHING = Ruling(RULE)
_Finding = tuple[Strictness, DenyReason, ZoneRule]


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """Somebody at a door of `zone`, about to enter or leave it, and all that zones say about it.

    `presence`: what the gateway has of the member. `sure_time`: business time is certain.
    """

    zone: str
    leaving: bool
    staff: bool
    zones: Mapping[str, ZoneRule]
    presence: Presence | None
    forgiven_ms: int | None
    now_ms: int
    time_zone: str
    sure_time: bool

    def believed(self) -> Presence | None:
        """Where the member is, as far as it still counts."""
        return believed(
            self.presence, self.zones, now_ms=self.now_ms, time_zone=self.time_zone, forgiven_ms=self.forgiven_ms
        )


def judge(crossing: Crossing) -> Ruling:
    """What stands against the crossing by where the member is."""
    presence = crossing.believed()
    if not crossing.zones or presence is None:
        return _NOTHING
    findings = _leaving(crossing, presence) if crossing.leaving else _entering(crossing, presence)
    stale = not (presence.fresh and crossing.sure_time)
    found = [(_capped(how, rule, stale=stale), reason, rule) for how, reason, rule in findings]
    how, reason, rule = max(found, key=lambda one: one[0].rank, default=(Strictness.OFF, DenyReason.PASSBACK, None))
    flags = (GrantFlag.PRESENCE_STALE,) if not presence.fresh and _watched(crossing) else ()
    if how is Strictness.OFF or rule is None:
        return Ruling(RULE, flags=flags) if flags else _NOTHING
    row = f"zone_rule/{rule.zone}"
    if how is Strictness.HARD:
        return Ruling(RULE, reason, row=row)
    return Ruling(RULE, flags=(GrantFlag.PASSBACK, *flags), row=row)


def _entering(crossing: Crossing, presence: Presence) -> list[_Finding]:
    zones, elapsed_ms = crossing.zones, crossing.now_ms - presence.since_ms
    own = zones.get(crossing.zone)
    outer = own.within if own else None
    if lies_in(presence.zone, crossing.zone, zones):
        rules = _rules(crossing, crossing.zone)
        return [(_passback(rule, elapsed_ms), DenyReason.PASSBACK, rule) for rule in rules]
    if outer is not None and lies_in(presence.zone, outer, zones):
        return []
    found: list[_Finding] = []
    if presence.zone is not None:
        found += [(_passback(r, elapsed_ms), DenyReason.PASSBACK, r) for r in _rules(crossing, EVERY_ZONE)]
    if outer is not None:
        found += [(rule.not_inside, DenyReason.NOT_INSIDE, rule) for rule in _rules(crossing, outer)]
    return found


def _leaving(crossing: Crossing, presence: Presence) -> list[_Finding]:
    if lies_in(presence.zone, crossing.zone, crossing.zones):
        return []
    return [(rule.not_inside, DenyReason.NOT_INSIDE, rule) for rule in _rules(crossing, crossing.zone)]


def _rules(crossing: Crossing, zone: str) -> list[ZoneRule]:
    """The zone's own rule and the site-wide one, without those from which this member is exempt."""
    rules = (crossing.zones.get(name) for name in dict.fromkeys((zone, EVERY_ZONE)))
    return [rule for rule in rules if rule is not None and not (crossing.staff and rule.staff_exempt)]


def _passback(rule: ZoneRule, elapsed_ms: int) -> Strictness:
    if rule.passback_minutes is None or elapsed_ms < rule.passback_minutes * MS_PER_MINUTE:
        return rule.passback
    return rule.passback_after


def _capped(how: Strictness, rule: ZoneRule, *, stale: bool) -> Strictness:
    return min(how, rule.stale, key=lambda one: one.rank) if stale else how


def _watched(crossing: Crossing) -> bool:
    """Whether anything would be asked of this crossing if somebody were where they should not be."""
    for rule in _rules(crossing, crossing.zone):
        asked = rule.not_inside if crossing.leaving else rule.passback
        if Strictness.OFF not in (asked, rule.stale):
            return True
    return False
