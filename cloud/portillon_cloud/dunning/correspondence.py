"""Gather what a letter may say, write it in the account's language, leave it for the carrier."""

from datetime import timedelta

from sqlalchemy import Connection, select

from portillon_cloud.access import store as access_store
from portillon_cloud.billing.tables import invoice
from portillon_cloud.clock.local import local_date
from portillon_cloud.dunning.ladder import LetterKind
from portillon_cloud.dunning.letters import LetterFacts, write_letter
from portillon_cloud.dunning.store import Case
from portillon_cloud.members.tables import account, organisation
from portillon_cloud.messages.operations import NewMessage, write_message
from portillon_cloud.money import Money
from portillon_cloud.payments.owed import overdue_minor, unpaid_since


def send(conn: Connection, case: Case, kind: LetterKind, *, now_ms: int) -> None:
    """Write one letter about the case's invoice; the same letter of the same case and day is written once."""
    row = conn.execute(
        select(
            account.c.name,
            account.c.email,
            account.c.language,
            organisation.c.name.label("gym"),
            organisation.c.country,
            organisation.c.time_zone,
            invoice.c.series,
            invoice.c.number,
            invoice.c.due_on,
            invoice.c.currency,
        )
        .join_from(invoice, account, account.c.id == invoice.c.account_id)
        .join(organisation, organisation.c.id == invoice.c.organisation_id)
        .where(invoice.c.id == case.invoice_id)
    ).one()
    grace_days = access_store.collection(conn, case.organisation_id).policy.grace_days
    letter = write_letter(
        kind,
        row.language,
        LetterFacts(
            gym=row.gym,
            payer=row.name,
            invoice=f"{row.series}-{row.number}",
            owed=Money(overdue_minor(conn, case.invoice_id, local_date(now_ms, row.time_zone)), row.currency),
            due_on=unpaid_since(conn, case.invoice_id) or row.due_on,
            shut_on=None if grace_days is None else case.starts_on + timedelta(days=grace_days),
            territory=row.country,
        ),
    )
    new = NewMessage(
        organisation_id=case.organisation_id,
        account_id=case.account_id,
        key=f"dunning:case-{case.id}:{kind}:{now_ms}",
        kind=kind,
        language=row.language,
        recipient=row.email,
        subject=letter.subject,
        body=letter.body,
    )
    write_message(conn, new, now_ms=now_ms)
