"""From feed rows to the rules of a site: one reading for the gateway's table and the cloud's live answer."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from portillon_rules.decision import SiteRules
from portillon_rules.door_plan import DoorOrder, DoorPlan
from portillon_rules.door_rule import DoorRule
from portillon_rules.holidays import HolidayCalendar
from portillon_rules.policy import SITE, SitePolicy
from portillon_rules.presence import Forgiven
from portillon_rules.schedule import Schedule
from portillon_rules.zone_rule import ZoneRule

from portillon_wire.rows import RowKind

_BY_NAME: Mapping[str, tuple[str, Callable[[str, Mapping[str, Any]], object]]] = {
    RowKind.SCHEDULE: ("schedules", Schedule.from_body),
    RowKind.HOLIDAYS: ("holidays", HolidayCalendar.from_body),
    RowKind.DOOR_PLAN: ("plans", DoorPlan.from_body),
    RowKind.DOOR_ORDER: ("orders", DoorOrder.from_body),
    RowKind.DOOR_RULE: ("doors", DoorRule.from_body),
    RowKind.ZONE_RULE: ("zones", ZoneRule.from_body),
    RowKind.FORGIVEN: ("forgiven", lambda member, body: Forgiven.from_body(member, body).at_ms),
}
"""By kind: the field of SiteRules that holds such rows by their key, and what reads one."""
RULE_KINDS = (RowKind.POLICY.value, *_BY_NAME)
"""The kinds of rows that are read together, since there are few of them; all others are looked up one by one."""
EVERY_BUCKET = -1
"""Stands for all buckets of the digest, in what SiteRules say that the feed took away."""


def read_rule(kind: str, key: str, body: Mapping[str, Any]) -> object:
    """The rule of one row of RULE_KINDS; raises KeyError, TypeError, AttributeError or ValueError if unreadable."""
    if kind == RowKind.POLICY:
        return SitePolicy.from_body(body)
    return _BY_NAME[kind][1](key, body)


def site_rules(
    rules: Iterable[tuple[str, str, object]],
    *,
    epoch: int | None = None,
    revision: int | None = None,
    went: Mapping[int, int] | None = None,
) -> SiteRules:
    """(kind, key, what `read_rule` made of it) of all rows that could be read, together."""
    named: dict[str, dict[str, Any]] = {field: {} for field, _ in _BY_NAME.values()}
    policy: SitePolicy | None = None
    for kind, key, rule in rules:
        if isinstance(rule, SitePolicy):
            policy = rule if key == SITE else policy
        else:
            named[_BY_NAME[kind][0]][key] = rule
    return SiteRules(policy=policy, epoch=epoch, revision=revision, went=went or {}, **named)
