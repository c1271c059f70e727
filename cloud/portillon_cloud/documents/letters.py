"""The letter with which a contract is sent: to be accepted, or as the copy of what was."""

from sqlalchemy import Connection, select

from portillon_cloud.billing.tables import subscription
from portillon_cloud.documents.link import LINK_DAYS
from portillon_cloud.documents.store import Document, DocumentState
from portillon_cloud.members.tables import account, organisation
from portillon_cloud.messages.operations import NewMessage, write_message

_TEXTS = {
    ("en", DocumentState.WAITING): (
        "Your contract with {gym}",
        "Here is your contract with {gym}, to read and to accept:\n\n{address}\n\nThe link works for {days} days. "
        "If the contract is for somebody under age, a parent or guardian accepts it.",
    ),
    ("fr", DocumentState.WAITING): (
        "Votre contrat avec {gym}",
        "Voici votre contrat avec {gym}, à lire et à accepter :\n\n{address}\n\nLe lien fonctionne pendant {days} "
        "jours. Si le contrat est pour une personne mineure, un parent ou tuteur l'accepte.",
    ),
    ("en", DocumentState.ACCEPTED): (
        "Your copy of the contract with {gym}",
        "Here is your copy of the contract that you accepted:\n\n{address}\n\nThe link works for {days} days; keep "
        "the file. Its SHA-256: {sha256}",
    ),
    ("fr", DocumentState.ACCEPTED): (
        "Votre exemplaire du contrat avec {gym}",
        "Voici votre exemplaire du contrat que vous avez accepté :\n\n{address}\n\nLe lien fonctionne pendant {days} "
        "jours ; gardez le fichier. Son empreinte SHA-256 : {sha256}",
    ),
}


def send(conn: Connection, document: Document, *, address: str, now_ms: int) -> str | None:
    """Write the letter with the link; to whom it goes, None: no address is known and staff see it so.

    A document that was replaced is not sent: KeyError.
    """
    row = conn.execute(
        select(account.c.id, account.c.email, organisation.c.name)
        .join(subscription, subscription.c.account_id == account.c.id)
        .join(organisation, organisation.c.id == account.c.organisation_id)
        .where(subscription.c.id == document.subscription_id)
    ).one()
    subject, body = _TEXTS[document.language, document.state]
    write_message(
        conn,
        NewMessage(
            organisation_id=document.organisation_id,
            account_id=row.id,
            key=f"contract:{document.id}:{document.state}:{now_ms}",
            kind="contract",
            language=document.language,
            recipient=row.email,
            subject=subject.format(gym=row.name),
            body=body.format(gym=row.name, address=address, days=LINK_DAYS, sha256=document.sha256),
        ),
        now_ms=now_ms,
    )
    recipient: str | None = row.email
    return recipient
