"""What an import knows: the gym it goes to, who is there, and the lines of the file that were read before."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from portillon_cloud.billing.catalogue import Price, prices_by_plan_code
from portillon_cloud.clock.local import local_date
from portillon_cloud.members.csv_line import Problem
from portillon_cloud.members.errors import UnknownMemberError
from portillon_cloud.members.profile import MemberProfile
from portillon_cloud.members.tables import import_mark, legal_entity, member, organisation, site
from portillon_cloud.payments.tables import payment_method
from portillon_cloud.secrets import Keyring

_Person = tuple[str, str, str | None]


@dataclass(slots=True)
class Import:
    """What one import knows and has seen so far."""

    conn: Connection
    keyring: Keyring
    organisation_id: int
    site_id: int
    legal_entity_id: int
    language: str
    today: datetime.date
    now_ms: int
    country: str
    provider: str
    currency: str
    prices: Mapping[str, Price]
    accounts: dict[str, int]
    cards: dict[str, int]
    tokens: dict[str, int]
    people: dict[_Person, int]  # of this file, by line
    members: Mapping[_Person, int]  # there already, by id
    profiles: dict[int, MemberProfile]  # of this file, by line
    remarks: list[Problem]
    brought: Mapping[str, tuple[int, str]]  # by external id: the member, and the line's digest
    external_ids: dict[str, int]  # of this file, by line
    subscriptions: list[int] = field(default_factory=list)
    credit_minor: int = 0


def import_into(
    conn: Connection, keyring: Keyring, organisation_id: int, site_id: int, now_ms: int, provider: str
) -> Import:
    """Into this site. Raises UnknownMemberError."""
    found = conn.execute(
        select(
            site.c.legal_entity_id, site.c.language, site.c.time_zone, organisation.c.country, legal_entity.c.currency
        )
        .join(organisation, organisation.c.id == site.c.organisation_id)
        .join(legal_entity, legal_entity.c.id == site.c.legal_entity_id)
        .where(site.c.id == site_id, organisation.c.id == organisation_id)
    ).one_or_none()
    if found is None:
        raise UnknownMemberError(f"site {site_id} does not exist in organisation {organisation_id}")
    return Import(
        conn=conn,
        keyring=keyring,
        organisation_id=organisation_id,
        site_id=site_id,
        legal_entity_id=found.legal_entity_id,
        language=found.language,
        today=local_date(now_ms, found.time_zone),
        now_ms=now_ms,
        country=found.country,
        provider=provider,
        currency=found.currency,
        prices=prices_by_plan_code(conn, organisation_id),
        accounts={},
        cards={},
        tokens={},
        people={},
        members=_members(conn, site_id),
        profiles={},
        remarks=[],
        brought={
            row.external_id: (row.member_id, row.sha256)
            for row in conn.execute(select(import_mark).where(import_mark.c.organisation_id == organisation_id))
        },
        external_ids={},
    )


def mark(context: Import, external_id: str) -> str:
    """What is kept of an external id, which may be an e-mail: enough to know it again, and nothing of the person."""
    return context.keyring.blind_index(external_id, purpose=f"external-id:{context.organisation_id}")


def person(first_name: str, last_name: str, email: str | None) -> _Person:
    """Somebody as two lines name them alike."""
    return (first_name.casefold(), last_name.casefold(), email and email.casefold())


def token_taken(context: Import, token: str) -> bool:
    """Whether an account of this organisation has it already."""
    column = payment_method.c
    query = select(column.id).where(
        column.organisation_id == context.organisation_id, column.provider == context.provider, column.token == token
    )
    return context.conn.execute(query).one_or_none() is not None


def _members(conn: Connection, site_id: int) -> dict[_Person, int]:
    column = member.c
    rows = conn.execute(
        select(column.id, column.first_name, column.last_name, column.email).where(column.site_id == site_id)
    )
    return {person(row.first_name, row.last_name, row.email): row.id for row in rows}
