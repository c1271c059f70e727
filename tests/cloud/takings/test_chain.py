"""The chain of takings: whatever is changed, left out, put in or moved shows (billing.md F; CGI 286, I, 3° bis)."""

import datetime
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_cloud.takings import chain
from portillon_cloud.takings.chain import (
    ZEROS,
    Closure,
    ClosureKind,
    Record,
    Start,
    Taking,
    check,
    periods_closed,
    sealed,
)

DAY = datetime.timedelta(days=1)
FIRST = datetime.date(2026, 12, 29)


def record(days: Sequence[Sequence[int]], first: datetime.date = FIRST) -> list[Record]:
    """Takings of these amounts on days in a row, each day closed."""
    made: list[Record] = []
    last: tuple[int, str] = (0, ZEROS)
    closure: tuple[int, str] = (0, ZEROS)
    for index, amounts in enumerate(days):
        day = first + index * DAY
        for amount_minor in amounts:
            taking = sealed(
                Taking(
                    number=last[0] + 1,
                    payment_id=last[0] + 100,
                    account_id=1,
                    taken_on=day,
                    received_at_ms=index,
                    means="cash",
                    amount_minor=amount_minor,
                    currency="EUR",
                    settles={"INV-202612-000001": amount_minor},
                    previous_hash=last[1],
                )
            )
            made.append(taking)
            last = (taking.number, taking.hash)
        takings = [one for one in made if isinstance(one, Taking)]
        for kind, first_on in periods_closed(day):
            within = [one.amount_minor for one in takings if one.taken_on >= first_on]
            closed = sealed(
                Closure(
                    number=closure[0] + 1,
                    kind=kind,
                    first_on=first_on,
                    count=len(within),
                    total_minor=sum(within),
                    perpetual_minor=sum(one.amount_minor for one in takings),
                    last_number=last[0],
                    last_hash=last[1],
                    previous_hash=closure[1],
                )
            )
            made.append(closed)
            closure = (closed.number, closed.hash)
    return made


WHOLE = record([[49_90, 29_99], [], [10_00], [20_00, 5_00], [7_00]])


def test_a_record_as_it_was_written_is_whole() -> None:
    """Four days over the end of a year, one of them without takings: no fault, and month and year are closed once."""
    assert list(check(WHOLE)) == []
    kinds = [one.kind for one in WHOLE if isinstance(one, Closure)]
    assert kinds.count(ClosureKind.DAY) == 5
    assert (kinds.count(ClosureKind.MONTH), kinds.count(ClosureKind.YEAR)) == (1, 1)


def test_the_closures_of_the_last_day_of_a_year() -> None:
    """Day, month and year, in that order."""
    assert list(periods_closed(datetime.date(2026, 12, 31))) == [
        (ClosureKind.DAY, datetime.date(2026, 12, 31)),
        (ClosureKind.MONTH, datetime.date(2026, 12, 1)),
        (ClosureKind.YEAR, datetime.date(2026, 1, 1)),
    ]


@given(st.lists(st.lists(st.integers(1, 10**6), max_size=3), min_size=1, max_size=40))
def test_any_days_make_a_whole_record(days: list[list[int]]) -> None:
    """However many takings a day has."""
    assert list(check(record(days))) == []


@pytest.mark.parametrize("index", range(len(WHOLE)))
def test_any_record_left_out_shows(index: int) -> None:
    """But the very last, which the end of the chain in the database and the archive's signature hold."""
    left = WHOLE[:index] + WHOLE[index + 1 :]
    assert bool(list(check(left))) is (index < len(WHOLE) - 1)


@pytest.mark.parametrize("index", range(len(WHOLE)))
def test_any_amount_changed_shows(index: int) -> None:
    """A cent less in any record."""
    found = WHOLE[index]
    changed: Record
    if isinstance(found, Taking):
        changed = replace(found, amount_minor=found.amount_minor - 1)
    else:
        changed = replace(found, perpetual_minor=found.perpetual_minor - 1)
    assert list(check([*WHOLE[:index], changed, *WHOLE[index + 1 :]]))


def test_who_changes_and_hashes_anew_is_found_by_what_follows() -> None:
    """A forger who seals the changed taking again would have to seal everything after it."""
    taking = WHOLE[0]
    assert isinstance(taking, Taking)
    forged = sealed(replace(taking, amount_minor=1))
    assert {fault.where for fault in check([forged, *WHOLE[1:]])} >= {"taking 2", "closure 1"}


def test_without_its_hashes_a_forger_goes_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ablation: with a hash that says nothing, changing to whom a payment went shows nowhere."""
    taking = WHOLE[1]
    assert isinstance(taking, Taking)
    forged = [WHOLE[0], replace(taking, account_id=2), *WHOLE[2:]]
    assert list(check(forged))
    hashes = {(type(one), one.number): one.hash for one in WHOLE}
    monkeypatch.setattr(chain, "_hash", lambda one: hashes[type(one), one.number])
    assert list(check(forged)) == []


def test_a_taking_put_into_a_closed_day_shows() -> None:
    """What comes after a closure is of a later day, whatever its hash says."""
    last = [one for one in WHOLE if isinstance(one, Taking)][-1]
    late = sealed(replace(last, number=last.number + 1, previous_hash=last.hash, taken_on=FIRST))
    assert "closed before it" in " ".join(fault.what for fault in check([*WHOLE, late]))


def test_a_part_is_read_from_where_it_begins() -> None:
    """The record from the third day on, with what stood before it."""
    cut = next(index for index, one in enumerate(WHOLE) if isinstance(one, Taking) and one.number == 3)
    before = [one for one in WHOLE[:cut] if isinstance(one, Taking)]
    closures = [one for one in WHOLE[:cut] if isinstance(one, Closure)]
    start = Start(
        number=2,
        hash=before[-1].hash,
        perpetual_minor=sum(one.amount_minor for one in before),
        closure_number=closures[-1].number,
        closure_hash=closures[-1].hash,
        from_on=FIRST + 2 * DAY,
    )
    assert list(check(WHOLE[cut:], start)) == []
    assert list(check(WHOLE[cut:], replace(start, perpetual_minor=0)))
