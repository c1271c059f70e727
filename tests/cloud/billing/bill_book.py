"""A book of bills in memory: what the database holds of one subscription, for tests of the pure engine."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from portillon_cloud.billing.difference import Billed, Difference, difference
from portillon_cloud.billing.proration import Proration
from portillon_cloud.billing.timeline import Event, payer_of, stretches
from portillon_cloud.billing.wanted import Piece, wanted


@dataclass
class BillBook:
    """Applies differences as the database would: it refuses a second live line of one start."""

    policy: Proration = Proration.REAL_DAYS
    lines: dict[int, Billed] = field(default_factory=dict)

    def bring_up(self, events: Sequence[Event], until_on: datetime.date) -> Difference:
        """Write what is left to write up to a day, and give it back."""
        change = difference(events, tuple(self.lines.values()), until_on=until_on, policy=self.policy)
        self.apply(change)
        return change

    def wanted(self, events: Sequence[Event], until_on: datetime.date) -> tuple[Piece, ...]:
        return wanted(stretches(events), until_on, self.policy)

    def apply(self, change: Difference) -> None:
        for amounts in (change.credits, [new.piece for new in change.lines]):
            for of in {(payer_of(one.component), one.cycle) for one in amounts}:
                assert sum(one.amount_minor for one in amounts if (payer_of(one.component), one.cycle) == of) >= 0
        for credit in change.credits:
            line = self.lines[credit.line_id]
            assert abs(credit.amount_minor) <= abs(line.left_minor)
            self.lines[line.line_id] = replace(
                line,
                credited=(*line.credited, credit.span),
                credited_minor=line.credited_minor + credit.amount_minor,
            )
        for new in change.lines:
            same = [line for line in self.lines.values() if line.component == new.piece.component]
            twice = any(span.meets(new.piece.span) for line in same for span in line.left)
            assert not twice, "a moment on two lines"
            begun = [line for line in self.lines.values() if self._start(line) == self._start(new.piece)]
            assert not any(line.left for line in begun), "a line that begins there is not reversed"
            assert new.generation == len(begun) + 1
            line_id = len(self.lines) + 1
            self.lines[line_id] = Billed(
                line_id=line_id,
                component=new.piece.component,
                tariff=new.piece.tariff,
                cycle=new.piece.cycle,
                span=new.piece.span,
                amount_minor=new.piece.amount_minor,
                generation=new.generation,
            )

    @property
    def left_minor(self) -> int:
        return sum(line.left_minor for line in self.lines.values())

    def left_of(self, payer_account_id: int | None) -> int:
        """What stands on one payer's bills; None: the subscription's own account."""
        return sum(line.left_minor for line in self.lines.values() if payer_of(line.component) == payer_account_id)

    @staticmethod
    def _start(of: Billed | Piece) -> tuple[object, ...]:
        return (of.component, of.span.start)
