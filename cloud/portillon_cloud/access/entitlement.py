"""The one place that decides who may pass: facts at an instant to the rows that travel to the turnstiles. Pure.

`answer_at` is the standing function; `opens_at` asks it for one credential, whose own state and dates come first. A row
is that answer, cut to the span over which it stays the same if the cloud hears nothing more: the next invoice supposed
issued and unpaid, grace, then the restriction; contracts, blocks and credentials end as planned. So at every later
instant the row answers what `opens_at` would: live answer = offline answer.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from portillon_rules.entitlement import ALWAYS, Entitlement
from portillon_rules.reason import DenyReason

from portillon_cloud.access.blocks import Block, BlockReason, Switch, reasons_off
from portillon_cloud.access.standing import AccountFacts, reasons_shut
from portillon_cloud.dunning import ladder

FOREVER_MS = 7_258_118_400_000
"""2200-01-01T00:00Z: stands for "no end known" in rows, and still fits every calendar library."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """What one subscription lets its member do over the half-open business time `[from_ms, until_ms)`; None: no end."""

    from_ms: int
    until_ms: int | None
    zones: frozenset[str]
    schedule: str = ALWAYS

    def in_force(self, at_ms: int) -> bool:
        """Whether the membership runs at this instant."""
        return self.from_ms <= at_ms and (self.until_ms is None or at_ms < self.until_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialFacts:
    """One credential, by its hash under each of the site's keys, and what it says of itself.

    `refusal`: it is lost, blocked or the like, and opens for nobody. Its own time is `[from_ms, until_ms)`; None: no
    bound. `zones`: it opens these by itself, whatever its holder's memberships (a visitor's day code).
    """

    hashes: tuple[str, ...] = field(repr=False)
    refusal: DenyReason | None = None
    from_ms: int | None = None
    until_ms: int | None = None
    zones: frozenset[str] | None = None
    single_use: bool = False
    day_pass: bool = False
    duress: bool = False

    def refused_at(self, at_ms: int) -> DenyReason | None:
        """Why it opens for nobody at this instant; None: it is up to its holder's standing."""
        if self.refusal is not None:
            return self.refusal
        if self.from_ms is not None and at_ms < self.from_ms:
            return DenyReason.NOT_YET_VALID
        if self.until_ms is not None and at_ms >= self.until_ms:
            return DenyReason.CREDENTIAL_EXPIRED
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberFacts:
    """One person who passes: opaque id, credentials, own blocks, memberships, what doors do for them beyond opening."""

    member: str
    credentials: tuple[CredentialFacts, ...]
    memberships: tuple[Membership, ...] = ()
    blocks: tuple[Block, ...] = ()
    long_access: bool = False
    first_person: bool = False
    lockdown_exempt: bool = False
    escort: bool = False
    escorted: bool = False
    guardians: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """May pass, in these zones and hours."""

    zones: frozenset[str]
    schedule: str = field(default=ALWAYS)


def answer_at(account: AccountFacts, member: MemberFacts, at_ms: int) -> Grant | DenyReason:
    """May this member enter at this instant, supposing that nothing more is heard?

    The reason told is the one nearest to what the member can do about it: a closed contract is not opened by paying.
    """
    reasons = reasons_shut(account, at_ms) | reasons_off(member.blocks, Switch.ACCESS, at_ms)
    if reasons - {BlockReason.DUES_UNPAID, BlockReason.FROZEN, BlockReason.PASS_SHARED}:
        return DenyReason.BLOCKED
    running = [membership for membership in member.memberships if membership.in_force(at_ms)]
    if not running:
        return _without_membership(member, at_ms)
    if BlockReason.PASS_SHARED in reasons:
        return DenyReason.PASS_SHARED
    if BlockReason.DUES_UNPAID in reasons:
        return DenyReason.DUES_UNPAID
    if BlockReason.FROZEN in reasons:
        return DenyReason.FROZEN
    schedules = sorted({membership.schedule for membership in running})
    zones = frozenset(zone for membership in running for zone in membership.zones)
    return Grant(zones, ALWAYS if ALWAYS in schedules else schedules[0])


def opens_at(account: AccountFacts, member: MemberFacts, credential: CredentialFacts, at_ms: int) -> Grant | DenyReason:
    """May whoever presents this credential of theirs enter? What it says of itself is told first: it may be a thief."""
    own = credential.refused_at(at_ms)
    return answer_at(account, _presenting(member, credential), at_ms) if own is None else own


def entitlements(account: AccountFacts, member: MemberFacts, now_ms: int) -> list[Entitlement]:
    """The member's rows, one for each hash of each credential.

    Somebody refused keeps their rows: `refusal` is the reason, `valid_from_ms` the instant at which the refusal is
    known to end (FOREVER_MS if it is not).
    """
    return [
        row
        for credential in member.credentials
        for row in _rows(account, _presenting(member, credential), credential, now_ms)
    ]


def _rows(
    account: AccountFacts, member: MemberFacts, credential: CredentialFacts, now_ms: int
) -> Iterable[Entitlement]:
    changes = _changes_ms(account, member, credential, now_ms)
    now_answer = opens_at(account, member, credential, now_ms)
    if isinstance(now_answer, Grant):
        refusal, grant, from_ms = None, now_answer, _entered_ms(member, credential, now_ms)
        later = changes
    else:
        refusal, grant, from_ms = now_answer, Grant(frozenset()), FOREVER_MS
        later = []
        for index, change_ms in enumerate(changes):
            answer = opens_at(account, member, credential, change_ms)
            if isinstance(answer, Grant):
                grant, from_ms, later = answer, change_ms, changes[index + 1 :]
                break
    until_ms = next((at_ms for at_ms in later if opens_at(account, member, credential, at_ms) != grant), FOREVER_MS)
    for hashed in credential.hashes:
        yield Entitlement(
            credential=hashed,
            member=member.member,
            zones=tuple(sorted(grant.zones)),
            schedule=grant.schedule,
            valid_from_ms=from_ms,
            valid_until_ms=until_ms,
            # Before its first day a row refuses by itself, and goes on to let in without news from the cloud.
            refusal=None if refusal is DenyReason.NOT_YET_VALID else refusal,
            day_pass=credential.day_pass,
            single_use=credential.single_use,
            duress=credential.duress,
            long_access=member.long_access,
            first_person=member.first_person,
            lockdown_exempt=member.lockdown_exempt,
            escort=member.escort,
            escorted=member.escorted,
            guardians=member.guardians,
            hosts=member.hosts,
            language=member.language,
        )


def _presenting(member: MemberFacts, credential: CredentialFacts) -> MemberFacts:
    """The member as this credential speaks for them: one with zones of its own stands in for their memberships."""
    if credential.zones is None:
        return member
    own = Membership(from_ms=credential.from_ms or 0, until_ms=credential.until_ms, zones=credential.zones)
    return replace(member, memberships=(own,))


def _without_membership(member: MemberFacts, at_ms: int) -> DenyReason:
    if not member.memberships:
        return DenyReason.NO_MEMBERSHIP
    coming = any(membership.from_ms > at_ms for membership in member.memberships)
    return DenyReason.NOT_YET_VALID if coming else DenyReason.CONTRACT_ENDED


def _entered_ms(member: MemberFacts, credential: CredentialFacts, now_ms: int) -> int:
    """A start that does not move with `now`, nor with a membership that ends, so that the row stays the same row."""
    entered_ms = min(membership.from_ms for membership in member.memberships if membership.from_ms <= now_ms)
    return entered_ms if credential.from_ms is None else max(entered_ms, credential.from_ms)


def _changes_ms(account: AccountFacts, member: MemberFacts, credential: CredentialFacts, now_ms: int) -> list[int]:
    """Every later instant at which the answer might change, in order."""
    dues_ms = ladder.restricted_from_ms(account.policy, account.debts_ahead(), Switch.ACCESS, account.zone)
    spans: tuple[Block | Membership | CredentialFacts, ...]
    spans = (*account.blocks, *member.blocks, *member.memberships, credential)
    instants = {dues_ms, *_bounds_ms(spans)}
    return sorted(at_ms for at_ms in instants if at_ms is not None and at_ms > now_ms)


def _bounds_ms(spans: Iterable[Block | Membership | CredentialFacts]) -> Iterable[int | None]:
    for span in spans:
        yield span.from_ms
        yield span.until_ms
