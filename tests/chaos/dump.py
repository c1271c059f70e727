"""What a database says, whatever ids its rows happen to have: two that tell the same story have the same dump.

Each row is its business columns, with every reference replaced by the row that it means. Rows that stand under the same
id in every run (what there was before the year began) are named by it; all others are named by what they say. Left out
is what a crash may rightly change: machine time, how often something was tried, which worker did it. A document's
number is left out too: of numbers must hold that they have no gap and rise with their dates (`numbers_that_break`).
"""

import datetime
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from portillon_cloud.database import metadata
from portillon_cloud.main import all_tables
from sqlalchemy import Column, Engine, LargeBinary, Table, create_engine, func, select
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import sort_tables

LEFT_OUT_TABLES = {
    "feed_state": "what gateways were sent: machine time, and no gateway is there",
    "alembic_version": "not ours",
}
HUNG_ON_THE_SERVICE = {
    "inbox_event": "what was told: lost, twice, or at another hour",
    "inbox_source": "until when it was heard",
    "provider_account": "named and sealed by the service",
    "provider_customer": "named by the service",
    "provider_payout": "of what was earned until then",
    "provider_payout_line": "the same",
    "clock_job": "its steps are the instants at which something was due",
    "test_clock": "the same",
}
TOLD_AT_LEAST_ONCE = ("access_outbox",)
LEFT_OUT_COLUMNS = {
    "timer": {"key", "worker", "attempts", "error"},
    "payment_attempt": {"key", "tries"},
    "sim_charge": {"idempotency_key"},
    "sim_refund": {"idempotency_key", "charge_key"},
    "refund_attempt": {"key", "tries", "charge", "provider_reference"},
    "payout_paid": {"request_key"},
    "attempt_outcome": {"provider_reference"},
    "message": {"key", "attempts", "error"},
    "dunning_step": {"timer_key"},
    "invoice": {"number"},
    "credit_note": {"number"},
    "clock_job": {"error"},
}
"""Keys of rows made in the year hold ids; what they are for stands in the other columns."""

_HUNG_KINDS = {
    "timer": {"charge", "refund", "dunning_review", "access_review"},
    "ledger_entry": {"provider_fees", "provider_payout"},
}
"""Rows of these kinds, and what points at them, are as many as a charge was asked after, or payouts were made of."""

_HUNG_COLUMNS = {
    "payment_method": {"token"},
    "attempt_outcome": {"provider_reference"},
    "dispute": {"reference"},
    "dispute_fee": {"reference"},
    "payment_return": {"request_key"},
    "ledger_entry": {"occurred_on"},
    "dunning_case": {"starts_on"},
    "dunning_step": {"planned_on"},
}

_SUBJECTS = {
    "charge": "payment_intent", "dunning_step": "dunning_step", "dunning_review": "account", "access_review": "account",
    "dunning_before_due": "payment_intent", "refund": "payout",
    "renewal_notice": "subscription", "renew": "subscription", "addons_end": "subscription",
    "way_to_leave": "subscription",
}  # fmt: skip
"""What a timer's subject is, where rows of the year can be one."""

_SOURCES = {
    "invoice": "invoice", "credit_note": "credit_note", "payment": "payment", "credit_used": "allocation",
    "payout": "payout", "write_off": "write_off", "payment_return": "payment_return",
    "payout_paid": "payout_paid", "payout_came_back": "payout_came_back",
    "dispute_opened": "dispute", "dispute_won": "dispute", "dispute_fee": "dispute_fee",
}  # fmt: skip
"""Whose id a ledger entry's source is, by the entry's kind."""

_DOCUMENT = re.compile(r"\b((?:TEST|INV|CN)(?:-CN)?-\d{6})-\d+")
_LINK = re.compile(r"https?://\S+")  # signed under keys that are drawn anew for each database
_DIGEST_BYTES = 12


@dataclass
class Dump:
    """How often each row stands in each table, by the digest of what it says."""

    rows: Mapping[str, Counter[bytes]]

    def differs_from(self, other: "Dump") -> list[str]:
        """The tables whose rows are not the same."""
        return [name for name in self.rows if self.rows[name] != other.rows[name]]


@dataclass
class _Reading:
    engine: Engine
    known: Mapping[str, Any]
    timeless: bool
    names: dict[str, dict[Any, str]] = field(default_factory=dict)
    unsaid: defaultdict[str, set[Any]] = field(default_factory=lambda: defaultdict(set))


def dump(url: str, before: Mapping[str, Any], *, timeless: bool = False) -> Dump:
    """The dump of the database at `url`; `before`: the highest id of each table before the year began.

    `timeless`: without the instants, and without what only the payment service's answers and hours decide.
    """
    rows = {name: Counter(digest for digest, _ in found) for name, found in _tables(url, before, timeless)}
    for name in TOLD_AT_LEAST_ONCE:
        rows[name] = Counter(set(rows[name]))
    return Dump(rows)


def lines_of(
    url: str, before: Mapping[str, Any], table: str, digests: Counter[bytes], *, timeless: bool = False
) -> Iterator[str]:
    """What the rows with these digests say, in words; each as often as it is asked for."""
    wanted = Counter(digests)
    for name, found in _tables(url, before, timeless):
        for digest, text in found:
            if name == table and wanted[digest] > 0:
                wanted[digest] -= 1
                yield text


def highest_ids(url: str) -> Mapping[str, Any]:
    """The highest id of each table."""
    all_tables()
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as conn:
        return {
            table.name: conn.scalar(select(func.max(table.c.id))) or 0
            for table in metadata.sorted_tables
            if "id" in table.c
        }


def numbers_that_break(url: str) -> list[str]:
    """Series whose numbers have a gap, or do not rise with their dates."""
    all_tables()
    broken = []
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as conn:
        for name in ("invoice", "credit_note"):
            table = metadata.tables[name]
            of = (table.c.legal_entity_id, table.c.series)
            series: dict[tuple[Any, ...], list[tuple[int, datetime.date]]] = {}
            for row in conn.execute(select(*of, table.c.number, table.c.issued_on).order_by(*of, table.c.number)):
                series.setdefault(tuple(row[:2]), []).append((row.number, row.issued_on))
            for which, found in series.items():
                if [number for number, _ in found] != list(range(1, len(found) + 1)):
                    broken.append(f"{which[1]} has a gap among its {len(found)} numbers")
                if [on for _, on in found] != sorted(on for _, on in found):
                    broken.append(f"{which[1]} does not rise with its dates")
    return broken


def charges_unlike(url: str, paid_there: set[str]) -> list[str]:
    """Where the database and the payment service do not believe the same charges to be paid."""
    all_tables()
    outcome = metadata.tables["attempt_outcome"].c
    paid = select(outcome.provider_reference).where(outcome.outcome == "succeeded")
    with create_engine(url, poolclass=NullPool).connect() as conn:
        here = Counter(conn.scalars(paid))
    broken = [f"the service was paid {one} for, and nobody here knows" for one in sorted(paid_there - set(here))]
    broken += [f"{one} counts as paid {count} times" for one, count in here.items() if count > 1]
    return broken + [f"{one} counts as paid, and the service was not" for one in here if one not in paid_there]


def _tables(url: str, before: Mapping[str, Any], timeless: bool) -> Iterator[tuple[str, Iterator[tuple[bytes, str]]]]:
    """Each table's rows as (digest, words), those that others point at first. Read each to its end before the next."""
    all_tables()
    engine = create_engine(url, poolclass=NullPool)
    reading = _Reading(engine, before, timeless)
    tables = metadata.tables
    unwritten = [(tables[named], tables["timer"]) for named in _SUBJECTS.values()]
    unwritten += [(tables[named], tables["ledger_entry"]) for named in _SOURCES.values()]
    for table in sort_tables(tables.values(), extra_dependencies=unwritten):
        if table.name not in LEFT_OUT_TABLES and not (timeless and table.name in HUNG_ON_THE_SERVICE):
            yield table.name, _rows(reading, table)


def _rows(reading: _Reading, table: Table) -> Iterator[tuple[bytes, str]]:
    columns = [column for column in table.c if _is_told(reading, table, column)]
    hung = _HUNG_KINDS.get(table.name, set()) if reading.timeless else set()
    names = reading.names.setdefault(table.name, {})
    points = {
        column.name: key.column.table.name
        for column in columns
        for key in column.foreign_keys
        if key.column.name == "id"  # composite keys name the book again, which stands there anyway
    }
    with reading.engine.connect() as conn:
        wanted = columns if "id" not in table.c else [table.c.id, *columns]
        unsaid = reading.unsaid.setdefault(table.name, set())
        for row in conn.execution_options(yield_per=2_000).execute(select(*wanted)).mappings():
            said = {column.name: _said(reading, table, column.name, row, points) for column in columns}
            text = json.dumps(said, sort_keys=True, ensure_ascii=False, default=str)
            digest = blake2b(text.encode(), digest_size=_DIGEST_BYTES).digest()
            if "id" in table.c:
                old = isinstance(row["id"], str) or row["id"] <= reading.known.get(table.name, 0)
                names[row["id"]] = f"{table.name} {row['id']}" if old else f"{table.name} {digest.hex()}"
            if (hung and row["kind"] in hung) or any(row[name] in reading.unsaid[to] for name, to in points.items()):
                unsaid.add(row.get("id"))
            else:
                yield digest, text


def _is_told(reading: _Reading, table: Table, column: Column[Any]) -> bool:
    if reading.timeless and (column.name.endswith("_ms") or column.name in _HUNG_COLUMNS.get(table.name, ())):
        return False
    return (
        column.name != "id"
        and column.name not in LEFT_OUT_COLUMNS.get(table.name, ())
        and "real_ms" not in column.name
        and not isinstance(column.type, LargeBinary)  # sealed under keys that are drawn anew for each database
    )


def _said(reading: _Reading, table: Table, column: str, row: Mapping[str, Any], points: Mapping[str, str]) -> Any:
    value = row[column]
    if value is None:
        return None
    if column in points:
        if points[column] not in reading.names:  # left out
            return "one"
        return reading.names[points[column]][value]
    if table.name == "timer" and column == "subject_id" and row["kind"] in _SUBJECTS:
        return reading.names[_SUBJECTS[row["kind"]]][value]
    if table.name == "ledger_entry" and column == "source" and row["kind"] in _SOURCES:
        return reading.names[_SOURCES[row["kind"]]][int(value)]
    if reading.timeless and table.name == "block" and column == "source":
        return value.partition(":")[0]  # which of an account's disputes is heard of first is chance
    return _LINK.sub("", _DOCUMENT.sub(r"\1", value)) if isinstance(value, str) else value
