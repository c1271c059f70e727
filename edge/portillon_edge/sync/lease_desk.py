"""What becomes of a rightly signed lease: it counts only for a table that was in force here. Pure."""

from enum import StrEnum

from portillon_wire.messages import Lease

from portillon_edge.domain.position import Position
from portillon_edge.domain.timekeeping import STEP_MS_MAX, LeaseRefusal, TimeKeeper
from portillon_edge.sync.effects import SaveLease, SessionEffect
from portillon_edge.sync.refusals import Alarm, Refusal, RefusalMeter

SAVE_NS = 60_000_000_000

Effects = list[SessionEffect]


class LeaseNews(StrEnum):
    """What a lease tells the session."""

    ADOPTED = "adopted"
    REFUSED = "refused"
    KNOWN = "known"
    """It was adopted before, or is of an epoch to come: the cloud should hear where we stand."""
    AHEAD = "ahead"
    """It is for a revision that is not here yet."""
    ROOT_DIFFERS = "root_differs"
    """It is for a revision that was in force here, with another table."""


class LeaseDesk:
    """Adopts leases into the keeper, and has what is left of them written down; `save_at_ns` is when that is due."""

    def __init__(self, keeper: TimeKeeper, meter: RefusalMeter) -> None:
        self._keeper = keeper
        self._meter = meter
        self.save_at_ns = 0

    def take(self, lease: Lease, *, here: Position, root: str | None, now_ns: int) -> tuple[LeaseNews, Effects]:
        """Judge a lease; `root` is what its revision had here, None if that is not known."""
        detail = f"lease {lease.counter} for {lease.epoch}/{lease.revision}; in force is {here.epoch}/{here.revision}"
        if lease.epoch < here.epoch:
            return LeaseNews.REFUSED, self._meter.refuse(Refusal.OLD_EPOCH, detail, now_ns)
        if lease.epoch > here.epoch:
            return LeaseNews.KNOWN, []
        if lease.revision > here.revision:
            return LeaseNews.AHEAD, []
        if root is None:
            return LeaseNews.REFUSED, self._meter.refuse(Refusal.UNKNOWN_REVISION, detail, now_ns)
        if root != lease.root:
            roots = f"{detail}: root {root} here, {lease.root} there"
            refused = self._meter.refuse(Refusal.UNKNOWN_REVISION, roots, now_ns)
            return LeaseNews.ROOT_DIFFERS, [*refused, *self._meter.alarm(Alarm.ROOT_DIFFERS, detail, now_ns)]
        return self._adopt(lease, detail, now_ns)

    def save(self, now_ns: int) -> Effects:
        """What is left of the lease, to be written down."""
        saved = self._keeper.saved(now_ns)
        self.save_at_ns = now_ns + SAVE_NS
        return [SaveLease(saved)] if saved is not None else []

    def _adopt(self, lease: Lease, detail: str, now_ns: int) -> tuple[LeaseNews, Effects]:
        before_ms = self._keeper.real_ms(now_ns)
        refusal = self._keeper.adopt(lease, now_ns)
        if refusal is None:
            # Back by so much only because all leases of six hours said so (timekeeping.py, rule 7).
            moved_ms = 0 if before_ms is None else lease.issued_ms - before_ms
            set_back = f"{detail}: this clock was {-moved_ms // 60_000} minutes ahead of the cloud's, and was put right"
            alarm = self._meter.alarm(Alarm.CLOCK_STEP, set_back, now_ns) if moved_ms < -STEP_MS_MAX else []
            return LeaseNews.ADOPTED, [*alarm, *self.save(now_ns)]
        if refusal is LeaseRefusal.DUPLICATE:
            return LeaseNews.KNOWN, []
        refused = self._meter.refuse(refusal, detail, now_ns)
        if refusal is LeaseRefusal.CLOCK_STEP:
            step = f"{detail}: issued at {lease.issued_ms}, here it is {before_ms}: check the cloud's and this clock"
            refused += self._meter.alarm(Alarm.CLOCK_STEP, step, now_ns)
        return LeaseNews.REFUSED, refused
