"""The word for an account, and what it supposes about the next invoice."""

from datetime import date, timedelta

import pytest
from portillon_cloud.access.blocks import SWITCHES_OF, Block, BlockReason, Switch
from portillon_cloud.access.standing import AccountFacts, Standing, standing_at, switches_off
from portillon_cloud.dunning.ladder import Debt, DunningPolicy, step_ms

ZONE = "America/Toronto"
DUE = date(2026, 3, 2)


def day(number: int) -> date:
    return DUE + timedelta(days=number)


def at(number: int) -> int:
    return step_ms(day(number), ZONE)


def block(reason: BlockReason, first: int, last: int | None) -> Block:
    return Block(
        reason=reason,
        source="test",
        from_ms=at(first),
        until_ms=None if last is None else at(last),
        switches=SWITCHES_OF[reason],
    )


def facts(*blocks: Block, debts: tuple[Debt, ...] = (), next_due_on: date | None = None) -> AccountFacts:
    return AccountFacts(zone=ZONE, policy=DunningPolicy(), blocks=blocks, debts=debts, next_due_on=next_due_on)


DEBT = (Debt(owed_minor=4000, from_on=DUE),)


@pytest.mark.parametrize(
    ("known", "days", "word"),
    [
        (facts(), 0, Standing.CLEAR),
        (facts(debts=DEBT), -1, Standing.CLEAR),
        (facts(debts=DEBT), 0, Standing.GRACE),
        (facts(debts=DEBT), 9, Standing.GRACE),
        (facts(debts=DEBT), 10, Standing.SUSPENDED),
        (facts(block(BlockReason.DUES_UNPAID, 3, None)), 3, Standing.SUSPENDED),
        (facts(block(BlockReason.FROZEN, 0, 20), debts=DEBT), 5, Standing.FROZEN),
        (facts(block(BlockReason.FROZEN, 0, 20), debts=DEBT), 10, Standing.SUSPENDED),
        (facts(block(BlockReason.BANNED, 0, None), debts=DEBT), 10, Standing.BLOCKED),
        (facts(block(BlockReason.CHARGEBACK, 0, None), debts=DEBT), 10, Standing.CHARGEBACK),
        (facts(block(BlockReason.PARKED, 0, None)), 0, Standing.PARKED),
        (facts(next_due_on=DUE), 0, Standing.CLEAR),
        (facts(next_due_on=DUE), 10, Standing.SUSPENDED),
    ],
)
def test_words(known: AccountFacts, days: int, word: Standing) -> None:
    """The worst of several standings is told; an invoice not made yet is no grace, but lapses in its time."""
    assert standing_at(known, at(days)) is word


def test_the_next_invoice_waits_for_the_end_of_a_freeze() -> None:
    """While nothing is billed nothing lapses: the supposed invoice moves to the day on which the freeze ends."""
    known = facts(block(BlockReason.FROZEN, -5, 30), next_due_on=DUE)
    assert known.debts_ahead() == (Debt(owed_minor=None, from_on=day(30)),)
    assert facts(block(BlockReason.FROZEN, -5, None), next_due_on=DUE).debts_ahead() == ()


def test_switches_come_from_blocks_and_dues() -> None:
    """Both sources are joined."""
    known = facts(block(BlockReason.PARKED, 0, None), debts=DEBT)
    assert switches_off(known, at(10)) == {Switch.INVOICING, Switch.COLLECTION, Switch.ACCESS}
