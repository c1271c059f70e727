"""What a gateway of a simulation is made of besides the shipped cores: its surroundings, and what can be missing."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from portillon_edge.domain.events import NewEvent
from portillon_edge.domain.timekeeping import TimeKeeper
from portillon_edge.domain.visit_facts import VisitFact
from portillon_edge.doors.local_side import Badge, LocalSide
from portillon_edge.store.entitlements import EntitlementStore
from portillon_edge.store.journal_shelf import JournalShelf
from portillon_edge.store.standing_file import StandingFile
from portillon_edge.sync.effects import UplinkEffect
from portillon_edge.sync.uplink import Uplink
from portillon_edge.visits.book import VisitBook
from portillon_rules.credential import SiteKey
from portillon_rules.decision import RowDamaged, SiteRules
from portillon_rules.local_facts import LocalFacts
from portillon_rules.visits import Visit, VisitRow, VisitUse
from portillon_wire.signature import PublicKeys
from simulation.schedule import Schedule

Publish = Callable[[str, bytes], None]


@dataclass(frozen=True)
class Outside:
    """What a gateway is given by the world."""

    schedule: Schedule
    publish: Publish
    download: Callable[[str], bytes]
    keys: PublicKeys
    site_keys: Sequence[SiteKey]
    mounts: ExitStack
    """Ends with the life: what holds the gateways' disks in place."""


@dataclass
class Defences:
    """Each can be switched off, to see the simulation notice."""

    verify: bool = True
    lease: bool = True
    keep_until_acknowledged: bool = True
    guard_hears_the_end: bool = True
    send_again_in_new_epoch: bool = True
    believe_a_cloud_that_has_less: bool = True
    ask_again: bool = True
    tell_the_row_before: bool = True
    visits_are_counted: bool = True
    elsewhere_nobody_counts: bool = True
    moves_wait: bool = True
    passback_is_asked: bool = True
    commits_are_synced: bool = True  # synchronous=FULL
    orders_are_kept: bool = True  # apart from the table
    fire_is_kept: bool = True  # over restarts
    switch_locks: bool = True
    wall_clock: bool = True


class Clock:
    """The time keeper, or one that forgets how long a lease lasts."""

    def __init__(self, keeper: TimeKeeper, *, lease: bool) -> None:
        self._keeper, self._lease = keeper, lease
        self.stamp = keeper.stamp

    def at(self, boot_ns: int) -> object:
        time = self._keeper.at(boot_ns)
        return time if self._lease else type(time)(time.business_ms, time.quality, 3_600_000)


class Amnesia:
    """A memory for visits that remembers none."""

    def visits(self, member: str) -> Mapping[Visit, int]:
        return {}

    def may_have_forgotten(self, since_ms: int) -> bool:
        return False

    def commit(self, facts: Sequence[VisitFact]) -> None:
        pass

    def hold(self, facts: Sequence[VisitFact]) -> None:
        pass


class Presumptuous(VisitBook):
    """It takes itself for the home of everybody's visits."""

    def use(self, row: VisitRow | RowDamaged | None, *, door: str, credential: str) -> VisitUse:
        mine = replace(row, home=self._gateway) if isinstance(row, VisitRow) else row
        return super().use(mine, door=door, credential=credential)


class Hospitable(LocalSide):
    """It asks nobody where they are."""

    def facts(self, badge: Badge) -> LocalFacts:
        return replace(super().facts(badge), presence=None)


class Promised:
    """The file of the orders that stand; what it said to have kept is a promise from then on."""

    def __init__(self, file: StandingFile, promised: dict[str, str], *, dead: Callable[[], bool], keeps: bool) -> None:
        self._file, self._promised, self._dead, self._keeps = file, promised, dead, keeps

    def load(self) -> Mapping[str, Any] | None:
        return self._file.load() if self._keeps else None

    def save(self, body: Mapping[str, Any]) -> None:
        if self._keeps:
            self._file.save(body)
        if not self._dead():
            self._promised |= {door: order["by"] for door, order in body["orders"].items()}


class SummerForEver:
    """A table whose reader never puts its clock back."""

    def __init__(self, store: EntitlementStore) -> None:
        self.lookup = store.lookup
        self._store = store
        self._seen: SiteRules | None = None
        self._said: SiteRules

    def site_rules(self) -> SiteRules:
        rules = self._store.site_rules()
        if rules is not self._seen:
            policy = None if rules.policy is None else replace(rules.policy, time_zone="Etc/GMT+4")
            self._seen, self._said = rules, replace(rules, policy=policy)
        return self._said


class Incurious(Uplink):
    """An uplink that never asks whether the cloud still has what it had."""

    def _again(self, name: str, now_ns: int) -> list[UplinkEffect]:
        journal = self._journals[name]
        journal.resend_at_ns = None
        return super()._again(name, now_ns) if journal.acknowledged < journal.last else []


@dataclass
class Log:
    """Events wait for their commit, as in the journal's writer; a crash takes what waits."""

    commit_soon: Callable[[], None]
    shelf: JournalShelf
    waiting: list[NewEvent] = field(default_factory=list)

    @property
    def writable(self) -> bool:
        return self.shelf.writable

    def record(self, event: NewEvent) -> None:
        if not self.waiting:
            self.commit_soon()
        self.waiting.append(event)
