"""What may count once: a card's counter, a phone's pass, a single-use row. Pure; the memory is a port.

It is asked after the decision and before the release. What lets somebody in is committed first, so that no power cut,
crash or second lane makes it count twice (DESIGN §3.4). While the memory cannot be written the site's policy for the
journal holds for counters and passes: refuse, or go on with what this process remembers and flag the grant. A
single-use row is refused then whatever the policy: it would be worth as many passages as there are restarts.
"""

from dataclasses import dataclass, replace

from portillon_rules.decision import Granted, TimeQuality
from portillon_rules.entitlement import Entitlement
from portillon_rules.policy import JournalUnwritable, SitePolicy, TimeUncertain
from portillon_rules.reason import DenyReason, GrantFlag
from portillon_wire.qr_pass import Freshness, judge

from portillon_edge.credentials.heard import Presented
from portillon_edge.credentials.memory import CredentialMemory
from portillon_edge.domain.credential_facts import CodeUsed, CounterSeen, Fact, PassSeen
from portillon_edge.domain.events import EventTime
from portillon_edge.errors import MemoryUnwritable


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What somebody would use up; `card_names` and `row_names` are the hashes it is remembered under."""

    presented: Presented
    row: Entitlement
    card_names: tuple[str, ...]
    row_names: tuple[str, ...]
    read_at: EventTime

    @property
    def facts(self) -> tuple[Fact, ...]:
        """What is to be remembered when it lets somebody in."""
        facts: list[Fact] = list(self.seen)
        if (shown := self.presented.shown) is not None:
            until_ms = shown.forget_after_ms()
            facts += [PassSeen(n, shown.nonce.hex(), shown.issued_s * 1_000, until_ms) for n in self.card_names]
        if self.row.single_use:
            facts += [CodeUsed(name, self.row.valid_until_ms) for name in self.row_names]
        return tuple(facts)

    @property
    def seen(self) -> tuple[Fact, ...]:
        """What is to be remembered even if it lets nobody in: a proof that was seen proves nothing a second time."""
        counter = self.presented.counter
        return () if counter is None else tuple(CounterSeen(name, counter) for name in self.card_names)


def is_finite(presented: Presented, row: object) -> bool:
    """Whether anything of it may count once; if not, the memory is never asked."""
    once = isinstance(row, Entitlement) and row.single_use
    return once or presented.counter is not None or presented.shown is not None


def claim_once(claim: Claim, granted: Granted, *, policy: SitePolicy, memory: CredentialMemory) -> Granted | DenyReason:
    """The grant, with everything finite about it committed; or why it is none."""
    reason = _stale(claim, policy)
    if reason is not None:
        return reason
    try:
        reason = _replayed(claim, memory)
        if reason is None:
            memory.commit(claim.facts)
    except MemoryUnwritable:
        if claim.row.single_use or policy.journal_unwritable is JournalUnwritable.DENY:
            return DenyReason.JOURNAL_UNWRITABLE
        memory.hold(claim.facts)
        flags = dict.fromkeys((*granted.flags, GrantFlag.NOT_JOURNALED))
        return replace(granted, flags=tuple(flags))
    return reason or granted


def _stale(claim: Claim, policy: SitePolicy) -> DenyReason | None:
    if claim.presented.shown is None:
        return None
    fresh = judge(
        claim.presented.shown,
        real_ms=claim.read_at.real_ms,
        quality=claim.read_at.quality,
        trust_lagging_clock=policy.time_uncertain is TimeUncertain.FOLLOW,
    )
    match fresh:
        case Freshness.FRESH:
            return None
        case Freshness.CANNOT_JUDGE:
            return DenyReason.TIME_UNKNOWN
        case _:
            return DenyReason.PASS_EXPIRED


def _replayed(claim: Claim, memory: CredentialMemory) -> DenyReason | None:
    counter, shown = claim.presented.counter, claim.presented.shown
    if counter is not None:
        last = [memory.counter(name) for name in claim.card_names]
        if any(before is not None and counter <= before for before in last):
            return DenyReason.COUNTER_REPLAYED
    if shown is not None:
        issued_ms = shown.issued_s * 1_000
        if any(memory.has_pass(name, shown.nonce.hex(), issued_ms) for name in claim.card_names):
            return DenyReason.PASS_REPLAYED
        if claim.read_at.quality is not TimeQuality.CERTAIN:
            # The clock may lag: that a pass is newer than the last one is all that tells it from an old copy.
            before_ms = [memory.issued_ms(name) for name in claim.card_names]
            if any(before is not None and issued_ms <= before for before in before_ms):
                return DenyReason.PASS_REPLAYED
    if claim.row.single_use and any(memory.is_used(name, claim.row.valid_from_ms) for name in claim.row_names):
        return DenyReason.CODE_USED
    return None
