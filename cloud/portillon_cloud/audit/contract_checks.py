"""Invoices against contracts, and revenue against both: what the events say was to be billed is what stands.

A plain subscription is looked at in the database alone; one with a history of its own is reckoned anew, as the invoice
run would, up to the last cycle that was billed.
"""

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select, text

from portillon_cloud.audit.check import N_, ROWS_MOST, Check, Finding
from portillon_cloud.billing import event_store
from portillon_cloud.billing.calendar import Period
from portillon_cloud.billing.catalogue import prices_of_entity
from portillon_cloud.billing.difference import Billed, difference
from portillon_cloud.billing.errors import TimelineError
from portillon_cloud.billing.proration import Proration
from portillon_cloud.billing.recognition import RECOGNITION, earned_minor
from portillon_cloud.billing.span import shared
from portillon_cloud.billing.tables import credit_note, credit_note_line, invoice, invoice_line, subscription
from portillon_cloud.ledger import LedgerCode
from portillon_cloud.ledger.tables import ledger_account, ledger_entry, posting
from portillon_cloud.members.tables import legal_entity

CHUNK = 500

BILLED_AS_AGREED = "billed_as_agreed"
LINES_OVERLAP = "live_lines_apart"
EARNED = "recognised_is_earned"

RECKONED: Mapping[str, tuple[str, str]] = {
    BILLED_AS_AGREED: (
        "What was agreed is what was billed: reckoned anew there is nothing left to write of what is past.",
        N_(
            "Subscription {name}: reckoned anew up to {until_on}, {missing} lines are missing and {too_many} credits. "
            "{detail}"
        ),
    ),
    LINES_OVERLAP: (
        "No moment of a component is billed twice.",
        N_("Subscription {name}, {component}: lines {one} and {other} both bill {period_start}."),
    ),
    EARNED: (
        "Each month that was recognised holds what its days earned of all that was billed by then.",
        N_("Up to {until_on} {earned_minor} was earned, and {recognised_minor} is recognised."),
    ),
}
"""Rule and sentence of each check that no query can make alone."""

CONTRACT_CHECKS = (
    Check(
        code="billed_without_gap",
        holds="A subscription that renews plainly is billed up to the day its next invoice is due.",
        says=N_("Subscription {name} is billed up to {billed_until}; its next invoice is due on {next_on}."),
        sql="""
        SELECT 'subscription ' || s.id AS subject, s.id AS name, s.next_invoice_on AS next_on,
               MAX(l.cycle_end) AS billed_until
        FROM subscription s
        JOIN invoice_line l ON l.subscription_id = s.id AND l.component = s.component
        WHERE s.organisation_id = :organisation_id AND s.plain AND s.next_invoice_on IS NOT NULL
        GROUP BY s.id, s.next_invoice_on
        HAVING MAX(l.cycle_end) <> s.next_invoice_on
        ORDER BY s.id""",
    ),
)


@dataclass(frozen=True, slots=True)
class _Subscription:
    id: int
    legal_entity_id: int
    proration: Proration
    plain: bool


def reckoned_findings(conn: Connection, organisation_id: int) -> list[Finding]:
    """Breaches of the rules in RECKONED, at most ROWS_MOST of each."""
    found: dict[str, list[Finding]] = {code: [] for code in RECKONED}
    for one in (*_of_subscriptions(conn, organisation_id), *_of_books(conn, organisation_id)):
        if len(found[one.code]) < ROWS_MOST:
            found[one.code].append(one)
    return [one for findings in found.values() for one in findings]


def _of_subscriptions(conn: Connection, organisation_id: int) -> Iterator[Finding]:
    """Those that are not plain, and those of which two lines begin before the one before has ended."""
    doubtful = _with_lines_that_meet(conn, organisation_id)
    column, after = subscription.c, 0
    while True:
        rows = conn.execute(
            select(column.id, column.legal_entity_id, column.proration, column.plain)
            .where(column.organisation_id == organisation_id, column.id > after)
            .where(column.plain.is_(False) | column.id.in_(doubtful))
            .order_by(column.id)
            .limit(CHUNK)
        ).all()
        if not rows:
            return
        for entity_id in {row.legal_entity_id for row in rows}:
            some = [
                _Subscription(row.id, row.legal_entity_id, Proration(row.proration), row.plain)
                for row in rows
                if row.legal_entity_id == entity_id
            ]
            yield from _of_chunk(conn, entity_id, some)
        after = rows[-1].id


def _with_lines_that_meet(conn: Connection, organisation_id: int) -> Sequence[int]:
    found = conn.execute(
        text(
            "SELECT DISTINCT subscription_id FROM (SELECT subscription_id, period_start, MAX(period_end) OVER ("
            "PARTITION BY subscription_id, component ORDER BY period_start, start_second, id "
            "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS billed_until FROM invoice_line "
            "WHERE organisation_id = :organisation_id AND subscription_id IS NOT NULL) l "
            "WHERE billed_until > period_start ORDER BY subscription_id LIMIT 10000"
        ),
        {"organisation_id": organisation_id},
    )
    return list(found.scalars())


def _of_chunk(conn: Connection, legal_entity_id: int, some: Sequence[_Subscription]) -> Iterator[Finding]:
    ids = [one.id for one in some]
    recorded = event_store.recorded(conn, ids)
    billed = event_store.billed(conn, ids, prices_of_entity(conn, legal_entity_id))
    for one in some:
        lines = billed.get(one.id, ())
        yield from _overlaps(one.id, lines)
        if one.plain or not lines:
            continue
        until_on = max(line.span.start.day for line in lines)
        try:
            events = [each.event for each in recorded[one.id]]
            left = difference(events, lines, until_on=until_on, policy=one.proration)
        except TimelineError as error:
            yield _not_as_agreed(one.id, until_on, 0, 0, str(error))
            continue
        if left.lines or left.credits:
            yield _not_as_agreed(one.id, until_on, len(left.lines), len(left.credits), "")


def _not_as_agreed(name: int, until_on: datetime.date, missing: int, too_many: int, detail: str) -> Finding:
    facts = {"name": name, "until_on": str(until_on), "missing": missing, "too_many": too_many, "detail": detail}
    return Finding(code=BILLED_AS_AGREED, subject=f"subscription {name}", facts=facts)


def _overlaps(name: int, lines: Sequence[Billed]) -> Iterator[Finding]:
    ordered = sorted(lines, key=lambda line: (line.component, line.span.start, line.line_id))
    for index, line in enumerate(ordered):
        for other in ordered[index + 1 :]:
            if other.component != line.component or other.span.start >= line.span.end:
                break
            twice = shared(line.left, other.left)
            if twice and line.left_minor and other.left_minor:
                facts = {"one": line.line_id, "other": other.line_id, "period_start": str(twice[0].start.day)}
                yield Finding(
                    code=LINES_OVERLAP,
                    subject=f"invoice_line {other.line_id}",
                    facts={"name": name, "component": line.component, **facts},
                )


def _of_books(conn: Connection, organisation_id: int) -> Iterator[Finding]:
    entities = conn.execute(
        select(legal_entity.c.id, legal_entity.c.currency).where(legal_entity.c.organisation_id == organisation_id)
    ).all()
    for entity in entities:
        column = ledger_entry.c
        last = conn.execute(
            select(column.id, column.occurred_on, column.recorded_at_ms)
            .where(column.organisation_id == organisation_id, column.legal_entity_id == entity.id)
            .where(column.kind == RECOGNITION)
            .order_by(column.occurred_on.desc(), column.id.desc())
            .limit(1)
        ).one_or_none()
        if last is None:
            continue
        until_on = last.occurred_on + datetime.timedelta(days=1)
        earned = _earned(conn, entity.id, until_on, last.recorded_at_ms)
        recognised = _recognised(conn, organisation_id, entity.id)
        # What was issued at that very instant may have come after it: the next month corrects it.
        if recognised not in (earned, _earned(conn, entity.id, until_on, last.recorded_at_ms - 1)):
            yield Finding(
                code=EARNED,
                subject=f"recognition {entity.id}",
                facts={
                    "currency": entity.currency,
                    "until_on": str(last.occurred_on),
                    "earned_minor": earned,
                    "recognised_minor": recognised,
                },
            )


def _earned(conn: Connection, legal_entity_id: int, until_on: datetime.date, by_ms: int) -> int:
    """Of every document issued by then, what its days up to `until_on` earned."""
    sides = ((invoice_line, invoice, "invoice_id", 1), (credit_note_line, credit_note, "credit_note_id", -1))
    total = 0
    for line, document, key, sign in sides:
        rows = conn.execute(
            select(line.c.period_start, line.c.period_end, func.sum(line.c.net_minor).label("net_minor"))
            .join(document, document.c.id == line.c[key])
            .where(document.c.legal_entity_id == legal_entity_id, document.c.issued_at_ms <= by_ms)
            .where(line.c.period_start.is_not(None))
            .group_by(line.c.period_start, line.c.period_end)
        )
        total += sum(
            earned_minor(sign * int(row.net_minor), Period(row.period_start, row.period_end), until_on) for row in rows
        )
    return total


def _recognised(conn: Connection, organisation_id: int, legal_entity_id: int) -> int:
    sums = (
        select(func.coalesce(func.sum(posting.c.amount_minor), 0))
        .join(ledger_account, ledger_account.c.id == side)
        .where(posting.c.organisation_id == organisation_id, posting.c.legal_entity_id == legal_entity_id)
        .where(ledger_account.c.code == LedgerCode.REVENUE)
        for side in (posting.c.credit_account_id, posting.c.debit_account_id)
    )
    credit, debit = (int(conn.scalar(query) or 0) for query in sums)
    return credit - debit
