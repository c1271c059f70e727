"""May a gateway go on deciding alone, and for how long. Pure: facts in, lease or refusal out (DESIGN §4, Lease)."""

from dataclasses import dataclass
from enum import StrEnum

from portillon_wire.messages import Lease

from portillon_cloud.clock import ClockReading
from portillon_cloud.gateways.session import STALE_AFTER_MS

DEFAULT_DURATION_S = 72 * 3600
"""DESIGN §4, Lease."""


class NoLease(StrEnum):
    """Why a gateway gets none now; it lives on what is left of its last one."""

    REVOKED = "revoked"
    TABLE_NOT_READY = "table_not_ready"  # not every account was looked at yet
    OTHER_EPOCH = "other_epoch"  # it never confirmed anything of the running epoch
    ROOT_DIFFERS = "root_differs"  # its root is not ours at that revision, or that revision is too old to know
    BEHIND = "behind"  # something older than STALE_AFTER_MS is not confirmed, or not even numbered


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a lease is judged on, in real time. `waiting_since_ms`: the oldest change not confirmed, None: none."""

    gateway: str
    revoked: bool
    table_ready: bool
    epoch: int
    acked_epoch: int
    acked_revision: int
    acked_root: str
    root_there: str | None
    waiting_since_ms: int | None
    last_counter: int


def grant(standing: Standing, *, clock: ClockReading, now_ms: int, duration_s: int) -> Lease | NoLease:
    """The next lease of this gateway; its counter must be committed before it is sent."""
    if standing.revoked:
        return NoLease.REVOKED
    if not standing.table_ready:
        return NoLease.TABLE_NOT_READY
    if standing.acked_epoch != standing.epoch:
        return NoLease.OTHER_EPOCH
    if standing.root_there is None or standing.root_there != standing.acked_root:
        return NoLease.ROOT_DIFFERS
    if standing.waiting_since_ms is not None and now_ms - standing.waiting_since_ms > STALE_AFTER_MS:
        return NoLease.BEHIND
    return Lease(
        gateway=standing.gateway,
        epoch=standing.epoch,
        revision=standing.acked_revision,
        root=standing.acked_root,
        issued_ms=now_ms,
        duration_s=duration_s,
        counter=standing.last_counter + 1,
        business_ms=clock.business_ms,
        clock_rev=clock.clock_rev,
        rate=1 if clock.rate else 0,
        mode="test" if clock.mode == "test" else "live",
    )
