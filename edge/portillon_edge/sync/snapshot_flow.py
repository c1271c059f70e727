"""Which snapshot is being fetched, what came since, and when to try again. Pure bookkeeping for the session."""

from enum import StrEnum

from portillon_wire.messages import FeedEntry, SnapshotOffer

from portillon_edge.domain.position import Position
from portillon_edge.sync.feed_buffer import FeedBuffer

CATCH_UP_MAX = 4_096
ATTEMPTS_MAX = 6
RETRY_NS = 1_000_000_000
RETRY_NS_MAX = 60_000_000_000


class Verdict(StrEnum):
    """What to do about an offer."""

    ACCEPT = "accept"
    KNOWN = "known"
    OLD_EPOCH = "old_epoch"
    OLD_REVISION = "old_revision"


class SnapshotFlow:
    """At most one snapshot is under way; a better offer replaces it."""

    def __init__(self) -> None:
        self.offer: SnapshotOffer | None = None
        self.wanted = False
        self.retry_at_ns: int | None = None
        self._since = FeedBuffer(CATCH_UP_MAX)
        self._attempts = 0

    def judge(self, offer: SnapshotOffer, position: Position) -> Verdict:
        """Accept what leads further than both the table in force and the snapshot under way, or what was asked for."""
        there = (offer.epoch, offer.revision)
        if self.offer is not None and there <= (self.offer.epoch, self.offer.revision):
            return Verdict.KNOWN
        if offer.epoch < position.epoch:
            return Verdict.OLD_EPOCH
        if there < (position.epoch, position.revision):
            return Verdict.OLD_REVISION
        if there == (position.epoch, position.revision) and not self.wanted:
            return Verdict.KNOWN
        return Verdict.ACCEPT

    def begin(self, offer: SnapshotOffer, ahead: FeedBuffer) -> None:
        """Fetch this one; entries that came early already belong to what comes after it."""
        self._since.clear()
        self.offer, self.retry_at_ns, self._attempts = offer, None, 0
        for entry in ahead.entries():
            self.note(entry)

    def note(self, entry: FeedEntry) -> None:
        """Remember an entry that the new table will need."""
        if self.offer is not None and entry.epoch == self.offer.epoch and entry.revision > self.offer.revision:
            self._since.add(entry)

    def catch_up(self, position: Position) -> tuple[FeedEntry, ...] | None:
        """What to apply to the built table before the switch; None if that would lead back behind `position`."""
        if self.offer is None:
            return None
        run = self._since.following(self.offer.revision)
        reaches = self.offer.revision + len(run)
        behind = self.offer.epoch == position.epoch and reaches < position.revision
        return None if behind else run

    def failed(self, *, transient: bool, now_ns: int) -> bool:
        """Note a failure; True if the same offer will be tried again at `retry_at_ns`."""
        self._attempts += 1
        if not transient or self._attempts >= ATTEMPTS_MAX:
            self.end(wanted=True)
            return False
        self.retry_at_ns = now_ns + min(RETRY_NS_MAX, RETRY_NS << (self._attempts - 1))
        return True

    def end(self, *, wanted: bool) -> tuple[FeedEntry, ...]:
        """Nothing is under way any more; returns what came since the offer."""
        since = self._since.entries()
        self._since.clear()
        self.offer, self.retry_at_ns, self.wanted = None, None, wanted
        return since
