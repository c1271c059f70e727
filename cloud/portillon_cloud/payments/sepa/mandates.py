"""Who may collect, and under which mandates. A mandate is a payment method like a card; the IBAN is sealed.

A mandate is dead once revoked, or 36 months after its last use (EPC SEPA Core rulebook, 4.1).
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, func, select, update
from stdnum.eu import at_02

from portillon_cloud.billing.calendar import add_months
from portillon_cloud.database.rows import insert_one
from portillon_cloud.ledger.periods import Book
from portillon_cloud.members.entry import Entry, Fault, Wrong
from portillon_cloud.payments import store
from portillon_cloud.payments.operations import add_payment_method
from portillon_cloud.payments.sepa.errors import (
    CreditorIdentifierInvalidError,
    MandateKnownError,
    MandateReferenceInvalidError,
    NotACreditorError,
    UnknownMandateError,
)
from portillon_cloud.payments.sepa.tables import SEPA, sepa_creditor, sepa_mandate
from portillon_cloud.payments.tables import MethodState
from portillon_cloud.secrets import Keyring

EURO = "EUR"
NOTICE_DAYS = 14  # EPC SEPA Core rulebook 4.3.4, unless another time is agreed with the payer
FILE_DAYS = 1  # bank days (rulebook 4.3.1 since 2016: D-1); the bank's own hours come on top
DEAD_AFTER_MONTHS = 36
REFERENCE_CHARACTERS_MAX = 35
NO_NAME = "—"


@dataclass(frozen=True, slots=True, kw_only=True)
class Creditor:
    """A company as its bank knows it. `notice_days`: as agreed with payers."""

    creditor_id: str
    iban: str
    notice_days: int = NOTICE_DAYS
    file_days: int = FILE_DAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMandate:
    """What the payer signed. `reference` None: one is made; an older system's is kept, for the bank knows it."""

    organisation_id: int
    account_id: int
    debtor_name: str
    iban: str
    signed_on: date
    reference: str | None = None
    used_on: date | None = None


def purpose(organisation_id: int, reference: str) -> str:
    """What the IBAN of a mandate is sealed for."""
    return f"sepa_mandate.iban:{organisation_id}:{reference}"


def set_creditor(conn: Connection, book: Book, said: Creditor, *, by: str, now_ms: int) -> None:
    """Let the company collect, or change how.

    Raises NotACreditorError, CreditorIdentifierInvalidError, EntryRefusedError.
    """
    if book.currency != EURO:
        raise NotACreditorError(f"the book of legal entity {book.legal_entity_id} is in {book.currency}: SEPA is euros")
    if not at_02.is_valid(said.creditor_id):
        raise CreditorIdentifierInvalidError(
            f"{said.creditor_id!r} is no SEPA creditor identifier: compare it, digit by digit, with your bank's letter"
        )
    iban = _iban(said.iban)
    values = {
        "creditor_id": at_02.compact(said.creditor_id),
        "iban": iban,
        "notice_days": said.notice_days,
        "file_days": said.file_days,
        "set_at_ms": now_ms,
        "set_by": by,
    }
    ours = (
        sepa_creditor.c.legal_entity_id == book.legal_entity_id,
        sepa_creditor.c.organisation_id == book.organisation_id,
    )
    if not conn.execute(update(sepa_creditor).where(*ours).values(values)).rowcount:
        insert_one(
            conn,
            sepa_creditor,
            organisation_id=book.organisation_id,
            legal_entity_id=book.legal_entity_id,
            **values,
        )


def creditor_of(conn: Connection, organisation_id: int, legal_entity_id: int) -> Creditor | None:
    """How the company collects; None: it does not."""
    row = conn.execute(
        select(sepa_creditor).where(
            sepa_creditor.c.legal_entity_id == legal_entity_id, sepa_creditor.c.organisation_id == organisation_id
        )
    ).one_or_none()
    if row is None:
        return None
    return Creditor(creditor_id=row.creditor_id, iban=row.iban, notice_days=row.notice_days, file_days=row.file_days)


def add_mandate(conn: Connection, keyring: Keyring, new: NewMandate, *, by: str, now_ms: int) -> int:
    """Keep what was signed; from now on it is what the account is charged by. Its id.

    Raises EntryRefusedError, MandateReferenceInvalidError, MandateKnownError, UnknownAccountError.
    """
    entry = Entry("FR")
    name = entry.needed("debtor_name", new.debtor_name, limit=70)
    given = entry.text("reference", new.reference, limit=REFERENCE_CHARACTERS_MAX)
    entry.done()
    iban = _iban(new.iban)
    if given is not None and not _of_the_bank(given):
        raise MandateReferenceInvalidError(f"banks do not take {given!r}: letters, digits and + ? / - : ( ) . , ' only")
    count = conn.execute(
        select(func.count()).select_from(sepa_mandate).where(sepa_mandate.c.account_id == new.account_id)
    ).scalar_one()
    reference = given or f"M{new.organisation_id}-{new.account_id}-{count + 1}"
    known = (sepa_mandate.c.organisation_id == new.organisation_id, sepa_mandate.c.reference == reference)
    if conn.scalar(select(sepa_mandate.c.id).where(*known)) is not None:
        raise MandateKnownError(f"mandate {reference} exists: a mandate that was signed anew has a new reference")
    method_id = add_payment_method(
        conn,
        organisation_id=new.organisation_id,
        account_id=new.account_id,
        provider=SEPA,
        token=f"{new.organisation_id}:{reference}",
        label=f"{iban[:2]} •••• {iban[-4:]}",
        now_ms=now_ms,
    )
    return insert_one(
        conn,
        sepa_mandate,
        organisation_id=new.organisation_id,
        account_id=new.account_id,
        payment_method_id=method_id,
        reference=reference,
        signed_on=new.signed_on,
        debtor_name=name,
        iban_sealed=keyring.seal(iban.encode(), purpose=purpose(new.organisation_id, reference)),
        used_on=new.used_on,
        added_by=by,
    )


def revoke_mandate(conn: Connection, *, organisation_id: int, mandate_id: int, on: date) -> None:
    """The payer took it back: nothing more is collected by it. Raises UnknownMandateError."""
    column = sepa_mandate.c
    row = conn.execute(
        select(column.payment_method_id, column.revoked_on).where(
            column.id == mandate_id, column.organisation_id == organisation_id
        )
    ).one_or_none()
    if row is None:
        raise UnknownMandateError(f"your organisation has no mandate {mandate_id}")
    if row.revoked_on is None:
        conn.execute(update(sepa_mandate).where(column.id == mandate_id).values(revoked_on=on))
        store.set_method_state(conn, row.payment_method_id, MethodState.REMOVED)


def ibans_of(conn: Connection, keyring: Keyring, organisation_id: int, account_id: int) -> dict[int, str]:
    """The IBAN of each mandate of a payer, for them alone to read."""
    column = sepa_mandate.c
    rows = conn.execute(
        select(column.id, column.reference, column.iban_sealed).where(
            column.account_id == account_id,
            column.organisation_id == organisation_id,
            column.iban_sealed.is_not(None),
        )
    )
    return {
        row.id: keyring.unseal(row.iban_sealed, purpose=purpose(organisation_id, row.reference)).decode()
        for row in rows
    }


def erase_mandates(conn: Connection, *, organisation_id: int, account_id: int, on: date) -> None:
    """The payer is erased: nothing is collected any more, and name and IBAN go. That and when they signed stays, for a
    payer may say for 13 months that they never did (directive (EU) 2015/2366, art. 71)."""
    column = sepa_mandate.c
    conn.execute(
        update(sepa_mandate)
        .where(column.account_id == account_id, column.organisation_id == organisation_id)
        .values(iban_sealed=None, debtor_name=NO_NAME, revoked_on=func.coalesce(column.revoked_on, on))
    )


def is_dead(signed_on: date, used_on: date | None, revoked_on: date | None, on: date) -> bool:
    """Whether nothing may be collected on this day any more."""
    if revoked_on is not None and revoked_on <= on:
        return True
    return on > add_months(used_on or signed_on, DEAD_AFTER_MONTHS)


def _iban(written: str) -> str:
    """Raises EntryRefusedError."""
    entry = Entry("FR")
    iban = entry.iban("iban", written)
    if iban is None and not entry.wrong:
        entry.wrong.append(Wrong("iban", Fault.MISSING))
    entry.done()
    return iban or ""


def _of_the_bank(text: str) -> bool:
    """Whether banks take every character of it (EPC217-08: the Latin set that all must know)."""
    return all(one.isascii() and (one.isalnum() or one in "+?/-:().,'") for one in text)
