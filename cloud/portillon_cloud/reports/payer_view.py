"""Who pays, seen whole: how they stand, what is owed and what comes next, their papers, and what nobody could bill."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, select

from portillon_cloud.access.standing import Standing, standing_at
from portillon_cloud.access.store import account_facts
from portillon_cloud.billing.numbers import printed
from portillon_cloud.billing.parking import OpenDoubt, open_doubts
from portillon_cloud.billing.tables import invoice
from portillon_cloud.clock.local import local_date
from portillon_cloud.dunning.coming import WaitsFor
from portillon_cloud.dunning.ladder import StepKind
from portillon_cloud.dunning.next_steps import next_steps
from portillon_cloud.dunning.tables import dunning_case, dunning_step
from portillon_cloud.members.tables import account, legal_entity, organisation
from portillon_cloud.money import Money
from portillon_cloud.payments.owed import unpaid_invoices
from portillon_cloud.payments.tables import MethodState, payment_method
from portillon_cloud.reports import payer_documents as documents
from portillon_cloud.reports.payer_costs import PaidFor, paid_for


@dataclass(frozen=True, slots=True, kw_only=True)
class PartOwed:
    """An invoice, or an instalment of it. `in_doubt`: nobody knows yet what became of its charge."""

    invoice_id: int
    number: str
    due_on: date
    owed: Money
    days_late: int
    in_doubt: bool
    step: StepKind | None = None
    next_step: StepKind | None = None
    next_step_on: date | None = None
    waits_for: WaitsFor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PayerView:
    id: int
    kind: str
    name: str
    email: str | None
    currency: str
    today: date
    standing: Standing
    methods: tuple[str, ...]
    owed: tuple[PartOwed, ...]  # what is due first first
    doubts: tuple[OpenDoubt, ...]  # the oldest first
    paid_for: PaidFor
    invoices: tuple[documents.InvoiceSettled, ...]  # the newest first
    credit_notes: tuple[documents.CreditNoteLine, ...]  # the newest first
    credit: tuple[documents.CreditLeft, ...]
    refunds: tuple[documents.RefundOwed, ...]
    disputes: tuple[documents.DisputedPayment, ...]  # the newest first
    letters: tuple[documents.LetterLine, ...]  # the newest first

    @property
    def owed_total(self) -> Money:
        """All of it, due or not."""
        return Money(sum(one.owed.amount_minor for one in self.owed), self.currency)

    @property
    def overdue_total(self) -> Money:
        """What should have been paid before today."""
        return Money(sum(one.owed.amount_minor for one in self.owed if one.days_late > 0), self.currency)

    @property
    def credit_total(self) -> Money:
        """What is theirs and not used."""
        return Money(sum(one.left.amount_minor for one in self.credit), self.currency)


def payer_view(conn: Connection, *, organisation_id: int, account_id: int, now_ms: int) -> PayerView | None:
    """The account at this business instant, or None if this organisation has no such one."""
    row = conn.execute(
        select(account, legal_entity.c.currency, organisation.c.time_zone)
        .join(legal_entity, legal_entity.c.id == account.c.legal_entity_id)
        .join(organisation, organisation.c.id == account.c.organisation_id)
        .where(account.c.organisation_id == organisation_id, account.c.id == account_id)
    ).one_or_none()
    if row is None:
        return None
    zone = row.time_zone
    today = local_date(now_ms, zone)
    methods = conn.execute(
        select(payment_method.c.label)
        .where(
            payment_method.c.organisation_id == organisation_id,
            payment_method.c.account_id == account_id,
            payment_method.c.state == MethodState.ACTIVE.value,
        )
        .order_by(payment_method.c.id)
    ).scalars()
    facts = account_facts(conn, organisation_id, [account_id], now_ms)[account_id]
    return PayerView(
        id=row.id,
        kind=row.kind,
        name=row.name,
        email=row.email,
        currency=row.currency,
        today=today,
        standing=standing_at(facts, now_ms),
        methods=tuple(methods),
        owed=_owed(conn, organisation_id, account_id, today, now_ms),
        doubts=tuple(one for one in open_doubts(conn, organisation_id) if one.account_id == account_id),
        paid_for=paid_for(
            conn,
            organisation_id=organisation_id,
            account_id=account_id,
            legal_entity_id=row.legal_entity_id,
            currency=row.currency,
            today=today,
        ),
        invoices=documents.invoices_settled(conn, organisation_id, account_id, zone),
        credit_notes=documents.credit_notes_of(conn, organisation_id, account_id),
        credit=documents.credit_of(conn, organisation_id, account_id, zone),
        refunds=documents.refunds_of(conn, organisation_id, account_id, zone),
        disputes=documents.disputes_of(conn, organisation_id, account_id, zone),
        letters=documents.letters_to(conn, organisation_id, account_id),
    )


def _owed(conn: Connection, organisation_id: int, account_id: int, today: date, now_ms: int) -> tuple[PartOwed, ...]:
    unpaid = unpaid_invoices(conn, account_id)
    column = invoice.c
    of_ours = column.organisation_id == organisation_id, column.id.in_({one.invoice_id for one in unpaid})
    issued_on = {row.id: row.issued_on for row in conn.execute(select(column.id, column.issued_on).where(*of_ours))}
    taken = _taken(conn, organisation_id, account_id)
    to_come = next_steps(conn, organisation_id, {one.invoice_id for one in unpaid}, now_ms)
    found = []
    for one in unpaid:
        late_days = (today - one.due_on).days
        following = next(iter(to_come.get(one.invoice_id, ())), None) if late_days >= 0 else None
        found.append(
            PartOwed(
                invoice_id=one.invoice_id,
                number=printed(one.series, one.number, issued_on[one.invoice_id]),
                due_on=one.due_on,
                owed=Money(one.owed_minor, one.currency),
                days_late=max(0, late_days),
                in_doubt=one.parked,
                step=taken.get(one.invoice_id) if late_days >= 0 else None,
                next_step=None if following is None else following.kind,
                next_step_on=None if following is None else following.on,
                waits_for=None if following is None else following.waits_for,
            )
        )
    return tuple(found)


def _taken(conn: Connection, organisation_id: int, account_id: int) -> Mapping[int, StepKind]:
    """Of every invoice whose reminders run, the last step that was taken."""
    rows = conn.execute(
        select(dunning_case.c.invoice_id, dunning_step.c.kind)
        .join(dunning_step, dunning_step.c.case_id == dunning_case.c.id)
        .where(
            dunning_case.c.organisation_id == organisation_id,
            dunning_case.c.account_id == account_id,
            dunning_case.c.closed_at_ms.is_(None),
            dunning_step.c.done_at_ms.is_not(None),
        )
        .order_by(dunning_step.c.done_at_ms, dunning_step.c.number)
    )
    return {row.invoice_id: StepKind(row.kind) for row in rows}
