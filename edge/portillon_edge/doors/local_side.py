"""What the gateway knows by itself beside the feed: who is where, who stands at which door, how many visits are left.

Asked before each decision, told what came of it, and told how each grant ended. A visit is reserved, durably, after the
decision and before the release; all the rest waits for nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from portillon_rules.decision import DecisionTime, Denied, Granted, RowDamaged, SiteRules
from portillon_rules.entitlement import Entitlement
from portillon_rules.local_facts import LocalFacts
from portillon_rules.visits import VisitRow, VisitUse
from portillon_wire.presence import Unseen

from portillon_edge.domain.events import EventTime, Way
from portillon_edge.domain.visit_facts import Reservation
from portillon_edge.doors.company_watch import CompanyWatch
from portillon_edge.doors.machine import Grant
from portillon_edge.doors.surroundings import Door
from portillon_edge.presence.book import Journey
from portillon_edge.presence.memory import ForgetfulPresence, PresenceMemory
from portillon_edge.presence.news import PresenceHeard
from portillon_edge.presence.whereabouts import Whereabouts
from portillon_edge.visits.book import Reserved, VisitBook

FindVisits = Callable[[str], VisitRow | RowDamaged | None]
"""The row of a member's visits; None: nothing limits them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Badge:
    """Somebody known asks to pass."""

    door: Door
    way: Way
    credential: str
    row: Entitlement
    site: SiteRules
    time: DecisionTime
    at_ns: int
    pin_shown: bool = True

    @property
    def journey(self) -> Journey:
        """Where a grant would take them."""
        return _journey(self.door, member=self.row.member, credential=self.credential, way=self.way)


class LocalSide:
    """Of one gateway. Used by the attendant's thread only."""

    def __init__(
        self,
        *,
        presence: PresenceMemory | None = None,
        visits: VisitBook | None = None,
        find_visits: FindVisits = lambda _: None,
    ) -> None:
        """Without `visits` nobody's are limited; without `presence` it is forgotten with the process."""
        self._whereabouts = Whereabouts(presence or ForgetfulPresence())
        self._company = CompanyWatch()
        self._visits = visits
        self._find_visits = find_visits

    def facts(self, badge: Badge) -> LocalFacts:
        """What the decision about this badge may look at."""
        door, row, site, time = badge.door, badge.row, badge.site, badge.time
        rule = site.doors.get(door.name)
        asked_for = bool(row.guardians or row.hosts or (rule and rule.supervisors is not None))
        return LocalFacts(
            presence=self._whereabouts.presence(badge.journey, site, time, now_ns=badge.at_ns),
            occupancy=self._whereabouts.others_in(badge.journey, site, time),
            visits=self._visit_use(badge),
            company=self._company.company(
                row.member,
                door=door.name,
                way=badge.way,
                rule=rule,
                inside=self._whereabouts.inside(door.zone, site, time) if asked_for else frozenset(),
                now_ns=badge.at_ns,
            ),
            pin_shown=badge.pin_shown,
        )

    def reserve(self, badge: Badge, facts: LocalFacts) -> Reserved:
        """The visit that a grant takes, reserved; or why it can be none."""
        policy = badge.site.policy
        if self._visits is None or facts.visits.row is None or policy is None:
            return Reserved()
        return self._visits.reserve(
            facts.visits,
            door=badge.door.name,
            credential=badge.credential,
            policy=policy,
            business_ms=badge.time.business_ms,
        )

    def answered(self, badge: Badge, outcome: Granted | Denied) -> None:
        """What came of the badge in the end, after everything that may refuse it."""
        rule = badge.site.doors.get(badge.door.name)
        self._company.answered(badge.row, outcome, door=badge.door.name, way=badge.way, rule=rule, now_ns=badge.at_ns)
        if isinstance(outcome, Granted):
            self._whereabouts.granted(badge.journey, badge.site, badge.time)

    def free(self, reservation: Reservation | None) -> None:
        """Nothing came of what was reserved."""
        if self._visits is not None:
            self._visits.freed(reservation)

    def not_used(self, door: Door, grant: Grant) -> None:
        """The grant ended, and nobody passed on it."""
        self.free(grant.visits)
        self._whereabouts.not_used(_of(door, grant))
        self._company.not_used(grant.member, door=door.name)

    def passed(self, door: Door, grant: Grant, site: SiteRules, time: DecisionTime) -> None:
        """The grant's passage."""
        if self._visits is not None:
            self._visits.spent(grant.visits)
        self._whereabouts.passed(_of(door, grant), site, time)

    def nobody_passed(self, door: Door, way: Way, site: SiteRules, time: DecisionTime) -> None:
        """Somebody went through without a grant, that way."""
        self._whereabouts.nobody_passed(door.zone, way, site, time)

    def stands(self, door: Door, *, free: bool, site: SiteRules, time: DecisionTime) -> None:
        """From now on the door stands free, or no longer does."""
        self._whereabouts.door_stands(door.name, door.zone, free=free, site=site, time=time)

    def heard(self, news: PresenceHeard, site: SiteRules, time: DecisionTime) -> None:
        """Other gateways of the site told what they saw."""
        self._whereabouts.heard(news, site, time)

    def counts(self, site: SiteRules, time: DecisionTime) -> Mapping[str, int]:
        """How many people are in each zone."""
        return self._whereabouts.counts(site, time)

    @property
    def presence_until_ns(self) -> int | None:
        """Until when on the boot clock it is well known who is where; None: for ever, no other gateway sees anybody."""
        return self._whereabouts.fresh_until_ns

    def unseen(self, site: SiteRules, time: DecisionTime) -> tuple[Unseen, ...]:
        """Who came and went here without a card, for the other gateways."""
        return self._whereabouts.unseen(site, time)

    def tidy(self, site: SiteRules, now: EventTime) -> None:
        """Nothing happens just now: write down who is where."""
        self._whereabouts.tidy(site, now)

    def save(self) -> None:
        """Write down who is where, before the process ends."""
        self._whereabouts.save()

    def take_alarms(self) -> list[str]:
        """What happened to what is kept of presence, for the journal."""
        return self._whereabouts.take_alarms()

    def _visit_use(self, badge: Badge) -> VisitUse:
        if self._visits is None or badge.way is Way.EXIT:
            return VisitUse()
        found = self._find_visits(badge.row.member)
        return self._visits.use(found, door=badge.door.name, credential=badge.credential)


def _journey(door: Door, *, member: str, credential: str, way: Way) -> Journey:
    return Journey(member=member, credential=credential, door=door.name, zone=door.zone, way=way)


def _of(door: Door, grant: Grant) -> Journey:
    return _journey(door, member=grant.member, credential=grant.credential, way=grant.way)
