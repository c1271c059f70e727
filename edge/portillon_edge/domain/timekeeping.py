"""What time it is, and how much lease is left, counted on the boot clock from the last lease (DESIGN §4).

The rules, in the order in which a lease meets them:
1. A lease for the other mode (live, test) is refused.
2. Its counter must be higher than the last one of its epoch: no lease is adopted twice.
3. A live organisation's business time *is* real time: a live lease with a turned or standing clock is refused.
4. A lower `clock_rev` is refused; a higher one is adopted either way, by a test gateway only.
5. Within one `clock_rev` a step of more than 120 s off the elapsed boot clock is refused and alarmed; a smaller one is
   adopted, but never backwards. Real time obeys the same rule always.
   A crystal that runs fast would carry real time further ahead with every lease, for good: after an hour in which all
   leases were behind, time stands still for as long as the nearest of them was, and by no more than a crystal errs.
6. A lease that was long under way has spent that time: its life is counted from `issued_ms`, not from its arrival.
7. Who was wrong, if leases go on telling another time? When the lease has run out, and all newer leases of six hours
   have told one and the same other time, that one is adopted: a cloud whose clock was a year off, and was put right,
   must not lock a site out for good. An older lease that straggles in counts for nothing. Leases held back and handed
   out late look alike; whoever can do that had to keep the site without a cloud until its lease ran out, alarms all the
   while, and wins no more than the time he held back.

The lease is spent by the boot clock alone; a cold boot charges one hour, since nobody knows how long the power was off.
After it, time is uncertain until the next lease: at least what was saved plus the time since this boot began.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Literal

from portillon_rules.decision import DecisionTime, TimeQuality
from portillon_wire.messages import EventTime, Lease

Mode = Literal["live", "test"]

STEP_MS_MAX = 120_000
COLD_BOOT_CHARGE_MS = 3_600_000
LIVE_SKEW_MS_MAX = 1_000
"""A live lease's two times are read one after the other in the cloud; they differ by less than this."""
DRIFT_PPM_MAX = 100
"""A Pi's crystal is good for 50 ppm. After two weeks without a lease the clock may be off by more than STEP_MS_MAX,
and refusing every later lease for that would shut the gateway out for ever."""
BEHIND_NS = 3_600_000_000_000
"""A lease that took its way slowly looks like a clock that runs fast; not all leases of an hour are slow."""
AGREED_NS = 6 * 3_600_000_000_000
"""So long must leases agree on another time before it is believed; shorter than a day that a site is powered for."""
STANDSTILL_NS_MAX = 10_000_000_000
_NS_PER_MS = 1_000_000


class LeaseRefusal(StrEnum):
    """Why a rightly signed lease was not adopted."""

    DUPLICATE = "duplicate"
    OLD_COUNTER = "old_counter"
    WRONG_MODE = "wrong_mode"
    LIVE_CLOCK_TURNED = "live_clock_turned"
    OLD_CLOCK = "old_clock"
    CLOCK_STEP = "clock_step"


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedLease:
    """The lease in force and both times, as they were at `boot_ns` of boot `boot_id`.

    Everything that any process needs to know the time: `remaining = duration_ms - spent_ms - (elapsed since boot_ns)`.
    """

    epoch: int
    revision: int
    counter: int
    mode: Mode
    clock_rev: int
    rate: Literal[0, 1]
    duration_ms: int
    boot_id: str
    boot_ns: int
    spent_ms: int
    real_ms: int
    business_ms: int
    certain: bool

    def to_body(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> "SavedLease":
        """Rebuild; raises TypeError for a body that is not one."""
        return cls(**body)

    def at(self, boot_ns: int) -> "SavedLease":
        """The same lease seen from another instant of the same boot."""
        elapsed_ms = max(0, boot_ns - self.boot_ns) // _NS_PER_MS
        return replace(
            self,
            boot_ns=self.boot_ns + elapsed_ms * _NS_PER_MS,
            spent_ms=self.spent_ms + elapsed_ms,
            real_ms=self.real_ms + elapsed_ms,
            business_ms=self.business_ms + self.rate * elapsed_ms,
        )

    @property
    def remaining_ms(self) -> int:
        """What is left of the lease; zero or less: how long it has been over."""
        return self.duration_ms - self.spent_ms


@dataclass(frozen=True, slots=True)
class _OtherTime:
    """What refused leases tell: real time minus boot clock, since when, and the last one's counter."""

    offset_ms: int
    since_ns: int
    epoch: int
    counter: int


class TimeKeeper:
    """Keeps the last adopted lease and answers for the time. Pure: `boot_ns` (CLOCK_BOOTTIME) comes with every call.

    `adopt` belongs to one thread; `at`, `stamp` and `saved` may be called from any.
    """

    def __init__(
        self,
        *,
        mode: Mode,
        boot_id: str,
        boot_ns: int,
        saved: SavedLease | None = None,
        trusted_real_ms: int | None = None,
    ) -> None:
        """`saved` is what `saved()` returned last; `trusted_real_ms` a declared RTC or a kernel-synchronised clock.

        After a cold boot, save `saved()` before the first decision: it holds the charge for that boot.
        """
        self.mode = mode
        self._boot_id = boot_id
        self._lease: SavedLease | None = None
        self._other: _OtherTime | None = None
        self._behind: tuple[int, int] | None = None
        """Since when, and by how much at the least, leases have been behind this clock."""
        if saved is not None and saved.mode == mode:
            same_boot = saved.boot_id == boot_id and boot_ns >= saved.boot_ns - STANDSTILL_NS_MAX
            self._lease = saved if same_boot else _after_cold_boot(saved, boot_id, boot_ns, trusted_real_ms)

    def adopt(self, lease: Lease, boot_ns: int) -> LeaseRefusal | None:
        """Take a lease whose revision and root were found right; returns why not, if not."""
        before = self._lease.at(boot_ns) if self._lease else None
        refusal = self._refusal(lease, before)
        if refusal is LeaseRefusal.CLOCK_STEP and before is not None and self._must_be_right(lease, before, boot_ns):
            refusal = before = None
        if refusal is not None:
            return refusal
        self._other = None
        real_ms = max(lease.issued_ms, before.real_ms if before else 0)
        under_way_ms = real_ms - lease.issued_ms
        business_ms = lease.business_ms + lease.rate * under_way_ms
        if before is not None and not _turned(lease, before):
            business_ms = max(business_ms, before.business_ms)
        still_ms = self._standstill_ms(under_way_ms if before is not None else 0, boot_ns)
        self._lease = SavedLease(
            epoch=lease.epoch,
            revision=lease.revision,
            counter=lease.counter,
            mode=lease.mode,
            clock_rev=lease.clock_rev,
            rate=lease.rate,
            duration_ms=lease.duration_s * 1000,
            boot_id=self._boot_id,
            boot_ns=boot_ns + still_ms * _NS_PER_MS,
            spent_ms=under_way_ms + still_ms,
            real_ms=real_ms,
            business_ms=business_ms,
            certain=True,
        )
        return None

    def at(self, boot_ns: int) -> DecisionTime:
        """The time that a decision goes by."""
        if self._lease is None:
            return DecisionTime(business_ms=0, quality=TimeQuality.UNKNOWN, lease_remaining_ms=0)
        now = self._lease.at(boot_ns)
        return DecisionTime(now.business_ms, _quality(now), now.remaining_ms)

    def real_ms(self, boot_ns: int) -> int | None:
        """Real time: signed `issued_ms` plus the boot clock since; after a cold boot a lower bound; None: unknown."""
        return self._lease.at(boot_ns).real_ms if self._lease else None

    def stamp(self, boot_ns: int) -> EventTime:
        """The time stamp of something that happens now."""
        now = self._lease.at(boot_ns) if self._lease else None
        return EventTime(
            boot_id=self._boot_id,
            boot_ns=boot_ns,
            real_ms=now.real_ms if now else None,
            business_ms=now.business_ms if now else None,
            quality=_quality(now) if now else TimeQuality.UNKNOWN,
        )

    def saved(self, boot_ns: int) -> SavedLease | None:
        """What to write down, at every adoption, every minute and after a cold boot; None before the first lease."""
        return self._lease.at(boot_ns) if self._lease else None

    @property
    def lease_counter(self) -> int:
        """The counter of the lease in force; 0 before the first."""
        return self._lease.counter if self._lease else 0

    @property
    def clock_rev(self) -> int:
        """How often the clock of the lease in force had been turned; 0 before the first."""
        return self._lease.clock_rev if self._lease else 0

    def _standstill_ms(self, behind_ms: int, boot_ns: int) -> int:
        since_ns, least_ms = self._behind or (boot_ns, behind_ms)
        least_ms = min(least_ms, behind_ms)
        if boot_ns - since_ns < BEHIND_NS:
            self._behind = (since_ns, least_ms)
            return 0
        self._behind = None
        errs_ms = (boot_ns - since_ns) // _NS_PER_MS * DRIFT_PPM_MAX // 1_000_000
        return min(least_ms, errs_ms, STANDSTILL_NS_MAX // _NS_PER_MS)

    def _refusal(self, lease: Lease, before: SavedLease | None) -> LeaseRefusal | None:
        if lease.mode != self.mode:
            return LeaseRefusal.WRONG_MODE
        if before is not None and lease.epoch <= before.epoch and lease.counter <= before.counter:
            same = (lease.epoch, lease.counter) == (before.epoch, before.counter)
            return LeaseRefusal.DUPLICATE if same else LeaseRefusal.OLD_COUNTER
        if lease.mode == "live" and _live_clock_turned(lease, before):
            return LeaseRefusal.LIVE_CLOCK_TURNED
        if before is None:
            return None
        # A new epoch may come from a cloud restored from a backup that remembers fewer turns of its test clock.
        if lease.clock_rev < before.clock_rev and lease.epoch == before.epoch:
            return LeaseRefusal.OLD_CLOCK
        return LeaseRefusal.CLOCK_STEP if self._steps_too_far(lease, before) else None

    def _must_be_right(self, lease: Lease, before: SavedLease, boot_ns: int) -> bool:
        offset_ms = lease.issued_ms - boot_ns // _NS_PER_MS
        other = self._other
        if other is not None and (lease.epoch, lease.counter) <= (other.epoch, other.counter):
            return False  # a straggler, or one again: it neither agrees nor takes back what newer ones told
        agrees = other is not None and abs(offset_ms - other.offset_ms) <= STEP_MS_MAX
        since_ns = other.since_ns if other is not None and agrees else boot_ns
        first_ms = other.offset_ms if other is not None and agrees else offset_ms
        self._other = _OtherTime(first_ms, since_ns, lease.epoch, lease.counter)
        return before.remaining_ms <= 0 and boot_ns - since_ns >= AGREED_NS

    def _steps_too_far(self, lease: Lease, before: SavedLease) -> bool:
        adopted_ms_ago = (before.boot_ns - self._lease.boot_ns) // _NS_PER_MS if self._lease else 0
        allowed_ms = max(STEP_MS_MAX, adopted_ms_ago * DRIFT_PPM_MAX // 1_000_000)
        steps_ms = [lease.issued_ms - before.real_ms]
        if not _turned(lease, before):
            under_way_ms = max(0, before.real_ms - lease.issued_ms)
            steps_ms.append(lease.business_ms + lease.rate * under_way_ms - before.business_ms)
        # Uncertain time is a lower bound: any step forward may be the time without power.
        return any(step < -allowed_ms or (before.certain and step > allowed_ms) for step in steps_ms)


def _turned(lease: Lease, before: SavedLease) -> bool:
    return lease.clock_rev != before.clock_rev


def _live_clock_turned(lease: Lease, before: SavedLease | None) -> bool:
    turned = before is not None and _turned(lease, before)
    return turned or lease.rate != 1 or abs(lease.business_ms - lease.issued_ms) > LIVE_SKEW_MS_MAX


def _quality(lease: SavedLease) -> TimeQuality:
    return TimeQuality.CERTAIN if lease.certain else TimeQuality.UNCERTAIN


def _after_cold_boot(saved: SavedLease, boot_id: str, boot_ns: int, trusted_real_ms: int | None) -> SavedLease:
    remaining_ms = max(0, saved.remaining_ms)
    off_ms = 0 if trusted_real_ms is None else min(max(0, trusted_real_ms - saved.real_ms), remaining_ms)
    since_boot_ms = boot_ns // _NS_PER_MS
    moved_ms = max(off_ms, since_boot_ms)
    return replace(
        saved,
        boot_id=boot_id,
        boot_ns=boot_ns,
        spent_ms=saved.spent_ms + max(COLD_BOOT_CHARGE_MS + since_boot_ms, off_ms),
        real_ms=saved.real_ms + moved_ms,
        business_ms=saved.business_ms + saved.rate * moved_ms,
        certain=False,
    )
