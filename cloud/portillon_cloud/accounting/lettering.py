"""Which lines of a customer's account settle one another: EcritureLet and DateLet of the French file. Pure.

1. The oldest is settled first (Code civil, article 1342-10): as soon as all that was debited up to some line is all
   that was credited up to another, the lines of both sides since that was so before have one letter, and come to nil.
2. What is not settled yet has no letter; a letter may come later, and changes nothing else of its line.
3. Its day is that on which the last of its lines was recorded. Letters count on by account and customer: A … Z, AA ….
"""

import datetime
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

Key = tuple[str, int]
"""A number of the plan, and the customer."""
Settled = Mapping[Key, Sequence["Group"]]

_ALPHABET = 26


@dataclass(frozen=True, slots=True)
class Group:
    """What one letter stands for: up to and with so many debits and credits of the account, settled on this day."""

    debits: int
    credits: int
    on: datetime.date


@dataclass(slots=True)
class _Account:
    """An account while its lines are read; `ahead`: a side's sums that the other has not reached, with their counts."""

    counts: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})
    sums: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})
    ahead: dict[bool, deque[tuple[int, int]]] = field(default_factory=lambda: {True: deque(), False: deque()})
    groups: list[Group] = field(default_factory=list)

    def read(self, debit_minor: int, on: datetime.date) -> None:
        debit = debit_minor > 0
        self.counts[debit] += 1
        self.sums[debit] += abs(debit_minor)
        total, others = self.sums[debit], self.ahead[not debit]
        while others and others[0][0] < total:
            others.popleft()  # no later sum of this side is as small
        if others and others[0][0] == total:
            counts = {debit: self.counts[debit], not debit: others.popleft()[1]}
            self.groups.append(Group(counts[True], counts[False], on))
        elif total > self.sums[not debit]:
            self.ahead[debit].append((total, self.counts[debit]))


def settled(lines: Iterable[tuple[Key, int, datetime.date]]) -> Settled:
    """The groups of each account; `lines` are debit less credit in minor units, in the file's order."""
    accounts: defaultdict[Key, _Account] = defaultdict(_Account)
    for key, debit_minor, recorded_on in lines:
        accounts[key].read(debit_minor, recorded_on)
    return {key: account.groups for key, account in accounts.items()}


@dataclass(slots=True)
class Lettering:
    """Gives the letters out, line after line in the file's order."""

    settled: Settled
    _given: Counter[tuple[Key, bool]] = field(default_factory=Counter)
    _at: Counter[tuple[Key, bool]] = field(default_factory=Counter)

    def next(self, key: Key, debit_minor: int) -> tuple[str, datetime.date | None]:
        """Letter and day of this account's next line; nothing and None while it is not settled."""
        groups, debit = self.settled.get(key, ()), debit_minor > 0
        side = (key, debit)
        self._given[side] += 1
        at = self._at[side]
        while at < len(groups) and (groups[at].debits if debit else groups[at].credits) < self._given[side]:
            at += 1
        self._at[side] = at
        return (letter(at), groups[at].on) if at < len(groups) else ("", None)


def letter(index: int) -> str:
    """A, B … Z, AA, AB …, from 0."""
    text = ""
    index += 1
    while index:
        index, last = divmod(index - 1, _ALPHABET)
        text = chr(ord("A") + last) + text
    return text
