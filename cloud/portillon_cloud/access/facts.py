"""What the standing function is told of one person at one site. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from portillon_rules.entitlement import ALWAYS
from portillon_rules.reason import DenyReason

from portillon_cloud.access.blocks import Block


class GivenRole(StrEnum):
    """As what somebody has a right that nobody pays for."""

    STAFF = "staff"
    TECHNICIAN = "technician"
    CLEANER = "cleaner"
    COMPLIMENTARY = "complimentary"


STAFF_ROLES = frozenset({GivenRole.STAFF, GivenRole.TECHNICIAN, GivenRole.CLEANER})
"""Who goes in although the gateway has heard nothing for long; never past their own end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """What one subscription lets its member do over the half-open business time `[from_ms, until_ms)`; None: no end.

    With a `role` it was given, not bought: what the account owes does not touch it, nor a freeze of the contract.
    """

    from_ms: int
    until_ms: int | None
    zones: frozenset[str]
    schedule: str = ALWAYS
    role: GivenRole | None = None

    def in_force(self, at_ms: int, *, lenient_ms: int = 0) -> bool:
        """Whether it runs at this instant, or ended so lately that the site overlooks it."""
        if self.until_ms is None:
            return self.from_ms <= at_ms
        return self.from_ms < self.until_ms and self.from_ms <= at_ms < self.until_ms + lenient_ms


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
    """One person who passes at one site: opaque id, credentials, own blocks, memberships that hold there, what doors do
    for them beyond opening. `lenient_ms`: for how long the site overlooks which refusal.
    """

    member: str
    credentials: tuple[CredentialFacts, ...]
    memberships: tuple[Membership, ...] = ()
    blocks: tuple[Block, ...] = ()
    lenient_ms: Mapping[DenyReason, int] = field(default_factory=dict)
    long_access: bool = False
    first_person: bool = False
    lockdown_exempt: bool = False
    escort: bool = False
    escorted: bool = False
    guardians: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    language: str | None = None
