"""Who was at which door lately: who waits there for a second person, and whom it let in. Pure.

Forgotten at restart, after which whoever waits badges again.

1. A badge counts for the door's `within_s`, from when it was answered; the member's next badge there stands above it.
2. Who was refused for want of a second person alone waits. The next member who may pass pairs with whoever has waited
   longest: the two are each other's company, and nobody else's.
3. Who was let in is company at once, since the lock is open already, and no longer if the grant ends without a passage.
4. Nothing else that a reader tells changes anything here: a stranger's card is nobody's company.
"""

from dataclasses import dataclass, replace

from portillon_rules.company import Company
from portillon_rules.decision import Denied, Granted
from portillon_rules.door_rule import COMPANY_WITHIN_S, DoorRule
from portillon_rules.entitlement import Entitlement
from portillon_rules.reason import DenyReason

from portillon_edge.domain.events import Way

NS_PER_S = 1_000_000_000
MS_PER_S = 1_000
AT_ONE_DOOR_MAX = 64
"""Badges kept for one door; beyond them the oldest is forgotten, and has to be shown again."""


@dataclass(frozen=True, slots=True)
class _Badge:
    at_ns: int
    let_in: bool
    may_escort: bool
    partner: str | None = None


class CompanyWatch:
    """At all doors of one gateway. Used by one thread only; its time never runs backwards."""

    def __init__(self) -> None:
        self._doors: dict[str, dict[str, _Badge]] = {}

    def company(
        self,
        member: str,
        *,
        door: str,
        way: Way,
        rule: DoorRule | None,
        inside: frozenset[str] = frozenset(),
        now_ns: int,
    ) -> Company:
        """Whom `member` would find at `door` now, by what was badged there; `inside`: who is in the zone beyond it."""
        if way is Way.EXIT:
            return Company(inside=inside, entering=False)
        others = {name: badge for name, badge in self._lately(door, rule, now_ns).items() if name != member}
        let_in = {name for name, badge in others.items() if badge.let_in}
        return Company(
            waiting=tuple(name for name, badge in others.items() if _waits_for(badge, member)),
            inside=inside,
            let_in=frozenset(let_in),
            escorts=frozenset(name for name in let_in if others[name].may_escort),
        )

    def answered(
        self,
        row: Entitlement,
        outcome: Granted | Denied,
        *,
        door: str,
        way: Way,
        rule: DoorRule | None,
        now_ns: int,
    ) -> None:
        """What came of a badge in the end, after everything that may refuse it."""
        if way is Way.EXIT:
            return
        badges = self._lately(door, rule, now_ns)
        let_in = isinstance(outcome, Granted)
        if not let_in and _reason(outcome) is not DenyReason.SECOND_PERSON_NEEDED:
            return
        mine = badges.pop(row.member, None)
        partner = None if mine is None else mine.partner
        pairs = rule is not None and rule.two_people and not row.escorted
        if let_in and partner is None and pairs:
            partner = next((name for name, badge in badges.items() if _waits_for(badge, row.member)), None)
            if partner is not None:
                badges[partner] = replace(badges[partner], at_ns=now_ns, partner=row.member)
        while len(badges) >= AT_ONE_DOOR_MAX:
            del badges[next(iter(badges))]
        badges[row.member] = _Badge(now_ns, let_in, row.escort, partner)

    def not_used(self, member: str, *, door: str) -> None:
        """The grant of `member` ended without a passage: they are nobody's company, and their partner waits again."""
        badges = self._doors.get(door, {})
        mine = badges.pop(member, None)
        if mine is not None and mine.partner in badges:
            badges[mine.partner] = replace(badges[mine.partner], partner=None)

    def _lately(self, door: str, rule: DoorRule | None, now_ns: int) -> dict[str, _Badge]:
        within_ns = (COMPANY_WITHIN_S if rule is None else rule.within_s) * NS_PER_S
        kept = {name: badge for name, badge in self._doors.get(door, {}).items() if now_ns - badge.at_ns < within_ns}
        badges = {
            name: badge if badge.partner in kept else replace(badge, partner=None) for name, badge in kept.items()
        }
        self._doors[door] = badges
        return badges


def waits_ms(reason: DenyReason, rule: DoorRule | None) -> int | None:
    """For how long whoever was refused so waits at the door of `rule`, None: nobody waits."""
    if reason is not DenyReason.SECOND_PERSON_NEEDED:
        return None
    return (COMPANY_WITHIN_S if rule is None else rule.within_s) * MS_PER_S


def _waits_for(badge: _Badge, member: str) -> bool:
    return badge.partner == member or (badge.partner is None and not badge.let_in)


def _reason(outcome: Granted | Denied) -> DenyReason | None:
    return outcome.reason if isinstance(outcome, Denied) else None
