"""Blocks: overlapping reasons that switch things off. Pure.

A switch is off at an instant if any block in force says so; so ending one block never lifts another.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from portillon_rules.reason import DenyReason


class Switch(StrEnum):
    """The four things a block can switch off (DESIGN §7)."""

    ACCESS = "access"
    INVOICING = "invoicing"
    COLLECTION = "collection"
    CHANGES = "changes"


class BlockReason(StrEnum):
    """Why a block was placed."""

    DUES_UNPAID = "dues_unpaid"
    FROZEN = "frozen"
    CHARGEBACK = "chargeback"
    PARKED = "parked"
    BANNED = "banned"
    PASS_SHARED = "pass_shared"  # noqa: S105 - a reason, no password


SWITCHES_OF: Mapping[BlockReason, frozenset[Switch]] = MappingProxyType(
    {
        BlockReason.DUES_UNPAID: frozenset({Switch.ACCESS}),
        BlockReason.FROZEN: frozenset({Switch.ACCESS, Switch.INVOICING}),
        # A disputed card must not be charged again either (billing.md §3.58).
        BlockReason.CHARGEBACK: frozenset({Switch.ACCESS, Switch.COLLECTION}),
        # In doubt nothing is billed or collected until a person has looked; the member does not pay for our doubt.
        BlockReason.PARKED: frozenset({Switch.INVOICING, Switch.COLLECTION}),
        BlockReason.BANNED: frozenset({Switch.ACCESS, Switch.CHANGES}),
        # Whoever lent a card still pays for it.
        BlockReason.PASS_SHARED: frozenset({Switch.ACCESS}),
    }
)
"""What each reason switches off unless the block says otherwise."""

DENIES: Mapping[BlockReason, DenyReason] = MappingProxyType(
    {
        BlockReason.DUES_UNPAID: DenyReason.DUES_UNPAID,
        BlockReason.FROZEN: DenyReason.FROZEN,
        BlockReason.CHARGEBACK: DenyReason.CHARGEBACK,
        BlockReason.PARKED: DenyReason.BLOCKED,
        BlockReason.BANNED: DenyReason.BLOCKED,
        BlockReason.PASS_SHARED: DenyReason.PASS_SHARED,
    }
)
"""What a member reads at the lane where a block of this reason switches access off. Parked, it does so only if a person
at the desk said so: what they tell the member is theirs to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One block, in force over the half-open business time `[from_ms, until_ms)`; `until_ms` None: until ended."""

    reason: BlockReason
    source: str
    from_ms: int
    until_ms: int | None
    switches: frozenset[Switch]

    def in_force(self, at_ms: int) -> bool:
        """Whether the block holds at this instant."""
        return self.from_ms <= at_ms and (self.until_ms is None or at_ms < self.until_ms)


def switched_off(blocks: Iterable[Block], at_ms: int) -> frozenset[Switch]:
    """Every switch that some block in force holds off at this instant."""
    return frozenset(switch for block in blocks if block.in_force(at_ms) for switch in block.switches)


def reasons_off(blocks: Iterable[Block], switch: Switch, at_ms: int) -> frozenset[BlockReason]:
    """Why this switch is off at this instant; empty: it is on."""
    return frozenset(block.reason for block in blocks if switch in block.switches and block.in_force(at_ms))
