"""The clock of a story's gateway: the lease with which it begins, and those by which a cloud turns or corrects it."""

from portillon_edge.domain.timekeeping import SavedLease
from portillon_wire.messages import Lease

HOUR_MS = 3_600_000
LEASE_MS = 72 * HOUR_MS


def first_lease(now_ms: int, boot_id: str, boot_ns: int) -> SavedLease:
    """A lease that came just now, from the cloud of a test organisation."""
    return SavedLease(
        epoch=0, revision=1, counter=1, mode="test", clock_rev=0, rate=1, duration_ms=LEASE_MS, boot_id=boot_id,
        boot_ns=boot_ns, spent_ms=0, real_ms=now_ms, business_ms=now_ms, certain=True,
    )  # fmt: skip


def turned(before: SavedLease, business_ms: int) -> Lease:
    """The next lease, after somebody has turned the clock of the test organisation: either way, and however far."""
    return _next(before, real_ms=before.real_ms, business_ms=business_ms, clock_rev=before.clock_rev + 1)


def corrected(before: SavedLease, by_ms: int) -> Lease:
    """The next lease, of a cloud whose own clock was set right by so much; a minus: it had been ahead."""
    return _next(
        before,
        real_ms=before.real_ms + by_ms,
        business_ms=before.business_ms + by_ms,
        clock_rev=before.clock_rev,
    )


def _next(before: SavedLease, *, real_ms: int, business_ms: int, clock_rev: int) -> Lease:
    return Lease(
        gateway="gw-story", epoch=before.epoch, revision=before.revision, root="", issued_ms=real_ms,
        duration_s=LEASE_MS // 1_000, counter=before.counter + 1, business_ms=business_ms, clock_rev=clock_rev, rate=1,
        mode="test",
    )  # fmt: skip
