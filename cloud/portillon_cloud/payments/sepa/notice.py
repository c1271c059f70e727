"""The letter before a debit: how much, on which day, under which mandate, for whom (EPC rulebook 4.3.4)."""

from datetime import date
from typing import Any

from babel.dates import format_date
from sqlalchemy import Connection, Row

from portillon_cloud.messages.operations import NewMessage, write_message
from portillon_cloud.money import Money
from portillon_cloud.payments.provider import ChargeOrder

DEBIT_COMES = "debit_comes"
"""message.kind of these letters."""

_SUBJECT = {
    "en": "{amount} will be debited on {on}",
    "fr": "{amount} seront prélevés le {on}",
}
_BODY = {
    "en": "Hello {payer},\n\nWe will debit {amount} from your account on {on}.\n\n"
    "Mandate: {mandate}\nCreditor identifier: {creditor}\nReference: {key}\n\n"
    "Please see to it that the account holds the amount. If something is wrong, tell us before that day.\n\n"
    "{company}\n",
    "fr": "Bonjour {payer},\n\nNous prélèverons {amount} sur votre compte le {on}.\n\n"
    "Mandat : {mandate}\nIdentifiant créancier SEPA : {creditor}\nRéférence : {key}\n\n"
    "Veillez à ce que le compte soit approvisionné. Si quelque chose ne va pas, dites-le-nous avant ce jour.\n\n"
    "{company}\n",
}


def tell_of_debit(conn: Connection, order: ChargeOrder, found: Row[Any], creditor_id: str, collect_on: date) -> None:
    """Write it, once per debit."""
    language = found.language if found.language in _BODY else "en"
    values = {
        "payer": found.payer,
        "amount": Money(order.amount_minor, order.currency).format(language, found.country),
        "on": format_date(collect_on, "long", locale=f"{language}_{found.country}"),
        "mandate": found.reference,
        "creditor": creditor_id,
        "key": order.key,
        "company": found.company,
    }
    write_message(
        conn,
        NewMessage(
            organisation_id=order.organisation_id,
            account_id=found.account_id,
            key=f"sepa:{order.key}",
            kind=DEBIT_COMES,
            language=language,
            recipient=found.email,
            subject=_SUBJECT[language].format(**values),
            body=_BODY[language].format(**values),
        ),
        now_ms=order.now_ms,
    )
