"""How the service lies: each fault is off until it is set, and what chance decides is decided by a seed."""

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from portillon_psp.books import Book
from portillon_psp.errors import InvalidRequestError


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """`outage`: nothing is taken in. `answers_lost`: so many requests are done, and answered with an error.

    Every answer takes `latency_ms`; of more than `requests_per_s` the rest is refused (0: of none).
    Of a million webhooks so many are lost, told twice, or late by `late_s`; `shuffled`: told in any order.
    """

    outage: bool = False
    answers_lost: int = 0
    latency_ms: int = 0
    requests_per_s: int = 0
    lost_ppm: int = 0
    repeated_ppm: int = 0
    late_ppm: int = 0
    late_s: int = 0
    shuffled: bool = False
    seed: int = 0

    def chance(self, what: str, of: int) -> int:
        """A number below a million that this seed gives this."""
        digest = hashlib.sha256(f"{self.seed}:{what}:{of}".encode()).digest()
        return int.from_bytes(digest[:8], "big") % 1_000_000


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
