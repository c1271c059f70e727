"""How the service lies: each fault is off until it is set, and what chance decides is decided by a seed."""

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

from portillon_psp.books import Book
from portillon_psp.errors import InvalidRequestError


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """`outage`: nothing is taken in. `answers_lost`: so many requests are done, and answered with an error.

    Of a million requests so many are answered with an error and not done (`undone_ppm`), or are done and answered with
    one (`unanswered_ppm`), or with the truth after `silent_ms` (`silent_ppm`); of the same request not twice.
    Every answer takes `latency_ms`; of more than `requests_per_s` the rest is refused (0: of none).
    Of a million webhooks so many are lost, told twice, or late by `late_s`; `shuffled`: told in any order.
    """

    outage: bool = False
    answers_lost: int = 0
    undone_ppm: int = 0
    unanswered_ppm: int = 0
    silent_ppm: int = 0
    silent_ms: int = 0
    latency_ms: int = 0
    requests_per_s: int = 0
    lost_ppm: int = 0
    repeated_ppm: int = 0
    late_ppm: int = 0
    late_s: int = 0
    shuffled: bool = False
    seed: int = 0

    def chance(self, what: str, of: int | str) -> int:
        """A number below a million that this seed gives this."""
        digest = hashlib.sha256(f"{self.seed}:{what}:{of}".encode()).digest()
        return int.from_bytes(digest[:8], "big") % 1_000_000


class Lie(StrEnum):
    """How one request is lied to."""

    NONE = "none"
    UNDONE = "undone"
    UNANSWERED = "unanswered"
    SILENT = "silent"


def lie_to(book: Book, faults: Faults, request: str) -> Lie:
    """Whether and how this request is lied to, which is written down: asked again it hears the truth."""
    shares = {
        Lie.UNDONE: faults.undone_ppm,
        Lie.UNANSWERED: faults.unanswered_ppm,
        Lie.SILENT: faults.silent_ppm,
    }
    if not any(shares.values()):
        return Lie.NONE
    drawn = faults.chance("request", request)
    for lie, ppm in shares.items():
        if drawn < ppm:
            first = book.db.execute("INSERT OR IGNORE INTO lied VALUES (?, ?)", (book.account, request)).rowcount == 1
            return lie if first else Lie.NONE
        drawn -= ppm
    return Lie.NONE


_NAMES = {field.name: field.type for field in fields(Faults)}


def of(book: Book) -> Faults:
    """Those in force."""
    return Faults(**book.faults)


def set_faults(book: Book, given: dict[str, Any]) -> Faults:
    """From now on these, and no others. Raises InvalidRequestError."""
    for name, value in given.items():
        kind = bool if _NAMES.get(name) in (bool, "bool") else int
        if name not in _NAMES or type(value) is not kind or value < 0:
            known = ", ".join(sorted(_NAMES))
            raise InvalidRequestError(f"{name}: {value!r} is no fault; there are {known}", param=name)
    faults = Faults(**given)
    keep(book, faults)
    return faults


def keep(book: Book, faults: Faults) -> None:
    """Write them down."""
    book.db.execute("UPDATE account SET faults = ? WHERE name = ?", (json.dumps(asdict(faults)), book.account))
