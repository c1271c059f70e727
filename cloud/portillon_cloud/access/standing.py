"""Standing: the one word for an account at an instant, and the switches behind it. Derived, never stored. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum

from portillon_cloud.access.blocks import Block, BlockReason, Switch, reasons_off, switched_off
from portillon_cloud.clock.local import local_date
from portillon_cloud.dunning import ladder
from portillon_cloud.dunning.ladder import Debt, DunningPolicy
from portillon_cloud.dunning.policy import Household


class Standing(StrEnum):
    """The word the front desk reads; when several hold, the one tested first below."""

    BLOCKED = "blocked"
    CHARGEBACK = "chargeback"
    SUSPENDED = "suspended"
    FROZEN = "frozen"
    GRACE = "grace"
    PARKED = "parked"
    CLEAR = "clear"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFacts:
    """What is known of one account. `next_due_on`: due date of the next invoice not yet made; None: none will come.

    `payer_blocks`: of others who pay a part of the next invoice: while one holds invoicing off, none is made.
    `spared_until_ms`: somebody gave grace, so dues switch nothing off before. `next_due_of`: `next_due_on` by member.
    """

    zone: str
    policy: DunningPolicy
    blocks: tuple[Block, ...] = ()
    payer_blocks: tuple[Block, ...] = ()
    debts: tuple[Debt, ...] = ()
    next_due_on: date | None = None
    spared_until_ms: int | None = None
    next_due_of: Mapping[int, date] = field(default_factory=dict)

    def for_member(self, member: str) -> "AccountFacts":
        """What of it touches one member: all, unless the policy shuts out those alone whose own lines are unpaid."""
        if self.policy.household is Household.ACCOUNT:
            return self
        member_id = int(member)
        own = tuple(ladder.concerning(self.debts, member_id))
        return replace(self, debts=own, next_due_on=self.next_due_of.get(member_id))

    def debts_ahead(self) -> tuple[Debt, ...]:
        """The debts, with the next invoice supposed issued and unpaid: what holds if nothing more is heard."""
        due = _next_due(self)
        return self.debts if due is None else (*self.debts, Debt(owed_minor=None, from_on=due))


def switches_off(facts: AccountFacts, at_ms: int) -> frozenset[Switch]:
    """Every switch that is off for the account at this instant, supposing that nothing more is heard."""
    by_blocks = switched_off(facts.blocks, at_ms)
    if facts.spared_until_ms is not None and at_ms < facts.spared_until_ms:
        return by_blocks
    return by_blocks | ladder.switches_off(facts.policy, facts.debts_ahead(), facts.zone, at_ms)


def reasons_shut(facts: AccountFacts, at_ms: int) -> frozenset[BlockReason]:
    """Why the account's members may not enter at this instant; empty: they may."""
    reasons = reasons_off(facts.blocks, Switch.ACCESS, at_ms)
    shut_ms = dues_shut_ms(facts)
    return reasons | {BlockReason.DUES_UNPAID} if shut_ms is not None and shut_ms <= at_ms else reasons


def dues_shut_ms(facts: AccountFacts) -> int | None:
    """When dues shut the door, if nothing more is heard; None: never."""
    shut_ms = ladder.restricted_from_ms(facts.policy, facts.debts_ahead(), Switch.ACCESS, facts.zone)
    return None if shut_ms is None else max(shut_ms, facts.spared_until_ms or 0)


def overdue_from_ms(facts: AccountFacts) -> int | None:
    """When the first of what is owed already falls overdue; None: nothing is owed.

    Of the next invoice nobody is reminded at the lane: on the day it is made, most are paid.
    """
    return min((ladder.overdue_from_ms(debt, facts.zone) for debt in facts.debts), default=None)


def standing_at(facts: AccountFacts, at_ms: int) -> Standing:
    """The account's standing at this instant."""
    reasons = reasons_shut(facts, at_ms)
    if reasons - {BlockReason.DUES_UNPAID, BlockReason.FROZEN, BlockReason.CHARGEBACK}:
        return Standing.BLOCKED
    if BlockReason.CHARGEBACK in reasons:
        return Standing.CHARGEBACK
    if BlockReason.DUES_UNPAID in reasons:
        return Standing.SUSPENDED
    if BlockReason.FROZEN in reasons:
        return Standing.FROZEN
    if any(ladder.overdue(debt, facts.zone, at_ms) for debt in facts.debts):
        return Standing.GRACE
    if {Switch.INVOICING, Switch.COLLECTION} & switched_off(facts.blocks, at_ms):
        return Standing.PARKED
    return Standing.CLEAR


def _next_due(facts: AccountFacts) -> date | None:
    """When the next invoice would fall due: not while a block holds invoicing off, then on the day that block ends."""
    due = facts.next_due_on
    while due is not None:
        at_ms = ladder.step_ms(due, facts.zone)
        all_blocks = (*facts.blocks, *facts.payer_blocks)
        holding = [b for b in all_blocks if Switch.INVOICING in b.switches and b.in_force(at_ms)]
        if not holding:
            return due
        ends_ms = [block.until_ms for block in holding if block.until_ms is not None]
        if len(ends_ms) < len(holding):
            return None
        due = local_date(max(ends_ms), facts.zone)
        if ladder.step_ms(due, facts.zone) < max(ends_ms):
            due = date.fromordinal(due.toordinal() + 1)
    return None
