"""Add who pays and who passes. What they present: `credentials`, `pins`, `phone_keys` and `day_codes`."""

import datetime

from sqlalchemy import Connection

from portillon_cloud.database.rows import insert_one
from portillon_cloud.members.credential_store import credentials_of, member_with
from portillon_cloud.members.credentials import add_credential, change_state, replace_credential
from portillon_cloud.members.organisations import create_legal_entity, create_organisation, create_site, site_keys
from portillon_cloud.members.pins import issue_pin
from portillon_cloud.members.tables import account, member

__all__ = [
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
