"""Erase a person (GDPR art. 17, Quebec Law 25 art. 28.1): their key is destroyed, and what stands in clear goes.

What accounting law wants kept stays as it was issued: invoices and credit notes with their frozen buyer, contracts that
were accepted, payments, the ledger, sealed files to and from the bank, and the lines of its statements, which name who
paid. A mandate keeps its reference and day, not name and IBAN. What is left elsewhere (attendance, what was agreed, who
changed what) hangs on a number that is nobody any more.
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, delete, func, insert, select, update

from portillon_cloud import outbox
from portillon_cloud.access.given import rights_of
from portillon_cloud.billing.tables import credit_note, invoice, subscription
from portillon_cloud.database.rows import insert_one
from portillon_cloud.documents.erasure import Kept, erase_documents
from portillon_cloud.members.credential_state import HELD, CredentialState
from portillon_cloud.members.credential_store import credentials_of
from portillon_cloud.members.credentials import change_state
from portillon_cloud.members.errors import PersonErasedError, StillNeededError
from portillon_cloud.members.profiles import Whose, held, is_erased
from portillon_cloud.members.status import MemberStatus, statuses_of
from portillon_cloud.members.tables import (
    account,
    legal_entity,
    member,
    member_company,
    profile,
    profile_change,
    profile_mark,
)
from portillon_cloud.messages.tables import MessageState, message
from portillon_cloud.payments.credit import with_credit
from portillon_cloud.payments.disputes import documents as dispute_documents
from portillon_cloud.payments.owed import unpaid_invoices
from portillon_cloud.payments.refunding.list import due_payouts
from portillon_cloud.payments.sepa.mandates import erase_mandates
from portillon_cloud.payments.tables import MethodState, payment_method
from portillon_cloud.secrets import Keyring

NO_NAME = "—"
KEPT_YEARS = {
    "ca-qc": 6,  # after the year they are of: Tax Administration Act s. 35.1; Income Tax Act s. 230(4)(b)
    "fr": 10,  # from the end of the financial year: Code de commerce, art. L123-22
    "none": 10,  # no law on record: the longest we know
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What was done. `kept_until`: when the last of the kept documents may go too; None: there is none."""

    account_erased: bool
    invoices_kept: int
    credit_notes_kept: int
    kept_until: date | None
    contracts_kept: int = 0


def erase_member(
    conn: Connection, keyring: Keyring, *, organisation_id: int, member_id: int, today: date, at_ms: int, by: str
) -> Erased:
    """Erase a member, and who pays if that is only them. It cannot be undone.

    Raises UnknownMemberError, PersonErasedError, and StillNeededError: the message says what to end first.
    """
    account_id = held(conn, organisation_id, Whose(member, member_id))
    if is_erased(conn, Whose(member, member_id)):
        raise PersonErasedError(f"member {member_id} was erased already")
    _refuse_while_needed(conn, organisation_id, member_id, today, at_ms)
    alone = _pays_for_themself(conn, account_id, member_id)
    if alone:
        _refuse_while_money_is_open(conn, organisation_id, account_id)
    for one in credentials_of(conn, keyring, organisation_id, member_id):
        if one.said in HELD:
            change_state(
                conn, keyring, organisation_id=organisation_id, credential_id=one.id, to=CredentialState.EXPIRED,
                now_ms=at_ms, by=by,
            )  # fmt: skip
    conn.execute(delete(member_company).where(member_company.c.member_id == member_id))
    nobody: dict[str, object] = {
        "first_name": NO_NAME,
        "last_name": NO_NAME,
        "email": None,
        "language": None,
        "groups": [],
    }
    conn.execute(update(member).where(member.c.id == member_id).values(**nobody))
    _destroy(conn, organisation_id, Whose(member, member_id), at_ms, by)
    if alone:
        _erase_payer(conn, organisation_id, account_id, at_ms, by)
        erase_mandates(conn, organisation_id=organisation_id, account_id=account_id, on=today)
    outbox.account_changed(conn, organisation_id, account_id)
    return _kept(conn, account_id, alone, erase_documents(conn, member_id))


def _refuse_while_needed(conn: Connection, organisation_id: int, member_id: int, today: date, at_ms: int) -> None:
    status = statuses_of(conn, [member_id], today)[member_id]
    to_bill = conn.execute(
        select(subscription.c.id).where(
            subscription.c.member_id == member_id, subscription.c.next_invoice_on.is_not(None)
        )
    ).first()
    if status in (MemberStatus.CURRENT, MemberStatus.COMING) or to_bill is not None:
        raise StillNeededError(f"member {member_id} has a membership: cancel it, and erase them once it has ended")
    if any(right.until_ms is None or right.until_ms > at_ms for right in rights_of(conn, organisation_id, member_id)):
        raise StillNeededError(f"member {member_id} has a right that staff gave: end it first")
    needing = conn.execute(
        select(member_company.c.member_id, member_company.c.bond)
        .where(member_company.c.with_id == member_id)
        .order_by(member_company.c.member_id)
    ).first()
    if needing is not None:
        # Erased along, the bond would let the other one pass alone.
        raise StillNeededError(
            f"member {member_id} is {needing.bond} of member {needing.member_id}: name somebody else there first"
        )


def _pays_for_themself(conn: Connection, account_id: int, member_id: int) -> bool:
    others = conn.execute(
        select(member.c.id)
        .outerjoin(profile, profile.c.member_id == member.c.id)
        .where(member.c.account_id == account_id, member.c.id != member_id, profile.c.erased_at_ms.is_(None))
    ).first()
    kind = conn.execute(select(account.c.kind).where(account.c.id == account_id)).scalar_one()
    return others is None and kind == "person"


def _refuse_while_money_is_open(conn: Connection, organisation_id: int, account_id: int) -> None:
    if unpaid_invoices(conn, account_id):
        raise StillNeededError(f"account {account_id} owes money: have it paid or written off first")
    if with_credit(conn, [account_id]):
        raise StillNeededError(f"account {account_id} has credit open: give it back first")
    if due_payouts(conn, organisation_id, account_id=account_id):
        raise StillNeededError(f"account {account_id} has money coming back: see to it that it is paid first")


def _erase_payer(conn: Connection, organisation_id: int, account_id: int, at_ms: int, by: str) -> None:
    conn.execute(update(account).where(account.c.id == account_id).values(name=NO_NAME, email=None))
    conn.execute(
        update(payment_method)
        .where(payment_method.c.account_id == account_id)
        .values(state=MethodState.REMOVED.value, label=NO_NAME)
    )
    dispute_documents.erase(conn, account_id)
    # What was written to them names them; that it was written, and when, stays.
    conn.execute(
        update(message)
        .where(message.c.account_id == account_id, message.c.state == MessageState.WAITING.value)
        .values(state=MessageState.NO_ADDRESS.value)
    )
    conn.execute(
        update(message).where(message.c.account_id == account_id).values(recipient=None, subject=NO_NAME, body=NO_NAME)
    )
    _destroy(conn, organisation_id, Whose(account, account_id), at_ms, by)


def _destroy(conn: Connection, organisation_id: int, whose: Whose, at_ms: int, by: str) -> None:
    """Destroy the person's key: every version of their profile is noise from now on."""
    gone = {"sealed_key": None, "sealed": None, "erased_at_ms": at_ms}
    profile_id = conn.execute(
        update(profile).where(whose.owner == whose.id).values(**gone).returning(profile.c.id)
    ).scalar_one_or_none()
    if profile_id is None:
        profile_id = insert_one(conn, profile, organisation_id=organisation_id, **{whose.owner.name: whose.id}, **gone)
    conn.execute(delete(profile_mark).where(profile_mark.c.profile_id == profile_id))
    conn.execute(
        insert(profile_change).values(
            organisation_id=organisation_id, profile_id=profile_id, at_ms=at_ms, changed_by=by, fields=[], sealed=None
        )
    )


def _kept(conn: Connection, account_id: int, alone: bool, contracts: Kept) -> Erased:
    regime = conn.execute(
        select(legal_entity.c.tax_regime)
        .join(account, account.c.legal_entity_id == legal_entity.c.id)
        .where(account.c.id == account_id)
    ).scalar_one()
    counts, last = [], contracts.until_on
    for table in (invoice, credit_note):
        count, latest = conn.execute(
            select(func.count(), func.max(table.c.issued_on)).where(table.c.account_id == account_id)
        ).one()
        counts.append(count)
        last = max(filter(None, (last, latest)), default=None)
    return Erased(
        account_erased=alone,
        invoices_kept=counts[0],
        credit_notes_kept=counts[1],
        kept_until=None if last is None else date(last.year + KEPT_YEARS[regime] + 1, 1, 1),
        contracts_kept=contracts.count,
    )
