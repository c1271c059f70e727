"""Finds what each line of the bank is, and moves the money in the ledger from where it was under way to the bank.

1. A line is explained once its matches come to its amount, to the cent; the rest stays on the list.
2. A debit of ours is known by its key, a file's by the file's name for its day, a payout by amount and day.
3. What the ledger has at the bank already is matched if one entry alone fits, or one alone of the payer's name.
4. Nothing is guessed: of two that fit alike none is taken, and a person sees both.
5. A line whose explanation somebody took back is looked at by people only: the rule that was wrong would be so again.
"""

import datetime
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, ScalarSelect, Select, String, case, cast, func, literal, or_, select, union_all

from portillon_cloud.database import Database
from portillon_cloud.database.rows import insert_one
from portillon_cloud.ledger import Entry, LedgerCode, Posting, post
from portillon_cloud.ledger.books import account_ids
from portillon_cloud.ledger.periods import closed_through
from portillon_cloud.ledger.tables import ledger_entry, posting
from portillon_cloud.members.tables import account
from portillon_cloud.payments.return_tables import ReturnKind, payment_return
from portillon_cloud.payments.sepa.decisions import debits_of_batch
from portillon_cloud.payments.sepa.tables import DebitState, RefundState, sepa_debit, sepa_refund
from portillon_cloud.payments.tables import Means, payment
from portillon_cloud.reconciliation.rule import FROM, Rule
from portillon_cloud.reconciliation.tables import bank_line, bank_match, bank_match_undone, provider_payout

MATCHED = "bank_match"
"""Kind of the ledger's entries made here; the source is the match."""
UNDONE = "bank_match_undone"
"""Kind of the entries that move back what a wrong explanation had moved; the source is its undoing."""
BY_RULE = "bank"
LINES_PER_RUN = 10_000
NEAR = datetime.timedelta(days=7)
_CAME = (DebitState.SUCCEEDED, DebitState.RETURNED)

STANDS = ~select(bank_match_undone.c.id).where(bank_match_undone.c.bank_match_id == bank_match.c.id).exists()
"""The condition on a match that nobody took back."""

_RETURN = payment_return.c
_MISTAKEN = union_all(
    *(
        select(
            _RETURN.organisation_id, literal(kind).label("kind"), cast(of, String).label("source"), _RETURN.payment_id
        ).where(_RETURN.kind == ReturnKind.MISTAKEN)
        for kind, of in (("payment", _RETURN.payment_id), ("payment_return", _RETURN.id))
    )
).subquery("mistaken")
"""Entries of transfers that were taken for somebody else's, and those that take them back: no line is either."""

Line = Row[tuple[object, ...]]


def match_lines(db: Database, organisation_id: int, legal_entity_id: int, *, now_ms: int) -> int:
    """Look at every line that is not explained; how many are now."""
    with db.read() as conn:
        line_ids = [one.id for one in open_lines(conn, organisation_id, legal_entity_id, limit=LINES_PER_RUN)]
    found = 0
    for line_id in line_ids:
        with db.write() as conn:
            line = lock_line(conn, organisation_id, line_id)
            if line is not None and line.left_minor:
                _match(conn, line, now_ms)
                found += left_minor(conn, line) == 0
    return found


def open_lines(conn: Connection, organisation_id: int, legal_entity_id: int, *, limit: int) -> Sequence[Line]:
    """Lines of which something is not explained, the newest first; `left_minor` is how much."""
    query = _lines(organisation_id).where(bank_line.c.legal_entity_id == legal_entity_id)
    return conn.execute(
        query.where(bank_line.c.amount_minor != _matched())
        .order_by(bank_line.c.booked_on.desc(), bank_line.c.id.desc())
        .limit(limit)
    ).all()


def lock_line(conn: Connection, organisation_id: int, line_id: int) -> Line | None:
    """One line, held against another who would explain it; None: there is none."""
    mine = (bank_line.c.id == line_id, bank_line.c.organisation_id == organisation_id)
    conn.execute(select(bank_line.c.id).where(*mine).with_for_update())
    return conn.execute(_lines(organisation_id).where(bank_line.c.id == line_id)).one_or_none()


def left_minor(conn: Connection, line: Line) -> int:
    """What of a line is not explained now."""
    return int(
        conn.execute(select(bank_line.c.amount_minor - _matched()).where(bank_line.c.id == line.id)).scalar_one()
    )


def add_match(
    conn: Connection,
    line: Line,
    rule: Rule,
    subject: str,
    amount_minor: int,
    *,
    now_ms: int,
    by: str = BY_RULE,
    reason: str | None = None,
) -> None:
    """Write what a line, or a part of it, is; once per subject. The caller holds the line."""
    of_subject = (bank_match.c.organisation_id == line.organisation_id, bank_match.c.subject == subject)
    generation = conn.execute(select(func.count()).select_from(bank_match).where(*of_subject, ~STANDS)).scalar_one()
    match_id = insert_one(
        conn,
        bank_match,
        organisation_id=line.organisation_id,
        bank_line_id=line.id,
        rule=rule,
        subject=subject,
        generation=generation,
        amount_minor=amount_minor,
        matched_at_ms=now_ms,
        matched_by=by,
        reason=reason,
    )
    move(conn, line, rule, amount_minor, kind=MATCHED, source=str(match_id), now_ms=now_ms)


def move(conn: Connection, line: Line, rule: Rule, amount_minor: int, *, kind: str, source: str, now_ms: int) -> None:
    """Post what this much of a line, being that, moves; the negative moves it back. A closed month: on its morrow."""
    code = FROM.get(rule)
    if code is None:
        return
    closed_on = closed_through(conn, line.legal_entity_id)
    first_open_on = line.booked_on if closed_on is None else closed_on + datetime.timedelta(days=1)
    posted = (
        Posting(LedgerCode.BANK, code, amount_minor)
        if amount_minor > 0
        else Posting(code, LedgerCode.BANK, -amount_minor)
    )
    post(
        conn,
        Entry(kind=kind, source=source, occurred_on=max(line.booked_on, first_open_on), postings=(posted,)),
        organisation_id=line.organisation_id,
        legal_entity_id=line.legal_entity_id,
        currency=line.currency,
        recorded_at_ms=now_ms,
    )


def entries_at_bank(
    conn: Connection,
    line: Line,
    *,
    from_on: datetime.date,
    through_on: datetime.date,
) -> Sequence[Line]:
    """What the ledger has at the bank of these days, and no line told of yet: id, day, amount, means, payer."""
    return conn.execute(
        unseen(conn, line.organisation_id, line.legal_entity_id, line.currency)
        .where(ledger_entry.c.occurred_on.between(from_on, through_on), _MISTAKEN.c.payment_id.is_(None))
        .order_by(ledger_entry.c.occurred_on, ledger_entry.c.id)
    ).all()


def unseen(conn: Connection, organisation_id: int, legal_entity_id: int, currency: str) -> Select[Any]:
    """A query of the entries that moved the bank's account in the ledger, and that no line is matched to.

    `mistaken`: the payment that was taken for somebody else's, in its own entry and in the one that takes it back.
    """
    bank = account_ids(conn, legal_entity_id=legal_entity_id, currency=currency)[LedgerCode.BANK]
    signed = func.sum(case((posting.c.debit_account_id == bank, posting.c.amount_minor), else_=-posting.c.amount_minor))
    seen = (
        select(bank_match.c.id)
        .where(
            bank_match.c.organisation_id == organisation_id,
            bank_match.c.subject == literal("entry ") + cast(ledger_entry.c.id, String),
            STANDS,
        )
        .exists()
    )
    taken = (
        select(payment.c.id, payment.c.means, account.c.name, cast(payment.c.id, String).label("source"))
        .join(account, account.c.id == payment.c.account_id)
        .where(payment.c.organisation_id == organisation_id)
        .subquery("taken")
    )
    return (
        select(
            ledger_entry.c.id,
            ledger_entry.c.occurred_on,
            ledger_entry.c.kind,
            signed.label("amount_minor"),
            taken.c.means,
            taken.c.name,
            _MISTAKEN.c.payment_id.label("mistaken"),
        )
        .join(posting, posting.c.entry_id == ledger_entry.c.id)
        .outerjoin(taken, (ledger_entry.c.kind == "payment") & (taken.c.source == ledger_entry.c.source))
        .outerjoin(
            _MISTAKEN,
            (_MISTAKEN.c.organisation_id == organisation_id)
            & (_MISTAKEN.c.kind == ledger_entry.c.kind)
            & (_MISTAKEN.c.source == ledger_entry.c.source),
        )
        .where(
            ledger_entry.c.organisation_id == organisation_id,
            ledger_entry.c.legal_entity_id == legal_entity_id,
            ledger_entry.c.kind.not_in((MATCHED, UNDONE)),
            or_(posting.c.debit_account_id == bank, posting.c.credit_account_id == bank),
            ~seen,
        )
        .group_by(
            ledger_entry.c.id,
            ledger_entry.c.occurred_on,
            ledger_entry.c.kind,
            taken.c.means,
            taken.c.name,
            _MISTAKEN.c.payment_id,
        )
    )


def _match(conn: Connection, line: Line, now_ms: int) -> None:
    if line.left_minor != line.amount_minor or _was_taken_back(conn, line):
        return  # a person began with it
    for attempt in (_debit, _refund, _batch, _payout, _booked, _terminal):
        if attempt(conn, line, now_ms):
            return


def _debit(conn: Connection, line: Line, now_ms: int) -> bool:
    if line.debit_key is None:
        return False
    column = sepa_debit.c
    debit = conn.execute(
        select(sepa_debit).where(
            column.attempt_key == line.debit_key,
            column.organisation_id == line.organisation_id,
            column.legal_entity_id == line.legal_entity_id,
            column.file_id.is_not(None),
        )
    ).one_or_none()
    if debit is None:
        return False
    if line.amount_minor > 0:
        subject = f"debit {line.debit_key}"
        if line.amount_minor != debit.amount_minor or _is_found(conn, line, subject):
            return False
        add_match(conn, line, Rule.DEBIT, subject, line.amount_minor, now_ms=now_ms)
        return True
    subject = f"return {line.debit_key}"
    fee_minor = -line.amount_minor - debit.amount_minor
    if debit.state not in (DebitState.RETURNED, DebitState.REFUSED) or _is_found(conn, line, subject):
        return False
    if fee_minor not in (0, line.fee_minor):
        return False
    add_match(conn, line, Rule.RETURNED, subject, -debit.amount_minor, now_ms=now_ms)
    if fee_minor:
        add_match(conn, line, Rule.FEE, f"fee {line.id}", -fee_minor, now_ms=now_ms)
    return True


def _refund(conn: Connection, line: Line, now_ms: int) -> bool:
    if line.debit_key is None:
        return False
    column = sepa_refund.c
    sent = conn.execute(
        select(sepa_refund).where(
            column.refund_key == line.debit_key,
            column.organisation_id == line.organisation_id,
            column.legal_entity_id == line.legal_entity_id,
            column.file_id.is_not(None),
            column.amount_minor == func.abs(line.amount_minor),
        )
    ).one_or_none()
    rule = Rule.REFUND if line.amount_minor < 0 else Rule.REFUND_BACK
    subject = f"{rule} {line.debit_key}"
    if sent is None or (rule is Rule.REFUND_BACK and sent.state != RefundState.FAILED):
        return False
    if _is_found(conn, line, subject):
        return False
    add_match(conn, line, rule, subject, line.amount_minor, now_ms=now_ms)
    return True


def _batch(conn: Connection, line: Line, now_ms: int) -> bool:
    if line.batch is None or line.amount_minor < 0:
        return False
    debits = debits_of_batch(conn, line.organisation_id, line.batch)
    came_minor = sum(one.amount_minor for one in debits if one.state in _CAME)
    subject = f"batch {line.batch}"
    if came_minor != line.amount_minor or _is_found(conn, line, subject):
        return False
    add_match(conn, line, Rule.BATCH, subject, line.amount_minor, now_ms=now_ms)
    return True


def _payout(conn: Connection, line: Line, now_ms: int) -> bool:
    column = provider_payout.c
    rows = conn.execute(
        select(column.id).where(
            column.organisation_id == line.organisation_id,
            column.legal_entity_id == line.legal_entity_id,
            column.currency == line.currency,
            column.amount_minor == line.amount_minor,
            column.arrives_on.between(line.booked_on - NEAR, line.booked_on + NEAR),
        )
    )
    subjects = [f"payout {row.id}" for row in rows]
    fitting = [one for one in subjects if not _is_found(conn, line, one)]
    if len(fitting) != 1:
        return False
    add_match(conn, line, Rule.PAYOUT, fitting[0], line.amount_minor, now_ms=now_ms)
    return True


def _booked(conn: Connection, line: Line, now_ms: int) -> bool:
    entries = entries_at_bank(conn, line, from_on=line.booked_on - NEAR, through_on=line.booked_on + NEAR)
    fitting = [one for one in entries if one.amount_minor == line.amount_minor]
    if len(fitting) > 1:
        fitting = [one for one in fitting if one.name is not None and is_named(line, one.name)]
    if len(fitting) != 1:
        return False
    add_match(conn, line, Rule.BOOKED, f"entry {fitting[0].id}", line.amount_minor, now_ms=now_ms)
    return True


def _terminal(conn: Connection, line: Line, now_ms: int) -> bool:
    if line.amount_minor < 0:
        return False
    entries = entries_at_bank(conn, line, from_on=line.booked_on - NEAR, through_on=line.booked_on)
    by_terminal = [one for one in entries if one.means == Means.TERMINAL]
    days = [list(of_day) for _, of_day in groupby(by_terminal, key=lambda one: one.occurred_on)]
    fitting = [day for day in days if sum(one.amount_minor for one in day) == line.amount_minor]
    if len(fitting) != 1:
        return False
    for one in fitting[0]:
        add_match(conn, line, Rule.TERMINAL, f"entry {one.id}", int(one.amount_minor), now_ms=now_ms)
    return True


def is_named(line: Line, name: str) -> bool:
    """Whether every part of a name stands in what the bank wrote."""
    written = f"{line.counterparty} {line.text}".casefold().split()
    return all(part in written for part in name.casefold().split())


def _is_found(conn: Connection, line: Line, subject: str) -> bool:
    return (
        conn.scalar(
            select(bank_match.c.id).where(
                bank_match.c.organisation_id == line.organisation_id, bank_match.c.subject == subject, STANDS
            )
        )
        is not None
    )


def _was_taken_back(conn: Connection, line: Line) -> bool:
    return (
        conn.scalar(select(bank_match.c.id).where(bank_match.c.bank_line_id == line.id, ~STANDS).limit(1)) is not None
    )


def _matched() -> ScalarSelect[Any]:
    return (
        select(func.coalesce(func.sum(bank_match.c.amount_minor), 0))
        .where(bank_match.c.bank_line_id == bank_line.c.id, STANDS)
        .scalar_subquery()
    )


def _lines(organisation_id: int) -> Select[Any]:
    return select(bank_line, (bank_line.c.amount_minor - _matched()).label("left_minor")).where(
        bank_line.c.organisation_id == organisation_id
    )
