"""The ledger a second time, in a hundred lines that share nothing with the first: only documents and acts go in.

Who owes and who has credit is one signed number per account here: what is owed less what is theirs. The product keeps
intents, allocations and open credit instead; both must come to the same.
"""

import datetime
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

Day = datetime.date
Line = tuple[Day, Day, int]  # from, first day without, net


@dataclass
class LedgerModel:
    """Feed it what happened; ask what every account of the book must come to, debits less credits."""

    owes: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    nets: defaultdict[tuple[int, Day, Day], int] = field(default_factory=lambda: defaultdict(int))
    plain: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    recognised: int = 0

    def invoiced(self, account: int, lines: Iterable[Line], taxes: Mapping[str, int]) -> None:
        self._document(account, lines, taxes, sign=1)

    def credited(self, account: int, lines: Iterable[Line], taxes: Mapping[str, int]) -> None:
        self._document(account, lines, taxes, sign=-1)

    def paid(self, account: int, amount: int, into: str) -> None:
        self.owes[account] -= amount
        self.plain[into] += amount

    def written_off(self, account: int, amount: int) -> None:
        self.owes[account] -= amount
        self.plain["bad_debt"] += amount

    def paid_back(self, account: int, amount: int) -> None:
        self.owes[account] += amount
        self.plain["refunds_due"] -= amount

    def deposited(self, amount: int) -> None:
        self.plain["cash"] += amount
        self.plain["deposits"] -= amount

    def month_over(self, first_of_next: Day) -> None:
        """All that was earned before that day is revenue now, as far as it is known."""
        self.recognised = sum(_earned(net, start, end, first_of_next) for (_, start, end), net in self.nets.items())

    def balances(self) -> dict[str, int]:
        """Every account that does not stand at nothing."""
        found = dict(self.plain)
        found["receivable"] = sum(amount for amount in self.owes.values() if amount > 0)
        found["member_credit"] = sum(amount for amount in self.owes.values() if amount < 0)
        found["revenue"] = -self.recognised
        found["deferred_revenue"] = self.recognised - sum(self.nets.values())
        return {name: amount for name, amount in found.items() if amount}

    def _document(self, account: int, lines: Iterable[Line], taxes: Mapping[str, int], *, sign: int) -> None:
        for start, end, net in lines:
            self.nets[sign, start, end] += sign * net  # billed and taken back are each rounded
            self.owes[account] += sign * net
        for tax, amount in taxes.items():
            self.plain[f"tax_{tax.lower()}"] -= sign * amount
            self.owes[account] += sign * amount


def _earned(net: int, start: Day, end: Day, until: Day) -> int:
    """Day by day, half a cent away from nothing."""
    days = (end - start).days or 1
    gone = sum(1 for day in range(days) if start + datetime.timedelta(days=day) < until)
    return int((Decimal(net) * gone / days).quantize(Decimal(1), ROUND_HALF_UP))
