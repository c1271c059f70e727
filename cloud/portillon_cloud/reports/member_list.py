"""Find members: by name, by e-mail, or by the exact number of a card that they have or had."""

from dataclasses import dataclass
from datetime import date

from portillon_rules.credential import CredentialError
from sqlalchemy import ColumnElement, Connection, func, or_, select

from portillon_cloud.billing.tables import plan, price, subscription
from portillon_cloud.members.card_text import read_card
from portillon_cloud.members.credential_store import last_member_with
from portillon_cloud.members.tables import account, member
from portillon_cloud.secrets import Keyring


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberLine:
    id: int
    first_name: str
    last_name: str
    payer: str
    plans: tuple[str, ...]
    joined_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberList:
    lines: tuple[MemberLine, ...]
    count: int


def member_list(
    conn: Connection,
    keyring: Keyring,
    *,
    organisation_id: int,
    search: str,
    limit: int,
    after: int,
    member_id: int | None = None,
) -> MemberList:
    """Members in the order of their names; `search` empty: all of them. `member_id`: that one, whatever is searched."""
    where = [member.c.organisation_id == organisation_id]
    if member_id is not None:
        where.append(member.c.id == member_id)
    elif search.strip():
        where.append(_matches(conn, keyring, organisation_id, search.strip()))
    people = member.join(account, account.c.id == member.c.account_id)
    count = conn.execute(select(func.count()).select_from(people).where(*where)).scalar_one()
    rows = conn.execute(
        select(member.c.id, member.c.first_name, member.c.last_name, member.c.joined_on, account.c.name)
        .select_from(people)
        .where(*where)
        .order_by(member.c.last_name, member.c.first_name, member.c.id)
        .limit(limit)
        .offset(after)
    ).all()
    plans = _plans(conn, [row.id for row in rows])
    return MemberList(
        lines=tuple(
            MemberLine(
                id=row.id,
                first_name=row.first_name,
                last_name=row.last_name,
                payer=row.name,
                plans=tuple(plans.get(row.id, ())),
                joined_on=row.joined_on,
            )
            for row in rows
        ),
        count=count,
    )


def _matches(conn: Connection, keyring: Keyring, organisation_id: int, search: str) -> ColumnElement[bool]:
    holder = _holder(conn, keyring, organisation_id, search)
    if holder is not None:
        return member.c.id == holder
    full_name = func.lower(member.c.first_name + " " + member.c.last_name)
    places = (full_name, func.lower(member.c.email), func.lower(account.c.email))
    return or_(*(place.contains(search.lower(), autoescape=True) for place in places))


def _holder(conn: Connection, keyring: Keyring, organisation_id: int, search: str) -> int | None:
    try:
        presented = read_card(search)
    except CredentialError:
        return None  # no card number: a name
    return last_member_with(conn, keyring, organisation_id, presented)


def _plans(conn: Connection, member_ids: list[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for member_id, name in conn.execute(
        select(subscription.c.member_id, plan.c.name)
        .join(price, price.c.id == subscription.c.price_id)
        .join(plan, plan.c.id == price.c.plan_id)
        .where(subscription.c.member_id.in_(member_ids), subscription.c.state == "active")
        .order_by(subscription.c.id)
    ):
        found.setdefault(member_id, []).append(name)
    return found
