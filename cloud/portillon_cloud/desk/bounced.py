"""A cheque that was taken at the desk comes back from the bank."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from portillon_cloud.desk.errors import NoChequeError
from portillon_cloud.ledger import LedgerCode
from portillon_cloud.payments.return_tables import ReturnKind
from portillon_cloud.payments.returns import TakenBack, take_back
from portillon_cloud.payments.tables import Means, payment


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounced:
    """`paid_in`: it was brought to the bank already, so the money is missing there and not in the drawer."""

    organisation_id: int
    payment_id: int
    paid_in: bool
    reason: str
    by: str
    request_key: str


def bounce(conn: Connection, told: Bounced, *, now_ms: int) -> int:
    """Take it back: what it paid is owed again, and dunning begins anew; the id of the return.

    Raises NoChequeError, OverpaymentError (it bounced before), RequestKeyReusedError.
    """
    means = conn.scalar(
        select(payment.c.means).where(
            payment.c.id == told.payment_id, payment.c.organisation_id == told.organisation_id
        )
    )
    if means != Means.CHEQUE:
        raise NoChequeError(f"payment {told.payment_id} is no cheque of this organisation")
    back = TakenBack(
        organisation_id=told.organisation_id,
        payment_id=told.payment_id,
        kind=ReturnKind.BOUNCED,
        code=told.reason,
        request_key=told.request_key,
        by=told.by,
        out_of=LedgerCode.BANK if told.paid_in else LedgerCode.CHEQUES,
    )
    return take_back(conn, back, now_ms=now_ms)
