"""Files for the accountant, by name: what a page links to and what the API answers."""

import datetime
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection

from portillon_cloud.accounting.e_reporting import PaidDay, SoldDay, paid, require_french, sold
from portillon_cloud.accounting.errors import ExportRefusedError
from portillon_cloud.accounting.fec import ENCODING, description, fec_lines, file_name, lines_of_customers
from portillon_cloud.accounting.fec_source import entries, opening, siren_of
from portillon_cloud.accounting.lettering import settled
from portillon_cloud.ledger.periods import Book
from portillon_cloud.reports.csv_sheet import csv_sheet

DAYS_MOST = 24 * 31
"""A firm's first year may be long; no file is of more."""
_IN_MEMORY_BYTES = 8_000_000
_READ_BYTES = 1 << 16


class Export(StrEnum):
    """What an accountant can take away."""

    FEC = "fec"  # the year's book, as France's tax office reads it
    FEC_DESCRIPTION = "fec-description"  # what the law wants told with it
    SALES_BY_DAY = "sales-by-day"
    PAYMENTS_BY_DAY = "payments-by-day"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFile:
    """Its name, what it is, and its bytes piece by piece."""

    name: str
    media_type: str
    content: Iterator[bytes]


def export(
    conn: Connection, book: Book, what: Export, *, from_on: datetime.date, through_on: datetime.date
) -> ExportFile:
    """Read all of it now, to a temporary file if it is large. Raises ExportRefusedError."""
    days = (through_on - from_on).days + 1
    if not 1 <= days <= DAYS_MOST:
        raise ExportRefusedError(f"a file is of 1 to {DAYS_MOST} days, not of {from_on} to {through_on}")
    if what in (Export.FEC, Export.FEC_DESCRIPTION):
        name = file_name(siren_of(conn, book), through_on)
        if what is Export.FEC_DESCRIPTION:
            text = description(name).encode(ENCODING)
            return ExportFile(name=f"description-{name}", media_type=_TEXT, content=iter([text]))
        return ExportFile(name=name, media_type=_TEXT, content=_kept(_fec(conn, book, from_on, through_on)))
    require_french(conn, book)
    if what is Export.SALES_BY_DAY:
        text_of_rows = csv_sheet(sold(conn, book, from_on=from_on, through_on=through_on), SoldDay, book.currency)
    else:
        text_of_rows = csv_sheet(paid(conn, book, from_on=from_on, through_on=through_on), PaidDay, book.currency)
    # A spreadsheet takes UTF-8 for what it is only when the file begins with its mark.
    return ExportFile(
        name=f"{what.value}-{from_on}-{through_on}.csv",
        media_type="text/csv; charset=utf-8",
        content=iter(["\ufeff".encode() + text_of_rows.encode()]),
    )


def _fec(conn: Connection, book: Book, from_on: datetime.date, through_on: datetime.date) -> Iterator[bytes]:
    """Read twice: a line's letter is known once it is settled, and no year has to lie in memory for that."""
    before = list(opening(conn, book, before=from_on))
    letters = settled(
        lines_of_customers(before, entries(conn, book, from_on=from_on, through_on=through_on), from_on=from_on)
    )
    found = entries(conn, book, from_on=from_on, through_on=through_on)
    return fec_lines(before, found, from_on=from_on, letters=letters)


_TEXT = f"text/plain; charset={ENCODING}"


def _kept(lines: Iterator[bytes]) -> Iterator[bytes]:
    """All lines, read before the first is given: whoever fetches slowly holds no transaction open."""
    file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115 - closed by whoever reads it
    file.writelines(lines)
    file.seek(0)

    def read() -> Iterator[bytes]:
        with file:
            while part := file.read(_READ_BYTES):
                yield part

    return read()
