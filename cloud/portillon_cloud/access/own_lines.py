"""Whose lines of an unpaid invoice are unpaid: what each member whom an account pays for answers for. Pure.

1. What a credit note took back of a line nobody owes.
2. What was paid goes to one member after the other, in the order of their first lines; so do instalments.
3. A line of nobody's membership, such as a sale's, is everybody's, unless the invoice bills one member alone.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from portillon_cloud.money import split

Part = tuple[int | None, int]
"""Whose (None: everybody's), and how much of what is owed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BilledLine:
    """One line in the order of the invoice; of a discount negative. `credited_minor`: taken back, without tax too."""

    member_id: int | None
    net_minor: int
    taxable: bool
    credited_minor: int = 0


def parts_owed(lines: Sequence[BilledLine], tax_minor: int, owed: Sequence[int]) -> list[list[Part]]:
    """Of each amount that is owed, the one due first first, whose it is. The parts of an amount add up to it."""
    billed = {line.member_id for line in lines} - {None}
    if len(billed) < 2:
        whose = next(iter(billed), None)
        return [[(whose, minor)] for minor in owed]
    unpaid = _unpaid(_answers_for(lines, tax_minor), sum(owed))
    return [_take(unpaid, minor) for minor in owed]


def _answers_for(lines: Sequence[BilledLine], tax_minor: int) -> list[Part]:
    """What each was billed with tax, less what was credited."""
    net: defaultdict[int | None, int] = defaultdict(int)
    taxed: defaultdict[int | None, int] = defaultdict(int)
    credited: defaultdict[int | None, int] = defaultdict(int)
    for line in lines:
        net[line.member_id] += line.net_minor
        taxed[line.member_id] += line.net_minor if line.taxable else 0
        credited[line.member_id] += line.credited_minor
    weights = [max(0, taxed[whose]) for whose in net]
    taxes = split(tax_minor, weights) if any(weights) else [0] * len(weights)
    return [
        (whose, (net[whose] + tax) * max(0, net[whose] - credited[whose]) // net[whose] if net[whose] > 0 else 0)
        for whose, tax in zip(net, taxes, strict=True)
    ]


def _unpaid(billed: Sequence[Part], owed_minor: int) -> list[Part]:
    """What is owed is of the last ones; a rest that no line explains, such as a cent, is of the last who owes."""
    found: list[Part] = []
    for whose, minor in reversed(billed):
        part_minor = min(minor, owed_minor)
        owed_minor -= part_minor
        if part_minor > 0:
            found.append((whose, part_minor))
    if not found:
        return [(None, owed_minor)]
    found[0] = (found[0][0], found[0][1] + owed_minor)
    return found[::-1]


def _take(unpaid: list[Part], minor: int) -> list[Part]:
    """Take so much from the front."""
    taken = []
    while minor > 0:
        whose, there_minor = unpaid.pop(0)
        part_minor = min(there_minor, minor)
        taken.append((whose, part_minor))
        minor -= part_minor
        if part_minor < there_minor:
            unpaid.insert(0, (whose, there_minor - part_minor))
    return taken
