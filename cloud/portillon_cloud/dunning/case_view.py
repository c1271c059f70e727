"""Where one invoice stands on its ladder, as rows say; and what was handed to the collectors."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, func, select

from portillon_cloud.access.standing import dues_shut_ms
from portillon_cloud.access.store import account_facts
from portillon_cloud.billing.numbers import printed
from portillon_cloud.billing.tables import invoice
from portillon_cloud.clock.local import local_date
from portillon_cloud.dunning.coming import WaitsFor
from portillon_cloud.dunning.failures import FailureClass
from portillon_cloud.dunning.ladder import LetterKind, StepKind
from portillon_cloud.dunning.next_steps import next_steps
from portillon_cloud.dunning.tables import dunning_case, dunning_promise, dunning_step
from portillon_cloud.members.organisations import time_zone_of
from portillon_cloud.members.tables import account
from portillon_cloud.payments.owed import owed_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView:
    """One step: taken at `done_at_ms`, or to come. `on` None: nobody knows when what it waits for ends."""

    on: date | None
    kind: StepKind
    letter: LetterKind | None
    done_at_ms: int | None
    waits_for: WaitsFor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseView:
    """The invoice's newest case. `shut_on`: when dues shut the account's door if nobody pays; None: never."""

    invoice_id: int
    account_id: int
    failure: FailureClass
    cause: str
    starts_on: date
    closed: bool
    handed_over_at_ms: int | None
    promised_on: date | None
    shut_on: date | None
    steps: tuple[StepView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver:
    """What a collector needs to know of one debt."""

    invoice_id: int
    account_id: int
    number: str
    name: str
    email: str | None
    language: str
    due_on: date
    handed_over_on: date
    owed_minor: int


def case_view(conn: Connection, organisation_id: int, invoice_id: int, *, now_ms: int) -> CaseView | None:
    """The newest case of the invoice; None: none was ever opened, or it is not of the organisation."""
    column = dunning_case.c
    row = conn.execute(
        select(dunning_case)
        .where(column.organisation_id == organisation_id, column.invoice_id == invoice_id)
        .order_by(column.generation.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    taken = conn.execute(
        select(dunning_step)
        .where(dunning_step.c.case_id == row.id, dunning_step.c.done_at_ms.is_not(None))
        .order_by(dunning_step.c.planned_on, dunning_step.c.number)
    )
    to_come = next_steps(conn, organisation_id, [invoice_id], now_ms).get(invoice_id, ())
    closed = row.closed_at_ms is not None
    promised = select(func.max(dunning_promise.c.pay_on)).where(
        dunning_promise.c.case_id == row.id, dunning_promise.c.until_ms > now_ms
    )
    shut_ms = dues_shut_ms(account_facts(conn, organisation_id, [row.account_id], now_ms)[row.account_id])
    return CaseView(
        invoice_id=invoice_id,
        account_id=row.account_id,
        failure=FailureClass(row.failure),
        cause=row.cause,
        starts_on=row.starts_on,
        closed=closed,
        handed_over_at_ms=row.handed_over_at_ms,
        promised_on=None if closed else conn.scalar(promised),
        shut_on=None if closed or shut_ms is None else local_date(shut_ms, time_zone_of(conn, organisation_id)),
        steps=(
            *(
                StepView(
                    on=step.planned_on,
                    kind=StepKind(step.kind),
                    letter=None if step.letter is None else LetterKind(step.letter),
                    done_at_ms=step.done_at_ms,
                )
                for step in taken
            ),
            *(
                StepView(on=one.on, kind=one.kind, letter=one.letter, done_at_ms=None, waits_for=one.waits_for)
                for one in to_come
            ),
        ),
    )


def handed_over(conn: Connection, organisation_id: int) -> dict[str, list[HandedOver]]:
    """What is with the collectors and still unpaid, the oldest first, by currency."""
    rows = conn.execute(
        select(dunning_case, invoice.c.series, invoice.c.number, invoice.c.issued_on, invoice.c.due_on)
        .add_columns(invoice.c.currency, account.c.name, account.c.email, account.c.language)
        .join(invoice, invoice.c.id == dunning_case.c.invoice_id)
        .join(account, account.c.id == dunning_case.c.account_id)
        .where(
            dunning_case.c.organisation_id == organisation_id,
            dunning_case.c.handed_over_at_ms.is_not(None),
            dunning_case.c.closed_at_ms.is_(None),
        )
        .order_by(dunning_case.c.handed_over_at_ms, dunning_case.c.id)
    )
    zone = time_zone_of(conn, organisation_id)
    found: dict[str, list[HandedOver]] = {}
    for row in rows.all():
        found.setdefault(row.currency, []).append(
            HandedOver(
                invoice_id=row.invoice_id,
                account_id=row.account_id,
                number=printed(row.series, row.number, row.issued_on),
                name=row.name,
                email=row.email,
                language=row.language,
                due_on=row.due_on,
                handed_over_on=local_date(row.handed_over_at_ms, zone),
                owed_minor=owed_minor(conn, row.invoice_id),
            )
        )
    return found
