"""The one place that decides who may pass: facts at an instant to the rows that travel to the turnstiles. Pure.

`answer_at` is the standing function; `opens_at` asks it for one credential, whose own state and dates come first. A row
is that answer with every later turn it will take if the cloud hears nothing more: the next invoice supposed issued and
unpaid, grace, then the restriction; contracts, blocks and credentials end as planned. So at every later instant the
row answers what `opens_at` would: live answer = offline answer.

What touches whom: a person's own blocks and a ban touch everything; what is owed, charged back or frozen on the account
touches what was bought on it, and not what staff gave (a role). A site may overlook a refusal for some hours.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from portillon_rules.entitlement import FOREVER_MS, Entitlement, Right, Turn
from portillon_rules.reason import DenyReason
from portillon_rules.right import joined

from portillon_cloud.access.blocks import DENIES, Block, BlockReason, Switch
from portillon_cloud.access.facts import STAFF_ROLES, CredentialFacts, GivenRole, MemberFacts, Membership
from portillon_cloud.access.standing import AccountFacts, dues_shut_ms, overdue_from_ms

__all__ = [
    "FOREVER_MS",
    "CredentialFacts",
    "GivenRole",
    "Grant",
    "MemberFacts",
    "Membership",
    "answer_at",
    "entitlements",
    "opens_at",
]

TURNS_MAX = 16
"""Of one row; whoever has more ahead is refused from there on until the cloud is heard."""
_NEAREST = (DenyReason.PASS_SHARED, DenyReason.CHARGEBACK, DenyReason.DUES_UNPAID, DenyReason.FROZEN)
"""Of several reasons the first is told: what paying would not mend comes before what it would."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """May pass, with these rights. `grace`: something is open, since `grace_from_ms`. `shared`: the pass looks so."""

    rights: tuple[Right, ...]
    staff: bool = False
    shared: bool = False
    grace: bool = False
    grace_from_ms: int | None = field(default=None, compare=False)

    @property
    def zones(self) -> frozenset[str]:
        """Every zone that some right opens at some hour."""
        return frozenset(zone for right in self.rights for zone in right.zones)


Answer = Grant | DenyReason


@dataclass(frozen=True, slots=True)
class _Cause:
    """Something against a member over `[from_ms, until_ms)`. `own`: against what they were given, too."""

    reason: DenyReason
    from_ms: int
    until_ms: int | None
    own: bool

    def holds(self, at_ms: int) -> bool:
        return self.from_ms <= at_ms and (self.until_ms is None or at_ms < self.until_ms)


def answer_at(account: AccountFacts, member: MemberFacts, at_ms: int) -> Answer:
    """May this member enter at this instant, supposing that nothing more is heard?

    The reason told is the one nearest to what the member can do about it: a closed contract is not opened by paying.
    """
    return _Case(account, member).answer(member.memberships, at_ms)


def opens_at(account: AccountFacts, member: MemberFacts, credential: CredentialFacts, at_ms: int) -> Answer:
    """May whoever presents this credential of theirs enter? What it says of itself is told first: it may be a thief."""
    return _Case(account, member).opens(credential, at_ms)


def entitlements(account: AccountFacts, member: MemberFacts, now_ms: int) -> list[Entitlement]:
    """The member's rows, one for each hash of each credential.

    Somebody refused keeps their rows: `refusal` is the reason, `valid_from_ms` the instant at which the refusal is
    known to end (FOREVER_MS if it is not).
    """
    case = _Case(account, member)
    return [row for credential in member.credentials for row in _rows(case, credential, now_ms)]


class _Case:
    """What is for and against one member, gathered once and asked at many instants."""

    def __init__(self, account: AccountFacts, member: MemberFacts) -> None:
        self.member = member
        account = account.for_member(member.member)
        shut_ms = dues_shut_ms(account)
        dues = [] if shut_ms is None else [_Cause(DenyReason.DUES_UNPAID, shut_ms, None, own=False)]
        self._causes = (*_causes(member.blocks, own=True), *_causes(account.blocks, own=False), *dues)
        self._overdue_ms = overdue_from_ms(account)
        self._after_end_ms = member.lenient_ms.get(DenyReason.CONTRACT_ENDED, 0)

    def opens(self, credential: CredentialFacts, at_ms: int) -> Answer:
        own = credential.refused_at(at_ms)
        return self.answer(self.presenting(credential), at_ms) if own is None else own

    def presenting(self, credential: CredentialFacts) -> tuple[Membership, ...]:
        """As this credential speaks for its holder: one with zones of its own stands in for their memberships."""
        if credential.zones is None:
            return self.member.memberships
        own = Membership(from_ms=credential.from_ms or 0, until_ms=credential.until_ms, zones=credential.zones)
        return (own,)

    def answer(self, memberships: tuple[Membership, ...], at_ms: int) -> Answer:
        causes = [cause for cause in self._causes if cause.holds(at_ms)]
        against = [cause for cause in causes if at_ms >= cause.from_ms + self._lenient_ms(cause.reason)]
        reasons = {cause.reason for cause in against}
        if DenyReason.BLOCKED in reasons:
            return DenyReason.BLOCKED
        running = [one for one in memberships if one.in_force(at_ms, lenient_ms=self._lenient_end_ms(one))]
        if not running:
            return _without_membership(memberships, at_ms)
        own_reasons = {cause.reason for cause in against if cause.own}
        open_now = [one for one in running if not (reasons if one.role is None else own_reasons)]
        if not open_now:
            return next(reason for reason in _NEAREST if reason in reasons)
        bought = any(one.role is None for one in open_now)
        overlooked = [cause for cause in causes if cause not in against and (bought or cause.own)]
        grace_ms = self._grace_ms(overlooked, open_now, at_ms, bought=bought)
        return Grant(
            rights=joined(Right(tuple(one.zones), one.schedule) for one in open_now),
            staff=any(one.role in STAFF_ROLES for one in open_now),
            shared=any(cause.reason is DenyReason.PASS_SHARED for cause in overlooked),
            grace=grace_ms is not None,
            grace_from_ms=grace_ms,
        )

    def changes_ms(self, credential: CredentialFacts, now_ms: int) -> list[int]:
        """Every later instant at which the answer might change, in order."""
        instants: set[int | None] = {self._overdue_ms, credential.from_ms, credential.until_ms}
        for cause in self._causes:
            instants |= {cause.from_ms, cause.from_ms + self._lenient_ms(cause.reason), cause.until_ms}
        for one in self.presenting(credential):
            instants |= {one.from_ms, one.until_ms}
            if one.until_ms is not None:
                instants.add(one.until_ms + self._lenient_end_ms(one))
        return sorted(at_ms for at_ms in instants if at_ms is not None and at_ms > now_ms)

    def _lenient_ms(self, reason: DenyReason) -> int:
        return self.member.lenient_ms.get(reason, 0)

    def _lenient_end_ms(self, one: Membership) -> int:
        return self._after_end_ms if one.role is None else 0

    def _grace_ms(
        self, overlooked: Iterable[_Cause], open_now: Iterable[Membership], at_ms: int, *, bought: bool
    ) -> int | None:
        """Since when something is open that they enter in spite of; it does not move with `at_ms`."""
        since = [cause.from_ms for cause in overlooked if cause.reason is not DenyReason.PASS_SHARED]
        since += [one.until_ms for one in open_now if one.until_ms is not None and one.until_ms <= at_ms]
        if bought and self._overdue_ms is not None and self._overdue_ms <= at_ms:
            since.append(self._overdue_ms)
        return min(since, default=None)


def _causes(blocks: Iterable[Block], *, own: bool) -> Iterator[_Cause]:
    for block in blocks:
        if Switch.ACCESS in block.switches:
            # What is owed for a member's own lines touches what was bought, as what the account owes does.
            touches_given = own and block.reason is not BlockReason.DUES_UNPAID
            yield _Cause(DENIES[block.reason], block.from_ms, block.until_ms, touches_given)


def _without_membership(memberships: tuple[Membership, ...], at_ms: int) -> DenyReason:
    if not memberships:
        return DenyReason.NO_MEMBERSHIP
    if any(one.from_ms > at_ms for one in memberships):
        return DenyReason.NOT_YET_VALID
    given_only = all(one.role is not None for one in memberships)
    return DenyReason.EXPIRED if given_only else DenyReason.CONTRACT_ENDED


@dataclass(frozen=True, slots=True)
class _Span:
    """One answer, from `from_ms` to where the next begins."""

    from_ms: int
    answer: Answer

    def turn(self) -> Turn:
        match self.answer:
            case Grant(rights=rights, staff=staff, shared=shared, grace_from_ms=grace_ms):
                return Turn(from_ms=self.from_ms, rights=rights, staff=staff, shared=shared, grace_from_ms=grace_ms)
            case reason:
                return Turn(from_ms=self.from_ms, refusal=reason)


def _spans(case: _Case, credential: CredentialFacts, now_ms: int) -> list[_Span]:
    """What holds now, and each other answer that follows. Grace that begins is said by the span in which it does."""
    found = [_Span(now_ms, case.opens(credential, now_ms))]
    for change_ms in case.changes_ms(credential, now_ms):
        last, answer = found[-1].answer, case.opens(credential, change_ms)
        if answer == last:
            continue
        if isinstance(last, Grant) and not last.grace and answer == replace(last, grace=True):
            found[-1] = replace(found[-1], answer=replace(last, grace=True, grace_from_ms=change_ms))
        else:
            found.append(_Span(change_ms, answer))
    return found


def _rows(case: _Case, credential: CredentialFacts, now_ms: int) -> Iterator[Entitlement]:
    """The first grant with the refusal before it is the row itself; what comes after, its turns."""
    spans = _spans(case, credential, now_ms)
    member, now_answer = case.member, spans[0].answer
    grants = [(at, span.from_ms, span.answer) for at, span in enumerate(spans) if isinstance(span.answer, Grant)]
    at, from_ms, granted = grants[0] if grants else (len(spans), FOREVER_MS, Grant(rights=()))
    if at == 0:
        from_ms = _entered_ms(case, credential, now_ms)
    until_ms = spans[at + 1].from_ms if at + 1 < len(spans) else FOREVER_MS
    # A refusal for one reason, then for another, then a grant: the reasons are turns, and the grant once more.
    turns = _turns(spans[at + 1 :] if at <= 1 else spans[1:]) if grants else ()
    first, *also = granted.rights or (Right(()),)
    refusal = None if isinstance(now_answer, Grant) else now_answer
    for hashed in credential.hashes:
        yield Entitlement(
            credential=hashed,
            member=member.member,
            zones=first.zones,
            schedule=first.schedule,
            also=tuple(also),
            valid_from_ms=from_ms,
            valid_until_ms=until_ms,
            # Before its first day a row refuses by itself, and goes on to let in without news from the cloud.
            refusal=None if refusal is DenyReason.NOT_YET_VALID else refusal,
            staff=granted.staff,
            shared=granted.shared,
            grace_from_ms=granted.grace_from_ms,
            turns=turns,
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
            groups=member.groups,
            language=member.language,
        )


def _turns(spans: list[_Span]) -> tuple[Turn, ...]:
    """Of the refusals after the last grant only the first: a reason that changes then opens nothing."""
    last_grant = max((at for at, span in enumerate(spans) if isinstance(span.answer, Grant)), default=-1)
    turns = [span.turn() for span in spans[: last_grant + 2]]
    if len(turns) > TURNS_MAX:
        turns = [*turns[: TURNS_MAX - 1], Turn(from_ms=turns[TURNS_MAX - 1].from_ms, refusal=DenyReason.EXPIRED)]
    return tuple(turns)


def _entered_ms(case: _Case, credential: CredentialFacts, now_ms: int) -> int:
    """A start that does not move with `now`, nor with a membership that ends, so that the row stays the same row."""
    begun = (one.from_ms for one in case.presenting(credential) if one.from_ms <= now_ms)
    entered_ms = min(begun)
    return entered_ms if credential.from_ms is None else max(entered_ms, credential.from_ms)
