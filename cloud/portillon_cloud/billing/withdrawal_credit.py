"""The law's credit: what a contract's own way of counting keeps beyond what the law lets be kept.

It is taken back from the newest invoices first, line by line, on the day the contract ends: a day that no line bills
any more, so that what the engine wants billed stays as it is.
"""

import datetime
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, func, select

from portillon_cloud.billing.calendar import Period
from portillon_cloud.billing.credit_note import CreditDraft, draft_credit_note
from portillon_cloud.billing.credit_store import drafts_for
from portillon_cloud.billing.difference import Credit
from portillon_cloud.billing.span import Span
from portillon_cloud.billing.tables import credit_note_line, invoice_line

_GIVEN_BACK = {"en": "given back by law ({clause})", "fr": "rendu en vertu de la loi ({clause})"}


def standing(
    conn: Connection, subscription_id: int, *, since_on: datetime.date, on: datetime.date
) -> list[CreditDraft]:
    """What stands billed of the term that began on `since_on`: by invoice, as if all of it were taken back on `on`."""
    line, credit = invoice_line.c, credit_note_line.c
    taken = (
        select(func.coalesce(func.sum(credit.priced_minor), 0))
        .where(credit.invoice_line_id == line.id)
        .scalar_subquery()
    )
    rows = conn.execute(
        select(
            line.id, line.component, line.cycle_start, line.cycle_end, (line.priced_minor - taken).label("left_minor")
        )
        .where(line.subscription_id == subscription_id, line.period_start >= since_on)
        .order_by(line.id)
    )
    day = Span.of_days(on, on + datetime.timedelta(days=1))
    credits = [
        Credit(
            line_id=row.id,
            component=row.component,
            cycle=Period(row.cycle_start, row.cycle_end),
            span=day,
            amount_minor=int(row.left_minor),
        )
        for row in rows
        if row.left_minor
    ]
    return drafts_for(conn, credits) if credits else []


def total_minor(drafts: Sequence[CreditDraft]) -> int:
    """What they come to, with tax."""
    return sum(draft.taxed.total_minor for draft in drafts)


def excess(drafts: Sequence[CreditDraft], *, kept_at_most_minor: int, clause: str) -> list[CreditDraft]:
    """Of all that stands, what must go so that no more than `kept_at_most_minor` is left; none if it is not more."""
    over_minor = total_minor(drafts) - kept_at_most_minor
    taken: list[CreditDraft] = []
    for whole in reversed(drafts):
        if over_minor <= 0:
            break
        draft = whole if whole.taxed.total_minor <= over_minor else _least(whole, over_minor)
        over_minor -= draft.taxed.total_minor
        taken.append(_said(draft, clause))
    return taken


def _least(whole: CreditDraft, over_minor: int) -> CreditDraft:
    """The smallest part of it that comes to `over_minor` with its tax; a cent of tax can make it a cent more."""
    most_minor = sum(one.amount_minor for one in whole.credits)
    found = bisect_left(
        range(most_minor + 1), over_minor, key=lambda minor: _part(whole, minor).taxed.total_minor if minor else 0
    )
    return _part(whole, found)


def _part(whole: CreditDraft, minor: int) -> CreditDraft:
    credits = []
    for one in reversed(whole.credits):
        share_minor = min(one.amount_minor, minor)
        if share_minor > 0:
            minor -= share_minor
            credits.append(replace(one, amount_minor=share_minor))
    return draft_credit_note(whole.invoice, credits)


def _said(draft: CreditDraft, clause: str) -> CreditDraft:
    words = _GIVEN_BACK[draft.invoice.language].format(clause=clause)
    return replace(draft, descriptions=tuple(f"{draft.invoice.sold[one.line_id]}: {words}" for one in draft.credits))
