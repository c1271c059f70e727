"""With whom somebody comes: a supervisor, a guardian, a host, an escort, a second person. Pure.

Asked in this order, so that nobody fetches a second person where no supervisor would let them in:

1. supervisor     one of the door's supervisors is in the zone, or was lately let in here; supervisors need none
2. guardian       a minor comes while one of their guardians is in the zone, or was lately let in here; a door may let
                  minors come alone
3. host           a member's guest: as a minor, with any of their hosts
4. escort         a visitor who needs an escort: any member who may escort was lately let in here; to be somewhere
                  inside is not enough, an escort walks along
5. second person  another member stands here and waits for the same; two pair, and a third waits for a fourth. An
                  escorted visitor needs none, since the escort did, and is nobody's second person

Nobody needs company to leave. "Lately" is the door's `within_s`. Each one badges: who was refused for want of company
badges again once it is there.
"""

from dataclasses import dataclass

from portillon_rules.door_rule import DoorRule
from portillon_rules.entitlement import Entitlement
from portillon_rules.reason import DenyReason, GrantFlag
from portillon_rules.ruling import Ruling

_RULE = "company"
_NOTHING = Ruling(_RULE)
_OWN_ROW = "entitlement"


@dataclass(frozen=True, slots=True)
class Company:
    """Who else was at this door lately, and who is in the zone that one enters there.

    `waiting`: members who were refused for want of a second person, and who pair with nobody else. `let_in`: whom the
    door let in and who may have passed; `escorts`: those of them who may escort. `entering` False: somebody leaves.
    """

    waiting: tuple[str, ...] = ()
    inside: frozenset[str] = frozenset()
    let_in: frozenset[str] = frozenset()
    escorts: frozenset[str] = frozenset()
    entering: bool = True


def judge(row: Entitlement, *, rule: DoorRule | None, company: Company) -> Ruling:
    """What the company of `row`'s member is worth at the door of `rule` (None: a door without one)."""
    if not company.entering:
        return _NOTHING
    near = company.inside | company.let_in
    if rule is not None and rule.supervisors is not None and near.union((row.member,)).isdisjoint(rule.supervisors):
        return Ruling(_RULE, DenyReason.SUPERVISOR_ABSENT, row=f"door_rule/{rule.door}")
    may_be_alone = rule is not None and rule.minors_alone
    if row.guardians and not may_be_alone and near.isdisjoint(row.guardians):
        return Ruling(_RULE, DenyReason.GUARDIAN_ABSENT, row=_OWN_ROW)
    if row.hosts and near.isdisjoint(row.hosts):
        return Ruling(_RULE, DenyReason.ESCORT_NEEDED, row=_OWN_ROW)
    if row.escorted and not company.escorts - {row.member}:
        return Ruling(_RULE, DenyReason.ESCORT_NEEDED, row=_OWN_ROW)
    alone = set(company.waiting) <= {row.member}
    if rule is not None and rule.two_people and alone and not row.escorted:
        return Ruling(_RULE, DenyReason.SECOND_PERSON_NEEDED, row=f"door_rule/{rule.door}")
    return Ruling(_RULE, flags=(GrantFlag.ESCORTED,)) if row.hosts or row.escorted else _NOTHING
