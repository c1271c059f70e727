"""The record as a file: a head that says where it begins, JSON lines in order, a signature over all of it."""

import datetime
import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from portillon_wire.signature import SigningKey
from sqlalchemy import Connection, func, select

from portillon_cloud.members.tables import legal_entity
from portillon_cloud.secrets import Keyring
from portillon_cloud.takings.chain import (
    ZEROS,
    Closure,
    ClosureKind,
    Fault,
    Reader,
    Record,
    Start,
    Taking,
    body_of,
    periods_closed,
)
from portillon_cloud.takings.errors import TakingsBrokenError
from portillon_cloud.takings.tables import taking, taking_chain, taking_closure

KID = "takings-1"
_FORM = 1
_ROWS = 1000  # held in memory at a time, however long the record is
_NOT_RECORD = frozenset({"organisation_id", "legal_entity_id"})


def archive_key(keyring: Keyring) -> SigningKey:
    """Signs archives: drawn from the data key, so that a backup of the key file is whole."""
    return SigningKey.from_bytes(KID, hmac.new(keyring.data_key, KID.encode(), hashlib.sha256).digest())


def records(
    conn: Connection, legal_entity_id: int, *, from_on: datetime.date, until_on: datetime.date
) -> Iterator[Record]:
    """Takings of [from_on, until_on) in order, and after the last of each period its closure."""
    takings = conn.execute(
        select(taking)
        .where(taking.c.legal_entity_id == legal_entity_id, taking.c.taken_on >= from_on, taking.c.taken_on < until_on)
        .order_by(taking.c.number)
        .execution_options(yield_per=_ROWS)
    )
    closures = conn.execute(
        select(taking_closure)
        .where(
            taking_closure.c.legal_entity_id == legal_entity_id,
            taking_closure.c.number > _closures_before(conn, legal_entity_id, from_on),
            taking_closure.c.number <= _closures_before(conn, legal_entity_id, until_on),
        )
        .order_by(taking_closure.c.number)
        .execution_options(yield_per=_ROWS)
    )
    waiting = (_taking(row._asdict()) for row in takings)
    following = next(waiting, None)
    for row in closures:
        closure = _closure(row._asdict())
        while following is not None and following.number <= closure.last_number:
            yield following
            following = next(waiting, None)
        yield closure
    while following is not None:
        yield following
        following = next(waiting, None)


def start_of(conn: Connection, legal_entity_id: int, from_on: datetime.date) -> Start:
    """What stood before the day `from_on`."""
    before = conn.execute(
        select(taking.c.number, taking.c.hash)
        .where(taking.c.legal_entity_id == legal_entity_id, taking.c.taken_on < from_on)
        .order_by(taking.c.number.desc())
        .limit(1)
    ).one_or_none()
    if before is None:
        return Start(from_on=from_on)
    perpetual_minor = conn.scalar(
        select(func.sum(taking.c.amount_minor)).where(
            taking.c.legal_entity_id == legal_entity_id, taking.c.number <= before.number
        )
    )
    number = _closures_before(conn, legal_entity_id, from_on)
    closure_hash = conn.scalar(
        select(taking_closure.c.hash).where(
            taking_closure.c.legal_entity_id == legal_entity_id, taking_closure.c.number == number
        )
    )
    return Start(
        number=before.number,
        hash=before.hash,
        perpetual_minor=int(perpetual_minor or 0),
        closure_number=number,
        closure_hash=closure_hash or ZEROS,
        from_on=from_on,
    )


def faults(conn: Connection, legal_entity_id: int) -> Iterator[Fault]:
    """Every fault of the whole record in the database; nothing: it is as it was written."""
    reader = Reader(Start())
    for record in records(conn, legal_entity_id, from_on=datetime.date.min, until_on=datetime.date.max):
        yield from reader.read(record)
    head = conn.execute(select(taking_chain).where(taking_chain.c.legal_entity_id == legal_entity_id)).one_or_none()
    if head is not None and (head.last_number, head.last_hash) != (reader.number, reader.hash):
        yield Fault("the end", f"{head.last_number} takings were recorded, the last of those here is {reader.number}")


def write_archive(
    conn: Connection,
    keyring: Keyring,
    path: Path,
    *,
    legal_entity_id: int,
    from_on: datetime.date,
    until_on: datetime.date,
) -> int:
    """Write the record of [from_on, until_on) to `path`, signed; how many records."""
    name = conn.execute(select(legal_entity.c.name).where(legal_entity.c.id == legal_entity_id)).scalar_one()
    start = start_of(conn, legal_entity_id, from_on)
    head = {
        "form": _FORM,
        "legal_entity_id": legal_entity_id,
        "legal_entity": name,
        "until_on": until_on.isoformat(),
        "start": {**asdict(start), "from_on": from_on.isoformat()},
    }
    digest, count = hashlib.sha256(), 0
    with path.open("wb") as file:

        def write(kind: str, body: dict[str, Any]) -> None:
            line = json.dumps({kind: body}, sort_keys=True, ensure_ascii=False).encode() + b"\n"
            digest.update(line)
            file.write(line)

        write("archive", head)
        for record in records(conn, legal_entity_id, from_on=from_on, until_on=until_on):
            write("taking" if isinstance(record, Taking) else "closure", body_of(record))
            count += 1
        key = archive_key(keyring)
        seal = {"kid": key.kid, "ed25519": key.private.sign(digest.digest()).hex()}
        file.write(json.dumps({"signature": seal}, sort_keys=True).encode() + b"\n")
    return count


def read_archive(path: Path, public_key: bytes) -> int:
    """Check signature and chain of an archive; how many records. Raises TakingsBrokenError at the first fault.

    `public_key`: 32 bytes of the installation that wrote it, kept apart from the archive.
    """
    digest = hashlib.sha256()
    reader: Reader | None = None
    count, signature = 0, None
    with path.open("rb") as file:
        for line in file:
            if signature is not None:
                raise TakingsBrokenError(f"{path.name} goes on after its signature")
            kind, body = _line(path, line)
            if kind == "signature":
                signature = bytes.fromhex(body["ed25519"])
                continue
            digest.update(line)
            if kind == "archive":
                start = body["start"]
                reader = Reader(Start(**{**start, "from_on": datetime.date.fromisoformat(start["from_on"])}))
                continue
            if reader is None:
                raise TakingsBrokenError(f"{path.name} has no head")
            for fault in reader.read(_taking(body) if kind == "taking" else _closure(body)):
                raise TakingsBrokenError(f"{path.name}: {fault.where} {fault.what}")
            count += 1
    if signature is None:
        raise TakingsBrokenError(f"{path.name} has no signature: it was cut off, or never finished")
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, digest.digest())
    except InvalidSignature:
        raise TakingsBrokenError(f"{path.name} is not what was signed, or was signed by another installation") from None
    return count


def _closures_before(conn: Connection, legal_entity_id: int, day: datetime.date) -> int:
    """The number of the last closure of a period that was over before `day`; 0: there is none."""
    column = taking_closure.c
    last = conn.execute(
        select(column.number, column.first_on)
        .where(column.legal_entity_id == legal_entity_id, column.kind == ClosureKind.DAY, column.first_on < day)
        .order_by(column.number.desc())
        .limit(1)
    ).one_or_none()
    if last is None:
        return 0
    number: int = last.number
    return number + len(list(periods_closed(last.first_on))) - 1  # the month and the year that ended with that day


def _line(path: Path, line: bytes) -> tuple[str, dict[str, Any]]:
    try:
        [(kind, body)] = json.loads(line).items()
    except ValueError as error:
        raise TakingsBrokenError(f"{path.name} has a line that is none of an archive: {error}") from None
    return kind, body


def _taking(row: dict[str, Any]) -> Taking:
    return Taking(**{**_plain(row), "taken_on": _day(row["taken_on"])})


def _closure(row: dict[str, Any]) -> Closure:
    return Closure(**{**_plain(row), "first_on": _day(row["first_on"]), "kind": ClosureKind(row["kind"])})


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in _NOT_RECORD}


def _day(value: datetime.date | str) -> datetime.date:
    return value if isinstance(value, datetime.date) else datetime.date.fromisoformat(value)
