"""Disputes as people see them: the one thing to do, until when, and what happened so far."""

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, ScalarSelect, and_, case, func, select, true

from portillon_cloud.members.tables import account
from portillon_cloud.payments.disputes.errors import UnknownDisputeError
from portillon_cloud.payments.disputes.tables import (
    TO_ANSWER,
    StepKind,
    dispute,
    dispute_document,
    dispute_evidence,
    dispute_fee,
    dispute_step,
)
from portillon_cloud.payments.inbox.news import DisputeState

MOST = 200


class ToDo(StrEnum):
    """The one thing to do about a dispute."""

    ANSWER = "answer"  # write to the bank, before the day
    PAY_BACK_OR_ANSWER = "pay_back_or_answer"  # it only asks: paying back may prevent the dispute
    WAIT = "wait"  # the bank reads what was written
    CLEAR = "clear"  # lost: look at the account, and let it go on
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What happened, when, by whom, and why if a person said so."""

    kind: StepKind
    at_ms: int
    by: str
    note: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a person wrote to the bank."""

    text: str
    documents: tuple[str, ...]
    files: tuple[str, ...]  # names of those handed in whole
    by: str
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeLine:
    """One dispute. `answer_by_ms`: until when the bank hears an answer; None: it hears none. `fee_minor`: so far."""

    id: int
    account_id: int
    who: str
    payment_id: int
    amount_minor: int
    fee_minor: int
    currency: str
    reason: str
    state: DisputeState
    debit: bool
    opened_at_ms: int
    answer_by_ms: int | None
    to_do: ToDo


def disputes(conn: Connection, organisation_id: int, *, account_id: int | None = None) -> list[DisputeLine]:
    """What is to be done first, by its day; then the newest. At most MOST. `account_id`: of this account alone."""
    column = dispute.c
    to_clear = and_(column.state == DisputeState.LOST, column.cleared_at_ms.is_(None), column.debit.is_(False))
    day = case((TO_ANSWER, column.answer_by_ms))
    rows = conn.execute(
        select(dispute, account.c.name, fee_minor().label("fee_minor"))
        .join(account, account.c.id == column.account_id)
        .where(
            column.organisation_id == organisation_id, true() if account_id is None else column.account_id == account_id
        )
        .order_by(case((TO_ANSWER, 0), (to_clear, 1), else_=2), day.is_(None), day, column.id.desc())
        .limit(MOST)
    )
    return [
        DisputeLine(
            id=row.id,
            account_id=row.account_id,
            who=row.name,
            payment_id=row.payment_id,
            amount_minor=row.amount_minor,
            fee_minor=int(row.fee_minor),
            currency=row.currency,
            reason=row.reason,
            state=DisputeState(row.state),
            debit=row.debit,
            opened_at_ms=row.opened_at_ms,
            answer_by_ms=row.answer_by_ms,
            to_do=_to_do(DisputeState(row.state), debit=row.debit, cleared=row.cleared_at_ms is not None),
        )
        for row in rows
    ]


def fee_minor() -> ScalarSelect[Any]:
    """What the provider has kept for a dispute so far, beside each row of it."""
    kept = func.coalesce(func.sum(dispute_fee.c.fee_minor), 0)
    return select(kept).where(dispute_fee.c.dispute_id == dispute.c.id).scalar_subquery()


def to_answer(conn: Connection, organisation_id: int) -> tuple[int, int | None]:
    """How many disputes wait for a person to answer, and the first day by which (None: no bank says)."""
    row = conn.execute(
        select(func.count(), func.min(dispute.c.answer_by_ms)).where(
            dispute.c.organisation_id == organisation_id, TO_ANSWER, dispute.c.debit.is_(False)
        )
    ).one()
    return int(row[0]), row[1]


def steps_of(conn: Connection, organisation_id: int, dispute_id: int) -> list[Step]:
    """What happened to one dispute, the first first. Raises UnknownDisputeError."""
    column = dispute_step.c
    rows = conn.execute(
        select(dispute_step)
        .where(column.organisation_id == organisation_id, column.dispute_id == dispute_id)
        .order_by(column.id)
    )
    steps = [Step(kind=StepKind(row.kind), at_ms=row.at_ms, by=row.noted_by, note=row.note) for row in rows]
    if not steps:  # each begins with one
        raise UnknownDisputeError(f"organisation {organisation_id} has no dispute {dispute_id}")
    return steps


def said_of(conn: Connection, organisation_id: int, dispute_id: int) -> list[Said]:
    """What people wrote to the bank about one dispute."""
    column, whole = dispute_evidence.c, dispute_document.c
    files: defaultdict[int, list[str]] = defaultdict(list)
    for one in conn.execute(
        select(whole.dispute_evidence_id, whole.name)
        .join(dispute_evidence, column.id == whole.dispute_evidence_id)
        .where(whole.organisation_id == organisation_id, column.dispute_id == dispute_id)
        .order_by(whole.id)
    ):
        files[one.dispute_evidence_id].append(one.name)
    rows = conn.execute(
        select(dispute_evidence)
        .where(column.organisation_id == organisation_id, column.dispute_id == dispute_id)
        .order_by(column.id)
    )
    return [
        Said(
            text=row.text,
            documents=tuple(row.documents),
            files=tuple(files.get(row.id, ())),
            by=row.given_by,
            at_ms=row.given_at_ms,
        )
        for row in rows
    ]


def _to_do(state: DisputeState, *, debit: bool, cleared: bool) -> ToDo:
    if debit:
        return ToDo.NOTHING  # its bank hears nobody; it is collected like any other debt
    if state is DisputeState.LOST:
        return ToDo.NOTHING if cleared else ToDo.CLEAR
    return {
        DisputeState.INQUIRY: ToDo.PAY_BACK_OR_ANSWER,
        DisputeState.OPEN: ToDo.ANSWER,
        DisputeState.INQUIRY_ANSWERED: ToDo.WAIT,
        DisputeState.ANSWERED: ToDo.WAIT,
    }.get(state, ToDo.NOTHING)
