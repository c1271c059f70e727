"""Printed codes that let in once: for a visitor without a membership, or a member who came without their card."""

import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from portillon_wire import day_code
from sqlalchemy import Connection, select

from portillon_cloud.members.credentials import add_credential
from portillon_cloud.members.errors import CredentialRefusedError, UnknownMemberError
from portillon_cloud.members.tables import member, site
from portillon_cloud.secrets import Keyring


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedDayCode:
    """What is printed once. `text` is what a QR code holds, `printed` the same for people to read and type."""

    id: int
    text: str = field(repr=False)
    printed: str = field(repr=False)


def issue_day_code(
    conn: Connection,
    keyring: Keyring,
    *,
    organisation_id: int,
    member_id: int,
    valid_from_ms: int,
    valid_until_ms: int,
    zones: Collection[str] | None = None,
    now_ms: int,
    by: str | None,
    random: Callable[[int], bytes] = secrets.token_bytes,
) -> IssuedDayCode:
    """A code for one passage within the business time `[valid_from_ms, valid_until_ms)`.

    `zones`: what it opens without any membership; None: what its holder's memberships open. Raises
    CredentialRefusedError, UnknownMemberError.
    """
    if zones is not None:
        _check_zones(conn, organisation_id, member_id, zones)
    text = day_code.issue_day_code(random)
    credential_id = add_credential(
        conn,
        keyring,
        organisation_id=organisation_id,
        member_id=member_id,
        presented=day_code.read_day_code(text).credential,
        now_ms=now_ms,
        by=by,
        valid_from_ms=valid_from_ms,
        valid_until_ms=valid_until_ms,
        zones=zones,
    )
    return IssuedDayCode(id=credential_id, text=text, printed=day_code.grouped(text))


def _check_zones(conn: Connection, organisation_id: int, member_id: int, zones: Collection[str]) -> None:
    known: list[str] | None = conn.execute(
        select(site.c.zones)
        .join(member, member.c.site_id == site.c.id)
        .where(member.c.organisation_id == organisation_id, member.c.id == member_id)
    ).scalar_one_or_none()
    if known is None:
        raise UnknownMemberError(f"member {member_id} does not exist in organisation {organisation_id}")
    if not zones or set(zones) - set(known):
        raise CredentialRefusedError(
            f"the zones of this member's site are {', '.join(known)}: name one of them or more"
        )
