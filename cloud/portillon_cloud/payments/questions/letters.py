"""The answer to a question that somebody asked by their link, in a letter: they stood before nobody to be told."""

from sqlalchemy import Connection, select

from portillon_cloud.billing.numbers import printed
from portillon_cloud.billing.tables import invoice
from portillon_cloud.members.tables import account, organisation
from portillon_cloud.messages.operations import NewMessage, write_message

ANSWER = "question_answered"
"""Kind of the letter."""

_TEXTS = {
    "en": (
        "Your question about invoice {number}",
        "Hello {payer},\n\nYou asked about invoice {number}. Our answer:\n\n{answer}\n\n{gym}\n",
    ),
    "fr": (
        "Votre question sur la facture {number}",
        "Bonjour {payer},\n\nVous nous avez posé une question sur la facture {number}. Notre réponse :\n\n{answer}"
        "\n\n{gym}\n",
    ),
}


def write_answer(conn: Connection, *, question_id: int, invoice_id: int, answer: str, now_ms: int) -> None:
    """Leave it for the carrier, once for each question."""
    row = conn.execute(
        select(
            invoice.c.organisation_id,
            invoice.c.account_id,
            invoice.c.series,
            invoice.c.number,
            invoice.c.issued_on,
            account.c.name,
            account.c.email,
            account.c.language,
            organisation.c.name.label("gym"),
        )
        .join(account, account.c.id == invoice.c.account_id)
        .join(organisation, organisation.c.id == invoice.c.organisation_id)
        .where(invoice.c.id == invoice_id)
    ).one()
    spoken = row.language if row.language in _TEXTS else "en"
    values = {
        "number": printed(row.series, row.number, row.issued_on),
        "payer": row.name,
        "answer": answer,
        "gym": row.gym,
    }
    subject, body = _TEXTS[spoken]
    letter = NewMessage(
        organisation_id=row.organisation_id,
        account_id=row.account_id,
        key=f"{ANSWER}:{question_id}",
        kind=ANSWER,
        language=spoken,
        recipient=row.email,
        subject=subject.format(**values),
        body=body.format(**values),
    )
    write_message(conn, letter, now_ms=now_ms)
