"""What is left to bill and to credit: what should have been billed, less what was. Pure, and empty when done twice.

1. A line whose every remaining moment is still wanted, at the same tariff and of the same cycle, is left alone: a past
   document is changed by a recorded event, never by another way of computing it.
2. Of any other line the moments no longer wanted are credited, all of what is left of it if none is wanted: never more
   than it was billed for, whatever was credited before.
3. What is wanted, has begun, and is covered by no line is billed by a new one.
4. A new line that would begin with a line that is not wholly reversed first reverses that one: its number of generation
   opens by a full reversal only, so that no race and no second worker can bill the same start twice.
"""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from portillon_cloud.billing.calendar import Period
from portillon_cloud.billing.proration import Proration, part_minor
from portillon_cloud.billing.span import Span, shared, without
from portillon_cloud.billing.timeline import Event, Tariff, stretches
from portillon_cloud.billing.wanted import Piece, wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Billed:
    """One recurring line of an issued invoice, with what credit notes took of it."""

    line_id: int
    component: str
    tariff: Tariff
    cycle: Period
    span: Span
    amount_minor: int
    generation: int
    credited: tuple[Span, ...] = ()
    credited_minor: int = 0

    @property
    def left(self) -> tuple[Span, ...]:
        """The moments it still bills."""
        return without([self.span], self.credited)

    @property
    def left_minor(self) -> int:
        """What of its amount still stands; of a discount it is negative."""
        return self.amount_minor - self.credited_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """These moments of a line are taken back."""

    line_id: int
    component: str
    spans: tuple[Span, ...]
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLine:
    """A piece to bill. `generation` counts the lines that begin there: 1, then one more for each that was reversed."""

    piece: Piece
    generation: int


@dataclass(frozen=True, slots=True)
class Difference:
    """What to write so that what is billed is what is wanted."""

    credits: tuple[Credit, ...] = ()
    lines: tuple[NewLine, ...] = ()

    @property
    def amount_minor(self) -> int:
        """What the payer's debt changes by, before tax."""
        return sum(new.piece.amount_minor for new in self.lines) - sum(one.amount_minor for one in self.credits)


_Key = tuple[str, Tariff, Period]


def difference(
    events: Sequence[Event], billed: Sequence[Billed], *, until_on: datetime.date, policy: Proration
) -> Difference:
    """The credits and lines that make one subscription's bills what they should be on the day `until_on`.

    Raises TimelineError for events that make no life.
    """
    live = [line for line in billed if line.left]
    # What was billed ahead is measured against all that it covers; what is billed now has begun.
    horizon_on = max([until_on, *(line.span.end.day for line in live)])
    pieces = wanted(stretches(events), horizon_on, policy)
    reversed_ids: set[int] = set()
    while True:
        kept = _kept(pieces, live, reversed_ids)
        lines = _uncovered([piece for piece in pieces if piece.span.start.day <= until_on], live, kept, policy)
        clashing = _clashing(lines, live, kept)
        # Each round reverses one line more, so there are no more rounds than lines.
        if not clashing:
            break
        reversed_ids |= clashing
    taken = (_credit(line, kept[line.line_id], policy) for line in live)
    return Difference(
        credits=tuple(credit for credit in taken if credit is not None),
        lines=tuple(NewLine(piece=piece, generation=_generation(piece, billed)) for piece in lines),
    )


def _kept(pieces: Sequence[Piece], live: Sequence[Billed], reversed_ids: set[int]) -> Mapping[int, tuple[Span, ...]]:
    """By line, which of its remaining moments are wanted still."""
    by_key: dict[_Key, list[Span]] = {}
    for piece in pieces:
        by_key.setdefault((piece.component, piece.tariff, piece.cycle), []).append(piece.span)
    return {
        line.line_id: ()
        if line.line_id in reversed_ids
        else shared(line.left, by_key.get((line.component, line.tariff, line.cycle), []))
        for line in live
    }


def _uncovered(
    pieces: Sequence[Piece], live: Sequence[Billed], kept: Mapping[int, tuple[Span, ...]], policy: Proration
) -> list[Piece]:
    covered: dict[_Key, list[Span]] = {}
    for line in live:
        covered.setdefault((line.component, line.tariff, line.cycle), []).extend(kept[line.line_id])
    parts = (
        _part(piece, span, policy)
        for piece in pieces
        for span in without([piece.span], covered.get((piece.component, piece.tariff, piece.cycle), []))
    )
    return [part for part in parts if part.amount_minor != 0]


def _clashing(lines: Sequence[Piece], live: Sequence[Billed], kept: Mapping[int, tuple[Span, ...]]) -> set[int]:
    """Rule 4: the lines to reverse before new ones begin where they did."""
    begun = {(piece.component, piece.span.start) for piece in lines}
    return {line.line_id for line in live if kept[line.line_id] and (line.component, line.span.start) in begun}


def _part(piece: Piece, span: Span, policy: Proration) -> Piece:
    if span == piece.span:
        return piece
    amount_minor = _amount_minor([span], piece.tariff, piece.cycle, policy)
    return Piece(
        component=piece.component, tariff=piece.tariff, cycle=piece.cycle, span=span, amount_minor=amount_minor
    )


def _credit(line: Billed, kept: tuple[Span, ...], policy: Proration) -> Credit | None:
    gone = without(line.left, kept)
    if not gone:
        return None
    amount_minor = _of_line(line, gone, policy) if kept else line.left_minor
    if kept and amount_minor == 0:
        return None
    return Credit(line_id=line.line_id, component=line.component, spans=gone, amount_minor=amount_minor)


def _of_line(line: Billed, gone: Sequence[Span], policy: Proration) -> int:
    """What these moments of it cost; of a line with a price of its own (an import) their share of that."""
    if line.amount_minor == _amount_minor([line.span], line.tariff, line.cycle, policy):
        return _amount_minor(gone, line.tariff, line.cycle, policy)
    interval = line.tariff.interval
    amounts = (part_minor(line.amount_minor, span, cycle=line.span, interval=interval, policy=policy) for span in gone)
    return sum(amounts)


def _amount_minor(spans: Iterable[Span], tariff: Tariff, cycle: Period, policy: Proration) -> int:
    whole = Span.of_days(cycle.start, cycle.end)
    return sum(
        part_minor(tariff.cycle_minor, span, cycle=whole, interval=tariff.interval, policy=policy) for span in spans
    )


def _generation(piece: Piece, billed: Sequence[Billed]) -> int:
    """One after the last line of this component that began there, which is reversed, or is now."""
    begun = (
        line.generation for line in billed if (line.component, line.span.start) == (piece.component, piece.span.start)
    )
    return max(begun, default=0) + 1
