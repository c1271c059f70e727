"""Add who pays and who passes. What they present: `credentials`, `pins`, `phone_keys` and `day_codes`; with whom they
come: `company`."""

import datetime
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, select, update

from portillon_cloud import outbox
from portillon_cloud.database.rows import insert_one
from portillon_cloud.members.credential_store import credentials_of, member_with
from portillon_cloud.members.credentials import add_credential, change_state, replace_credential
from portillon_cloud.members.entry import Entry
from portillon_cloud.members.errors import UnknownMemberError
from portillon_cloud.members.organisations import create_legal_entity, create_organisation, create_site, site_keys
from portillon_cloud.members.pins import issue_pin
from portillon_cloud.members.tables import account, member, site

__all__ = [
    "DoorRights",
    "add_account",
    "add_credential",
    "add_member",
    "change_state",
    "create_legal_entity",
    "create_organisation",
    "create_site",
    "credentials_of",
    "issue_pin",
    "member_with",
    "replace_credential",
    "set_door_rights",
    "set_language",
    "site_keys",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorRights:
    """What doors do for a person beyond opening; portillon_rules Entitlement says what each means.

    `supervisor`: opens, by being there, the doors whose rule asks for one.
    """

    long_access: bool = False
    first_person: bool = False
    lockdown_exempt: bool = False
    escort: bool = False
    escorted: bool = False
    supervisor: bool = False


def add_account(
    conn: Connection,
    *,
    organisation_id: int,
    legal_entity_id: int,
    name: str,
    language: str,
    email: str | None = None,
    kind: str = "person",
) -> int:
    """Add who pays: a "person", or a "company", which may pay a part for others too. Raises EntryRefusedError."""
    return insert_one(
        conn,
        account,
        organisation_id=organisation_id,
        legal_entity_id=legal_entity_id,
        kind=kind,
        name=name,
        email=_address(email),
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
    language: str | None = None,
) -> int:
    """Add who passes, under the account that pays. `language` None: the account's. Raises EntryRefusedError."""
    return insert_one(
        conn,
        member,
        organisation_id=organisation_id,
        account_id=account_id,
        site_id=site_id,
        first_name=first_name,
        last_name=last_name,
        email=_address(email),
        language=language,
        joined_on=joined_on,
    )


def set_door_rights(conn: Connection, *, organisation_id: int, member_id: int, rights: DoorRights) -> None:
    """Change what doors do for a member; every gateway knows it within a second. Raises UnknownMemberError."""
    own = (member.c.id == member_id, member.c.organisation_id == organisation_id)
    was_supervisor = conn.scalar(select(member.c.supervisor).where(*own))
    account_id = conn.execute(
        update(member).where(*own).values(**asdict(rights)).returning(member.c.account_id)
    ).scalar_one_or_none()
    if account_id is None:
        raise UnknownMemberError(f"organisation {organisation_id} has no member {member_id}")
    outbox.account_changed(conn, organisation_id, account_id)
    if was_supervisor != rights.supervisor:
        # The doors' rules name their supervisors, so that a gateway knows who is one without looking at everybody.
        for site_id in conn.execute(select(site.c.id).where(site.c.organisation_id == organisation_id)).scalars():
            outbox.site_rules_changed(conn, organisation_id, site_id)


def set_language(conn: Connection, *, organisation_id: int, member_id: int, language: str | None) -> None:
    """The language that doors speak to a member; None: the account's. Raises UnknownMemberError."""
    account_id = conn.execute(
        update(member)
        .where(member.c.id == member_id, member.c.organisation_id == organisation_id)
        .values(language=language)
        .returning(member.c.account_id)
    ).scalar_one_or_none()
    if account_id is None:
        raise UnknownMemberError(f"organisation {organisation_id} has no member {member_id}")
    outbox.account_changed(conn, organisation_id, account_id)


def _address(email: str | None) -> str | None:
    # No letter comes back from an address that could never be one, so nobody would notice.
    entry = Entry(country="")
    read = entry.email("email", email)
    entry.done()
    return read
