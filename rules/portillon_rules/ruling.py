"""What one rule says about one badge. The decision asks them in a fixed order: the first reason wins, flags add up."""

from dataclasses import dataclass

from portillon_rules.reason import DenyReason, GrantFlag


@dataclass(frozen=True, slots=True)
class Ruling:
    """`rule` names the file that spoke; without a `reason` it has nothing against it.

    `row` is the feed row (`kind/key`) that it rests on, if it rests on one.
    """

    rule: str
    reason: DenyReason | None = None
    flags: tuple[GrantFlag, ...] = ()
    row: str | None = None
