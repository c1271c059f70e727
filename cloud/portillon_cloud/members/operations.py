"""Add who pays, who passes and what they present. Credentials rest sealed and are found by blind index."""

import datetime
from collections import defaultdict
from collections.abc import Sequence

from portillon_rules.credential import Credential
from sqlalchemy import Connection, select, update

from portillon_cloud.database.rows import insert_one
from portillon_cloud.members.errors import CredentialTakenError, UnknownMemberError
from portillon_cloud.members.organisations import create_legal_entity, create_organisation, create_site, site_keys
from portillon_cloud.members.tables import account, credential, member
from portillon_cloud.outbox import account_changed
from portillon_cloud.secrets import Keyring

__all__ = [
    "add_account",
    "add_credential",
    "add_member",
    "create_legal_entity",
    "create_organisation",
    "create_site",
    "credential_of",
    "credentials_of",
    "lose_credential",
    "member_with",
    "site_keys",
]


def add_account(
    conn: Connection, *, organisation_id: int, legal_entity_id: int, name: str, language: str, email: str | None = None
) -> int:
    """Add who pays."""
    return insert_one(
        conn,
        account,
        organisation_id=organisation_id,
        legal_entity_id=legal_entity_id,
        name=name,
        email=email,
        language=language,
    )


def add_member(
    conn: Connection,
    *,
    organisation_id: int,
    account_id: int,
    site_id: int,
    first_name: str,
    last_name: str,
    joined_on: datetime.date,
    email: str | None = None,
) -> int:
    """Add who passes, under the account that pays."""
    return insert_one(
        conn,
        member,
        organisation_id=organisation_id,
        account_id=account_id,
        site_id=site_id,
        first_name=first_name,
        last_name=last_name,
        email=email,
        joined_on=joined_on,
    )


def add_credential(
    conn: Connection, keyring: Keyring, *, organisation_id: int, member_id: int, presented: Credential
) -> int:
    """Give a member a credential; raises CredentialTakenError if it opens for somebody already."""
    holder = member_with(conn, keyring, organisation_id, presented)
    if holder is not None:
        raise CredentialTakenError(f"{presented} belongs to member {holder} already; mark it lost there first")
    account_id = _account_of(conn, organisation_id, member_id)
    credential_id = insert_one(
        conn, credential, **sealed_values(keyring, organisation_id, presented), member_id=member_id
    )
    account_changed(conn, organisation_id, account_id)
    return credential_id


def sealed_values(keyring: Keyring, organisation_id: int, presented: Credential) -> dict[str, object]:
    """The columns of an active credential row but for its member."""
    purpose = _purpose(organisation_id)
    return {
        "organisation_id": organisation_id,
        "kind": presented.kind.value,
        "sealed": keyring.seal(str(presented).encode(), purpose=purpose),
        "blind_index": keyring.blind_index(str(presented), purpose=purpose),
        "state": "active",
    }


def lose_credential(conn: Connection, *, organisation_id: int, credential_id: int) -> None:
    """Mark a credential lost: it opens no more, and may be issued anew."""
    row = conn.execute(
        update(credential)
        .where(credential.c.organisation_id == organisation_id, credential.c.id == credential_id)
        .values(state="lost")
        .returning(credential.c.member_id)
    ).one_or_none()
    if row is None:
        raise UnknownMemberError(f"credential {credential_id} does not exist in organisation {organisation_id}")
    account_changed(conn, organisation_id, _account_of(conn, organisation_id, row.member_id))


def credentials_of(
    conn: Connection, keyring: Keyring, organisation_id: int, member_ids: Sequence[int]
) -> dict[int, list[Credential]]:
    """The active credentials of many members, in clear, in the order they were issued."""
    found: defaultdict[int, list[Credential]] = defaultdict(list)
    for row in conn.execute(
        select(credential.c.member_id, credential.c.sealed)
        .where(
            credential.c.organisation_id == organisation_id,
            credential.c.member_id.in_(member_ids),
            credential.c.state == "active",
        )
        .order_by(credential.c.id)
    ):
        clear = keyring.unseal(row.sealed, purpose=_purpose(organisation_id)).decode()
        found[row.member_id].append(Credential.parse(clear))
    return dict(found)


def credential_of(conn: Connection, keyring: Keyring, organisation_id: int, member_id: int) -> list[Credential]:
    """The active credentials of one member, in clear."""
    return credentials_of(conn, keyring, organisation_id, [member_id]).get(member_id, [])


def member_with(conn: Connection, keyring: Keyring, organisation_id: int, presented: Credential) -> int | None:
    """Who holds this credential now; None: nobody."""
    index = keyring.blind_index(str(presented), purpose=_purpose(organisation_id))
    found: int | None = conn.execute(
        select(credential.c.member_id).where(
            credential.c.organisation_id == organisation_id,
            credential.c.blind_index == index,
            credential.c.state == "active",
        )
    ).scalar_one_or_none()
    return found


def _account_of(conn: Connection, organisation_id: int, member_id: int) -> int:
    found: int | None = conn.execute(
        select(member.c.account_id).where(member.c.organisation_id == organisation_id, member.c.id == member_id)
    ).scalar_one_or_none()
    if found is None:
        raise UnknownMemberError(f"member {member_id} does not exist in organisation {organisation_id}")
    return found


def _purpose(organisation_id: int) -> str:
    return f"credential:{organisation_id}"
