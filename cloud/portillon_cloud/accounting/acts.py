"""Who did what to money, contracts and connections, when and why: one log, read from the rows of the acts.

Those rows never change, and nothing is written twice, so the log cannot say anything else than what was done.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Column, Connection, Select, Text, and_, cast, literal, null, or_, select, true, union_all
from sqlalchemy.sql.elements import ColumnElement

from portillon_cloud.access.tables import grace_given
from portillon_cloud.billing.tables import billing_doubt, doubt_settled, event_withdrawal, subscription_event
from portillon_cloud.desk.tables import payment_plan
from portillon_cloud.dunning.tables import dunning_promise
from portillon_cloud.ledger.tables import accounting_close, manual_entry
from portillon_cloud.payments.disputes.tables import StepKind, dispute_evidence, dispute_step
from portillon_cloud.payments.provider_account_tables import provider_account_act
from portillon_cloud.payments.questions.tables import invoice_question, question_answer
from portillon_cloud.payments.refunding.tables import payout_paid
from portillon_cloud.payments.return_tables import ReturnKind, payment_return
from portillon_cloud.payments.tables import payment, payout, write_off
from portillon_cloud.reconciliation.tables import bank_match_undone
from portillon_cloud.webhooks.tables import webhook_endpoint_act


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """`what`: the kind of act. `subject`: of what, as '<table> <id>'. `detail`: a day, a kind or an invoice."""

    at_ms: int
    by: str
    what: str
    subject: str
    detail: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Before:
    """Where a page ended: what comes next is older, or as old and of an earlier name."""

    at_ms: int
    subject: str


def acts(conn: Connection, organisation_id: int, *, limit: int, before: Before | None = None) -> Sequence[Act]:
    """The newest first."""
    log = union_all(*_sources(organisation_id)).subquery("log")
    column = log.c
    older: ColumnElement[bool] = (
        true()
        if before is None
        else or_(column.at_ms < before.at_ms, and_(column.at_ms == before.at_ms, column.subject < before.subject))
    )
    rows = conn.execute(select(log).where(older).order_by(column.at_ms.desc(), column.subject.desc()).limit(limit))
    return [
        Act(at_ms=row.at_ms, by=row.by, what=row.what, subject=row.subject, detail=row.detail, reason=row.reason)
        for row in rows
    ]


def _sources(organisation_id: int) -> Iterator[Select[Any]]:
    act = partial(_row, organisation_id)
    event, gone, settled, doubt = subscription_event.c, event_withdrawal.c, doubt_settled.c, billing_doubt.c
    closed, lost, back, said, taken = accounting_close.c, write_off.c, payout.c, manual_entry.c, payment.c
    yield act(event.recorded_at_ms, event.recorded_by, event.kind, event.id, event.holds_from_on, event.reason)
    yield act(gone.withdrawn_at_ms, gone.withdrawn_by, literal("withdrawn"), gone.event_id)
    yield act(
        settled.settled_at_ms, settled.settled_by, literal("unparked"), settled.doubt_id, doubt.code, settled.note
    ).join(billing_doubt, doubt.id == settled.doubt_id)
    yield act(
        closed.closed_at_ms,
        closed.closed_by,
        literal("book_closed_through"),
        closed.id,
        closed.through_on,
        closed.reason,
    )
    yield act(
        lost.written_off_at_ms, lost.written_off_by, literal("written_off"), lost.id, lost.invoice_id, lost.reason
    )
    yield act(back.asked_at_ms, back.asked_by, literal("credit_paid_back"), back.id, back.account_id, back.reason)
    yield act(said.recorded_at_ms, said.recorded_by, said.kind, said.id, said.occurred_on, said.reason)
    yield act(taken.received_at_ms, taken.taken_by, literal("payment_taken"), taken.id, taken.means).where(
        taken.taken_by.is_not(None)
    )
    grace, plan, word, bad = grace_given.c, payment_plan.c, dunning_promise.c, payment_return.c
    yield act(grace.given_at_ms, grace.given_by, literal("grace_given"), grace.id, grace.account_id, grace.reason)
    yield act(plan.agreed_at_ms, plan.agreed_by, literal("plan_agreed"), plan.id, plan.account_id, plan.reason)
    yield act(word.taken_at_ms, word.taken_by, literal("promise_taken"), word.id, word.pay_on)
    yield act(bad.returned_at_ms, bad.noted_by, literal("cheque_bounced"), bad.id, bad.account_id, bad.code).where(
        bad.kind == ReturnKind.BOUNCED
    )
    paid, wrote, step = payout_paid.c, dispute_evidence.c, dispute_step.c
    yield act(paid.paid_at_ms, paid.paid_by, literal("paid_out"), paid.id, paid.account_id).where(
        paid.refund_attempt_id.is_(None)
    )
    yield act(wrote.given_at_ms, wrote.given_by, literal("dispute_answered"), wrote.dispute_id)
    yield act(step.at_ms, step.noted_by, literal("dispute_cleared"), step.dispute_id, reason=step.note).where(
        step.kind == StepKind.CLEARED
    )
    wrong = bank_match_undone.c
    yield act(wrong.undone_at_ms, wrong.undone_by, literal("bank_line_opened"), wrong.id, reason=wrong.reason)
    asks, told = invoice_question.c, question_answer.c
    yield act(asks.asked_at_ms, asks.noted_by, literal("question_noted"), asks.id, asks.invoice_id, asks.text)
    yield act(told.answered_at_ms, told.answered_by, literal("question_answered"), told.question_id, reason=told.text)
    key, hook = provider_account_act.c, webhook_endpoint_act.c
    entered, added = (literal(prefix) + kind for prefix, kind in (("account_", key.kind), ("endpoint_", hook.kind)))
    yield act(key.at_ms, key.done_by, entered, key.id, key.secret_last4)
    yield act(hook.at_ms, hook.done_by, added, hook.id, hook.host)


def _row(
    organisation_id: int,
    at_ms: Column[Any],
    by: Column[Any],
    what: ColumnElement[Any],
    subject: Column[Any],
    detail: ColumnElement[Any] | None = None,
    reason: ColumnElement[Any] | None = None,
) -> Select[Any]:
    table = at_ms.table
    return select(
        at_ms.label("at_ms"),
        by.label("by"),
        cast(what, Text).label("what"),
        (literal(f"{table.name} ") + cast(subject, Text)).label("subject"),
        cast(null() if detail is None else detail, Text).label("detail"),
        cast(null() if reason is None else reason, Text).label("reason"),
    ).where(table.c.organisation_id == organisation_id)
