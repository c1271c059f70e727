"""What the cloud answers to a gateway that says where it stands. Pure: rows in, answer out (DESIGN §4, Feed).

1. A position or a lease the cloud never issued, or another root at a position it did: somebody was restored. New epoch,
   then a snapshot. (The lease tells even when no right to pass has changed since the backup.)
2. Another epoch, an empty gateway, a position too old to know, or an explicit wish: a snapshot.
3. Behind: the entries after it, in windows; a gateway that moves on is left to move on.
4. A wish for rows of some buckets: those rows, or where the feed has moved on, what all buckets sum up to.
5. Equal: the lease.
"""

from dataclasses import dataclass

from portillon_wire.messages import SyncReport, WantedRows

RESEND_AFTER_MS = (300, 1_000, 5_000)
"""When what was sent and not confirmed is sent again, for the first, second, third time (DESIGN §4, Feed)."""

LEASE_INTERVAL_MS = 30_000
"""A lease this often, and from the fourth time on what is not confirmed."""

WINDOW = 50
"""Entries in flight to one gateway: 5 MB at the most, well inside a broker's queue for one client."""

STALE_AFTER_MS = 60_000
"""No lease while something older than this is not confirmed (DESIGN §4, Lease)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """What the feed of one gateway has come to. Entries `oldest_kept`..`revision` can be sent again."""

    epoch: int
    revision: int
    root: str
    oldest_kept: int
    lease_counter: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """How far it was sent and confirmed. `sent_at_ms` None: nothing on this connection."""

    through: int
    at_ms: int | None
    acked_epoch: int
    acked_revision: int


@dataclass(frozen=True, slots=True)
class InForce:
    """The gateway has all there is."""


@dataclass(frozen=True, slots=True)
class MovingOn:
    """Behind, but what is under way will do; the ladder of re-sends watches over it."""


@dataclass(frozen=True, slots=True)
class Resend:
    """Send entries `first`..`last` (both included)."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class OfferSnapshot:
    """Send the whole table at `at_least` or a later revision."""

    at_least: int


@dataclass(frozen=True, slots=True)
class OpenEpoch:
    """Open `epoch`: no position of the old one means anything any more; then a snapshot. `why` is for the alarm."""

    epoch: int
    why: str


@dataclass(frozen=True, slots=True)
class Repair:
    """Send the rows that are asked for. `in_force`: beside the damage the gateway has all there is."""

    asked: WantedRows
    in_force: bool


Answer = InForce | MovingOn | Resend | OfferSnapshot | OpenEpoch | Repair


def answer(report: SyncReport, issued: Issued, sent: Sent, *, root_there: str | None, now_ms: int) -> Answer:
    """The one answer to `report`; `root_there` is the root issued at the reported position, None if not known."""
    if report.epoch > issued.epoch:
        return OpenEpoch(report.epoch + 1, f"reported epoch {report.epoch}, only {issued.epoch} were issued")
    if report.epoch < issued.epoch:
        return OfferSnapshot(at_least=0)
    if report.revision > issued.revision:
        return OpenEpoch(issued.epoch + 1, f"reported revision {report.revision}, only {issued.revision} were issued")
    if report.lease_counter > issued.lease_counter:
        return OpenEpoch(
            issued.epoch + 1, f"reported lease {report.lease_counter}, only {issued.lease_counter} were given"
        )
    if root_there is not None and root_there != report.root:
        return OpenEpoch(
            issued.epoch + 1,
            f"root {report.root or 'none'} at revision {report.revision}, {root_there} was issued",
        )
    if root_there is None or report.want_snapshot:
        return OfferSnapshot(at_least=report.revision)
    if report.want_rows is not None:
        return Repair(report.want_rows, in_force=report.revision == issued.revision)
    if report.revision == issued.revision:
        return InForce()
    return _catch_up(report, issued, sent, now_ms)


def window(*, acked: int, issued: Issued) -> Resend | None:
    """The entries that may be in flight to a gateway that confirmed `acked`; None: none."""
    last = min(acked + WINDOW, issued.revision)
    return Resend(acked + 1, last) if last > acked else None


def resend_delay_ms(resends: int) -> int:
    """How long after the n-th re-send (0: the first sending) the next is due."""
    return RESEND_AFTER_MS[resends] if resends < len(RESEND_AFTER_MS) else LEASE_INTERVAL_MS


def _catch_up(report: SyncReport, issued: Issued, sent: Sent, now_ms: int) -> Answer:
    first = report.revision + 1
    if report.want_from is not None and report.want_from <= issued.revision:
        first = report.want_from
    if first < issued.oldest_kept:
        return OfferSnapshot(at_least=report.revision)
    if report.want_from is not None:
        wanted_last = issued.revision if report.want_to is None else min(report.want_to, issued.revision)
        return Resend(first, max(first, min(wanted_last, first + WINDOW - 1)))
    if sent.at_ms is not None and report.revision < sent.through:
        moved = (sent.acked_epoch, sent.acked_revision) < (report.epoch, report.revision)
        if moved or now_ms - sent.at_ms < RESEND_AFTER_MS[0]:
            return MovingOn()
    return window(acked=report.revision, issued=issued) or InForce()
