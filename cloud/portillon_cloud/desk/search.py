"""Find who stands at the desk: by member number, by any card of theirs, by name or e-mail."""

from dataclasses import dataclass

from portillon_rules.credential import CredentialError
from sqlalchemy import Connection, select

from portillon_cloud.http.paging import ID_MAX
from portillon_cloud.members.card_text import read_card
from portillon_cloud.members.credential_store import last_member_with
from portillon_cloud.members.tables import account, legal_entity, member
from portillon_cloud.reports.member_list import MemberLine, member_list
from portillon_cloud.secrets import Keyring

FOUND_MOST = 12
_READ_AS = ("{}", "number:{}", "barcode:{}")
"""What a reader at the desk types: bare digits of a tag, a printed number, a barcode."""


def find(conn: Connection, keyring: Keyring, *, organisation_id: int, asked: str) -> list[MemberLine]:
    """Whom `asked` may mean: exactly one, if it is a member's number or somebody's card."""
    asked = asked.strip()
    if not asked:
        return []
    exact = _by_number(conn, organisation_id, asked) or _by_card(conn, keyring, organisation_id, asked)
    found = member_list(
        conn,
        keyring,
        organisation_id=organisation_id,
        search=asked,
        limit=FOUND_MOST,
        after=0,
        member_id=exact,
    )
    return list(found.lines)


def _by_number(conn: Connection, organisation_id: int, asked: str) -> int | None:
    if not (asked.isascii() and asked.isdecimal()) or not 0 < int(asked) <= ID_MAX:
        return None
    found: int | None = conn.scalar(
        select(member.c.id).where(member.c.organisation_id == organisation_id, member.c.id == int(asked))
    )
    return found


def _by_card(conn: Connection, keyring: Keyring, organisation_id: int, asked: str) -> int | None:
    for pattern in _READ_AS:
        try:
            presented = read_card(pattern.format(asked))
        except CredentialError:
            continue
        holder = last_member_with(conn, keyring, organisation_id, presented)
        if holder is not None:
            return holder
    return None


@dataclass(frozen=True, slots=True)
class Payer:
    """Who pays for a member, and in which money."""

    account_id: int
    currency: str


def payer_of(conn: Connection, organisation_id: int, member_id: int) -> Payer | None:
    """Who pays for them; None: no such member in this organisation."""
    row = conn.execute(
        select(account.c.id, legal_entity.c.currency)
        .join(member, member.c.account_id == account.c.id)
        .join(legal_entity, legal_entity.c.id == account.c.legal_entity_id)
        .where(member.c.organisation_id == organisation_id, member.c.id == member_id)
    ).one_or_none()
    return None if row is None else Payer(row.id, row.currency)
