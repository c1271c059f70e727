"""An explanation that was wrong is taken back: by a person, with a reason, as a record of its own; nothing is deleted.

1. All that explains the line goes at once, and what it had moved in the ledger is moved back.
2. What the bank itself said by our own reference stands: nobody takes that back.
3. A transfer that was taken for somebody else's is taken back from them: what it had paid is owed again.
4. What the line was taken for is free to explain another line; this line waits for a person.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Row, func, select

from portillon_cloud.database.rows import insert_one
from portillon_cloud.ledger import LedgerCode
from portillon_cloud.ledger.periods import Book
from portillon_cloud.ledger.tables import ledger_entry
from portillon_cloud.payments.return_tables import ReturnKind
from portillon_cloud.payments.returns import TakenBack, take_back
from portillon_cloud.reconciliation.errors import LineExplainedError, SaidByBankError, UnknownBankLineError
from portillon_cloud.reconciliation.matching import BY_RULE, STANDS, UNDONE, Line, lock_line, move
from portillon_cloud.reconciliation.rule import SAID_BY_THE_BANK, Rule
from portillon_cloud.reconciliation.tables import bank_line, bank_match, bank_match_undone

Match = Row[tuple[object, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """A line that something explains. `by` None: a rule did; `final`: the bank itself said it."""

    line: Line
    rule: Rule
    by: str | None
    reason: str | None
    final: bool


def take_explanation_back(
    conn: Connection, organisation_id: int, line_id: int, *, by: str, reason: str, now_ms: int
) -> None:
    """What explains the line is wrong: it is open again. Raises UnknownBankLineError, LineExplainedError (nothing
    explains it), SaidByBankError."""
    line = lock_line(conn, organisation_id, line_id)
    if line is None:
        raise UnknownBankLineError(f"your organisation has no bank line {line_id}")
    standing = conn.execute(
        select(bank_match).where(bank_match.c.bank_line_id == line_id, STANDS).order_by(bank_match.c.id)
    ).all()
    if not standing:
        raise LineExplainedError(f"nothing explains line {line_id}: there is nothing to take back")
    if any(Rule(one.rule) in SAID_BY_THE_BANK for one in standing):
        raise SaidByBankError(f"line {line_id} was told by the bank under our own reference: that stands")
    for one in standing:
        undone_id = insert_one(
            conn,
            bank_match_undone,
            organisation_id=organisation_id,
            bank_match_id=one.id,
            undone_at_ms=now_ms,
            undone_by=by,
            reason=reason,
        )
        move(conn, line, Rule(one.rule), -one.amount_minor, kind=UNDONE, source=str(undone_id), now_ms=now_ms)
        if Rule(one.rule) is Rule.TRANSFER:
            _take_payment_back(conn, organisation_id, one, by=by, reason=reason, now_ms=now_ms)


def explained_last(conn: Connection, book: Book, *, limit: int) -> Sequence[Explained]:
    """What was explained last, the newest first. A line of several parts is named by the first of them."""
    its = (
        select(
            bank_match.c.bank_line_id,
            func.min(bank_match.c.id).label("first_id"),
            func.max(bank_match.c.id).label("last_id"),
        )
        .where(bank_match.c.organisation_id == book.organisation_id, STANDS)
        .group_by(bank_match.c.bank_line_id)
        .subquery("its")
    )
    rows = conn.execute(
        select(bank_line, bank_match.c.rule, bank_match.c.matched_by, bank_match.c.reason)
        .join(its, its.c.bank_line_id == bank_line.c.id)
        .join(bank_match, bank_match.c.id == its.c.first_id)
        .where(
            bank_line.c.organisation_id == book.organisation_id,
            bank_line.c.legal_entity_id == book.legal_entity_id,
        )
        .order_by(its.c.last_id.desc())
        .limit(limit)
    )
    return [
        Explained(
            line=row,
            rule=Rule(row.rule),
            by=None if row.matched_by == BY_RULE else row.matched_by,
            reason=row.reason,
            final=Rule(row.rule) in SAID_BY_THE_BANK,
        )
        for row in rows
    ]


def _take_payment_back(
    conn: Connection, organisation_id: int, match: Match, *, by: str, reason: str, now_ms: int
) -> None:
    payment_id = conn.execute(
        select(ledger_entry.c.source).where(
            ledger_entry.c.organisation_id == organisation_id,
            ledger_entry.c.id == int(str(match.subject).removeprefix("entry ")),
        )
    ).scalar_one()
    told = TakenBack(
        organisation_id=organisation_id,
        payment_id=int(payment_id),
        kind=ReturnKind.MISTAKEN,
        code=reason,
        request_key=f"bank-match:{match.id}",
        by=by,
        out_of=LedgerCode.BANK,
    )
    take_back(conn, told, now_ms=now_ms)
