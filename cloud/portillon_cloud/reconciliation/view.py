"""Bank and book side by side: what the bank says, what the ledger says, and every cent of the difference by name."""

import datetime
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from portillon_cloud.ledger import LedgerCode, trial_balance
from portillon_cloud.ledger.periods import Book
from portillon_cloud.ledger.tables import ledger_entry
from portillon_cloud.reconciliation.matching import STANDS, Line, open_lines, unseen
from portillon_cloud.reconciliation.rule import Rule
from portillon_cloud.reconciliation.tables import bank_file, bank_line, bank_match

LINES_MAX = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """On the evening of the newest statement, in minor units.

    bank = book + open + noted - unseen + before: what no line explains yet, what is of no concern to the book, what the
    book has and the bank did not tell of, and what lay there before the first statement.
    """

    closing_on: datetime.date
    bank_minor: int
    book_minor: int
    open_minor: int
    noted_minor: int
    unseen_minor: int

    @property
    def before_minor(self) -> int:
        """What lay at the bank before the first statement that we have."""
        known_minor = self.book_minor + self.open_minor + self.noted_minor - self.unseen_minor
        return self.bank_minor - known_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """`standing` None: no statement yet. `under_way_minor`: taken by providers and direct debits, not at the bank."""

    standing: Standing | None
    under_way_minor: int
    lines: int
    explained: int
    open: Sequence[Line]
    unseen: Sequence[Line]


def reconciliation(conn: Connection, book: Book, *, limit: int = LINES_MAX) -> Reconciliation:
    """How far bank and book agree."""
    ours = (bank_line.c.organisation_id == book.organisation_id, bank_line.c.legal_entity_id == book.legal_entity_id)
    first_on, count = conn.execute(select(func.min(bank_line.c.booked_on), func.count()).where(*ours)).one()
    left = open_lines(conn, book.organisation_id, book.legal_entity_id, limit=limit)
    closing = conn.execute(
        select(bank_file.c.closing_on, bank_file.c.closing_minor)
        .where(
            bank_file.c.organisation_id == book.organisation_id,
            bank_file.c.legal_entity_id == book.legal_entity_id,
            bank_file.c.closing_on.is_not(None),
        )
        .order_by(bank_file.c.closing_on.desc(), bank_file.c.id.desc())
        .limit(1)
    ).one_or_none()
    missing: Sequence[Line] = []
    standing = None
    if closing is not None:
        from_on = first_on or closing.closing_on
        missing = conn.execute(
            unseen(conn, book.organisation_id, book.legal_entity_id, book.currency)
            .where(ledger_entry.c.occurred_on.between(from_on, closing.closing_on))
            .order_by(ledger_entry.c.occurred_on, ledger_entry.c.id)
        ).all()
        standing = _standing(conn, book, closing.closing_on, closing.closing_minor, missing)
    return Reconciliation(
        standing=standing,
        under_way_minor=_balance(conn, book, LedgerCode.PROVIDER_CLEARING, None),
        lines=count,
        explained=count - len(left),
        open=left,
        unseen=_of_concern(missing),
    )


def _standing(
    conn: Connection, book: Book, closing_on: datetime.date, bank_minor: int, missing: Sequence[Line]
) -> Standing:
    ours = (
        bank_line.c.organisation_id == book.organisation_id,
        bank_line.c.legal_entity_id == book.legal_entity_id,
        bank_line.c.booked_on <= closing_on,
    )
    told_minor = conn.execute(select(func.coalesce(func.sum(bank_line.c.amount_minor), 0)).where(*ours)).scalar_one()
    matches = select(func.coalesce(func.sum(bank_match.c.amount_minor), 0)).join(
        bank_line, bank_line.c.id == bank_match.c.bank_line_id
    )
    found_minor = conn.execute(matches.where(*ours, STANDS)).scalar_one()
    noted_minor = conn.execute(matches.where(*ours, STANDS, bank_match.c.rule == Rule.NOTED)).scalar_one()
    return Standing(
        closing_on=closing_on,
        bank_minor=bank_minor,
        book_minor=_balance(conn, book, LedgerCode.BANK, closing_on),
        open_minor=int(told_minor) - int(found_minor),
        noted_minor=int(noted_minor),
        unseen_minor=sum(int(one.amount_minor) for one in missing),
    )


def _of_concern(missing: Sequence[Line]) -> Sequence[Line]:
    """Without payments taken by mistake that were taken back by the same day: together they are nothing."""
    times = Counter(one.mistaken for one in missing if one.mistaken is not None)
    return [one for one in missing if times[one.mistaken] < 2]  # else: it and its return


def _balance(conn: Connection, book: Book, code: LedgerCode, until: datetime.date | None) -> int:
    rows = trial_balance(conn, legal_entity_id=book.legal_entity_id, currency=book.currency, until=until)
    return next((one.debit_minor - one.credit_minor for one in rows if one.code is code), 0)
