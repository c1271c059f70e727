"""What is left to bill and to credit: what should have been billed, less what was. Pure, and empty when done twice.

1. A line whose every remaining moment is still wanted, at the same tariff and of the same cycle, is left alone: a past
   document is changed by a recorded event, never by another way of computing it.
2. Of any other line the moments no longer wanted are credited, all of what is left of it if none is wanted: never more
   than it was billed for, whatever was credited before.
3. What is wanted, has begun, and is covered by no line is billed by a new one.
4. A new line that would begin with a line that is not wholly reversed first reverses that one: its number of generation
   opens by a full reversal only, so that no race and no second worker can bill the same start twice.
5. A discount never comes or goes alone: what it is taken from is reversed and billed anew with it, so that no document
   comes to less than nothing. What others pay is on documents of their own.
6. Moments whose credit comes to nothing (less than half a cent) have no credit. If they are to be billed otherwise, the
   whole line is reversed first: no moment is on two live lines.
"""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from portillon_cloud.billing.calendar import Period
from portillon_cloud.billing.proration import Proration, part_minor
from portillon_cloud.billing.span import Span, shared, without
from portillon_cloud.billing.timeline import Event, Tariff, payer_of, stretches
from portillon_cloud.billing.wanted import Piece, tariff_minor, wanted


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
    """This much of a line is taken back; of a discount it is negative."""

    line_id: int
    component: str
    cycle: Period
    span: Span
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
        credits = [credit for line in live for credit in _credits(line, kept[line.line_id], policy)]
        more = (
            _clashing(lines, live, kept)
            or _left_alone(lines, credits, live, kept)
            or _beside_nothing(lines, credits, live, kept)
        )
        # Each round reverses one line more, so there are no more rounds than lines.
        if not more:
            break
        reversed_ids |= more
    return Difference(
        credits=tuple(credits),
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


def _left_alone(
    lines: Sequence[Piece],
    credits: Sequence[Credit],
    live: Sequence[Billed],
    kept: Mapping[int, tuple[Span, ...]],
) -> set[int]:
    """Rule 5: the lines to reverse because their cycle's discount changes by more than they do."""
    new_minor, taken_minor = _by_cycle(lines), _by_cycle(credits)
    short = {cycle for minor in (new_minor, taken_minor) for cycle, amount in minor.items() if amount < 0}
    own = (line for line in live if payer_of(line.component) is None)
    return {line.line_id for line in own if kept[line.line_id] and line.cycle in short}


def _beside_nothing(
    lines: Sequence[Piece], credits: Sequence[Credit], live: Sequence[Billed], kept: Mapping[int, tuple[Span, ...]]
) -> set[int]:
    """Rule 6: the lines to reverse because what is billed anew lies on moments that no credit takes from them."""
    begun: dict[str, list[Span]] = {}
    for piece in lines:
        begun.setdefault(piece.component, []).append(piece.span)
    taken: dict[int, list[Span]] = {}
    for credit in credits:
        taken.setdefault(credit.line_id, []).append(credit.span)
    for_nothing = (
        (line, without(line.left, [*kept[line.line_id], *taken.get(line.line_id, [])]))
        for line in live
        if kept[line.line_id]
    )
    return {line.line_id for line, spans in for_nothing if shared(spans, begun.get(line.component, []))}


def _by_cycle(amounts: Iterable[Piece | Credit]) -> Mapping[Period, int]:
    sums: dict[Period, int] = {}
    for one in amounts:
        if payer_of(one.component) is None:
            sums[one.cycle] = sums.get(one.cycle, 0) + one.amount_minor
    return sums


def _part(piece: Piece, span: Span, policy: Proration) -> Piece:
    if span == piece.span:
        return piece
    return replace(piece, span=span, amount_minor=tariff_minor(piece.tariff, span, cycle=piece.cycle, policy=policy))


def _credits(line: Billed, kept: tuple[Span, ...], policy: Proration) -> Iterable[Credit]:
    gone = without(line.left, kept)
    amounts = [_of_line(line, span, policy) for span in gone]
    if gone and not kept:
        amounts[-1] += line.left_minor - sum(amounts)  # all that is left of it, whatever was credited before
    for span, amount_minor in zip(gone, amounts, strict=True):
        if amount_minor or not kept:
            yield Credit(
                line_id=line.line_id, component=line.component, cycle=line.cycle, span=span, amount_minor=amount_minor
            )


def _of_line(line: Billed, span: Span, policy: Proration) -> int:
    """What a part of it costs; of a line with a price of its own (an import) its share of that."""
    if line.amount_minor == tariff_minor(line.tariff, line.span, cycle=line.cycle, policy=policy):
        return tariff_minor(line.tariff, span, cycle=line.cycle, policy=policy)
    return part_minor(line.amount_minor, span, cycle=line.span, interval=line.tariff.interval, policy=policy)


def _generation(piece: Piece, billed: Sequence[Billed]) -> int:
    """One after the last line of this component that began there, which is reversed, or is now."""
    begun = (
        line.generation for line in billed if (line.component, line.span.start) == (piece.component, piece.span.start)
    )
    return max(begun, default=0) + 1
