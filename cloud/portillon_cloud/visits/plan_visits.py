"""How often plans let their members come, as packs and quotas. Pure.

1. A plan that says nothing of visits limits none. Its quotas hold in each day, week and month; a plan with a pack gives
   so many visits in all, for as long as one subscription stays on it.
2. Plans that run side by side add up: in each period, what those that count in it give together.
3. A plan without a limit lifts that of another one while both run, if it opens all of that one's zones, at all of its
   hours and sites. One that opens less lifts nothing: who may swim at will still comes to the gym twice a week.
4. Everything that is planned is in the answer, so that a gateway which hears nothing for days changes over by itself. A
   quota whose number stays is counted on through a change of plan; one with another number begins at 0 on that day.
5. Packs are given when they begin and taken back when they end: one that is over would refuse (portillon_rules.visits).
   What of one was used before it came here (an import, a transfer) is not given again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from portillon_rules.entitlement import ALWAYS
from portillon_rules.visits import Per

MOST_MAX = 10_000
_PACK = "pack"


@dataclass(frozen=True, slots=True)
class PlanVisits:
    """What one plan gives: so many visits per period, or `pack` of them in all."""

    quotas: Mapping[Per, int]
    pack: int | None = None

    def __post_init__(self) -> None:
        if bool(self.quotas) == (self.pack is not None):
            raise ValueError("a plan limits visits by a pack or by quotas, not by both; leave visits out for no limit")
        for most in (*self.quotas.values(), *([] if self.pack is None else [self.pack])):
            if not 1 <= most <= MOST_MAX:
                raise ValueError(f"{most} visits: a pack or quota has 1 to {MOST_MAX}")

    def to_body(self) -> dict[str, int]:
        """The JSON-ready form: `{"week": 2}` or `{"pack": 10}`."""
        return {_PACK: self.pack} if self.pack is not None else {per.value: most for per, most in self.quotas.items()}

    @classmethod
    def from_body(cls, body: Mapping[str, int]) -> "PlanVisits":
        """Rebuild it; raises ValueError."""
        quotas = {Per(name): most for name, most in body.items() if name != _PACK}
        return cls(quotas, body.get(_PACK))


@dataclass(frozen=True, slots=True, kw_only=True)
class SoldPart:
    """One subscription on one plan over `[from_ms, until_ms)`. `visits` None: no limit. `sites`: access/sites.py.

    `used_before`: of its pack, elsewhere.
    """

    subscription_id: int
    plan: str
    from_ms: int
    until_ms: int
    zones: frozenset[str]
    schedule: str = ALWAYS
    sites: str | Sequence[int] | None = None
    visits: PlanVisits | None = None
    used_before: int = 0

    def runs(self, at_ms: int) -> bool:
        """Whether it holds at that instant."""
        return self.from_ms <= at_ms < self.until_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedAllowance:
    """A pack (`per` None) or quota that plans give. `source` and `from_ms` say which it is, whatever else changes."""

    source: str
    plans: tuple[str, ...]
    per: Per | None
    most: int
    from_ms: int
    until_ms: int


def planned(parts: Sequence[SoldPart], now_ms: int) -> list[PlannedAllowance]:
    """What one member's plans give at `now_ms` and later; the first to hold comes first."""
    quotas = [quota for per in Per for quota in _quotas(parts, per) if quota.until_ms > now_ms]
    return [*_packs(parts, now_ms), *sorted(quotas, key=lambda one: one.from_ms)]


def turns_ms(parts: Iterable[SoldPart]) -> list[int]:
    """The instants at which one of them begins or ends."""
    return sorted({at_ms for part in parts if part.from_ms < part.until_ms for at_ms in (part.from_ms, part.until_ms)})


def _packs(parts: Sequence[SoldPart], now_ms: int) -> Iterable[PlannedAllowance]:
    for part in _limiting(parts, now_ms):
        if part.visits is not None and part.visits.pack is not None:
            yield PlannedAllowance(
                source=f"subscription:{part.subscription_id}",
                plans=(part.plan,),
                per=None,
                most=max(part.visits.pack - part.used_before, 0),
                from_ms=part.from_ms,
                until_ms=part.until_ms,
            )


def _quotas(parts: Sequence[SoldPart], per: Per) -> list[PlannedAllowance]:
    found: list[PlannedAllowance] = []
    for from_ms, until_ms in pairwise(turns_ms(parts)):
        giving = [one for one in _limiting(parts, from_ms) if one.visits is not None and per in one.visits.quotas]
        if not giving:
            continue
        plans = tuple(dict.fromkeys(one.plan for one in giving))
        most = sum(one.visits.quotas[per] for one in giving if one.visits is not None)
        if found and found[-1].until_ms == from_ms and found[-1].most == most:
            both = (*found[-1].plans, *plans)
            found[-1] = replace(found[-1], until_ms=until_ms, plans=tuple(dict.fromkeys(both)))
            continue
        found.append(
            PlannedAllowance(source=f"plan:{per}", plans=plans, per=per, most=most, from_ms=from_ms, until_ms=until_ms)
        )
    return found


def _limiting(parts: Sequence[SoldPart], at_ms: int) -> list[SoldPart]:
    """Those that limit at that instant, and are not lifted by another one."""
    running = [part for part in parts if part.runs(at_ms)]
    return [
        part
        for part in running
        if part.visits is not None and not any(other.visits is None and _covers(other, part) for other in running)
    ]


def _covers(wide: SoldPart, part: SoldPart) -> bool:
    """Whether `wide` opens whatever `part` opens."""
    return (
        wide.zones >= part.zones
        and wide.schedule in (ALWAYS, part.schedule)
        and (wide.sites in ("all", part.sites) or _named(wide.sites) > _named(part.sites) > set())
    )


def _named(sites: str | Sequence[int] | None) -> set[int]:
    return set() if sites is None or isinstance(sites, str) else set(sites)
