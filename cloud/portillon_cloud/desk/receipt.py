"""The receipt of a payment: what came in, by which means, what it paid, and what is kept as credit."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, func, select

from portillon_cloud.billing.numbers import printed
from portillon_cloud.billing.tables import invoice
from portillon_cloud.clock.local import local_date
from portillon_cloud.desk.letters import FRAME, long_day
from portillon_cloud.members.tables import account, legal_entity, organisation
from portillon_cloud.messages.operations import NewMessage, write_message
from portillon_cloud.money import Money
from portillon_cloud.payments.return_tables import payment_return
from portillon_cloud.payments.tables import Means, allocation, payment

RECEIPT = "receipt"
"""Kind of the message that carries one."""


@dataclass(frozen=True, slots=True)
class Paid:
    """What of a payment went to a bill."""

    invoice_id: int
    number: str
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """`credit`: what it paid of no bill when it came. `taken_back`: what the bank took back since; None: nothing."""

    payment_id: int
    account_id: int
    seller: str
    tax_numbers: dict[str, str]
    gym: str
    country: str
    payer: str
    email: str | None
    language: str
    received_on: date
    amount: Money
    means: Means
    taken_by: str | None
    paid: tuple[Paid, ...]
    credit: Money | None
    taken_back: Money | None

    @property
    def number(self) -> str:
        """What it is called."""
        return f"R-{self.payment_id}"


def receipt_of(conn: Connection, organisation_id: int, payment_id: int) -> Receipt | None:
    """The receipt; None: no such payment in this organisation."""
    row = conn.execute(
        select(
            payment,
            account.c.name.label("payer"),
            account.c.email,
            account.c.language,
            legal_entity.c.name.label("seller"),
            legal_entity.c.tax_numbers,
            organisation.c.name.label("gym"),
            organisation.c.country,
            organisation.c.time_zone,
        )
        .join(account, account.c.id == payment.c.account_id)
        .join(legal_entity, legal_entity.c.id == payment.c.legal_entity_id)
        .join(organisation, organisation.c.id == payment.c.organisation_id)
        .where(payment.c.organisation_id == organisation_id, payment.c.id == payment_id)
    ).one_or_none()
    if row is None:
        return None
    parts = conn.execute(
        select(
            allocation.c.invoice_id, invoice.c.series, invoice.c.number, invoice.c.issued_on, allocation.c.amount_minor
        )
        .join(invoice, invoice.c.id == allocation.c.invoice_id)
        .where(allocation.c.payment_id == payment_id)
        .order_by(allocation.c.id)
    )
    paid = tuple(
        Paid(one.invoice_id, printed(one.series, one.number, one.issued_on), Money(one.amount_minor, row.currency))
        for one in parts
    )
    credit_minor = row.amount_minor - sum(one.amount.amount_minor for one in paid)
    back = conn.scalar(
        select(func.coalesce(func.sum(payment_return.c.amount_minor), 0)).where(
            payment_return.c.payment_id == payment_id
        )
    )
    return Receipt(
        payment_id=row.id,
        account_id=row.account_id,
        seller=row.seller,
        tax_numbers=row.tax_numbers or {},
        gym=row.gym,
        country=row.country,
        payer=row.payer,
        email=row.email,
        language=row.language,
        received_on=local_date(row.received_at_ms, row.time_zone),
        amount=Money(row.amount_minor, row.currency),
        means=Means(row.means),
        taken_by=row.taken_by,
        paid=paid,
        credit=Money(credit_minor, row.currency) if credit_minor else None,
        taken_back=Money(int(back), row.currency) if back else None,
    )


_MEANS = {
    "en": {
        Means.PROVIDER: "card on file",
        Means.CASH: "cash",
        Means.CHEQUE: "cheque",
        Means.TERMINAL: "card at the terminal",
        Means.TRANSFER: "transfer",
        Means.BROUGHT: "brought from the older system",
    },
    "fr": {
        Means.PROVIDER: "carte enregistrée",
        Means.CASH: "espèces",
        Means.CHEQUE: "chèque",
        Means.TERMINAL: "carte au terminal",
        Means.TRANSFER: "virement",
        Means.BROUGHT: "repris de l’ancien système",
    },
}
_TEXTS = {
    "en": (
        "Receipt {number}: {amount}",
        "We have received {amount} on {on} ({means}).",
        "Invoice {number}: {amount}",
        "Credit for what comes: {amount}",
    ),
    "fr": (
        "Reçu {number} : {amount}",
        "Nous avons reçu {amount} le {on} ({means}).",
        "Facture {number} : {amount}",
        "Crédit pour la suite : {amount}",
    ),
}


def send_receipt(conn: Connection, organisation_id: int, receipt: Receipt, *, now_ms: int) -> bool:
    """Leave it for the carrier, once for each payment and address; False: the payer has no address."""
    if receipt.email is None:
        return False
    spoken = receipt.language if receipt.language in _TEXTS else "en"
    subject, first, bill, credit = _TEXTS[spoken]

    def amount(money: Money) -> str:
        return money.format(spoken, receipt.country)

    lines = [
        first.format(
            amount=amount(receipt.amount),
            on=long_day(receipt.received_on, spoken, receipt.country),
            means=_MEANS[spoken][receipt.means],
        ),
        "",
        *(f"- {bill.format(number=one.number, amount=amount(one.amount))}" for one in receipt.paid),
        *([f"- {credit.format(amount=amount(receipt.credit))}"] if receipt.credit else []),
        "",
        receipt.seller,
        *(f"{tax} {number}" for tax, number in receipt.tax_numbers.items()),
    ]
    new = NewMessage(
        organisation_id=organisation_id,
        account_id=receipt.account_id,
        key=f"{RECEIPT}:payment-{receipt.payment_id}:{receipt.email}",
        kind=RECEIPT,
        language=spoken,
        recipient=receipt.email,
        subject=subject.format(number=receipt.number, amount=amount(receipt.amount)),
        body=FRAME[spoken].format(payer=receipt.payer, text="\n".join(lines), gym=receipt.gym),
    )
    write_message(conn, new, now_ms=now_ms)
    return True
