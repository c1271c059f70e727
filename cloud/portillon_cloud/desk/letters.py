"""What is written to a payer who pays in parts, has paid, or is to confirm or give a card, in their language."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from babel.dates import format_date
from sqlalchemy import Connection, select

from portillon_cloud.desk.instalments import Instalment
from portillon_cloud.members.tables import account, organisation
from portillon_cloud.messages.operations import NewMessage, write_message
from portillon_cloud.money import Money

PAY_LINK = "pay_link"
"""Kind of the letter that carries the link to the payer's own page."""


class PlanLetter(StrEnum):
    """Kind of the letter."""

    AGREED = "payment_plan_agreed"
    BROKEN = "payment_plan_broken"


_TEXTS = {
    "en": {
        PlanLetter.AGREED: (
            "You pay {debt} in {count} instalments",
            "As agreed, you pay what is due in instalments:\n\n{parts}\n\nA card on file is charged on each day; you "
            "can also pay at the desk. If an instalment stays unpaid, the whole rest is due at once.",
        ),
        PlanLetter.BROKEN: (
            "An instalment is missing: {debt} is due now",
            "An instalment that we agreed on was not paid. The whole rest, {debt}, is due now. "
            "Please pay at the desk, or talk to us.",
        ),
    },
    "fr": {
        PlanLetter.AGREED: (
            "Vous payez {debt} en {count} versements",
            "Comme convenu, vous payez ce qui est dû en plusieurs versements :\n\n{parts}\n\nUne carte enregistrée est "
            "débitée à chaque date ; vous pouvez aussi payer à l’accueil. Si un versement reste impayé, tout le reste "
            "est dû aussitôt.",
        ),
        PlanLetter.BROKEN: (
            "Un versement manque : {debt} sont dus maintenant",
            "Un versement convenu n’a pas été payé. Tout le reste, {debt}, est dû maintenant. "
            "Payez à l’accueil, ou parlez-nous-en.",
        ),
    },
}
_LINK_TEXTS = {
    "en": (
        "Your payment: one thing to do",
        "On this page you can confirm a payment with your bank, give us another card, or try again:\n\n{link}\n\n"
        "It is yours alone: do not pass it on.",
    ),
    "fr": (
        "Votre paiement : une chose à faire",
        "Sur cette page, vous pouvez confirmer un paiement auprès de votre banque, donner une autre carte ou réessayer "
        ":\n\n{link}\n\nElle n’est que pour vous : ne la transmettez pas.",
    ),
}
FRAME = {"en": "Hello {payer},\n\n{text}\n\n{gym}\n", "fr": "Bonjour {payer},\n\n{text}\n\n{gym}\n"}


@dataclass(frozen=True, slots=True)
class _Addressee:
    """Whom a letter is for, and from which gym."""

    name: str
    email: str | None
    language: str
    gym: str
    country: str


def write_plan_letter(
    conn: Connection,
    kind: PlanLetter,
    *,
    organisation_id: int,
    account_id: int,
    plan_id: int,
    parts: Sequence[Instalment],
    debt: Money,
    now_ms: int,
) -> None:
    """Leave it for the carrier, once for each plan."""
    row = _addressed(conn, organisation_id, account_id)
    spoken = row.language if row.language in _TEXTS else "en"
    values = {
        "debt": debt.format(spoken, row.country),
        "count": len(parts),
        "parts": "\n".join(
            f"- {long_day(part.due_on, spoken, row.country)}: "
            f"{Money(part.amount_minor, debt.currency).format(spoken, row.country)}"
            for part in parts
        ),
    }
    subject, text = _TEXTS[spoken][kind]
    write_message(
        conn,
        NewMessage(
            organisation_id=organisation_id,
            account_id=account_id,
            key=f"{kind}:{plan_id}",
            kind=kind,
            language=spoken,
            recipient=row.email,
            subject=subject.format(**values),
            body=FRAME[spoken].format(payer=row.name, text=text.format(**values), gym=row.gym),
        ),
        now_ms=now_ms,
    )


def write_pay_link(conn: Connection, *, organisation_id: int, account_id: int, link: str, now_ms: int) -> str | None:
    """Leave it for the carrier; to which address, None: the payer has none, and nothing is written."""
    row = _addressed(conn, organisation_id, account_id)
    if row.email is None:
        return None
    spoken = row.language if row.language in _LINK_TEXTS else "en"
    subject, text = _LINK_TEXTS[spoken]
    write_message(
        conn,
        NewMessage(
            organisation_id=organisation_id,
            account_id=account_id,
            key=f"{PAY_LINK}:account-{account_id}:{now_ms}",
            kind=PAY_LINK,
            language=spoken,
            recipient=row.email,
            subject=subject,
            body=FRAME[spoken].format(payer=row.name, text=text.format(link=link), gym=row.gym),
        ),
        now_ms=now_ms,
    )
    return row.email


def long_day(on: date, language: str, territory: str) -> str:
    """'March 2, 2026'."""
    said: str = format_date(on, "long", locale=f"{language}_{territory}")
    return said


def _addressed(conn: Connection, organisation_id: int, account_id: int) -> _Addressee:
    row = conn.execute(
        select(
            account.c.name,
            account.c.email,
            account.c.language,
            organisation.c.name.label("gym"),
            organisation.c.country,
        )
        .join(organisation, organisation.c.id == account.c.organisation_id)
        .where(account.c.id == account_id, account.c.organisation_id == organisation_id)
    ).one()
    return _Addressee(row.name, row.email, row.language, row.gym, row.country)
