"""The gateway of a story: the rows that it heard, what it knows by itself, and the rules' one decision.

Presence is the edge's own book. The rest of what a gateway knows is kept as plainly as a story needs: its own tests and
the stories of doors hold the real parts to it.
"""

from collections import Counter
from dataclasses import dataclass, field, replace

from portillon_edge.domain.events import Way
from portillon_edge.presence.book import Journey, Moment, PresenceBook
from portillon_rules.company import Company
from portillon_rules.credential import SiteKey, credential_hash
from portillon_rules.decision import (
    DecisionTime,
    Denied,
    DoorView,
    Granted,
    Lookup,
    RowDamaged,
    SiteRules,
    TimeQuality,
    decide,
)
from portillon_rules.door_plan import EVERY_DOOR, Standing
from portillon_rules.door_rule import COMPANY_WITHIN_S
from portillon_rules.entitlement import Entitlement
from portillon_rules.local_facts import LocalFacts
from portillon_rules.reason import DenyReason
from portillon_rules.visits import Visit, VisitRow, VisitUse, choose
from portillon_wire.rows import RowChange, RowKind
from portillon_wire.rule_rows import RULE_KINDS, read_rule, site_rules
from stories.rule_cloud import HERE, card_of
from stories.rule_story import Badge, DoorSpec

LEASE_MS = 72 * 3_600_000
CLOSED_FOR = {Standing.LOCKDOWN: DenyReason.LOCKDOWN, Standing.BLOCKED: DenyReason.DOOR_BLOCKED}


@dataclass(slots=True)
class Troubles:
    """What the story broke."""

    quality: TimeQuality = TimeQuality.CERTAIN
    journal_writable: bool = True
    output_available: bool = True
    others_heard: bool = True
    busy: set[str] = field(default_factory=set)
    closed: dict[str, DenyReason] = field(default_factory=dict)
    damaged: set[str] = field(default_factory=set)


class RuleGateway:
    """Used by one story."""

    def __init__(self, doors: dict[str, DoorSpec]) -> None:
        self.doors, self.troubles = doors, Troubles()
        self.heard_ms = 0
        self._site = SiteRules(policy=None, schedules={})
        self._entitlements: dict[str, Entitlement] = {}
        self._visits: dict[str, VisitRow] = {}
        self._spent: Counter[Visit] = Counter()
        self._book = PresenceBook()
        self._at_door: list[tuple[int, str, str, bool, bool]] = []

    def hear(self, rows: list[RowChange], now_ms: int) -> None:
        """The feed, and with it a new lease."""
        bodies = [(row.kind, row.key, row.body or {}) for row in rows]
        self._site = site_rules(
            [(kind, key, read_rule(kind, key, body)) for kind, key, body in bodies if kind in RULE_KINDS], revision=1
        )
        self._entitlements = {
            key: Entitlement.from_body(key, body) for kind, key, body in bodies if kind == RowKind.ENTITLEMENT
        }
        self._visits = {key: VisitRow.from_body(key, body) for kind, key, body in bodies if kind == RowKind.VISITS}
        self.heard_ms = now_ms

    def answer(self, badge: Badge, card: int, key: SiteKey, now_ms: int) -> Granted | Denied:
        """What the door says; whoever is let in passes, unless they turn round."""
        lookup = self._lookup(credential_hash(card_of(card), key), badge.who)
        door = self.doors[badge.door]
        member = lookup.member if isinstance(lookup, Entitlement) else ""
        way = Way.EXIT if badge.leaves else Way.ENTRY
        journey = Journey(member=member, credential=str(card), door=badge.door, zone=door.zone, way=way)
        time = DecisionTime(now_ms, self.troubles.quality, self.heard_ms + LEASE_MS - now_ms)
        answer = decide(
            lookup=lookup,
            door=self._view(badge, now_ms),
            site=self._site,
            time=time,
            local=self._local(badge, journey, now_ms),
        )
        self._remember(badge, answer, lookup, now_ms)
        if isinstance(answer, Granted):
            self._pass(badge, journey, now_ms)
        return answer

    def _lookup(self, hashed: str, who: str) -> Lookup:
        return RowDamaged(hashed) if who in self.troubles.damaged else self._entitlements.get(hashed)

    def _view(self, badge: Badge, now_ms: int) -> DoorView:
        orders = [self._site.orders.get(name) for name in (EVERY_DOOR, badge.door)]
        said = [
            CLOSED_FOR[order.standing]
            for order in orders
            if order is not None
            and order.standing in CLOSED_FOR
            and (order.until_ms is None or now_ms < order.until_ms)
        ]
        return DoorView(
            name=badge.door,
            zone=self.doors[badge.door].zone,
            busy=badge.door in self.troubles.busy,
            journal_writable=self.troubles.journal_writable,
            output_available=self.troubles.output_available,
            leaving=badge.leaves,
            closed_for=next(iter(said), self.troubles.closed.get(badge.door)),
        )

    def _local(self, badge: Badge, journey: Journey, now_ms: int) -> LocalFacts:
        moment = self._moment(now_ms)
        presence = None if moment is None else self._book.presence(journey, moment)
        if presence is not None and not self.troubles.others_heard:
            presence = replace(presence, fresh=False)
        near = [one for one in self._at_door if one[1] == badge.door and now_ms - one[0] <= COMPANY_WITHIN_S * 1_000]
        return LocalFacts(
            presence=presence,
            occupancy=0 if moment is None else self._book.others_in(journey.zone, journey.member, moment),
            visits=self._use(journey.member),
            company=Company(
                waiting=tuple(who for _, _, who, let_in, _ in near if not let_in),
                inside=frozenset() if moment is None else self._book.inside(journey.zone, moment),
                let_in=frozenset(who for _, _, who, let_in, _ in near if let_in),
                escorts=frozenset(who for _, _, who, let_in, escort in near if let_in and escort),
                entering=not badge.leaves,
            ),
            pin_shown=badge.pin,
        )

    def _use(self, member: str) -> VisitUse:
        row = self._visits.get(member)
        if row is None:
            return VisitUse()
        names = {one.name for one in row.allowances}
        counted = tuple((visit, count) for visit, count in self._spent.items() if visit.name in names)
        return VisitUse(row, counted, sure=row.home == HERE)

    def _remember(self, badge: Badge, answer: Granted | Denied, lookup: Lookup, now_ms: int) -> None:
        waits = isinstance(answer, Denied) and answer.reason is DenyReason.SECOND_PERSON_NEEDED
        if isinstance(lookup, Entitlement) and not badge.leaves and (waits or isinstance(answer, Granted)):
            self._at_door.append((now_ms, badge.door, lookup.member, not waits, lookup.escort))

    def _pass(self, badge: Badge, journey: Journey, now_ms: int) -> None:
        if badge.turns_round:
            return
        if not badge.leaves and self._site.policy is not None:
            chosen = choose(self._use(journey.member), policy=self._site.policy, business_ms=now_ms)
            self._spent.update(chosen.visits)
        if (moment := self._moment(now_ms)) is not None:
            self._book.sets_out(journey)
            self._book.passes(journey, moment)

    def _moment(self, now_ms: int) -> Moment | None:
        """As the edge's whereabouts: where no zone has a rule nothing is known."""
        if not self._site.zones or self._site.policy is None or self.troubles.quality is TimeQuality.UNKNOWN:
            return None
        return Moment(self._site.zones, self._site.policy.time_zone, now_ms)
