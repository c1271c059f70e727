"""Gather what a letter may say, write it in the account's language, leave it for the carrier."""

from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import Connection, bindparam, select

from portillon_cloud.access import store as access_store
from portillon_cloud.access.blocks import Switch
from portillon_cloud.access.grace_given import spared_until
from portillon_cloud.billing.tables import invoice
from portillon_cloud.clock.local import local_date
from portillon_cloud.dunning.ladder import LetterKind, restricted_from_ms
from portillon_cloud.dunning.letters import BEFORE_SHUT, LetterFacts, write_letter
from portillon_cloud.dunning.store import Case
from portillon_cloud.members.tables import account, organisation
from portillon_cloud.messages.operations import NewMessage, write_message
from portillon_cloud.money import Money
from portillon_cloud.payments.owed import overdue_minor, unpaid_since
from portillon_cloud.payments.pay_link import PayLinks

_ABOUT = (
    select(
        account.c.name,
        account.c.email,
        account.c.language,
        organisation.c.name.label("gym"),
        organisation.c.country,
        invoice.c.series,
        invoice.c.number,
        invoice.c.due_on,
        invoice.c.currency,
    )
    .join_from(invoice, account, account.c.id == invoice.c.account_id)
    .join(organisation, organisation.c.id == invoice.c.organisation_id)
    .where(invoice.c.id == bindparam("invoice_id"))
)


def send(conn: Connection, case: Case, kind: LetterKind, *, now_ms: int, links: PayLinks | None = None) -> None:
    """Write one letter about the case's invoice; the same letter of the same case and day is written once.

    It names the day to come on which the turnstile would shut, and the payer's page if `links` are given.
    """
    going_by = access_store.collection(conn, case.organisation_id)
    today = local_date(now_ms, going_by.zone)
    about = About(
        organisation_id=case.organisation_id,
        account_id=case.account_id,
        invoice_id=case.invoice_id,
        owed_minor=overdue_minor(conn, case.invoice_id, today),
        due_on=unpaid_since(conn, case.invoice_id),
        shut_on=_shut_on(conn, case.account_id, going_by, now_ms) if kind in BEFORE_SHUT else None,
        link=None if links is None else links.link(case.organisation_id, case.account_id, now_ms=now_ms),
    )
    write_about(conn, about, kind, key=f"dunning:case-{case.id}:{kind}:{now_ms}", now_ms=now_ms)


def _shut_on(conn: Connection, account_id: int, going_by: access_store.Collection, now_ms: int) -> date | None:
    """The day to come on which all that the account owes shuts the door: a small debt may never do so."""
    owed = access_store.debts(conn, [account_id], going_by.policy.household).get(account_id, [])
    shut_ms = restricted_from_ms(going_by.policy, owed, Switch.ACCESS, going_by.zone)
    if shut_ms is None:
        return None
    shut_ms = max(shut_ms, spared_until(conn, [account_id]).get(account_id, 0))
    return local_date(shut_ms, going_by.zone) if shut_ms > now_ms else None


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a letter is about. `due_on` None: the invoice's own day."""

    organisation_id: int
    account_id: int
    invoice_id: int
    owed_minor: int
    due_on: date | None = None
    shut_on: date | None = None
    link: str | None = field(default=None, repr=False)


def write_about(conn: Connection, about: About, kind: LetterKind, *, key: str, now_ms: int) -> None:
    """Write one letter in the account's language; once per key."""
    row = conn.execute(_ABOUT, {"invoice_id": about.invoice_id}).one()
    letter = write_letter(
        kind,
        row.language,
        LetterFacts(
            gym=row.gym,
            payer=row.name,
            invoice=f"{row.series}-{row.number}",
            owed=Money(about.owed_minor, row.currency),
            due_on=about.due_on or row.due_on,
            shut_on=about.shut_on,
            link=about.link,
            territory=row.country,
        ),
    )
    new = NewMessage(
        organisation_id=about.organisation_id,
        account_id=about.account_id,
        key=key,
        kind=kind,
        language=row.language,
        recipient=row.email,
        subject=letter.subject,
        body=letter.body,
    )
    write_message(conn, new, now_ms=now_ms)
