"""The chain of takings and of their closures, and the check that nothing was changed, left out or put in. Pure.

1. Each record carries the hash of the one before it: SHA-256 over that hash and its own content. The first has zeros.
2. Takings are numbered 1, 2, 3 … per legal entity; so are closures, in a chain of their own.
3. A day is closed when it is over, each day one; a month after its last day, a year after its last month.
4. What comes after a closure belongs to a later day.
5. A closure says how many takings its period had, what they come to, and what all since the first come to.
6. What a bank takes back is a taking too, of less than nothing, on the day on which it is told; the first one stays.
"""

import datetime
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, TypeVar

ZEROS = "0" * 64


class ClosureKind(StrEnum):
    """What a closure closes; from the shortest to the longest, the order in which they are made."""

    DAY = "day"
    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taking:
    """One payment received. `settles`: printed invoice numbers and what of it went to each, in minor units.

    `return_id`: it is what a bank took back of the payment, and every amount is negative.
    """

    number: int
    payment_id: int
    account_id: int
    taken_on: datetime.date
    received_at_ms: int
    means: str
    amount_minor: int
    currency: str
    settles: Mapping[str, int]
    previous_hash: str
    return_id: int | None = None
    hash: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """One period closed. `last_number` and `last_hash` are those of the newest taking in it or before it."""

    number: int
    kind: ClosureKind
    first_on: datetime.date
    count: int
    total_minor: int
    perpetual_minor: int
    last_number: int
    last_hash: str
    previous_hash: str
    hash: str = ""


Record = Taking | Closure
R = TypeVar("R", Taking, Closure)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with the record, and where."""

    where: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Where a part of the record begins: what stood before it. The default is the beginning of the whole."""

    number: int = 0
    hash: str = ZEROS
    perpetual_minor: int = 0
    closure_number: int = 0
    closure_hash: str = ZEROS
    from_on: datetime.date = datetime.date.min


def body_of(record: Record) -> dict[str, Any]:
    """A record as plain JSON values."""
    return {
        name: value.isoformat() if isinstance(value, datetime.date) else value for name, value in asdict(record).items()
    }


def sealed(record: R) -> R:
    """The record with its hash."""
    return replace(record, hash=_hash(record))


def periods_closed(last_on: datetime.date) -> Iterator[tuple[ClosureKind, datetime.date]]:
    """Which periods end with the day `last_on`: kind and first day of each."""
    yield ClosureKind.DAY, last_on
    following = last_on + datetime.timedelta(days=1)
    if following.day == 1:
        yield ClosureKind.MONTH, last_on.replace(day=1)
        if following.month == 1:
            yield ClosureKind.YEAR, datetime.date(last_on.year, 1, 1)


def check(records: Iterable[Record], start: Start | None = None) -> Iterator[Fault]:
    """Every fault of a record read from its beginning, or from `start`, in order; nothing: it is whole."""
    reader = Reader(start or Start())
    for record in records:
        yield from reader.read(record)


@dataclass
class Reader:
    """Reads record after record, and knows where the chain stands."""

    start: Start
    number: int = field(init=False)
    hash: str = field(init=False)
    perpetual_minor: int = field(init=False)
    _closure: tuple[int, str] = field(init=False)
    _open: dict[ClosureKind, tuple[int, int]] = field(init=False)
    _closed_on: datetime.date | None = None

    def __post_init__(self) -> None:
        self.number, self.hash, self.perpetual_minor = self.start.number, self.start.hash, self.start.perpetual_minor
        self._closure = (self.start.closure_number, self.start.closure_hash)
        self._open = dict.fromkeys(ClosureKind, (0, 0))

    def read(self, record: Record) -> Iterator[Fault]:
        """What is wrong with this record, coming after those read."""
        where = f"taking {record.number}" if isinstance(record, Taking) else f"closure {record.number}"
        last_number, last_hash = (self.number, self.hash) if isinstance(record, Taking) else self._closure
        if record.number != last_number + 1:
            yield Fault(where, f"comes after number {last_number}")
        if record.previous_hash != last_hash:
            yield Fault(where, "does not continue the one before it")
        if record.hash != _hash(record):
            yield Fault(where, "was changed: its content is not what its hash says")
        if isinstance(record, Taking):
            yield from self._taking(where, record)
        else:
            yield from self._close(where, record)

    def _taking(self, where: str, taking: Taking) -> Iterator[Fault]:
        if self._closed_on is not None and taking.taken_on <= self._closed_on:
            yield Fault(where, f"is of {taking.taken_on}, which was closed before it")
        self.number, self.hash = taking.number, taking.hash
        self.perpetual_minor += taking.amount_minor
        for kind, (count, total_minor) in self._open.items():
            self._open[kind] = (count + 1, total_minor + taking.amount_minor)

    def _close(self, where: str, closure: Closure) -> Iterator[Fault]:
        found = (closure.count, closure.total_minor)
        # Of a period that began before this part of the record only its end is here.
        if closure.first_on >= self.start.from_on and found != self._open[closure.kind]:
            yield Fault(where, f"counts {found}, the record has {self._open[closure.kind]}")
        if closure.perpetual_minor != self.perpetual_minor:
            yield Fault(where, f"has the perpetual total {closure.perpetual_minor}, not {self.perpetual_minor}")
        if (closure.last_number, closure.last_hash) != (self.number, self.hash):
            yield Fault(where, f"ends with taking {closure.last_number}, not {self.number}")
        self._open[closure.kind] = (0, 0)
        self._closure = (closure.number, closure.hash)
        if closure.kind is ClosureKind.DAY:
            if self._closed_on is not None and closure.first_on != self._closed_on + datetime.timedelta(days=1):
                yield Fault(where, f"closes {closure.first_on} after {self._closed_on}")
            self._closed_on = closure.first_on


def _hash(record: Record) -> str:
    body = body_of(record)
    del body["hash"]
    content = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(f"{record.previous_hash}\n{content}".encode()).hexdigest()
