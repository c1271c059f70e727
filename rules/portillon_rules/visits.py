"""Visit packs and quotas: how often somebody may still come. Pure.

1. Whoever has packs comes on one of them: the one that ends first of those that run now and have a visit left. None:
   NO_VISITS_LEFT. Whoever has quotas (so many visits a day, week or month) has to have room in each of them.
2. Only the home gateway of the member's visits counts them, and it alone knows how many are left. Elsewhere, and at a
   home that forgot its count, the site's policy says: VISIT_HELD_ELSEWHERE, or pass and flag VISIT_UNCHECKED. What is
   known to be over is refused there too.
3. A day begins at the site's midnight, a week on Monday, a month on its first. A pack runs over `[from_ms, until_ms)`.
4. A home's turn begins with what others spent `before`; during it the home adds its own. So the row stays as it is
   while visits are spent, and whatever moves the visits begins a new turn.
5. A visit is reserved at the grant and spent by the passage; going out takes none (both are the gateway's part).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from portillon_rules.policy import SitePolicy, VisitsElsewhere
from portillon_rules.reason import DenyReason, GrantFlag
from portillon_rules.ruling import Ruling
from portillon_rules.schedule import local_time

UNCHECKED = 0
"""The turn of a visit that nobody counted when it was given; turns begin at 1."""
ALLOWANCES_MAX = 32
QUOTAS_MAX = 4
"""An event has room for 16 flags: a mark of each quota and of one pack, and all that else may be said of a grant."""
NAME_AND_TURN_MAX = 16
"""Characters; a mark of 32 has room for these and the longest period."""
_MARK = "visit:"
_RULE = "visits"


class Per(StrEnum):
    """Over what a quota counts."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit of the allowance `name` (its quota's `period`, "" of a pack), given in that turn of its home."""

    name: str
    turn: int
    period: str = ""

    @property
    def mark(self) -> str:
        """How events of gateways name it among their flags, so that the cloud spends what the gateway reserved."""
        return f"{_MARK}{self.name}.{self.turn}.{self.period}"

    @classmethod
    def from_mark(cls, mark: str) -> "Visit | None":
        """The visit that a flag names; None: it is no such flag."""
        name, _, rest = mark.removeprefix(_MARK).partition(".")
        turn, dot, period = rest.partition(".")
        if not mark.startswith(_MARK) or not name or not dot or not (turn.isascii() and turn.isdigit()):
            return None
        return cls(name, int(turn), period)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """A pack (`per` None) of `most` visits over `[from_ms, until_ms)`, or a quota of `most` visits in each period.

    `before`: how many of them others than its home's present turn spent; of a quota, in the period `before_in`.
    """

    name: str
    most: int
    per: Per | None = None
    from_ms: int = 0
    until_ms: int
    before: int = 0
    before_in: str = ""

    def period_at(self, business_ms: int, time_zone: str) -> str:
        """What it counts in at that instant: 20261123, 2026W48, 202611, or "" of a pack."""
        local = local_time(business_ms, time_zone)
        match self.per:
            case None:
                return ""
            case Per.DAY:
                return f"{local:%Y%m%d}"
            case Per.WEEK:
                year, week, _ = local.isocalendar()
                return f"{year}W{week:02}"
            case Per.MONTH:
                return f"{local:%Y%m}"

    def left(self, period: str, counted: int) -> int:
        """Of the visits in that period, when this turn has counted so many."""
        return self.most - counted - (self.before if period == self.before_in else 0)

    def runs(self, business_ms: int) -> bool:
        """Whether it gives visits at that instant."""
        return self.from_ms <= business_ms < self.until_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitRow:
    """What a member's visits are limited by: the body of the feed's row `visits`, its key the member.

    `home` is the gateway that counts them, None while they move; its `turn` began at business time `since_ms`.
    """

    member: str
    home: str | None
    turn: int
    since_ms: int
    allowances: tuple[Allowance, ...]

    def to_body(self) -> dict[str, Any]:
        """The JSON-ready body of the feed row; its key is `member`."""
        return {
            "home": self.home,
            "turn": self.turn,
            "since_ms": self.since_ms,
            "allowances": [
                {
                    "name": one.name,
                    "most": one.most,
                    "per": None if one.per is None else one.per.value,
                    "from_ms": one.from_ms,
                    "until_ms": one.until_ms,
                    "before": one.before,
                    "before_in": one.before_in,
                }
                for one in self.allowances
            ],
        }

    @classmethod
    def from_body(cls, key: str, body: Mapping[str, Any]) -> "VisitRow":
        """Rebuild the row of member `key`; raises KeyError, TypeError or ValueError for an unreadable body."""
        allowances = tuple(
            Allowance(
                name=one["name"],
                most=one["most"],
                per=None if one["per"] is None else Per(one["per"]),
                from_ms=one["from_ms"],
                until_ms=one["until_ms"],
                before=one["before"],
                before_in=one["before_in"],
            )
            for one in body["allowances"]
        )
        if not 1 <= len(allowances) <= ALLOWANCES_MAX:
            raise ValueError(f"{len(allowances)} allowances: a row has 1 to {ALLOWANCES_MAX}")
        if sum(one.per is not None for one in allowances) > QUOTAS_MAX:
            raise ValueError(f"more than {QUOTAS_MAX} quotas: their marks find no room in an event")
        if any(len(f"{one.name}{body['turn']}") > NAME_AND_TURN_MAX for one in allowances):
            raise ValueError("name and turn of an allowance are longer than its mark has room for")
        return cls(member=key, home=body["home"], turn=body["turn"], since_ms=body["since_ms"], allowances=allowances)


@dataclass(frozen=True, slots=True)
class VisitUse:
    """What this gateway knows of one member's visits.

    `row` None: nothing limits them; `damaged`: there is a row that cannot be believed. `counted`: what was spent and
    reserved here, by visit. `sure`: this gateway is the row's home and its count is whole.
    """

    row: VisitRow | None = None
    counted: tuple[tuple[Visit, int], ...] = ()
    sure: bool = True
    damaged: bool = False


@dataclass(frozen=True, slots=True)
class Chosen:
    """The ruling, and the visits that the passage would spend: none where it refuses or nothing limits."""

    ruling: Ruling
    visits: tuple[Visit, ...] = ()


_UNLIMITED = Chosen(Ruling(_RULE))


def judge(use: VisitUse, *, policy: SitePolicy, business_ms: int) -> Ruling:
    """Whether the member has a visit left."""
    return choose(use, policy=policy, business_ms=business_ms).ruling


def choose(use: VisitUse, *, policy: SitePolicy, business_ms: int) -> Chosen:
    """The same, with what is to be reserved before the member is let in."""
    row = use.row
    if use.damaged:
        return Chosen(Ruling(_RULE, DenyReason.ROW_DAMAGED))
    if row is None:
        return _UNLIMITED
    of_row = f"visits/{row.member}"
    found = tuple(_visits(use, row, policy.time_zone, business_ms))
    if None in found:
        return Chosen(Ruling(_RULE, DenyReason.NO_VISITS_LEFT, row=of_row))
    visits = tuple(one for one in found if one is not None)
    if use.sure:
        return Chosen(Ruling(_RULE, row=of_row), visits)
    if policy.visits_elsewhere is VisitsElsewhere.DENY:
        return Chosen(Ruling(_RULE, DenyReason.VISIT_HELD_ELSEWHERE, row=of_row))
    unchecked = tuple(Visit(one.name, UNCHECKED, one.period) for one in visits)
    return Chosen(Ruling(_RULE, flags=(GrantFlag.VISIT_UNCHECKED,), row=of_row), unchecked)


def _visits(use: VisitUse, row: VisitRow, time_zone: str, business_ms: int) -> Iterator[Visit | None]:
    """One visit of a pack, if there are packs, and one of each quota; None for each that has none left."""
    counted = dict(use.counted) if use.sure else {}
    with_room: list[tuple[int, Visit]] = []
    packs = False
    for one in row.allowances:
        visit = Visit(one.name, row.turn, one.period_at(business_ms, time_zone))
        has_room = one.left(visit.period, counted.get(visit, 0)) > 0
        if one.per is None:
            packs = True
            if one.runs(business_ms) and has_room:
                with_room.append((one.until_ms, visit))
        elif one.runs(business_ms):
            yield visit if has_room else None
    if packs:
        yield min(with_room, key=lambda found: found[0])[1] if with_room else None
